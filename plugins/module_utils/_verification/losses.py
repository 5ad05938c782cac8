# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a key may lose where nothing is read again (the guarantee ``none``).

A crash takes what was sent while nobody listened, and it sets the state of a key back to a checkpoint. So values are
missing, and for three messages the windows show where the state was: behind the values 98, 99, 100, of which 81 to 100
are forgotten and 101 to 120 lost, comes ``[78,79,80,121]``. Any other window is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Optional

from .guarantees import Allowance, Loss, Window, window_text

if TYPE_CHECKING:
    from .key_rule import KeyRule

_SEGMENTS = 64
"""Times that the state of a key was set back which are remembered where nothing is known of crashes."""

Segments = list[tuple[int, int]]


class Span(NamedTuple):
    """What one crash may have taken of a key: the values behind ``covered`` up to ``at``."""

    covered: int
    at: int


class Losses(Allowance):
    """A key may lose what lies between what was covered and where the source came back, once for each time."""

    def __init__(self, spans: Optional[Sequence[Span]]) -> None:
        """:param spans: in the order of time; None: nothing is known, so anything may be lost any time."""
        super().__init__()
        self._spans = spans
        self._used = 0
        # What the state has seen: these values, and then the run in which it is.
        self._past: Segments = []
        self._run = 1
        self._newest: Optional[Window] = None
        self._unsure = False

    def plain(self, following: int) -> bool:
        """See :class:`Allowance`."""
        return self._run == 1 or following - self._run >= 3

    def due(self, following: int) -> Optional[Window]:
        """See :class:`Allowance`."""
        if self._unsure or self.plain(following):
            return None
        return (*_newest_three(_cut(self._state(following - 1), following - 1)), following)

    def takes(self, window: Window, rule: KeyRule) -> bool:
        """See :class:`Allowance`."""
        value, following = window[3], rule.next
        due = self.due(following)
        if window == due or self._still_unsure(window, following) or self._crashed(window, rule):
            self._newest = window
            rule.came_to(value + 1)
            return True
        if due is None:
            return False
        if window == self._newest:
            rule.repeated(window)
            return True
        if value < following:
            return False
        text = rule.expected()
        if value == following:
            self._misfit(window, self._run, text, rule)
            rule.came_to(value + 1)
            return True
        # What is wrong now is judged as if the state were a plain one.
        self._past, self._run = [], 1
        return False

    def ends(self, rule: KeyRule) -> int:
        """See :class:`Allowance`."""
        following = rule.highest + 1
        if following > rule.last:
            return following
        spans = [Span(0, rule.last)] if self._spans is None else self._spans
        for number in range(self._used, len(spans)):
            span = spans[number]
            if span.covered < following <= span.at:
                self.lost.append(Loss(number, following, span.at, came_out=False))
                following = span.at + 1
        return following

    # -- crashes ------------------------------------------------------------------------------------

    def _crashed(self, window: Window, rule: KeyRule) -> bool:
        """Whether this is the first window behind a crash; then it is noted what that took."""
        value, back, following = window[3], window[2], rule.next
        if not following <= value <= rule.last or (value == following and back == following - 1):
            return False
        # Some of what came out may be forgotten; and what did not may have come to the state, and been lost behind it.
        state = _cut(self._state(value - 1), back)
        right = (state[-1][1] if state else 0) == back and _newest_three(state) == window[:3]
        found = self._explained(following, value, back) if right else None
        if found is None:
            right, found = False, self._explained(following, value, following - 1)
        if found is None or (not right and not self._is_set_back(window, following)):
            return False
        text = self._oldest_right(found[1], value)
        self.lost += found[0]
        self._used = found[1] + 1
        if not right:
            self._misfit(window, value, text, rule)
        elif back < value - 1:
            self._past, self._run = state[-_SEGMENTS:], value
        return True

    def _is_set_back(self, window: Window, following: int) -> bool:
        """Whether a wrong window behind values that may be lost is of a state that is wrong, and not of none at all."""
        past = window[:3]
        return window[3] > following and past != _newest_three(self._state(following - 1)) and any(past)

    def _oldest_right(self, number: int, value: int) -> str:
        """The window of the oldest state that the crash may leave."""
        covered = self._spans[number].covered if self._spans is not None else 0
        return f"{window_text((*_newest_three(_cut(self._state(value - 1), covered)), value))} or that of a later state"

    def _misfit(self, window: Window, run: int, expected: str, rule: KeyRule) -> None:
        """The state is not what it has to be; of what it is only the run in which it is now is known."""
        rule.misfit(window, expected)
        self._past, self._run, self._unsure = [], run, True

    def _still_unsure(self, window: Window, following: int) -> bool:
        """Whether a window has what is known of the state behind one that was wrong: that is no further fault."""
        if not self._unsure:
            return False
        run = range(max(self._run, following - 3), following + 1)
        self._unsure = window[-len(run) :] == tuple(run) and len(run) <= 3
        if not self._unsure:
            self._past, self._run = [], 1
        return window[-len(run) :] == tuple(run)

    def _explained(self, following: int, value: int, back: int) -> Optional[tuple[list[Loss], int]]:
        """What was lost, and by the crashes up to which; None when they do not explain it. The fewest are used."""
        forgotten = [(max(first, back + 1), last) for first, last in self._state(following - 1) if last > back]
        missing = (following, value - 1)
        if self._spans is None:
            lost = [Loss(0, *values, came_out=True) for values in forgotten]
            return lost + ([Loss(0, *missing, came_out=False)] if following < value else []), -1
        for end in range(self._used, len(self._spans)):
            for begin in range(end, self._used - 1, -1):
                found = self._by(range(begin, end + 1), forgotten, missing)
                if found is not None:
                    return found, end
        return None

    def _by(self, numbers: range, forgotten: Segments, missing: tuple[int, int]) -> Optional[list[Loss]]:
        """What these crashes took, between which nothing of the key came; None when it is more than they may take."""
        spans = self._spans or ()
        oldest, newest = spans[numbers[0]], spans[numbers[-1]]
        if forgotten:
            known = _cut(self._state(missing[0] - 1), oldest.covered)
            if forgotten[0][0] <= (known[-1][1] if known else 0) or forgotten[-1][1] > newest.at:
                return None
        found = [Loss(numbers[0], *values, came_out=True) for values in forgotten]
        at = missing[0]
        for number in numbers:
            if at <= missing[1] and spans[number].covered < at <= spans[number].at:
                upto = min(spans[number].at, missing[1])
                found.append(Loss(number, at, upto, came_out=False))
                at = upto + 1
        return found if at > missing[1] else None

    def _state(self, newest: int) -> Segments:
        """The values that the state has seen when it has come to this one."""
        return [*self._past, (self._run, newest)] if newest >= self._run else list(self._past)


def _cut(segments: Segments, newest: int) -> Segments:
    """What of these values is not higher than that."""
    return [(first, min(last, newest)) for first, last in segments if first <= newest]


def _newest_three(segments: Segments) -> tuple[int, int, int]:
    values: list[int] = []
    for first, last in reversed(segments):
        values += range(last, max(first, last - 2) - 1, -1)
        if len(values) >= 3:
            break
    third, second, first_one = [*values, 0, 0, 0][:3]
    return first_one, second, third
