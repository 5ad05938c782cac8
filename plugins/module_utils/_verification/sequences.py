# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stream compared with the messages that are expected of each key, whatever they are (``expectations``).

A message is the Nth of its key, and these numbers rise by one as the values of the detector do: what a message out of
place means is judged by the same ``key_rule``. What is expected is read as far as it is needed, so that memory depends
on how far the keys are apart and not on the size of the files.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import BinaryIO, Optional, Union

from .._formats.detector import expected_window
from .._formats.framing import DEFAULT_LIMIT, HEADER
from .expectations import Format
from .guarantees import Allowance
from .key_rule import KeyRule
from .pairing import Findings
from .violations import WRONG_RESULT, Fault

_BLOCK = 1 << 18
_LONGEST = 8192
_WHOLE = 100_000
"""Expected messages that are kept with their text; of others only that they are the same can be told."""
_AHEAD = 2_000_000
"""Expected messages that are kept at all, since other keys came further."""
_PAST = 4_000_000
"""Messages that came and are known again, all keys together."""
_SEARCH = 10_000
"""Messages of a key in which one out of place is looked for, on either side."""
_PLACES = 1000
"""Up to so many keys the places of all keys are kept with damage."""
_NAMES = 1000
_SHOWN = 120


class TooFarApart(Exception):
    """More is expected of keys that lag behind than can be kept."""


class _Lane:
    """A key: what came, and what is expected next."""

    def __init__(self, rule: KeyRule) -> None:
        self.rule = rule
        self.ahead: deque[Union[bytes, int]] = deque()
        self.past = array("q")
        self.forgotten = 0
        self.fast = True
        self.now = (0, "")
        self.last: Union[bytes, int] = 0

    @property
    def taken(self) -> int:
        """The number of the last message that is behind."""
        return self.forgotten + len(self.past)


