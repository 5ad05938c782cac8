# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guarantees: what a key may repeat or leave out, given what is known of the crashes of a run.

``key_rule`` judges frames and asks an :class:`Allowance`, one for each key, before it calls one a fault. Which crash
allowed what is kept there, and told with the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Optional

from .violations import Fault

if TYPE_CHECKING:
    from .key_rule import KeyRule

Window = tuple[int, int, int, int]
"""What a message of a key shows, its newest value last."""

EXACTLY_ONCE, AT_LEAST_ONCE, NONE = "exactly_once", "at_least_once", "none"
"""As in ``_engines/contract.py``."""

MODES = (EXACTLY_ONCE, AT_LEAST_ONCE, NONE)


def window_text(window: tuple[int, ...]) -> str:
    """As in a message: ``[497,498,499,500]``."""
    return f"[{','.join(map(str, window))}]"


@dataclass(frozen=True)
class Crash:
    """What is known of a crash: what was covered, and from where the source was read again."""

    killed: float
    """When, in seconds since the epoch."""
    covered: Mapping[str, int] = field(default_factory=dict)
    """Key -> its last value that a completed checkpoint had covered; keys without one are absent."""
    froms: Sequence[Mapping[str, int]] = ()
    """For each time that the source was read from some record on before the next crash, key -> the last value before
    that record. None at all: the source never came back, and nothing is known."""
    replayed: bool = False
    """What had been sent was read again; otherwise the source went on with what came from then on."""
    covered_records: int = 0
    """The same as numbers of records of all keys together."""
    from_records: Sequence[int] = ()
    assumed: bool = False
    """Nobody noted that a worker was killed: it is the moment at which the reader of the source went."""

    @property
    def known(self) -> bool:
        """It can be told what this crash allows."""
        return bool(self.froms)


@dataclass
class Repeat:
    """A key went back, as it may after a crash."""

    source: int
    """Which reading of the source it follows: an index in what :func:`readings` returns."""
    first: int
    last: int
    """The values that came again."""
    highest: int
    """Where the key had been."""
    position: int
    offset: int
    """Where it begins."""


@dataclass
class Loss:
    """Values that a crash took."""

    source: int
    """Which reading of the source they were lost before."""
    first: int
    last: int
    came_out: bool
    """They had come out, and it is the state that has lost them."""


class Allowance:
    """What a key may do besides sending everything once and in order: nothing (``exactly_once``)."""

    repeats = False
    """It may go back somewhere, so that a repeat has to come to where the key was."""
    limited = True
    """Not to anywhere: what is not allowed is told, and then goes on without being told again."""

    def __init__(self) -> None:
        self.repeated: list[Repeat] = []
        self.lost: list[Loss] = []

    def may_go_back(self, value: int) -> bool:
        """Whether the key may repeat what it sent, beginning with this value."""
        del value
        return False

    def goes_back(self, value: int, rule: KeyRule) -> None:
        """It does."""

    def name_repeat(self, fault: Fault, value: int, rule: KeyRule) -> None:
        """Give a repeat that is not allowed its name.

        :param value: with which it begins.
        """
        del value, rule
        fault.kind = "rewind"

    def plain(self, following: int) -> bool:
        """Whether the next window is the one that values rising by one leave."""
        del following
        return True

    def due(self, following: int) -> Optional[Window]:
        """The next window where that is another one."""
        del following
        return None

    def takes(self, window: Window, rule: KeyRule) -> bool:
        """Deal with a window, when a crash explains it."""
        del window, rule
        return False

    def ends(self, rule: KeyRule) -> int:
        """The stream has ended; the first value that is missing and may not be, as far as crashes explain others."""
        return rule.highest + 1


class AnyRepeat(Allowance):
    """A key may go back to anything that it has sent (``at_least_once`` while nothing is known of crashes)."""

    repeats, limited = True, False

    def may_go_back(self, value: int) -> bool:
        """Always."""
        del value
        return True


class Repeats(Allowance):
    """A key may go back to where the source was read again, once for each time and in their order."""

    repeats = True

    def __init__(self, behind: Sequence[Optional[int]]) -> None:
        """:param behind: the value of the key behind which each reading of the source began; None: not known."""
        super().__init__()
        self._behind = behind
        self._used = 0

    def _reading(self, value: int) -> Optional[int]:
        for number in range(self._used, len(self._behind)):
            behind = self._behind[number]
            if behind is None or behind + 1 == value:
                return number
        return None

    def may_go_back(self, value: int) -> bool:
        """See :class:`Allowance`."""
        return self._reading(value) is not None

    def goes_back(self, value: int, rule: KeyRule) -> None:
        """See :class:`Allowance`."""
        number = self._reading(value)
        if number is None:
            return
        self._close(rule.next)
        self._used = number + 1
        self.repeated.append(Repeat(number, value, value, rule.highest, *rule.place))

    def name_repeat(self, fault: Fault, value: int, rule: KeyRule) -> None:
        """It begins too early or too late, where the source was read again at all."""
        begins = {
            behind + 1: number
            for number, behind in reversed(list(enumerate(self._behind)))
            # Where the key was it has nothing to repeat.
            if number >= self._used and behind is not None and behind + 1 < rule.next
        }
        fault.kind = "rewind"
        if not begins:
            return
        before = [begin for begin in begins if begin < value]
        begin = max(before) if before else min(begins)
        self._used = begins[begin] + 1
        fault.expected = f"{rule.text(begin)} or {fault.expected}"
        fault.kind = "late_repeat" if before else "early_repeat"
        fault.missing = (begin, value - 1) if before else None

    def ends(self, rule: KeyRule) -> int:
        """See :class:`Allowance`."""
        self._close(rule.next)
        return super().ends(rule)

    def _close(self, following: int) -> None:
        if self.repeated:
            open_one = self.repeated[-1]
            if open_one.last == open_one.first:
                open_one.last = max(open_one.first, min(following - 1, open_one.highest))


def readings(crashes: Sequence[Crash]) -> list[tuple[int, int]]:
    """Every time that the source was read anew: the number of the crash, and which of its ``froms`` it is.

    Of a crash of which nothing is known there is one, -1.
    """
    return [
        (number, place)
        for number, crash in enumerate(crashes)
        for place in (range(len(crash.froms)) if crash.known else (-1,))
    ]


def value_of(values: Mapping[str, int], key: str, first: int, last: int) -> int:
    """The value of a key, within what is verified; the one before the first where there is none."""
    return min(max(values.get(key, 0), first - 1), last)
