# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory with a small Debian in it, from the mirror of this machine's own apt: for containers and chroots."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

END_CHARACTERS = 2000
"""How much of what debootstrap said last is shown when it fails."""


class NotMade(Exception):
    """What debootstrap said when it could not do it."""


def digest(release: str, packages: Sequence[str]) -> str:
    """Another release or another package is another root."""
    return hashlib.sha256(f"{release} {' '.join(packages)}".encode()).hexdigest()[:12]


def make(release: str, packages: Sequence[str], root: Path) -> None:
    """Make it.

    :param release: of Debian, by its name.
    :raises NotMade: when that does not work.
    """
    # What it mounts goes with it, however it ends.
    command = ["unshare", "--mount", "debootstrap", "--variant=minbase"]
    own = mirror()
    ended = subprocess.run(
        [*command, f"--include={','.join(packages)}", release, str(root), *([own] if own else [])],
        env={**proxies(), **os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise NotMade(f"debootstrap could not make Debian {release}: {ended.stdout.strip()[-END_CHARACTERS:]}")


def mirror() -> str:
    """Where this machine gets its own Debian from; empty where it is another system, or none is known."""
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        return ""
    codename = system.get("VERSION_CODENAME")
    if system.get("ID") != "debian" or not codename:
        return ""
    listed = _ask("apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages")
    for line in listed.splitlines():
        release, component, uri = line.split(" ", 2)
        if (release, component) == (codename, "main") and uri.startswith(("http://", "https://", "file:/")):
            return uri
    return ""


def proxies() -> dict[str, str]:
    """The proxies of apt, since debootstrap knows those of the environment only."""
    found = {}
    for scheme in ("http", "https"):
        said = _ask("apt-config", "dump", "--format", "%v%n", f"Acquire::{scheme}::Proxy").strip()
        if said and said != "DIRECT":
            found[f"{scheme}_proxy"] = said
    return found


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
