# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames: an unsigned 32-bit big-endian length, then that many bytes of payload (wallaroo.md, D.1).

Sources, sinks, the external channel, metrics and the journal server all speak in frames.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

HEADER = struct.Struct(">I")
DEFAULT_LIMIT = 1 << 20
"""Bytes of payload; a longer length is refused before memory is taken for it."""

_READ_SIZE = 1 << 20


class FrameError(ValueError):
    """A stream that is no sequence of frames; ``offset`` is that of the offending header."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class FrameTooLong(FrameError):
    """A header announces more bytes than are allowed."""

    def __init__(self, message: str, offset: int, complete: list[bytes]) -> None:
        super().__init__(message, offset)
        self.complete = complete
        """The payloads that were complete before that header and not delivered yet."""


class TornFrame(FrameError):
    """The stream ends inside a frame."""


def frame(payload: bytes) -> bytes:
    """One payload with its header."""
    return HEADER.pack(len(payload)) + payload


def frames(payloads: Iterable[bytes]) -> bytes:
    """Several payloads, each with its header."""
    pack = HEADER.pack
    return b"".join([part for payload in payloads for part in (pack(len(payload)), payload)])


def whole(data: bytes | memoryview, most: int = sys.maxsize) -> tuple[int, int]:
    """How many whole frames stand at the beginning of these bytes, at most so many, and how many bytes they have."""
    unpack, length = HEADER.unpack_from, len(data)
    last_header, count, position = length - HEADER.size, 0, 0
    while position <= last_header and count < most:
        end = position + 4 + unpack(data, position)[0]
        if end > length:
            break
        position = end
        count += 1
    return count, position


class FrameSplitter:
    """Cuts a stream that arrives in pieces into payloads.

    At most one incomplete frame is held, so memory stays below ``limit`` plus one piece.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._held = bytearray()
        self._wanted = HEADER.size
        self.offset = 0
        """Offset in the stream of the first byte that was not delivered yet."""

    @property
    def pending(self) -> int:
        """Bytes of an incomplete frame that are held."""
        return len(self._held)

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take a piece of the stream and return the payloads it completes, in order.

        :raises FrameTooLong: when a header announces more than the limit; it carries what was complete
            before. Nothing after that header can be told apart, so the stream has to be given up.
        """
        data = chunk
        if self._held:
            self._held += chunk
            # A large frame in many pieces is looked at when it can be complete, not at every piece.
            if len(self._held) < self._wanted:
                return []
            data = bytes(self._held)
        unpack, limit, last_header = HEADER.unpack_from, self._limit, len(data) - 4
        position, wanted = 0, 4
        payloads: list[bytes] = []
        append = payloads.append
        while position <= last_header:
            (length,) = unpack(data, position)
            begin = position + 4
            end = begin + length
            payload = data[begin:end]
            if length > limit:
                # The header alone: all that comes after it is refused as well.
                self._hold(data[: position + 4], position, 4)
                raise FrameTooLong(
                    f"the frame at byte {self.offset} announces {length} bytes, more than the {limit} allowed",
                    self.offset,
                    payloads,
                )
            if len(payload) < length:
                wanted = 4 + length
                break
            append(payload)
            position = end
        self._hold(data, position, wanted)
        return payloads

    def finish(self) -> None:
        """Say that the stream has ended.

        :raises TornFrame: when it ended inside a frame.
        """
        if self._held:
            raise TornFrame(
                f"the stream ends inside the frame at byte {self.offset}, of which {len(self._held)} bytes came",
                self.offset,
            )

    def _hold(self, data: bytes, position: int, wanted: int) -> None:
        self.offset += position
        self._held = bytearray(data[position:])
        self._wanted = wanted


def iterate_file(path: str | os.PathLike[str], limit: int = DEFAULT_LIMIT) -> Iterator[tuple[int, bytes]]:
    """The frames of a file: (offset of the header, payload). Reads in pieces, whatever the size of the file.

    :raises TornFrame: at the end, when the file ends inside a frame.
    :raises FrameTooLong: at a header that announces more than the limit, after the frames before it.
    :raises OSError: when it cannot be read.
    """
    splitter = FrameSplitter(limit)
    with Path(path).open("rb") as stream:
        refused: FrameTooLong | None = None
        while refused is None:
            chunk = stream.read(_READ_SIZE)
            if not chunk:
                break
            offset = splitter.offset
            try:
                payloads = splitter.feed(chunk)
            except FrameTooLong as error:
                refused, payloads = error, error.complete
            for payload in payloads:
                yield offset, payload
                offset += HEADER.size + len(payload)
    if refused is not None:
        raise refused
    splitter.finish()
