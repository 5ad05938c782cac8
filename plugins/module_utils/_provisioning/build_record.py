# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a tree that was built: its record, the digests of its executables, and its sources."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from .._engines.flink.job import JAVA
from .._formats.json_record import read_object
from .._formats.whole_file import write_whole
from .command import ProvisioningError, run

RECORD = ".wallaroo-build.json"
LOG = ".wallaroo-build.log"
COPY_RECORD = ".wallaroo-tree.json"
"""The record of a copy on another server."""
OWN_FILES = (RECORD, LOG)
"""What a build leaves in the tree; named in ``.git/info/exclude``, so that it is nobody's change."""


def read_record(home: Path) -> dict[str, Any]:
    """What was built there last, as far as it came; empty when nothing was."""
    try:
        return read_object(home / RECORD, "") or {}
    except ValueError:
        # Built again, as what was never built.
        return {}


def digest(path: Path) -> Optional[str]:
    """The SHA-256 of an executable file; None when there is none."""
    if not path.is_file() or not os.access(path, os.X_OK):
        return None
    total = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            total.update(chunk)
    return total.hexdigest()


def source(home: Path) -> dict[str, Any]:
    """What the sources are: the commit, and a digest of everything in the tree that is not in it. Null without git."""
    if not (home / ".git").exists():
        return {"commit": None, "changes": None}
    commit = _git(home, "rev-parse", "HEAD").strip()
    total = hashlib.sha256(_git(home, "diff", "HEAD", "--binary", "--no-ext-diff").encode())
    for name in sorted(_git(home, "ls-files", "--others", "--exclude-standard", "-z").split("\0")):
        path = home / name
        if name and path.is_file() and not path.is_symlink():
            total.update(name.encode() + b"\0" + path.read_bytes())
    return {"commit": commit, "changes": total.hexdigest()}


def resilience_of(executable: Path) -> Optional[str]:
    """With which ``resilience`` an executable was built; None where nobody recorded it, or it was exchanged since."""
    for home in executable.parents:
        for name in (RECORD, COPY_RECORD):
            try:
                known = read_object(home / name, "") or {}
                recorded = known["executables"][str(executable.relative_to(home))]
                built = str(known["flags"]["resilience"])
            except (ValueError, KeyError, TypeError):
                continue
            return built if recorded == digest(executable) else None
    return None


def executable_problem(path: str, mend: str) -> str:
    """Why workers cannot be started from an executable, without a subject; empty when they can.

    :param mend: what to do when it is not there.
    """
    if digest(Path(path)) is None:
        return f"there is no executable {path}: {mend}"
    java = Path(path).with_name(JAVA)
    if path.endswith(".jar") and not os.access(java, os.X_OK):
        return f"there is no Java any more where {java} leads, which executes {path}: {mend}"
    if resilience_of(Path(path)) == "off":
        return (
            f"{path} was built with resilience=false, so that its workers keep no files and none can come back; run "
            "setup_repo.yml -e resilience=true, which builds it anew"
        )
    return ""


def still_there(home: Path, known: Mapping[str, Any]) -> dict[str, str]:
    """What a build has finished, and nobody has changed since."""
    recorded = known.get("executables") or {}
    return {name: value for name, value in recorded.items() if digest(home / name) == value}


def exclude(home: Path) -> None:
    """Let git look away from what a build leaves in the tree."""
    git = home / ".git"
    if not git.is_dir():
        return
    path = git / "info" / "exclude"
    path.parent.mkdir(exist_ok=True)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    missing = [f"/{name}" for name in OWN_FILES if f"/{name}" not in lines]
    if missing:
        path.write_text("".join(f"{line}\n" for line in [*lines, *missing]), encoding="utf-8")


def write_record(home: Path, record: Mapping[str, Any]) -> None:
    """Write it whole."""
    write_whole(home / RECORD, json.dumps(record, indent=2).encode())


def _git(home: Path, *words: str) -> str:
    ended = run(["git", "-C", str(home), *words], 120.0)
    if ended.code:
        raise ProvisioningError(f"git {words[0]} failed in {home}: {ended.last_lines}")
    return ended.output
