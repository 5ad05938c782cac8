# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When which part of a received file came: ``<file>.arrivals``, 24 bytes for each piece written.

A record holds the size of the file after the piece, the number of frames of this run of the
receiver, and the time in nanoseconds since the epoch, each as u64 big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from .._formats.whole_file import open_file

RECORD = struct.Struct(">QQQ")
_BLOCK = RECORD.size << 11


@dataclass(frozen=True)
class Arrival:
    """One piece."""

    bytes: int
    frames: int
    nanoseconds: int


@dataclass(frozen=True)
class Gap:
    """The last arrival before a moment and the first after it, in seconds since the epoch; None where there is none."""

    last_before: Optional[float]
    first_after: Optional[float]

    @property
    def seconds(self) -> Optional[float]:
        """How long nothing came out."""
        if self.last_before is None or self.first_after is None:
            return None
        return self.first_after - self.last_before


def path_of(received: str) -> str:
    """Where the arrivals of a received file are kept."""
    return f"{received}.arrivals"


def encode(size: int, frames: int, nanoseconds: int) -> bytes:
    """The bytes of a record."""
    return RECORD.pack(size, frames, nanoseconds)


def iterate(received: str) -> Iterator[Arrival]:
    """The arrivals of a received file, oldest first; none without a file, and a torn last record is left out."""
    for size, frames, nanoseconds in _records(received):
        yield Arrival(size, frames, nanoseconds)


def gap_around(received: str, moment: float) -> Gap:
    """What lies around a moment (seconds since the epoch), such as a kill, in the arrivals of a received file.

    The clock of a machine may be set back in between, so all records are looked at.
    """
    limit = round(moment * 1e9)
    before: Optional[int] = None
    after: Optional[int] = None
    for _unused, _unused, nanoseconds in _records(received):
        if nanoseconds <= limit:
            before = nanoseconds if before is None or nanoseconds > before else before
        elif after is None or nanoseconds < after:
            after = nanoseconds
    return Gap(None if before is None else before / 1e9, None if after is None else after / 1e9)


def _records(received: str) -> Iterator[tuple[int, int, int]]:
    path = Path(path_of(received))
    if not path.exists():
        return
    with open_file(path) as stream:
        while True:
            data = stream.read(_BLOCK)
            yield from RECORD.iter_unpack(data[: len(data) - len(data) % RECORD.size])
            if len(data) < _BLOCK:
                return
