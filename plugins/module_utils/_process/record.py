# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of each process: one folder ``<base>/run/<name>/`` with ``process.json`` and ``log``."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from .._formats.whole_file import make_private_directory, write_whole
from .identity import ProcessIdentity

FILE_NAME = "process.json"


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

    :raises ValueError: when the file cannot be understood; the sentence names it.
    """
    path = run_folder(base, name) / FILE_NAME
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(
            f"{path} cannot be read ({error}); look which process it is, stop it, and remove the file"
        ) from error
    try:
        identity = ProcessIdentity.from_dict(data.pop("identity"))
        found = ProcessRecord(identity=identity, **data)
        if found.name != name:
            raise ValueError(f"it is the one of {found.name!r}")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no record of a process ({error}); stop it by hand and remove the file") from error
    return found


def read_all(base: str) -> list[ProcessRecord]:
    """The records of all processes of this server, by name."""
    folder = Path(base) / "run"
    names = sorted(entry.parent.name for entry in folder.glob(f"*/{FILE_NAME}"))
    return [record for name in names if (record := read(base, name)) is not None]


def write(base: str, record: ProcessRecord) -> None:
    """Keep a record, as a whole or not at all."""
    path = run_folder(base, record.name) / FILE_NAME
    make_private_directory(path.parent)
    data = {**record.__dict__, "identity": record.identity.to_dict()}
    write_whole(path, json.dumps(data).encode())


def remove(base: str, name: str) -> None:
    """Forget a process; its log stays."""
    (run_folder(base, name) / FILE_NAME).unlink(missing_ok=True)
