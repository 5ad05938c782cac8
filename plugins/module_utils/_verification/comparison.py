# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stream compared with what is expected, byte for byte.

A good file costs one comparison for each frame. Only a frame that is not the expected one is taken
apart (``units``) and judged (``key_rule``); afterwards its key goes on in the fast way. Streams are
read in pieces, so their size does not matter.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from operator import length_hint
from typing import BinaryIO, Optional

from .._formats.framing import HEADER
from .guarantees import Allowance
from .key_rule import KeyRule
from .pairing import Findings
from .units import UnitReader
from .violations import Fault
from .windows import END, LONGER, SEPARATOR, Envelope, Tails, shared_tails, tails

_BLOCK = 1 << 18
_SKEW = 1 << 16
"""Values by which keys may be apart before the slower ones stop sharing a stream of tails."""
_SKEW_CHECK = 32
"""Blocks between two looks at how far the keys are apart."""
_PLACES = 256
"""Up to so many keys the places of all keys are kept with a fault."""
_PATIENCE = 64
_LONGEST = 8192
"""Bytes without the end of a message from which on they are looked at before more are read."""


class _Lane:
    """A key, in the fast way (``tails`` set) or under its rule."""

    def __init__(self, rule: KeyRule, envelope: Envelope) -> None:
        self.rule, self.envelope = rule, envelope
        self.tails: Optional[Tails] = None
        self.head = b""
        self.shared = False
        self.calm = 0
        """Frames in the slow way since the last that was not simply the next."""
        self.patience = 0
        """How many of them are needed for the fast way: more for a key that left it often."""

    def following(self) -> int:
        """The next expected value."""
        if self.tails is None:
            return self.rule.next
        for tail in copy.copy(self.tails):
            if tail is not LONGER:
                return _value(tail)
        return self.rule.last + 1


def _value(tail: bytes) -> int:
    """The newest of the numbers."""
    return int(tail[tail.rindex(b",") + 1 :])


