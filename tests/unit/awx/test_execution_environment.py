# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of the execution environment, with the real ansible-builder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[3]


def test_its_build_context_holds_what_the_playbooks_need_and_nothing_else(tmp_path):
    definition = REPOSITORY / "awx/execution-environment.yml"
    builder = Path(sys.executable).with_name("ansible-builder")
    # Named, since its default is another one where docker is and podman is not.
    where = ["--context", str(tmp_path / "context"), "--output-filename", "Containerfile"]
    ended = subprocess.run(
        [str(builder), "create", "--file", str(definition), *where],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    build = tmp_path / "context/_build"
    system = (build / "bindep.txt").read_text().split("\n")
    assert [line for line in system if line] == ["openssh-client [platform:dpkg]", "sshpass [platform:dpkg]"]
    assert not (build / "requirements.yml").exists() or "name" not in (build / "requirements.yml").read_text()
    text = (tmp_path / "context/Containerfile").read_text()
    assert "ansible-core>=2.16.19,<2.20,!=2.17.*" in text
    assert "ansible-runner>=2.4,<3" in text
    assert "apt-get" in text
    # No program needs more than Python, so nothing is brought along or downloaded but what draws the report's plots.
    assert {path.name for path in build.iterdir()} == {"bindep.txt", "requirements.txt", "requirements.yml", "scripts"}
    assert (build / "requirements.txt").read_text().split() == ["ziaplot"]
    assert "pip download" not in text


def test_an_environment_that_has_the_collection_finds_what_it_needs():
    """As ansible-builder looks for it: paths from the collection's own directory on."""
    needed = yaml.safe_load((REPOSITORY / "meta/execution-environment.yml").read_text())
    assert needed["version"] == 1
    python, system = ((REPOSITORY / needed["dependencies"][name]).read_text() for name in ("python", "system"))
    wanted = yaml.safe_load((REPOSITORY / "awx/execution-environment.yml").read_text())["dependencies"]
    assert [line for line in python.splitlines() if not line.startswith("#")] == wanted["python"]
    assert wanted["system"][0] in system.splitlines()
