# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A received stream taken apart slowly: one frame at a time, or the damaged bytes before the next one.

The length header is believed when a message follows it, or when the next frame begins behind it.
Otherwise the next place is sought where a header and a message fit each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Optional

from .._formats.detector import output_key
from .._formats.framing import DEFAULT_LIMIT, HEADER
from .guarantees import Window
from .key_rule import KeyRule, Report
from .violations import Fault

LONGEST = 8192
"""Bytes of a message; a frame that announces more is no message of the detector."""

_MESSAGE = re.compile(rb"\(([^(),\[\]]+),\[([0-9,]*)\]\)")
_BEGINNING = re.compile(rb"\(([^.(),\[\]]+)\.")
_DIGITS = 20
"""Digits of the greatest value, a u64."""
_SHORTEST = 30
"""Bytes of a frame, roughly: says how many messages may be hidden in damaged bytes."""
_NAMES = 1000
"""Unknown names that are remembered."""
_SHOWN = 80
"""Bytes of damage that a violation shows."""


class UnitReader:
    """Takes units (frames, or damaged bytes up to the next frame) off a stream and has them judged.

    :ivar number: of the next unit, from 0.
    :ivar damaged: how many of them were no message.
    """

    def __init__(self, names: Mapping[bytes, str], rule_of: Callable[[str], KeyRule], report: Report) -> None:
        """``names`` are the names in messages, ``key_0.TraceID-1.TraceWindow-1``, each with its key."""
        self._names = names
        self._keys = {key.encode(): key for key in names.values()}
        self._rule_of = rule_of
        self._report = report
        self._unknown: set[bytes] = set()
        self._damaged = False
        self.number = self.damaged = 0

    def take(self, data: bytes, at: int, offset: int, final: bool) -> int:
        """One unit at ``data[at:]``, which is ``offset`` of the stream; returns its length.

        0: more of the stream is needed (never when it is ``final``). Damage that is longer than what
        can be kept is taken in several parts, and is one violation all the same.
        """
        if not self._damaged:
            length = self._frame(data, at, offset, final)
            if length is not None:
                return length
        return self._damage(data, at, offset, final)

    def _frame(self, data: bytes, at: int, offset: int, final: bool) -> Optional[int]:
        """A frame whose header can be believed; None when it cannot, 0 when that is not known yet."""
        available = len(data) - at
        if available < HEADER.size:
            return None if final else 0
        length = int(HEADER.unpack_from(data, at)[0])
        if length > DEFAULT_LIMIT:
            return None
        end = at + HEADER.size + length
        if end > len(data):
            return None if final else 0
        found = _MESSAGE.fullmatch(data, at + HEADER.size, end)
        if found is not None:
            self._message(found.group(1), found.group(2), data[at + HEADER.size : end], offset)
            self.number += 1
            return HEADER.size + length
        followed = _frame_begins(data, end, final)
        if followed is None:
            return 0
        if not followed:
            return None
        self._damage_fault("garbage", data[at:end], offset)
        self.number += 1
        return HEADER.size + length

    def _message(self, name: bytes, numbers: bytes, payload: bytes, offset: int) -> None:
        window, zeros = _window(numbers)
        key = self._names.get(name)
        if key is None:
            key = self._keys.get(name.split(b".", 1)[0])
            self._wrong_name(name, key, payload, window, offset)
            if key is None:
                return
        rule = self._rule_of(key)
        found = f"[{numbers.decode()}]"[:_SHOWN]
        if window is None:
            rule.malformed(found, self.number, offset)
            return
        if zeros:
            rule.leading_zeros(found, self.number, offset)
        rule.take(window, self.number, offset)

    def _wrong_name(
        self, name: bytes, key: Optional[str], payload: bytes, window: Optional[Window], offset: int
    ) -> None:
        """A key that nobody sent, or the right key with something else behind it."""
        others = [self._keys[part] for part in _behind_the_key(name) if part in self._keys]
        if not others and name in self._unknown:
            return
        if not others and len(self._unknown) < _NAMES:
            self._unknown.add(name)
        expected = self._expected(key)
        self._report(
            Fault(
                kind="cross_key" if others else "unknown_key",
                key=key or name.split(b".", 1)[0].decode("utf-8", "backslashreplace")[:_SHOWN],
                position=self.number,
                offset=offset,
                expected=expected,
                found=_shown(payload),
                value=window[3] if window is not None and key is None else None,
                other=others[0] if others else None,
            )
        )

    def _damage(self, data: bytes, at: int, offset: int, final: bool) -> int:
        """Bytes that are no frame, up to the next frame, or to the end."""
        begin = _next_frame(data, at if self._damaged else at + 1)
        if begin is None and not final:
            available = len(data) - at
            if available <= DEFAULT_LIMIT + 2 * LONGEST:
                return 0
            # Keep what may be the beginning of the next frame, let go of the rest.
            self._open_damage(data, at, at + available - LONGEST, offset, at_end=False)
            self._damaged = True
            return available - LONGEST
        end = len(data) if begin is None else begin
        self._open_damage(data, at, end, offset, at_end=begin is None)
        self._damaged = False
        if end > at:
            return end - at
        return self.take(data, at, offset, final)

    def _open_damage(self, data: bytes, at: int, end: int, offset: int, at_end: bool) -> None:
        if self._damaged:
            return
        cut = data[at:end]
        if len(cut) < HEADER.size:
            torn = at_end or not cut.strip(b"\0")
        else:
            (length,) = HEADER.unpack_from(cut)
            torn = HEADER.size + length > len(cut) and length <= LONGEST and cut[4:5] in (b"", b"(")
        self._damage_fault("torn_frame" if torn else "garbage", cut, offset)
        self.number += 1

    def _damage_fault(self, kind: str, cut: bytes, offset: int) -> None:
        self.damaged += 1
        named = _BEGINNING.match(cut, HEADER.size)
        key = self._keys.get(named.group(1)) if named is not None else None
        self._report(
            Fault(
                kind=kind,
                key=key,
                position=self.number,
                offset=offset,
                expected=self._expected(key),
                found=_shown(cut),
                swallows=1 + len(cut) // (2 * _SHORTEST),
            )
        )

    def _expected(self, key: Optional[str]) -> str:
        if key is None:
            return "a message of a known key"
        return self._rule_of(key).expected()


