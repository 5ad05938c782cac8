# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One series: the histograms of one name, in two resolutions.

* *fine*: slots of 2 s, the period of the protocol;
* *coarse*: slots of 30 s for the last hour.

What a page tells about keeps fine slots for the hour too, so that one can look closely at what was done a while ago;
what was recorded by one part of one worker, of which there are thousands, keeps them for five minutes.

The slot of a time is that which ends with it or after it: a period that ends at 12:00:02 counted what happened
after 12:00:00 (wallaroo.md, E.4, E.5).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from ..._formats.metrics import NOTHING, Metric
from .ring import UNTIMED, Budget, NoRoom, Ring

WINDOW = 300
"""Seconds of which tables tell."""

AROUND = 30
"""Seconds before and after a moment that somebody looks at closely."""

KEPT = 3600
"""Seconds after which everything is forgotten."""

UNSETTLED = 4
"""The newest seconds, of which parts may still be on their way (wallaroo.md, E.5)."""

AHEAD = 30
"""Seconds that a worker's clock may be ahead of ours."""

_MOST = (1 << 64) - 1


@dataclass(frozen=True)
class Resolution:
    """Slots of a length."""

    step: int
    """Seconds."""

    def slots(self, kept: int) -> int:
        """How many slots hold so many seconds, and those whose time has not yet settled, or come."""
        return (kept + UNSETTLED + AHEAD) // self.step + 2

    def slot_of(self, second: int) -> int:
        """The slot of the second that ends then."""
        return (second - 1) // self.step

    def last_settled(self, now: float) -> int:
        """The newest slot to which nothing should be added any more."""
        return (int(now) - UNSETTLED) // self.step - 1


FINE, COARSE = Resolution(2), Resolution(30)


@dataclass(frozen=True)
class Window:
    """A stretch of time, as slots of one resolution; all numbers are included."""

    name: str
    """``5m`` and ``1h``, which go with the time, or ``around`` a moment."""
    resolution: Resolution
    first: int
    settled: int
    """The newest slot to which nothing should be added any more; before the first when there is none."""
    last: int
    """The newest slot that has a place on the axis."""
    begin: float
    """Where the axis begins, in seconds since the epoch."""
    end: float
    open: bool = True
    """Whether what a clock ahead of ours says of the next seconds counts too."""


def latest(name: str, now: float) -> Window:
    """The last minutes: ``5m`` or ``1h``."""
    resolution, seconds = (FINE, WINDOW) if name == "5m" else (COARSE, KEPT)
    settled = resolution.last_settled(now)
    first = settled - seconds // resolution.step + 1
    return Window(name, resolution, first, settled, resolution.slot_of(int(now)), now - seconds, now)


def around(moment: float, now: float) -> Window:
    """The seconds before and after a moment of the last hour."""
    middle, half = int(moment) // FINE.step, AROUND // FINE.step
    first, last = middle - half, middle + half - 1
    settled = max(first - 1, min(last, FINE.last_settled(now)))
    begin, end = float(first * FINE.step), float((last + 1) * FINE.step)
    return Window("around", FINE, first, settled, last, begin, end, open=False)


class Series:
    """The histograms of one name."""

    __slots__ = ("_maximum", "_minimum", "_rings", "id", "last", "totals")

    def __init__(self, budget: Budget, whole: bool) -> None:
        """.

        :param whole: whether it is what a page tells about; of a part, what came since the beginning is counted
            instead, as Prometheus wants it.
        :raises NoRoom: when the budget is used up.
        """
        fine = Ring(FINE.slots(KEPT if whole else WINDOW), budget)
        try:
            self._rings = {FINE: fine, COARSE: Ring(COARSE.slots(KEPT), budget)}
        except NoRoom:
            fine.release()
            raise
        self._minimum, self._maximum = NOTHING, 0
        self.totals = array("Q", bytes(8 * (UNTIMED + 1))) if not whole else None
        self.id = 0
        """Of a computation its position in the pipeline."""
        self.last = 0
        """The newest end of a period, in seconds since the epoch."""

    def add(self, second: int, metric: Metric, values: Sequence[tuple[int, int]]) -> None:
        """Add a histogram.

        :param second: the end of its period.
        :param values: its bins that are not empty, as pairs of bin and count; or what is untimed.
        :raises NoRoom: when the budget is used up; then no ring has it that needed more room.
        """
        for resolution, ring in self._rings.items():
            ring.add(resolution.slot_of(second), values)
        self.last = max(self.last, second)
        self.id = metric.id
        if values and values[0][0] != UNTIMED:
            self._minimum, self._maximum = min(self._minimum, metric.minimum), max(self._maximum, metric.maximum)
        if self.totals is not None:
            for number, count in values:
                self.totals[number] = min(self.totals[number] + count, _MOST)

    def bins(self, window: Window) -> list[int]:
        """All values of a window by bin, with the newest that may still be incomplete."""
        ring = self._rings[window.resolution]
        return ring.totals(window.first, max(window.last, ring.head) if window.open else window.last)

    def count(self, window: Window) -> int:
        """All values of a window, with those that are untimed."""
        ring = self._rings[window.resolution]
        last = max(window.last, ring.head) if window.open else window.last
        return sum(filter(None, ring.counts(window.first, last)))

    def rates(self, window: Window) -> list[Optional[float]]:
        """Values per second in each settled slot, oldest first; None where nothing came."""
        return self._rates(window.resolution, window.first, window.settled)

    def rate_now(self, now: float) -> float:
        """Values per second in the newest slot to which nothing should be added any more."""
        last = FINE.last_settled(now)
        return self._rates(FINE, last, last)[0] or 0

    def unsettled_rates(self, window: Window) -> list[Optional[float]]:
        """The same for the slots after those, as far as anything came."""
        return self._rates(window.resolution, window.settled + 1, self.newest(window))

    def newest(self, window: Window) -> int:
        """The newest slot of a window that anything came of, or that has settled."""
        return max(window.settled, min(self._rings[window.resolution].head, window.last))

    def slots(self, window: Window) -> list[list[int]]:
        """The bins of each slot up to the newest, oldest first."""
        ring = self._rings[window.resolution]
        return [ring.totals(slot, slot) for slot in range(window.first, self.newest(window) + 1)]

    @property
    def minimum(self) -> Optional[int]:
        """The smallest value since the series began, in ns; None without values."""
        return None if self._minimum == NOTHING else self._minimum

    @property
    def maximum(self) -> Optional[int]:
        """The largest, in ns; None without values."""
        return None if self._minimum == NOTHING else self._maximum

    def release(self) -> None:
        """Give the memory back."""
        for ring in self._rings.values():
            ring.release()

    def _rates(self, resolution: Resolution, first: int, last: int) -> list[Optional[float]]:
        counts = self._rings[resolution].counts(first, last)
        return [None if count is None else count / resolution.step for count in counts]
