# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The witness of a violation: the messages around it, as they stand in the received file.

Only the bytes around each reported violation are read again, so it costs nothing while all is well, and little in a
file of any size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Optional

from .._formats.framing import HEADER
from .violations import END_OF_STREAM, Violation
from .windows import UNREADABLE, open_stream

BEFORE, AFTER = 3, 3
"""Messages in front of the violation and behind it."""

_OWN = 2
"""Messages of the violation's own key in front of it and behind it, besides."""
_REACH = 1 << 14
"""Bytes that are looked at on either side."""
_LONGEST = 8192
_SHOWN = 120

Tell = Callable[[bytes], Optional[tuple[str, str]]]
"""Key and text of a payload; None when it is no message."""

Line = tuple[int, int, str, str]
"""Distance to the violation in frames, offset, key and text."""


def with_witness(path: Path, violations: Sequence[Violation], tell: Tell, frames: int) -> list[Violation]:
    """The same violations with the messages around them.

    What cannot be read again leaves a violation as it is: it was found, whatever becomes of the file.

    :param frames: how many there are in the file.
    """
    found = {}
    try:
        with open_stream(path) as stream:
            # In the order of the file: a packed one is unpacked once.
            for one in sorted(violations, key=lambda violation: violation.offset):
                found[id(one)] = replace(one, around=_around(stream, one, tell, frames))
    except UNREADABLE:
        pass
    return [found.get(id(one), one) for one in violations]


def _around(stream: BinaryIO, violation: Violation, tell: Tell, frames: int) -> tuple[str, ...]:
    begin = max(0, violation.offset - _REACH)
    stream.seek(begin)
    data = stream.read(violation.offset - begin + _REACH)
    at = violation.offset - begin
    before = _before(data, at, begin, tell)
    here, after = _after(data, at, begin, tell) if violation.position != END_OF_STREAM else ([], [])
    lines = [*_chosen(before, violation, BEFORE, last=True), *here, *_chosen(after, violation, AFTER, last=False)]
    place = frames if violation.position == END_OF_STREAM else violation.position
    return tuple(f"{'>' if one in here else ' '} frame {place + one[0]} (byte {one[1]}): {one[3]}" for one in lines)


def _before(data: bytes, at: int, begin: int, tell: Tell) -> list[Line]:
    """The whole messages that lead up to a place: the longest chain of frames that ends exactly there."""
    ends: dict[int, int] = {at: 0}
    starts: list[tuple[int, int, tuple[str, str]]] = []
    # From behind: a frame counts when what begins behind it is the place, or a frame that counts. Only there can be the
    # header of a short one where two bytes are zero.
    start = at
    while (start := data.rfind(b"\0\0", 0, start + 1)) >= 0:
        if start + HEADER.size >= at:
            continue
        (length,) = HEADER.unpack_from(data, start)
        end = start + HEADER.size + length
        if length <= _LONGEST and end in ends:
            told = tell(data[start + HEADER.size : end])
            if told is not None:
                ends[start] = ends[end] + 1
                starts.append((start, ends[start], told))
    lines = [(-count, begin + start, *told) for start, count, told in starts]
    return lines[::-1]


def _after(data: bytes, at: int, begin: int, tell: Tell) -> tuple[list[Line], list[Line]]:
    """What stands at the place itself, and the whole messages that follow."""
    lines: list[Line] = []
    while at + HEADER.size <= len(data):
        (length,) = HEADER.unpack_from(data, at)
        end = at + HEADER.size + length
        payload = data[at + HEADER.size : end]
        told = tell(payload) if length <= _LONGEST and end <= len(data) else None
        if told is None and (lines or length > _LONGEST or end > len(data)):
            break
        lines.append((len(lines), begin + at, *(told or ("", _raw(payload)))))
        at = end
    if not lines:
        return [(0, begin + at, "", _raw(data[at : at + HEADER.size + _SHOWN]))], []
    return lines[:1], lines[1:]


def _chosen(lines: list[Line], one: Violation, count: int, last: bool) -> list[Line]:
    """The nearest messages, and the nearest of the violation's own key."""
    own = [line for line in lines if line[2] == one.key]
    chosen = {*(lines[-count:] if last else lines[:count]), *(own[-_OWN:] if last else own[:_OWN])}
    return sorted(chosen)


def _raw(data: bytes) -> str:
    text = data[:_SHOWN].decode("ascii", "backslashreplace")
    shown = "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
    return f"'{shown}'" + (f" and {len(data) - _SHOWN:,} more bytes" if len(data) > _SHOWN else "")