def _behind_the_key(name: bytes) -> list[bytes]:
    """What stands in a name behind its key and is no layer in its place: a key may be called like a layer."""
    parts = name.split(b".")
    layers = output_key("", len(parts) // 2).encode().split(b".")
    return [part for part, layer in zip_longest(parts[1:], layers[1 : len(parts)]) if part != layer]


def _window(numbers: bytes) -> tuple[Optional[Window], bool]:
    """Four numbers, and whether one of them is written with leading zeros; None when they are no four values."""
    parts = numbers.split(b",")
    if len(parts) != 4 or not all(parts):
        return None, False
    # However many zeros there are: they say nothing of how great a value is.
    written = [part.lstrip(b"0") or b"0" for part in parts]
    if any(len(text) > _DIGITS for text in written):
        return None, False
    first, second, third, fourth = map(int, written)
    return (first, second, third, fourth), written != parts


def _frame_begins(data: bytes, at: int, final: bool) -> Optional[bool]:
    """Whether a message in a frame, or the end of the stream, is at this place; None when that is not known yet."""
    if at == len(data):
        return True if final else None
    if at + HEADER.size > len(data):
        return False if final else None
    (length,) = HEADER.unpack_from(data, at)
    if length > LONGEST:
        return False
    end = at + HEADER.size + length
    if end > len(data):
        return False if final else None
    return _MESSAGE.fullmatch(data, at + HEADER.size, end) is not None


def _next_frame(data: bytes, at: int) -> Optional[int]:
    """The next place, from ``at`` on, where a header and a message fit each other."""
    for found in _MESSAGE.finditer(data, at):
        begin = found.start() - HEADER.size
        if begin >= at and HEADER.unpack_from(data, begin)[0] == found.end() - found.start():
            return begin
    return None


def _shown(cut: bytes) -> str:
    text = cut[:_SHOWN].decode("ascii", "backslashreplace")
    printable = "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
    return f"'{printable}'" + (f" and {len(cut) - _SHOWN:,} more bytes" if len(cut) > _SHOWN else "")
