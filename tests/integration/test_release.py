# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make release``: a commit and three files, the same wherever they are made, and nothing of them where it refuses."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests import needed
from tools import versions


def git(checkout: Path, *words: str) -> str:
    """What git says; it knows no user of this machine."""
    named = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
    return subprocess.run(
        ["git", "-C", checkout, *named, *words], check=True, stdout=subprocess.PIPE, encoding="utf-8"
    ).stdout.strip()


def release(checkout: Path, umask: int = 0o022, zone: str = "UTC") -> tuple[int, str]:
    """Make it as ``make release`` does, with the tools of the tests."""
    identity = {f"GIT_{who}_{what}": "somebody" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    ended = subprocess.run(
        [sys.executable, checkout / "tools" / "release.py"],
        env={**os.environ, **identity, "TZ": zone, "SOURCE_DATE_EPOCH": "1790000000"},
        umask=umask,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=240,
    )
    return ended.returncode, ended.stdout


def refused(checkout: Path) -> str:
    """The reason; nothing was made or committed."""
    before = git(checkout, "rev-parse", "HEAD")
    code, said = release(checkout)
    assert code == 1, said
    assert git(checkout, "rev-parse", "HEAD") == before
    return said


@pytest.fixture
def checkout(project: Path) -> Path:
    """A clone in which everything is committed, also what is being worked on."""
    needed.program("git")
    git(project, "init", "--quiet")
    git(project, "add", "--all", "--force")
    git(project, "commit", "--quiet", "--message", "As it is")
    return project


def test_it_is_made_once_and_the_same_everywhere(checkout: Path, tmp_path: Path) -> None:
    version = versions.next_version(checkout)
    name = f"wallaroo-resilience-{version}"
    waiting = len(versions.fragments(checkout))
    elsewhere = tmp_path / "some where"
    subprocess.run(["git", "clone", "--quiet", checkout, elsewhere], check=True)

    code, said = release(checkout)

    assert code == 0, said
    assert f"{waiting} fragments were released as {version} into CHANGELOG.rst" in said
    assert "Nothing was tagged, pushed or uploaded." in said
    assert f"git tag --annotate {version}" in said
    assert versions.fragments(checkout) == []
    assert git(checkout, "log", "-1", "--format=%s") == f"Release {version}"
    assert git(checkout, "status", "--porcelain", "--untracked-files=no") == git(checkout, "tag") == ""
    made = {end: (checkout / "dist" / f"{name}{end}").read_bytes() for end in (".tar.gz", ".cdx.json", ".sha256")}
    assert hashlib.sha256(made[".tar.gz"]).hexdigest() in made[".sha256"].decode()
    parts = {one["name"] for one in json.loads(made[".cdx.json"])["components"]}
    assert {"ansible-core", "ansible-runner", "bytewax"} <= parts
    with tarfile.open(checkout / "dist" / f"{name}.tar.gz") as archive:
        stream = archive.extractfile("CHANGELOG.rst")
        assert stream is not None
        assert f"\nv{version}\n" in stream.read().decode()

    code, said = release(elsewhere, umask=0o077, zone="Asia/Tokyo")
    assert code == 0, said
    assert {end: (elsewhere / "dist" / f"{name}{end}").read_bytes() for end in made} == made

    code, said = release(checkout)
    assert code == 0, said
    assert f"{version} is in the changelog already" in said
    assert said.count("(as before)") == 2

    git(checkout, "tag", version)
    assert "There is a tag" in refused(checkout)
    git(checkout, "tag", "--delete", version)
    (checkout / "README.md").write_text("Better.\n")
    assert "The working tree has changes that no commit has (README.md, 1 in all)" in refused(checkout)
    git(checkout, "commit", "--quiet", "--all", "--message", "Better")
    assert "There is nothing to release" in refused(checkout)
    assert {end: (checkout / "dist" / f"{name}{end}").read_bytes() for end in made} == made
