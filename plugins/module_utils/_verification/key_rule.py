# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule for one key, frame by frame, once a frame is not the expected one.

The rule is slow and exact. It sees only the frames around a fault, and its second purpose is that
one fault gives one violation: after each it says from which value the key goes on. What a frame
means is often shown only by the next one (a value that is too high is a gap when the stream goes on
behind it, and out of order when it goes on before it), so a frame out of place is first a suspect.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional

from .._formats.detector import expected_window
from .guarantees import Allowance, Window, window_text
from .violations import END_OF_STREAM, REPLACED, Fault

Report = Callable[[Fault], Fault]

_REMEMBERED = 1000
"""Holes and early frames kept for one key; a stream with more is beyond naming faults precisely."""


def value_text(value: int) -> str:
    """The window after a value, as in a message."""
    return window_text(expected_window(value))


def _fresh_windows(value: int) -> list[Window]:
    """Windows of a state that was empty one, two or three messages ago, and should not have been."""
    full = expected_window(value)
    fresh = [(0, 0, 0, value), (0, 0, full[2], value), (0, full[1], full[2], value)]
    return [window for window in fresh if window != full]


class _Suspect:
    """A frame out of place, of which the next frame of its key shows what it was."""

    def __init__(self, fault: Fault, window: Window, expected: int, at_beginning: bool) -> None:
        self.fault = fault
        self.window = window
        self.value = window[3]
        self.expected = expected
        self.at_beginning = at_beginning
        self.sound = window == expected_window(self.value)
        self.same_past = window[:3] == expected_window(expected)[:3]


class _Hole:
    """Values that did not come in their place, and may come later."""

    def __init__(self, first: int, last: int, fault: Fault) -> None:
        self.first, self.last, self.fault = first, last, fault