class Sequences:
    """The state of one run over a stream."""

    def __init__(
        self,
        form: Format,
        expected: Iterator[tuple[str, bytes]],
        counts: Mapping[str, int],
        allowed: Callable[[str], Allowance],
        keep: int,
    ) -> None:
        """.

        :param counts: how many messages of each key are expected.
        :param allowed: what the guarantee allows a key.
        """
        self._form, self._expected = form, expected
        self.findings = Findings(list(counts), keep)
        self.lanes: dict[str, _Lane] = {}
        for key, count in counts.items():
            rule = KeyRule(key, 1, count, allowed(key), self.findings.add, self._teller(key))
            self.lanes[key] = _Lane(rule)
        self._remembered = max(1000, _PAST // max(len(counts), 1))
        self._waiting = 0
        self._unknown: set[str] = set()
        self._held = b""
        self._base = 0
        self.number = 0
        """Of the next frame."""
        self.damaged = 0
        """How many of those so far were no message."""

    @property
    def first(self) -> Optional[Fault]:
        """The first fault so far, as it is understood at this moment."""
        return self.findings.first

    def read(self, stream: BinaryIO) -> None:
        """All of a stream."""
        while block := stream.read(_BLOCK):
            self.feed(block)
        self._take(b"", final=True)

    def feed(self, block: bytes) -> None:
        """The next piece of a stream, however it is cut."""
        self._take(block, final=False)

    def settle(self) -> tuple[list[Fault], int]:
        """End the stream; the faults that are kept and the number of all."""
        for lane in self.lanes.values():
            self._slow_down(lane)
            lane.rule.finish(self._base)
        return self.findings.settle()

    # -- frames -------------------------------------------------------------------------------------

    def _take(self, block: bytes, final: bool) -> None:
        data, at = self._held + block if self._held else block, 0
        unpack, parse, lanes, size = HEADER.unpack_from, self._form.parse, self.lanes, len(data)
        while at + 4 <= size:
            (length,) = unpack(data, at)
            end = at + 4 + length
            if end > size and length <= DEFAULT_LIMIT and not final:
                break
            parsed = parse(data[at + 4 : end]) if end <= size else None
            if parsed is None:
                following = self._damage(data, at, end, final)
                if following == at:
                    break
                at = following
                continue
            key, token = parsed
            lane = lanes.get(key)
            if lane is not None and lane.fast and (lane.ahead or self._more(lane)) and lane.ahead[0] == token:
                self._pass(lane)
            else:
                # What is out of place may be the rest of a torn frame: then no frame begins behind it.
                followed = self._begins(data, end, final)
                if followed is None:
                    break
                if not followed:
                    following = self._damage(data, at, end, final)
                    if following == at:
                        break
                    at = following
                    continue
                self._judge(lane, key, token, self._base + at)
            self.number += 1
            at = end
        if final and at < size:
            self._damage_fault(data[at:], self._base + at, torn=True)
            at = size
        self._held = data[at:]
        self._base += at

    def _damage(self, data: bytes, at: int, end: int, final: bool) -> int:
        """What is no message; returns where to go on, the same place when more bytes are needed."""
        length = end - at - HEADER.size
        if end <= len(data) and self._form.parse(data[at + HEADER.size : end]) is None:
            followed = self._begins(data, end, final)
            if followed is None:
                return at
            if followed:
                # A whole frame with something else in it.
                self._damage_fault(data[at:end], self._base + at, torn=False)
                return end
        following = at
        while (following := data.find(b"\0\0", following + 1)) >= 0:
            begins = self._begins(data, following, final)
            if begins is None and len(data) - at < DEFAULT_LIMIT + _LONGEST:
                return at
            if begins and following < len(data):
                break
        if following < 0 and not final and len(data) - at < DEFAULT_LIMIT + _LONGEST:
            return at
        stop = len(data) if following < 0 else following
        self._damage_fault(data[at:stop], self._base + at, torn=end > stop and length <= _LONGEST)
        return stop

    def _begins(self, data: bytes, at: int, final: bool) -> Optional[bool]:
        """Whether a message, or the end of the stream, is at this place; None when that is not known yet."""
        if at >= len(data):
            return True if final else None
        if at + HEADER.size > len(data):
            return False if final else None
        (length,) = HEADER.unpack_from(data, at)
        end = at + HEADER.size + length
        if length > DEFAULT_LIMIT:
            return False
        if end > len(data):
            # What a frame of this format begins with is looked at when all of it is there.
            return False if final or length > _LONGEST else None
        return self._form.parse(data[at + HEADER.size : end]) is not None

    def _damage_fault(self, cut: bytes, offset: int, torn: bool) -> None:
        shown = cut[:_SHOWN].decode("ascii", "backslashreplace")
        text = "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in shown)
        kind = "torn_frame" if torn else "garbage"
        self._report(Fault(kind, None, self.number, offset, "a message", f"'{text}'", swallows=1 + len(cut) // 60))
        self.number += 1
        self.damaged += 1

    def _report(self, fault: Fault) -> None:
        if len(self.lanes) <= _PLACES:
            fault.places = tuple(self._following(lane) for lane in self.lanes.values())
        self.findings.add(fault)

    # -- what is expected ---------------------------------------------------------------------------

    def _more(self, lane: _Lane) -> bool:
        """Read what is expected up to the next message of a key; false when there is none."""
        before = len(lane.ahead)
        for key, token in self._expected:
            self._waiting += 1
            if self._waiting > _AHEAD:
                raise TooFarApart(f"keys are further apart than {_AHEAD:,} messages, which is more than can be kept")
            self.lanes[key].ahead.append(token if self._waiting <= _WHOLE else hash(token))
            if len(lane.ahead) > before:
                return True
        return False

    def _pass(self, lane: _Lane) -> None:
        """The next message of a key is behind."""
        lane.last = token = lane.ahead.popleft()
        self._waiting -= 1
        lane.past.append(token if isinstance(token, int) else hash(token))
        if len(lane.past) > self._remembered:
            half = len(lane.past) // 2
            del lane.past[:half]
            lane.forgotten += half

    def _is(self, lane: _Lane, number: int, token: bytes) -> bool:
        """Whether a message is the one with this number."""
        if number <= lane.taken:
            return number > lane.forgotten and lane.past[number - lane.forgotten - 1] == hash(token)
        while len(lane.ahead) < number - lane.taken:
            if not self._more(lane):
                return False
        known = lane.ahead[number - lane.taken - 1]
        return known in (token, hash(token))

    def _number_of(self, lane: _Lane, token: bytes) -> Optional[int]:
        """Which one a message is; of several that are the same the nearest to the place."""
        place, last = lane.rule.next, lane.rule.last
        if self._is(lane, place, token):
            return place
        for distance in range(1, _SEARCH):
            back, on = place - distance, place + distance
            if back > lane.forgotten and self._is(lane, back, token):
                return back
            if on <= last and self._is(lane, on, token):
                return on
            if back <= lane.forgotten and on > last:
                break
        digest = hash(token)
        return lane.forgotten + lane.past.index(digest) + 1 if digest in lane.past else None

    def _teller(self, key: str) -> Callable[[int], str]:
        def tell(number: int) -> str:
            lane = self.lanes[key]
            if number == lane.now[0]:
                return lane.now[1]
            index = number - lane.taken - 1
            known = next(islice(lane.ahead, index, None), None) if index >= 0 else lane.last if index == -1 else None
            return self._form.tell(known) if isinstance(known, bytes) else f"message {number} of the key"

        return tell

    # -- the slow way -------------------------------------------------------------------------------

    def _following(self, lane: _Lane) -> int:
        return lane.taken + 1 if lane.fast else lane.rule.next

    def _slow_down(self, lane: _Lane) -> None:
        if lane.fast:
            lane.fast = False
            lane.rule.came_to(lane.taken + 1)

    def _judge(self, lane: Optional[_Lane], key: str, token: bytes, offset: int) -> None:
        text = self._form.tell(token)
        if lane is None:
            if key not in self._unknown:
                if len(self._unknown) < _NAMES:
                    self._unknown.add(key)
                self._report(
                    Fault("unknown_key", key, self.number, offset, "a message of a known key", text, swallows=1)
                )
            return
        self._slow_down(lane)
        rule = lane.rule
        number = self._number_of(lane, token)
        if number is not None:
            lane.now = (number, text)
            rule.take(expected_window(number), self.number, offset)
            lane.now = (0, "")
        elif rule.next > rule.last:
            rule.wrong("beyond_last", text, self.number, offset, takes_place=False)
        else:
            rule.wrong(WRONG_RESULT, text, self.number, offset, takes_place=self._replaces(lane, token))
        while lane.taken < rule.highest and (lane.ahead or self._more(lane)):
            self._pass(lane)
        lane.fast = rule.plain and rule.next == lane.taken + 1

    def _replaces(self, lane: _Lane, token: bytes) -> bool:
        """Whether a message that nobody expects stands where the next one belongs: that has the same beginning."""
        if not (lane.ahead or self._more(lane)):
            return False
        due = lane.ahead[0]
        return isinstance(due, bytes) and due[: len(due) // 2] == token[: len(token) // 2]
