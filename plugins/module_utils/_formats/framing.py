# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames: an unsigned 32-bit big-endian length, then that many bytes of payload (reference D.1).

Sources, sinks, the external channel, metrics and the journal server all speak in frames.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Union

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


class TornFrame(FrameError):
    """The stream ends inside a frame."""


def frame(payload: bytes) -> bytes:
    """One payload with its header."""
    return HEADER.pack(len(payload)) + payload


def frames(payloads: Iterable[bytes]) -> bytes:
    """Several payloads, each with its header."""
    pack = HEADER.pack
    return b"".join([part for payload in payloads for part in (pack(len(payload)), payload)])


class FrameSplitter:
    """Cuts a stream that arrives in pieces into payloads.

    At most one incomplete frame is held, so memory stays below ``limit`` plus one piece.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._held: list[bytes] = []
        self._held_size = 0
        self._wanted = 0
        self.offset = 0
        """Offset in the stream of the first byte that was not delivered yet."""

    @property
    def pending(self) -> int:
        """Bytes of an incomplete frame that are held."""
        return self._held_size

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take a piece of the stream and return the payloads it completes, in order.

        :raises FrameTooLong: when a header announces more than the limit. What was complete before
            it is lost to the caller, who has to give the stream up anyway.
        """
        if self._held:
            # A large frame in many pieces is joined once, when it can be complete, not at every piece.
            if self._held_size + len(chunk) < self._wanted:
                self._held.append(chunk)
                self._held_size += len(chunk)
                return []
            self._held.append(chunk)
            data = b"".join(self._held)
            self._held, self._held_size = [], 0
        else:
            data = chunk
        unpack, limit, size = HEADER.unpack_from, self._limit, len(data)
        position, payloads = 0, []
        self._wanted = HEADER.size
        while position + 4 <= size:
            (length,) = unpack(data, position)
            if length > limit:
                raise FrameTooLong(
                    f"the frame at byte {self.offset + position} announces {length} bytes, more than the {limit} allowed",
                    self.offset + position,
                )
            end = position + 4 + length
            if end > size:
                self._wanted = 4 + length
                break
            payloads.append(data[position + 4 : end])
            position = end
        self.offset += position
        if position < size:
            rest = data[position:] if position else data
            self._held, self._held_size = [rest], len(rest)
        return payloads

    def finish(self) -> None:
        """Say that the stream has ended.

        :raises TornFrame: when it ended inside a frame.
        """
        if self._held_size:
            raise TornFrame(
                f"the stream ends inside the frame at byte {self.offset}, of which {self._held_size} bytes came",
                self.offset,
            )


def iterate_file(
    path: Union[str, os.PathLike[str]], limit: int = DEFAULT_LIMIT
) -> Iterator[tuple[int, bytes]]:
    """The frames of a file: (offset of the header, payload). Reads in pieces, whatever the size of the file.

    :raises TornFrame: at the end, when the file ends inside a frame.
    :raises FrameTooLong: at a header that announces more than the limit.
    """
    splitter = FrameSplitter(limit)
    with Path(path).open("rb") as stream:
        while True:
            chunk = stream.read(_READ_SIZE)
            if not chunk:
                break
            offset = splitter.offset
            for payload in splitter.feed(chunk):
                yield offset, payload
                offset += HEADER.size + len(payload)
    splitter.finish()
