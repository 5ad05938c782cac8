# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the receiver keeps: whole frames, and beside them when they came."""

from __future__ import annotations

import os
import time
from typing import BinaryIO, cast

from ..._formats.framing import FrameSplitter, frames
from ..._verification import arrivals


class ReceivingFailed(Exception):
    """Receiving cannot go on; the sentence says why."""


class Files:
    """What is received, and beside it when which part of it came."""

    def __init__(self, path: str, append: bool) -> None:
        """Open them.

        :raises FileExistsError: when there is one of them already, unless ``append``.
        :raises OSError: when they cannot be written; a file that was created here is removed again.
        """
        self.path = path
        self._received = _open(path, append)
        try:
            self._arrivals = _open(arrivals.path_of(path), append)
        except OSError:
            self._received.close()
            if not append:
                os.unlink(path)
            raise
        self.size = os.fstat(self._received.fileno()).st_size

    def add(self, payloads: list[bytes], messages: int) -> None:
        """Keep whole frames.

        :param messages: how many there are in this run with these.
        :raises ReceivingFailed: when they cannot be written; what was written of them is taken back.
        """
        data = frames(payloads)
        try:
            _write_all(self._received, data)
            _write_all(self._arrivals, arrivals.encode(self.size + len(data), messages, time.time_ns()))
        except OSError as error:
            self._take_back()
            raise ReceivingFailed(
                f"{error.filename or self.path} cannot be written after {self.size:,} bytes ({error.strerror}); "
                "make room"
            ) from error
        self.size += len(data)

    def cut(self, size: int) -> int:
        """Take back what lies behind a place; returns how many frames of this run are left.

        :raises ReceivingFailed: when that cannot be done.
        """
        try:
            kept, left, behind = 0, 0, None
            for arrival in arrivals.iterate(self.path):
                if arrival.bytes > size:
                    behind = arrival
                    break
                kept, left = kept + 1, arrival.frames
                begin = arrival.bytes
            begin = begin if kept else 0
            os.ftruncate(self._received.fileno(), size)
            os.ftruncate(self._arrivals.fileno(), kept * arrivals.RECORD.size)
            os.lseek(self._received.fileno(), size, os.SEEK_SET)
            os.lseek(self._arrivals.fileno(), kept * arrivals.RECORD.size, os.SEEK_SET)
            if behind is not None and begin < size:
                # A piece of which only the beginning is kept came when it came.
                with open(self.path, "rb") as stream:
                    stream.seek(begin)
                    left += len(FrameSplitter(size).feed(stream.read(size - begin)))
                _write_all(self._arrivals, arrivals.encode(size, left, behind.nanoseconds))
        except OSError as error:
            raise ReceivingFailed(f"{self.path} cannot be cut at {size:,} bytes ({error.strerror})") from error
        self.size = size
        return left

    def close(self) -> None:
        """Close them."""
        self._received.close()
        self._arrivals.close()

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._received.fileno(), self.size)
            whole = os.fstat(self._arrivals.fileno()).st_size // arrivals.RECORD.size
            os.ftruncate(self._arrivals.fileno(), whole * arrivals.RECORD.size)
        except OSError:
            # Not every place where bytes can be written can be made shorter; the failure is reported anyway.
            pass


def _open(path: str, append: bool) -> BinaryIO:
    """Open for writing, for nobody else to read; closed by :meth:`Files.close`."""
    return cast("BinaryIO", open(path, "ab" if append else "xb", buffering=0, opener=_private))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write_all(stream: BinaryIO, data: bytes) -> None:
    # An unbuffered write may take less than all, e.g. when the disk becomes full in its middle.
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]