class Comparison:
    """The state of one run over a stream."""

    def __init__(
        self, keys: Sequence[str], first: int, last: int, allowed: Callable[[str], Allowance], keep: int, depth: int
    ) -> None:
        """:param allowed: what the guarantee allows a key."""
        self.findings = Findings(keys, keep)
        self.lanes = [
            _Lane(KeyRule(key, first, last, allowed(key), self._report), Envelope(key, depth)) for key in keys
        ]
        names = {lane.envelope.text[1:]: lane.rule.key for lane in self.lanes}
        self.units = UnitReader(names, self._rule_of, self._report)
        self._lane_of_text = {lane.envelope.text: lane for lane in self.lanes}
        self._lane_of = {lane.rule.key: lane for lane in self.lanes}
        self._heads: dict[bytes, Callable[[], Optional[bytes]]] = {}
        self._lanes_by_head: dict[bytes, _Lane] = {}
        self._slowed: list[_Lane] = []
        self._base = 0
        self._held = b""
        self._number = 0
        for lane, stream in zip(self.lanes, shared_tails(first, last, len(keys))):
            self._speed_up(lane, stream)
            lane.shared = True

    def read(self, stream: BinaryIO) -> None:
        """All of a stream."""
        while True:
            block = stream.read(_BLOCK)
            if not block:
                break
            self.feed(block)
        self._base += self._block(self._held, final=True)
        self._held = b""

    def feed(self, block: bytes) -> None:
        """The next piece of a stream, however it is cut."""
        data = self._held + block if self._held else block
        used = self._block(data, final=False)
        self._held = data[used:]
        self._base += used
        self._number += 1
        if self._number % _SKEW_CHECK == 0:
            self._separate_slow_ones()

    @property
    def first(self) -> Optional[Fault]:
        """The first fault so far, as it is understood at this moment."""
        return self.findings.first

    def settle(self) -> tuple[list[Fault], int]:
        """End the stream; the faults that are kept and the number of all."""
        for lane in self.lanes:
            self._slow_down(lane)
        for lane in self.lanes:
            lane.rule.finish(self._base)
        return self.findings.settle()

    # -- the fast way -------------------------------------------------------------------------------

    def _block(self, data: bytes, final: bool) -> int:
        """Check what is complete in these bytes; returns how many are done with."""
        pieces = data.split(END)
        rest = len(pieces.pop())
        at, done = 0, 0
        queue = iter(pieces)
        while True:
            index, matched = self._run(queue, len(pieces))
            self.units.number += index - done
            at += sum(map(len, pieces[done:index])) + len(END) * (index - done)
            done = index
            if index == len(pieces):
                break
            end = at + len(pieces[index]) + len(END)
            done = index + 1
            if matched:
                self.units.number += 1
                at = end
                continue
            while at != end:
                if at < end:
                    used = self._unit(data, at, final)
                    if used == 0:
                        return at
                    at += used
                elif done < len(pieces):
                    end += len(next(queue)) + len(END)
                    done += 1
                else:
                    return self._remainder(data, at, final)
        return self._remainder(data, len(data) - rest, final)

    def _remainder(self, data: bytes, at: int, final: bool) -> int:
        """What is behind the last end of a message: the beginning of one, or damage."""
        while at < len(data) and (final or len(data) - at > _LONGEST):
            used = self._unit(data, at, final)
            if used == 0:
                break
            at += used
        return at

    def _run(self, queue: Iterator[bytes], count: int) -> tuple[int, bool]:
        """Go on as long as every piece is the expected one.

        Returns the index of the first that is not (``count``: there was none), and whether it was the
        expected one after all, only longer than the one before.
        """
        heads, separator = self._heads, SEPARATOR
        head, expected = b"", None
        try:
            for piece in queue:
                head, _unused, tail = piece.partition(separator)
                expected = heads[head]()
                if tail != expected:
                    break
            else:
                return count, True
        except (KeyError, StopIteration):
            # The head of a longer frame, or one that no key has at this moment, or a key that is at its end.
            return count - length_hint(queue) - 1, self._is_longer(head, piece)
        lane = self._lanes_by_head[head]
        self._slow_down(lane, lane.following() if expected is LONGER else _value(expected))
        return count - length_hint(queue) - 1, False

    def _is_longer(self, head: bytes, piece: bytes) -> bool:
        """Whether a piece is the next one of its key, and a digit longer than the one before; its key then goes on."""
        lane = self._lane_of_text.get(head[HEADER.size :])
        if lane is None or lane.tails is None:
            return False
        ahead = copy.copy(lane.tails)
        if next(ahead, b"") is not LONGER:
            return False
        tail = next(ahead) or b""
        longer = lane.envelope.head(tail)
        if piece != longer + SEPARATOR + tail:
            return False
        self._move(lane, longer, ahead)
        return True

    def _speed_up(self, lane: _Lane, stream: Tails) -> None:
        """Let a key go on in the fast way, with its next expected tails."""
        lane.shared = False
        self._move(lane, lane.envelope.head(next(copy.copy(stream)) or b""), stream)

    def _move(self, lane: _Lane, head: bytes, stream: Tails) -> None:
        """Let a key be found by another head."""
        if lane.head:
            del self._heads[lane.head], self._lanes_by_head[lane.head]
        lane.tails, lane.head = stream, head
        self._heads[head] = stream.__next__
        self._lanes_by_head[head] = lane

    def _slow_down(self, lane: _Lane, following: Optional[int] = None) -> None:
        if lane.tails is None:
            return
        lane.rule.came_to(lane.following() if following is None else following)
        lane.calm, lane.patience = 0, min(2 * lane.patience + 1, _PATIENCE)
        lane.tails = None
        if lane.head:
            del self._heads[lane.head], self._lanes_by_head[lane.head]
        lane.head = b""

    def _separate_slow_ones(self) -> None:
        """Keep the stream of tails short that keys share: it holds all that the slowest has not used."""
        sharing = [(lane, lane.following()) for lane in self.lanes if lane.shared and lane.tails is not None]
        foremost = max((following for _unused, following in sharing), default=0)
        for lane, following in sharing:
            if foremost - following > _SKEW:
                self._slow_down(lane, following)
                self._speed_up(lane, tails(following, lane.rule.last))

    # -- the slow way -------------------------------------------------------------------------------

    def _unit(self, data: bytes, at: int, final: bool) -> int:
        """Judge one frame, or damaged bytes; returns its length, 0 when more bytes are needed for that."""
        used = self.units.take(data, at, self._base + at, final)
        for lane in self._slowed:
            if not lane.rule.plain:
                lane.calm = 0
            elif lane.calm < lane.patience:
                lane.calm += 1
            elif lane.tails is None:
                self._speed_up(lane, tails(lane.rule.next, lane.rule.last))
        self._slowed.clear()
        return used

    def _rule_of(self, key: str) -> KeyRule:
        """The rule of a key, which leaves the fast way until this frame is judged."""
        lane = self._lane_of[key]
        self._slow_down(lane)
        self._slowed.append(lane)
        return lane.rule

    def _report(self, fault: Fault) -> Fault:
        if len(self.lanes) <= _PLACES and not self.findings.full:
            fault.places = tuple(lane.following() for lane in self.lanes)
        return self.findings.add(fault)
