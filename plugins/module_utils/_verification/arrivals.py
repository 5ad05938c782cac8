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

_RECORD = struct.Struct(">QQQ")


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
    return _RECORD.pack(size, frames, nanoseconds)


def iterate(received: str) -> Iterator[Arrival]:
    """The arrivals of a received file, oldest first; a torn last record is left out."""
    path = Path(path_of(received))
    if not path.is_file():
        return
    with path.open("rb") as stream:
        while len(data := stream.read(_RECORD.size)) == _RECORD.size:
            yield Arrival(*_RECORD.unpack(data))


def gap_around(received: str, moment: float) -> Gap:
    """What lies around a moment (seconds since the epoch), such as a kill."""
    before: Optional[float] = None
    for arrival in iterate(received):
        at = arrival.nanoseconds / 1e9
        if at > moment:
            return Gap(before, at)
        before = at
    return Gap(before, None)
