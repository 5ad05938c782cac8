# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the source log: what was sent, and what happened (see ``_formats/source_log.py``).

Both are only ever appended to, and what a crash or a full disk left of a record is cut off. In memory is an
index with an entry for each 256 KiB, from which any position is found by reading that much.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from array import array
from bisect import bisect_right
from pathlib import Path

from ..._formats import source_log
from ..._formats.framing import HEADER, whole
from ..._formats.source_log import Event

BLOCK = 1 << 18
"""Bytes that are read at a time, and that lie at least between two entries of the index."""


class StoreFailed(Exception):
    """The log cannot be kept; the sentence says why."""


class Log:
    """``sent.log``: the frames as they came."""

    def __init__(self, directory: Path, frame_limit: int) -> None:
        """Open it, count what is there, and cut off a frame that a crash left torn.

        :raises StoreFailed: when another program keeps it, or it is damaged.
        :raises OSError: when it cannot be opened.
        """
        self.path = directory / source_log.LOG_FILE
        self._limit = frame_limit
        self._file = _open(self.path)
        self._marks, self._offsets = array("Q", [0]), array("Q", [0])
        self.records = 0
        """Whole frames."""
        self.size = 0
        """Their bytes."""
        try:
            self._hold()
            self._count()
        except BaseException:
            self.close()
            raise

    def append(self, frames: bytes, count: int) -> None:
        """Keep whole frames.

        :raises StoreFailed: when they cannot be written; what was written of them is taken back.
        """
        _append(self._file, self.path, frames, self.size)
        self._grow(count, len(frames))

    def offset_of(self, position: int) -> int:
        """Where the record behind a position begins; the position must not lie behind the end.

        :raises StoreFailed: when the log cannot be read.
        """
        entry = bisect_right(self._marks, position) - 1
        at, offset = self._marks[entry], self._offsets[entry]
        while at < position:
            count, size = whole(self._block(offset), position - at)
            at, offset = at + count, offset + size
        return offset

    def read(self, offset: int) -> tuple[memoryview, int]:
        """Whole frames from an offset on, and how many; none when there are no more.

        :raises StoreFailed: when the log cannot be read.
        """
        data = self._block(offset)
        count, size = whole(data)
        return memoryview(data)[:size], count

    def close(self) -> None:
        """Close it."""
        os.close(self._file)

    def _hold(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreFailed(f"another source log keeps {self.path}; stop it, or choose another directory") from None

    def _count(self) -> None:
        self.size, length = 0, os.fstat(self._file).st_size
        while self.size < length:
            data = self._block(self.size, length)
            count, size = whole(data)
            if not count:
                self._refuse_damaged(data)
                os.ftruncate(self._file, self.size)
                return
            self._grow(count, size)

    def _refuse_damaged(self, data: bytes) -> None:
        announced = HEADER.unpack_from(data)[0] if len(data) >= HEADER.size else 0
        if announced > self._limit:
            raise StoreFailed(
                f"{self.path} is damaged: the frame at byte {self.size} announces {announced} bytes, more than the "
                f"{self._limit} allowed; move it away"
            )

    def _grow(self, count: int, size: int) -> None:
        self.records += count
        self.size += size
        if self.size - self._offsets[-1] >= BLOCK:
            self._marks.append(self.records)
            self._offsets.append(self.size)

    def _block(self, offset: int, end: int = 0) -> bytes:
        """So many bytes that a whole frame is among them, where one is there."""
        most = min(BLOCK, (end or self.size) - offset)
        try:
            data = os.pread(self._file, most, offset)
            if len(data) >= HEADER.size:
                wanted = HEADER.size + min(HEADER.unpack_from(data)[0], self._limit)
                if wanted > len(data):
                    data = os.pread(self._file, wanted, offset)
        except OSError as error:
            raise StoreFailed(f"{self.path} cannot be read at byte {offset:,} ({error.strerror})") from error
        return data


class Events:
    """``sent.events``: what happened."""

    def __init__(self, directory: Path) -> None:
        """Open it, and cut off a line that a crash left torn.

        :raises StoreFailed: when it is damaged.
        :raises OSError: when it cannot be opened.
        """
        self.path = directory / source_log.EVENTS_FILE
        self._file = _open(self.path)
        try:
            before = source_log.events(self.path)
            self.size = self.path.read_bytes().rfind(b"\n") + 1
            os.ftruncate(self._file, self.size)
        except source_log.SourceLogError as error:
            self.close()
            raise StoreFailed(f"{error}; move it away, with {source_log.LOG_FILE}") from error
        self.readers = max((one.reader for one in before), default=0)
        """How many there have been."""
        self.covered = source_log.covered(before)
        """The highest position that a checkpoint covers."""

    def opened(self, records: int) -> None:
        """The program started."""
        self._note(Event(time.time(), source_log.OPEN, records=records))

    def began(self, at: int, asked: str, peer: str) -> int:
        """A reader reads from a position on; returns its number."""
        self.readers += 1
        self._note(Event(time.time(), source_log.FROM_EVENT, reader=self.readers, at=at, asked=asked, peer=peer))
        return self.readers

    def acknowledged(self, reader: int, at: int) -> None:
        """A completed checkpoint covers so many records."""
        self._note(Event(time.time(), source_log.ACK_EVENT, reader=reader, at=at))
        self.covered = max(self.covered, at)

    def closed(self, reader: int, sent: int) -> None:
        """A reader is gone."""
        self._note(Event(time.time(), source_log.CLOSED, reader=reader, sent=sent))

    def refused(self, reader: int, at: int, asked: str, peer: str) -> None:
        """A reader asked for, or acknowledged, what it cannot have; 0 for one that had no number yet."""
        if not reader:
            self.readers += 1
        self._note(Event(time.time(), source_log.REFUSED, reader=reader or self.readers, at=at, asked=asked, peer=peer))

    def close(self) -> None:
        """Close it."""
        os.close(self._file)

    def _note(self, event: Event) -> None:
        line = event.encode()
        _append(self._file, self.path, line, self.size)
        self.size += len(line)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _append(file: int, path: Path, data: bytes, size: int) -> None:
    """Append all, or nothing.

    :param size: of the file before.
    :raises StoreFailed: when that cannot be done.
    """
    view = memoryview(data)
    try:
        while view:
            # It may take less than all, e.g. when the disk becomes full in its middle.
            view = view[os.write(file, view) :]
    except OSError as error:
        # Not every place where bytes can be written can be made shorter; the failure is reported anyway.
        with contextlib.suppress(OSError):
            os.ftruncate(file, size)
        raise StoreFailed(f"{path} cannot be written after {size:,} bytes ({error.strerror}); make room") from error