class KeyRule:
    """Where a key is, and what a frame of it means.

    :ivar next: the value that is expected next.
    :ivar highest: the highest value that came; ``first - 1`` before there was one.
    """

    def __init__(
        self,
        key: str,
        first: int,
        last: int,
        allowed: Allowance,
        report: Report,
        told: Callable[[int], str] = value_text,
    ) -> None:
        """.

        :param allowed: what the guarantee allows the key besides.
        :param told: the text of the message with a value.
        """
        self._told = told
        self.key, self.first, self.last = key, first, last
        self.next, self.highest = first, first - 1
        self.allowed = allowed
        # Whether the repeat in which the key is has been told as a violation: then its end is none.
        self._told_back = not allowed.repeats
        self._report = report
        self._seen = False
        self._suspect: Optional[_Suspect] = None
        self._carried: Optional[Window] = None
        self._holes: list[_Hole] = []
        self._early: dict[int, Fault] = {}
        self._beyond = False
        self._position, self._offset = 0, 0

    @property
    def plain(self) -> bool:
        """Nothing is pending: the key simply goes on with ``next``."""
        fills_holes = bool(self._holes) and self.next <= self.highest
        pending = self._suspect is not None or self._carried is not None or fills_holes
        return not pending and self.next <= self.last and self.allowed.plain(self.next)

    @property
    def place(self) -> tuple[int, int]:
        """Number and offset of the frame that is judged."""
        return self._position, self._offset

    def text(self, value: int) -> str:
        """The message with a value."""
        return self._told(value)

    def expected(self, value: Optional[int] = None) -> str:
        """The window that is expected next, or at another value."""
        following = self.next if value is None else value
        due = self.allowed.due(following) if value is None else None
        if due is not None:
            return window_text(due)
        return self._told(following) if following <= self.last else "nothing more"

    def came_to(self, following: int) -> None:
        """Everything up to the value before ``following`` came as expected."""
        self._accept(following - 1)

    def take(self, window: Window, position: int, offset: int) -> None:
        """A frame with four numbers."""
        self._seen, self._position, self._offset = True, position, offset
        value, sound = window[3], window == expected_window(window[3]) and window[3] > 0
        if sound and value > self.last:
            if not self._beyond:
                self._beyond = True
                self._fault("beyond_last", window)
            return
        if self._suspect is not None and self._explain(self._suspect, window, sound):
            return
        if self._suspect is None and self.allowed.takes(window, self):
            self._carried = None
            return
        if self._carried is not None:
            # A ring keeps what was put into it for four messages: still the same fault.
            goes_on = window[:3] == self._carried[1:] and value == self.next
            self._carried = None
            if goes_on:
                self._accept(value)
                self._carry(window)
                return
        if sound:
            self._sound(window)
        else:
            self._unsound(window)

    def malformed(self, found: str, position: int, offset: int) -> None:
        """A frame whose numbers are not four, or no numbers that could be values."""
        self.wrong("bad_window", found, position, offset, takes_place=True)

    def wrong(self, kind: str, found: str, position: int, offset: int, takes_place: bool) -> None:
        """A frame that cannot be one of the key's.

        :param takes_place: it stands where the next one belongs.
        """
        self._seen, self._position, self._offset = True, position, offset
        if self._suspect is not None:
            self._settle(self._suspect)
        self._carried = None
        self._fault(kind, None, found=found)
        if takes_place:
            self._accept(self.next)

    def leading_zeros(self, found: str, position: int, offset: int) -> None:
        """A frame whose numbers are not written as they must be; its values are looked at besides."""
        self._position, self._offset = position, offset
        self._fault("leading_zero", None, found=found)

    def misfit(self, window: Window, expected: str) -> None:
        """A window that no right state leaves, of a value that is right."""
        self._fault("bad_window", window).expected = expected

    def repeated(self, window: Window) -> None:
        """The same window once more."""
        self._fault("duplicate", window)

    def finish(self, end: int) -> None:
        """The stream has ended at byte ``end``."""
        if self._suspect is not None:
            self._settle(self._suspect)
        while self.next in self._early:
            self._skip_early()
        for value, fault in self._early.items():
            # It came early and in its place as well, or its place was never reached.
            if fault.kind == "reorder" and value <= self.highest:
                fault.kind = "duplicate"
        remaining: dict[int, tuple[Fault, int, int]] = {}
        for hole in self._holes:
            _unused, first, last = remaining.get(id(hole.fault), (hole.fault, hole.first, hole.last))
            remaining[id(hole.fault)] = (hole.fault, min(first, hole.first), max(last, hole.last))
        for fault, first, last in remaining.values():
            fault.missing = (first, last)
            if fault.kind == "reorder":
                fault.kind = "gap"
        # A repeat has to come to where the key was, and one that nothing goes on behind to the last value.
        stopped_inside = not self._told_back and self.next <= self.highest
        begin = self.allowed.ends(self)
        if begin > self.last and not stopped_inside:
            return
        self._position, self._offset = END_OF_STREAM, end
        missing = (begin if begin <= self.last else self.next, self.last)
        if not self._seen and self.highest < self.first:
            self._fault("missing_key", None, found="the end of the stream", missing=missing)
        elif stopped_inside:
            last_came = f"{self._told(self.next - 1)} of a repeat that had come to {self.highest} before"
            self._fault("lost_tail", None, found=last_came, missing=missing)
        else:
            last_came = self._told(self.highest) if self.highest >= self.first else "nothing in order"
            self._fault("lost_tail", None, found=last_came, missing=missing, expected=begin)

    # -- frames that are not the expected one -------------------------------------------------------

    def _sound(self, window: Window) -> None:
        """A window that values rising by one leave, perhaps not at this place."""
        value = window[3]
        if value == self.next:
            if value <= self.highest:
                self._fills_hole(value)
            self._accept(value)
        elif self._fills_hole(value):
            pass
        elif self.first <= value < self.next and self.allowed.may_go_back(value):
            self._go_back(value)
        elif self._told_back and self.next <= self.highest and value == self.highest + 1:
            # Back from a rewind that has been reported.
            self._accept(value)
        elif not self._skips_early(value):
            kind = "rewind" if value < self.first else "duplicate" if value < self.next else "gap"
            self._suspect = _Suspect(self._fault(kind, window), window, self.next, self.highest < self.first)

    def _unsound(self, window: Window) -> None:
        """A window that no right sequence leaves."""
        value, expected = window[3], self.next
        if value > 0 and window in _fresh_windows(value):
            missing = (expected, value - 1) if value > expected else None
            self._fault("reset_state", window, missing=missing if value <= self.last else None)
            if value <= self.last:
                self.next = value
            self._accept(self.next)
            self._carry(window)
        elif value in (0, expected):
            self._fault("bad_window", window)
            self._accept(expected)
            self._carry(window)
        else:
            fault = self._fault("bad_window", window)
            if window[:3] == expected_window(expected)[:3] or not self._begins_repeat(window):
                self._suspect = _Suspect(fault, window, expected, self.highest < self.first)

    def _begins_repeat(self, window: Window) -> bool:
        """A window with a wrong number is the first of a repeat; one of the others, or its newest, is right."""
        for value in (window[3], window[2] + 1):
            limited = self.allowed.limited and self.first <= value < self.next
            if limited and self.allowed.may_go_back(value):
                self._go_back(value)
                self._carry(window)
                return True
        return False

    def _go_back(self, value: int) -> None:
        """A repeat that is allowed begins."""
        self.allowed.goes_back(value, self)
        self._told_back = False
        self.next = value + 1

    def _explain(self, suspect: _Suspect, window: Window, sound: bool) -> bool:
        """Let the frame after a suspect show what it was; true when that frame is explained as well."""
        value, expected, fault = window[3], suspect.expected, suspect.fault
        back = sound and suspect.sound and max(value, suspect.value) < expected and value != suspect.value + 1
        if back and self.allowed.may_go_back(value):
            self._suspect = None
            return False
        if sound and suspect.sound and suspect.value == value and value < expected:
            fault.times += 1
            return True
        if not suspect.sound:
            return self._explain_unsound(suspect, window)
        if sound and value == expected + 1:
            self._replaced(suspect)
        elif sound and value == expected and suspect.value > expected:
            fault.kind = "reorder"
            self._remember_early(suspect)
            self._suspect = None
        elif suspect.value < expected and value == suspect.value + 1 and value != expected:
            self._went_back(suspect, value)
        elif suspect.value < expected and value < expected:
            self._went_back(suspect, suspect.value + 1)
        else:
            self._settle(suspect)
        return False

    def _explain_unsound(self, suspect: _Suspect, window: Window) -> bool:
        """The ring held the right past and a newest value that is wrong, or it is wrong altogether."""
        value, expected, fault = window[3], suspect.expected, suspect.fault
        goes_on = suspect.same_past and window[:3] == suspect.window[1:]
        self._suspect = None
        if goes_on and value == expected:
            fault.kind = "duplicate" if suspect.value < expected else "bad_window"
        elif goes_on and value == expected + 1:
            self._accept(expected)
        elif goes_on and value == suspect.value + 1 and value <= self.last:
            if suspect.value > expected:
                self._gap(suspect)
            else:
                fault.kind = "rewind"
                self._told_back = self._told_back or self.allowed.limited
            self.next = value
        else:
            if value != expected:
                self._accept(expected)
            return False
        self._accept(value)
        self._carry(window)
        return True

    def _went_back(self, suspect: _Suspect, following: int) -> None:
        """A suspect was the beginning of a repeat that is not allowed."""
        self.allowed.name_repeat(suspect.fault, suspect.value, self)
        self._told_back = self._told_back or self.allowed.limited
        self.next = following
        self._suspect = None

    def _settle(self, suspect: _Suspect) -> None:
        """What a suspect was when the next frame shows nothing special."""
        self._suspect = None
        if not suspect.sound:
            self._accept(suspect.expected)
        elif suspect.value > suspect.expected:
            self._gap(suspect)

    def _gap(self, suspect: _Suspect) -> None:
        fault = suspect.fault
        fault.kind = "lost_head" if suspect.at_beginning else "gap"
        fault.missing = (suspect.expected, suspect.value - 1)
        # In a replay what is left out came before: there is nothing that could still come late.
        if suspect.value > self.highest:
            self._remember_hole(suspect.expected, suspect.value - 1, fault)
        self.next = suspect.value
        self._accept(suspect.value)

    def _replaced(self, suspect: _Suspect) -> None:
        """One frame is missing, another one is there instead; the others go on as if nothing was."""
        fault = suspect.fault
        fault.kind, fault.missing = REPLACED, (suspect.expected, suspect.expected)
        self._remember_hole(suspect.expected, suspect.expected, fault)
        if suspect.value > suspect.expected + 1:
            self._remember_early(suspect)
        self._suspect = None
        self._accept(suspect.expected)

    # -- late and early values ----------------------------------------------------------------------

    def _fills_hole(self, value: int) -> bool:
        if value > self.highest:
            return False
        for number, hole in enumerate(self._holes):
            if hole.first <= value <= hole.last:
                hole.fault.kind, hole.fault.missing = "reorder", None
                rest = [(hole.first, value - 1), (value + 1, hole.last)]
                self._holes[number : number + 1] = [
                    _Hole(first, last, hole.fault) for first, last in rest if first <= last
                ]
                return True
        return False

    def _skips_early(self, value: int) -> bool:
        skipped = self.next
        while skipped in self._early and skipped < value:
            skipped += 1
        if skipped != value or value == self.next:
            return False
        while self.next < value:
            self._skip_early()
        self._accept(value)
        return True

    def _skip_early(self) -> None:
        fault = self._early.pop(self.next)
        if fault.kind == REPLACED:
            fault.kind = "reorder"
        self._accept(self.next)

    def _remember_early(self, suspect: _Suspect) -> None:
        if len(self._early) < _REMEMBERED:
            self._early[suspect.value] = suspect.fault

    def _remember_hole(self, first: int, last: int, fault: Fault) -> None:
        if len(self._holes) >= _REMEMBERED:
            self._holes.pop(0)
        self._holes.append(_Hole(first, last, fault))

    # -- small steps --------------------------------------------------------------------------------

    def _accept(self, value: int) -> None:
        self.next = min(value, self.last) + 1
        self.highest = max(self.highest, self.next - 1)

    def _carry(self, window: Window) -> None:
        self._carried = None if window == expected_window(window[3]) else window

    def _text(self, window: Window) -> str:
        return self._told(window[3]) if window == expected_window(window[3]) else window_text(window)

    def _fault(
        self,
        kind: str,
        window: Optional[Window],
        found: str = "",
        missing: Optional[tuple[int, int]] = None,
        expected: Optional[int] = None,
    ) -> Fault:
        return self._report(
            Fault(
                kind=kind,
                key=self.key,
                position=self._position,
                offset=self._offset,
                expected=self.expected(expected),
                found=found if window is None else self._text(window),
                missing=missing,
                value=window[3] if window is not None else None,
            )
        )
