# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file ``.local-keys``: which keys a worker owns (wallaroo.md, C.3).

Empty for the detector, whose keys appear at run time and are not recorded until workers join.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ADD, REMOVE = 0, 1
_HEAD = struct.Struct(">BQI")
_LENGTH = struct.Struct(">I")


class LocalKeysError(ValueError):
    """A file that cannot be read to its end; ``offset`` is where the bad record begins."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True)
class LocalKey:
    """One command: a key of a state came to this worker, or left it, with a checkpoint."""

    command: int
    checkpoint: int
    state: str
    key: str


def encode(record: LocalKey) -> bytes:
    """The bytes of a record."""
    state, key = record.state.encode(), record.key.encode()
    body = _LENGTH.pack(len(state)) + state + _LENGTH.pack(len(key)) + key
    return _HEAD.pack(record.command, record.checkpoint, len(body)) + body


def iterate(path: str | os.PathLike[str]) -> Iterator[LocalKey]:
    """The records of a file, oldest first.

    :raises LocalKeysError: at a record inside which the file ends, or that is none.
    :raises OSError: when the file cannot be read.
    """
    data, offset = Path(path).read_bytes(), 0
    while offset < len(data):
        try:
            record, length = _read(data, offset)
        except (struct.error, UnicodeDecodeError):
            record, length = None, 0
        if record is None:
            raise LocalKeysError(f"{os.fspath(path)} is damaged or ends inside the record at byte {offset}", offset)
        yield record
        offset += length


def _read(data: bytes, offset: int) -> tuple[LocalKey | None, int]:
    command, checkpoint, length = _HEAD.unpack_from(data, offset)
    begin = offset + _HEAD.size
    body = data[begin : begin + length]
    (state_length,) = _LENGTH.unpack_from(body)
    key_at = _LENGTH.size + state_length
    (key_length,) = _LENGTH.unpack_from(body, key_at)
    if len(body) < length or key_at + _LENGTH.size + key_length != length or command not in (ADD, REMOVE):
        return None, 0
    state, key = body[_LENGTH.size : key_at], body[key_at + _LENGTH.size :]
    return LocalKey(command, checkpoint, state.decode(), key.decode()), _HEAD.size + length
