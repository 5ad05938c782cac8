# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of each process: one folder ``<base>/run/<name>/`` with ``process.json`` and ``log``."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from .._formats.json_record import Damaged, made, read_object
from .._formats.whole_file import make_private_directory, remove_directory, write_whole
from .identity import ProcessIdentity

FILE_NAME = "process.json"

_DO = "look which process it is, stop it, and remove this"
_LATEST = 1e11
"""Seconds since the epoch that no process is started at."""


@dataclass
class ProcessRecord:
    """A process that was started on this server."""

    name: str
    kind: str
    """``worker``, ``sender``, ``receiver`` ..."""
    identity: ProcessIdentity
    argv: list[str]
    cwd: str
    log: str
    started: float
    """Seconds since the epoch."""
    details: dict[str, Any] = field(default_factory=dict)


def run_folder(base: str, name: str) -> Path:
    """Where the files of a process lie.

    :raises ValueError: when the name would lead out of ``<base>/run``.
    """
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} cannot be the name of a process: it names a folder")
    return Path(base) / "run" / name


def read(base: str, name: str) -> Optional[ProcessRecord]:
    """The record of a process, or None when none of that name was started here.

    :raises Damaged: when it cannot be understood; the sentence names it.
    """
    path = run_folder(base, name) / FILE_NAME
    data = read_object(path, _DO)
    if data is None:
        return None
    try:
        found = made(ProcessRecord, data)
        _check(found, name)
    except ValueError as error:
        raise Damaged(path, str(error), _DO) from error
    return found


def write(base: str, record: ProcessRecord) -> None:
    """Keep a record, as a whole or not at all."""
    path = run_folder(base, record.name) / FILE_NAME
    make_private_directory(path.parent)
    remove_directory(path)
    data = {**record.__dict__, "identity": record.identity.to_dict()}
    write_whole(path, json.dumps(data).encode())


def remove(base: str, name: str) -> None:
    """Forget a process; its log stays."""
    path = run_folder(base, name) / FILE_NAME
    remove_directory(path)
    path.unlink(missing_ok=True)


def _check(found: ProcessRecord, name: str) -> None:
    identity = found.identity
    if found.name != name:
        raise ValueError(f"it is the one of {found.name!r}")
    if identity.pid < 1 or identity.start_ticks < 0:
        raise ValueError(f"pid is {identity.pid}, started at {identity.start_ticks} ticks")
    if not found.log.startswith("/") or found.log.endswith("/"):
        raise ValueError(f"log is {found.log!r}")
    if not 0 <= found.started < _LATEST:
        raise ValueError(f"started is {found.started:g}")
