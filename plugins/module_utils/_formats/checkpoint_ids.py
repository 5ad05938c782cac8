# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file ``.checkpoint_ids``: one 16-byte record a commit or rollback (wallaroo.md, C.3)."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

_RECORD = struct.Struct(">QQ")
SIZE = _RECORD.size


class TornRecord(ValueError):
    """The file does not end at the end of a record; ``offset`` is where the torn one begins."""

    def __init__(self, path: str, offset: int) -> None:
        super().__init__(f"{path} ends inside the record at byte {offset}")
        self.offset = offset


@dataclass(frozen=True)
class CheckpointId:
    """A committed checkpoint, and how many rollbacks the cluster had seen."""

    checkpoint: int
    rollback: int


def encode(identifier: CheckpointId) -> bytes:
    """The bytes of a record: two u64 big-endian."""
    return _RECORD.pack(identifier.checkpoint, identifier.rollback)


def append(path: str | os.PathLike[str], identifier: CheckpointId) -> None:
    """Add a record in one write; the file is created (0600) when it does not exist.

    :raises TornRecord: when the file ends inside a record: everything after it would be misread.
    """
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        _refuse_torn(path, os.fstat(handle).st_size)
        os.write(handle, encode(identifier))
    finally:
        os.close(handle)


def committed_after(path: str | os.PathLike[str], since: int) -> list[int]:
    """The checkpoints that were committed after one, in their order. A torn last record does not count yet.

    Ids alone do not tell how many there were: after a recovery the next id is not always the next number, and
    a rollback notes the last one again.
    """
    data = Path(path).read_bytes()
    whole = data[: len(data) - len(data) % SIZE]
    return sorted({checkpoint for checkpoint, _rollback in _RECORD.iter_unpack(whole) if checkpoint > since})


def last_commit(path: str | os.PathLike[str]) -> tuple[int, float | None]:
    """The last checkpoint, and when its record was written, in seconds since the epoch.

    None where that record is none of a commit: the first one, and one that a rollback left. 0 is the checkpoint of a
    file that is empty.

    :raises TornRecord: when the file ends inside a record.
    """
    with Path(path).open("rb") as stream:
        # As it was in one moment: a commit that comes now counts as one that follows.
        known = os.fstat(stream.fileno())
        _refuse_torn(path, known.st_size)
        stream.seek(max(known.st_size - 2 * SIZE, 0))
        records = [CheckpointId(*found) for found in _RECORD.iter_unpack(stream.read(min(known.st_size, 2 * SIZE)))]
    if not records:
        return 0, None
    *before, last = records
    commits = bool(before) and last.rollback == before[0].rollback and last.checkpoint > before[0].checkpoint
    return last.checkpoint, known.st_mtime if commits else None


def read_last(path: str | os.PathLike[str]) -> CheckpointId | None:
    """The last record, the only one that a worker reads; None when the file is empty.

    :raises TornRecord: when the file ends inside a record: its last 16 bytes then mean nothing.
    """
    with Path(path).open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        _refuse_torn(path, size)
        if size == 0:
            return None
        stream.seek(size - SIZE)
        return CheckpointId(*_RECORD.unpack(stream.read(SIZE)))


def _refuse_torn(path: str | os.PathLike[str], size: int) -> None:
    if size % SIZE:
        raise TornRecord(os.fspath(path), size - size % SIZE)
