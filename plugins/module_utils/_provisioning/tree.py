# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a built tree to another server, with rsync over SSH, directly from the server that has it."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from .._formats.json_record import read_object
from .._formats.whole_file import write_whole
from .._process.ssh import RSYNC_ENVIRONMENT, Access, problem, rsync_argv
from . import build_record
from .command import Ended, ProvisioningError, run

LEFT_OUT = ("/.git", f"/{build_record.COPY_RECORD}", *(f"/{name}" for name in build_record.OWN_FILES))
"""What stays where it is: history and records belong to the one tree that is built."""
_CHANGED = re.compile(r"^(?:[<>ch][fdLDS]|\*deleting |\.[fL]\S*[cstp])", re.M)
"""rsync's itemized lines that tell of a change to a file; a directory's time alone is none."""


@dataclass(frozen=True)
class Copied:
    """How a copy is."""

    changed: bool
    files: int
    """How many files were brought, changed or removed."""


def ensure_copied(
    home: Path,
    source: Path,
    name: str,
    access: Optional[Access],
    executables: Mapping[str, str],
    flags: Mapping[str, Any],
    limit: float,
    only_check: bool = False,
    in_use: str = "",
) -> Copied:
    """Make a directory a copy of the tree on another server.

    :param source: the tree's path there.
    :param name: what that server is called, for messages.
    :param access: how it is reached; None when it is this machine.
    :param executables: file -> SHA-256 as they were built; the copy is proved by them.
    :param flags: with what they were built; kept, since nothing tells it of an executable.
    :param limit: seconds.
    :param in_use: why nothing may be changed at this time; empty when it may.
    :raises ProvisioningError: when the directory is not a copy made by this, or the copy cannot be made or proved.
    """
    if access is None and home.resolve() == source.resolve():
        _prove(home, executables, name)
        return Copied(False, 0)
    known = _own(home)
    proved = {"state": "copied", "executables": dict(executables), "flags": dict(flags)}
    whole = all(known.get(name) == value for name, value in proved.items())
    where = f"{name}:{source}"
    news = _news(_rsync(home, source, access, name, limit, "--dry-run")) if home.exists() else 1
    if whole and not news and not _wrong(home, executables):
        return Copied(False, 0)
    if in_use:
        raise ProvisioningError(in_use)
    if only_check:
        return Copied(True, news)
    home.mkdir(parents=True, exist_ok=True)
    # What was interrupted is known to be a copy, and half a one.
    _write(home, {"state": "copying", "source": where})
    files = _news(_rsync(home, source, access, name, limit))
    wrong = _wrong(home, executables)
    if wrong:
        # Another file of the same size and time, which rsync takes for the same.
        files += _news(_rsync(home, source, access, name, limit, "--checksum"))
    _prove(home, executables, name)
    _write(home, {**proved, "source": where})
    return Copied(True, files)


def look(home: Path, source: Path, access: Optional[Access]) -> None:
    """Whether a copy could be made, before there is anything to be copied.

    :raises ProvisioningError: with the first reason why not.
    """
    if access is None and home.resolve() == source.resolve():
        return
    _own(home)
    place = home
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        raise ProvisioningError(
            f"{place} cannot be written by this account; mend its owner or mode, or set wallaroo_home"
        )
    if shutil.which("rsync") is None:
        raise ProvisioningError("there is no rsync; setup_dev_env.yml installs it")


def _own(home: Path) -> dict[str, Any]:
    """The record of a copy; empty for a directory that is empty or not there."""
    try:
        found = read_object(home / build_record.COPY_RECORD, "")
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise ProvisioningError(
            f"{home} has files and is no copy that setup_repo.yml made; nothing in it is touched. "
            "Move it away, or set wallaroo_home to another directory"
        )
    return {}


def _write(home: Path, record: Mapping[str, Any]) -> None:
    write_whole(home / build_record.COPY_RECORD, json.dumps(record, indent=2).encode())


def _rsync(home: Path, source: Path, access: Optional[Access], name: str, limit: float, *options: str) -> Ended:
    words = [
        "rsync",
        "--recursive",
        "--links",
        "--perms",
        "--times",
        "--delete",
        "--delay-updates",
        "--itemize-changes",
    ]
    words += ["--timeout=60", *options]
    words += [f"--exclude={pattern}" for pattern in LEFT_OUT]
    if access is None:
        words += ["--", f"{source}/", f"{home}/"]
    else:
        if not Path(access.identity).is_file():
            raise ProvisioningError(
                f"{name} cannot be reached by SSH from here: there is no key {access.identity} on this server; "
                "run preflight.yml -e fix=true"
            )
        words = rsync_argv(access, words[1:], str(source), str(home))
    ended = run(words, limit, environment=RSYNC_ENVIRONMENT)
    if ended.code:
        why = ended.last_lines
        if access is not None and ended.code in (12, 255):
            found = problem(access, ended.output)
            why = found.sentence if found.kind != "other" else why
        raise ProvisioningError(f"{name}:{source} could not be copied to {home} with rsync: {why}")
    return ended


def _news(ended: Ended) -> int:
    return len(_CHANGED.findall(ended.output))


def _wrong(home: Path, executables: Mapping[str, str]) -> list[str]:
    return [name for name, digest in executables.items() if build_record.digest(home / name) != digest]


def _prove(home: Path, executables: Mapping[str, str], name: str) -> None:
    wrong = _wrong(home, executables)
    if wrong:
        raise ProvisioningError(
            f"{home / wrong[0]} is not the executable that was built on {name}; run setup_repo.yml again, "
            "and look whether somebody works in one of both directories"
        )
