#!/usr/bin/env python3
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a release, up to the upload: the changelog, a commit of it, the archive, its bill of materials and digests.

    release.py [CHECKOUT]

Nothing is tagged, pushed or uploaded; it says how. The day of the release is that of SOURCE_DATE_EPOCH, or today. When
that release is made already and its commit is the last one, the same files are made again.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import archive, sbom, versions  # noqa: E402  # found through the line above


class Refused(Exception):
    """Why no release can be made, and what to do."""


def main(words: list[str]) -> int:
    """Make it, or say why not."""
    try:
        release(Path(words[0]).resolve() if words else ROOT)
    except Refused as problem:
        print(problem, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as problem:
        print(f"{problem.cmd[0]} failed (above is why); nothing was tagged or uploaded.", file=sys.stderr)
        return 1
    return 0


def release(root: Path) -> None:
    """Make the release that ``galaxy.yml`` names."""
    version = versions.next_version(root)
    refuse(root, version)
    if version in versions.released(root):
        print(f"{version} is in the changelog already, since the last commit; its files are made again.")
    else:
        write_changelog(root, version)
    # A day is enough, and the same for everybody who builds this commit.
    day = datetime.fromisoformat(str(versions.released(root)[version]["release_date"]))
    moment = int(day.replace(tzinfo=timezone.utc).timestamp())
    dist = root / "dist"
    name = f"wallaroo-resilience-{version}"
    before = digests(dist, name)
    made = archive.build(root, "HEAD", moment, dist)
    sbom.write(root, made, version, moment)
    after = digests(dist, name)
    (dist / f"{name}.sha256").write_text("".join(f"{digest}  {one}\n" for one, digest in after.items()))
    for one, digest in after.items():
        again = " (as before)" if before.get(one) == digest else ""
        print(f"dist/{one}: sha256 {digest}{again}")
    print(f"Nothing was tagged, pushed or uploaded. Look at it, and when it is good:\n{commands(version)}")


def refuse(root: Path, version: str) -> None:
    """Raise with the first reason against a release."""
    changed = git(root, "status", "--porcelain").splitlines()
    if changed:
        raise Refused(
            f"The working tree has changes that no commit has ({changed[0][3:]}, {len(changed)} in all). A release is "
            "made of a commit: commit them, or put them aside with git stash --include-untracked."
        )
    if git(root, "tag", "--list", version):
        raise Refused(
            f"There is a tag {version}: it is released. Write the next version into galaxy.yml; "
            f"{versions.least(root)} at least is what changelogs/fragments/ ask for."
        )
    found = list(versions.problems(root))
    if found:
        raise Refused("Versions do not agree:\n" + "\n".join(f"  {one}" for one in found))
    waiting = versions.fragments(root)
    if version in versions.released(root):
        last = git(root, "log", "-1", "--format=%h", "--", "changelogs/changelog.yaml")
        more = git(root, "rev-list", "--count", f"{last}..HEAD")
        if more != "0":
            raise Refused(
                f"There is nothing to release: {version} is in the changelog since {last}, and the commits since then "
                f"({more}) have no fragment. Tag {last}, or write fragments and the next version into galaxy.yml."
            )
    elif not waiting:
        raise Refused(
            f"There is nothing to release: changelogs/fragments/ is empty. Write what has changed since "
            f"{next(reversed(versions.released(root)), 'the beginning')} into it."
        )


def write_changelog(root: Path, version: str) -> None:
    """Make the changelog of the fragments, and commit it."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(epoch), tz=timezone.utc) if epoch else datetime.now(tz=timezone.utc)
    told = len(versions.fragments(root))
    command = ["antsibull-changelog", "release", "--version", version, "--date", now.date().isoformat()]
    # It looks for new modules in the collection, which it must find at this place, whatever the user has installed.
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
    git(root, "add", "--all", "changelogs", "CHANGELOG.rst")
    git(root, "commit", "--quiet", "--message", f"Release {version}")
    print(
        f"{told} fragments were released as {version} into CHANGELOG.rst, in the commit "
        f"{git(root, 'rev-parse', '--short', 'HEAD')} (git reset --keep HEAD~1 takes it back)."
    )


def digests(directory: Path, name: str) -> dict[str, str]:
    """The files of a release that are there, and their SHA-256."""
    files = [directory / f"{name}{end}" for end in (".tar.gz", ".cdx.json")]
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in files if one.exists()}


def commands(version: str) -> str:
    """What is left to be done."""
    name = f"wallaroo-resilience-{version}"
    return (
        f"  git tag --annotate {version} --message 'wallaroo.resilience {version}'\n"
        f"  git push origin HEAD {version}\n"
        f"  ansible-galaxy collection publish dist/{name}.tar.gz --token TOKEN\n"
        f"  put {name}.cdx.json and {name}.sha256 beside it, where the tag is shown"
    )


def git(root: Path, *words: str) -> str:
    """What git says."""
    return subprocess.run(
        ["git", "-C", root, *words], check=True, stdout=subprocess.PIPE, encoding="utf-8"
    ).stdout.rstrip("\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
