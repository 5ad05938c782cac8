# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The I/O journal ``.journal``: every change that a worker makes to its resilience files (wallaroo.md, C.4).

A record is a length and that many bytes: version, operation, how many numbers and texts follow, the
tag, the numbers, the lengths of the texts, the texts. There is no checksum and no
end mark, so what can be told apart is this:

* *torn*: the file ends inside its last record, and what is there of the record makes sense. Normal after a SIGKILL.
* *damaged*: anything else. A length that was damaged so that it points beyond the end is found out by the record's
  own lengths, which no longer add up to it; only where the file ends before these, within the first 40 bytes of a
  record, a damaged length looks like a torn record.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, Union

VERSION = 0
PATH_LIMIT = 4096
"""Bytes of a path: more than the kernel takes."""

RECORD_LIMIT = 1 << 30
"""Bytes of a record: a worker writes its whole topology in one, which is far below this."""

_LENGTH = struct.Struct(">I")
_HEAD = struct.Struct(">4BQ")
_NUMBER = struct.Struct(">Q")
_HIGHEST = (1 << 63) - 1
"""Of a length or an offset of a file."""


class Operation(IntEnum):
    """What was done to a file."""

    SET_LENGTH = 0
    """It was cut, or made; the number is its new length."""
    WRITE = 1
    """Bytes were written; the number is their offset."""
    REMOVE = 2
    """It was deleted."""


_SHAPES = {Operation.SET_LENGTH: (1, 1), Operation.WRITE: (1, 2), Operation.REMOVE: (0, 1)}
"""How many numbers and texts belong to an operation."""


class JournalError(ValueError):
    """A journal that cannot be used as it is; the sentence names file and offset."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.offset = offset
        """Where the record begins: what stands before it is whole."""


class TornJournal(JournalError):
    """The journal ends inside its last record, as after a crash in the middle of a write."""


class DamagedJournal(JournalError):
    """A record makes no sense."""


@dataclass(frozen=True)
class JournalRecord:
    """One change to one file."""

    operation: Operation
    path: str
    """Absolute, on the machine of the worker."""
    tag: int = 0
    """Counts the operations since the worker opened the file, from 1; 0 for a removal."""
    number: int = 0
    """The new length, or the offset of the bytes; 0 for a removal."""
    data: bytes = b""


def encode(record: JournalRecord) -> bytes:
    """The bytes of a record, its length in front."""
    path = record.path.encode("utf-8", "surrogateescape")
    numbers, texts = _SHAPES[record.operation]
    strings = (path, record.data)[:texts]
    body = [_HEAD.pack(VERSION, record.operation, numbers, texts, record.tag)]
    body += [_NUMBER.pack(record.number)] * numbers
    body += [_NUMBER.pack(len(text)) for text in strings]
    body += strings
    return b"".join([_LENGTH.pack(sum(map(len, body))), *body])


def iterate(
    source: Union[str, os.PathLike[str], BinaryIO], limit: int = RECORD_LIMIT
) -> Iterator[tuple[int, JournalRecord]]:
    """The records of a journal with their offsets; one record is in memory at a time.

    :param source: a path, or a stream whose first byte is the beginning of a record.
    :raises TornJournal: at the end, when the journal ends inside a record.
    :raises DamagedJournal: at a record that makes no sense.
    :raises OSError: when it cannot be read.
    """
    if isinstance(source, (str, os.PathLike)):
        with Path(source).open("rb") as stream:
            yield from _records(stream, os.fspath(source), limit)
    else:
        yield from _records(source, str(getattr(source, "name", "the journal")), limit)


def _records(stream: BinaryIO, name: str, limit: int) -> Iterator[tuple[int, JournalRecord]]:
    offset = 0
    while True:
        length = stream.read(_LENGTH.size)
        if not length:
            return
        reader = _Reader(stream, name, offset)
        if len(length) < _LENGTH.size:
            raise reader.torn()
        size = _LENGTH.unpack(length)[0]
        yield offset, reader.record(size, limit)
        offset += _LENGTH.size + size


class _Reader:
    """One record, checked as early as possible: a damaged length must not make anybody take memory."""

    def __init__(self, stream: BinaryIO, name: str, offset: int) -> None:
        self._stream = stream
        self._name = name
        self._offset = offset

    def record(self, size: int, limit: int) -> JournalRecord:
        if not _HEAD.size <= size <= limit:
            raise self._damaged(f"a record cannot have {size} bytes")
        version, kind, numbers, texts, tag = _HEAD.unpack(self._read(_HEAD.size))
        if version != VERSION:
            raise self._damaged(f"there is no version {version}")
        try:
            operation = Operation(kind)
        except ValueError:
            raise self._damaged(f"there is no operation {kind}") from None
        if (numbers, texts) != _SHAPES[operation]:
            raise self._damaged(f"the operation {kind} does not have {numbers} numbers and {texts} texts")
        values = [_NUMBER.unpack(self._read(_NUMBER.size))[0] for _unused in range(numbers + texts)]
        lengths = values[numbers:]
        if _HEAD.size + _NUMBER.size * len(values) + sum(lengths) != size:
            raise self._damaged(f"its texts do not add up to the {size} bytes of the record")
        if not 0 < lengths[0] <= PATH_LIMIT:
            raise self._damaged(f"a path cannot have {lengths[0]} bytes")
        number = values[0] if numbers else 0
        if number > _HIGHEST:
            raise self._damaged(f"{number} is no length and no offset of a file")
        path = self._read(lengths[0])
        if not path.startswith(b"/") or b"\0" in path:
            raise self._damaged(f"{path[:80]!r} is no absolute path")
        data = self._read(lengths[1]) if texts > 1 else b""
        return JournalRecord(operation, path.decode("utf-8", "surrogateescape"), tag, number, data)

    def torn(self) -> TornJournal:
        return TornJournal(f"{self._name} ends inside the record at byte {self._offset}", self._offset)

    def _read(self, size: int) -> bytes:
        # In blocks, so that no more memory is taken than there are bytes.
        parts, left = [], size
        while left:
            part = self._stream.read(min(left, 1 << 20))
            if not part:
                raise self.torn()
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _damaged(self, why: str) -> DamagedJournal:
        return DamagedJournal(f"{self._name} is damaged in the record at byte {self._offset}: {why}", self._offset)
