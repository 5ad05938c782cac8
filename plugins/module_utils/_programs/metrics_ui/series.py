# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One series: the histograms of one name, in two resolutions.

* *recent*: slots of 2 s, the period of the protocol, for the last five minutes;
* *hour*: slots of 30 s for the last hour.

The slot of a time is that which ends with it or after it: a period that ends at 12:00:02 counted what happened
after 12:00:00 (wallaroo.md, E.4, E.5).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from ..._formats.metrics import BINS, NOTHING, Metric
from .ring import Budget, NoRoom, Ring

WINDOW = 300
"""Seconds of which the overview and all percentiles tell."""

KEPT = 3600
"""Seconds after which everything is forgotten."""

UNSETTLED = 4
"""The newest seconds, of which parts may still be on their way (wallaroo.md, E.5)."""

AHEAD = 30
"""Seconds that a worker's clock may be ahead of ours."""

_MOST = (1 << 64) - 1


@dataclass(frozen=True)
class Resolution:
    """Slots of a length, and how many of them are shown."""

    step: int
    """Seconds."""
    shown: int
    """Slots."""

    @property
    def slots(self) -> int:
        """Slots that are kept: also those whose time has not yet settled, or come."""
        return self.shown + (UNSETTLED + AHEAD) // self.step + 2

    def slot_of(self, second: int) -> int:
        """The slot of the second that ends then."""
        return (second - 1) // self.step

    def last_settled(self, now: float) -> int:
        """The newest slot to which nothing should be added any more."""
        return (int(now) - UNSETTLED) // self.step - 1


RECENT = Resolution(2, WINDOW // 2)
HOUR = Resolution(30, KEPT // 30)


class Series:
    """The histograms of one name."""

    __slots__ = ("_maximum", "_minimum", "_rings", "id", "last", "totals")

    def __init__(self, budget: Budget, cumulative: bool) -> None:
        """.

        :param cumulative: whether what came since the beginning is counted too, as Prometheus wants it.
        :raises NoRoom: when the budget is used up.
        """
        recent = Ring(RECENT.slots, budget)
        try:
            self._rings = {RECENT: recent, HOUR: Ring(HOUR.slots, budget)}
        except NoRoom:
            recent.release()
            raise
        self._minimum, self._maximum = NOTHING, 0
        self.totals = array("Q", bytes(8 * BINS)) if cumulative else None
        self.id = 0
        """Of a computation its position in the pipeline."""
        self.last = 0
        """The newest end of a period, in seconds since the epoch."""

    def add(self, second: int, metric: Metric, values: Sequence[tuple[int, int]]) -> None:
        """Add a histogram.

        :param second: the end of its period.
        :param values: its bins that are not empty, as pairs of bin and count.
        :raises NoRoom: when the budget is used up; then no ring has it that needed more room.
        """
        for resolution, ring in self._rings.items():
            ring.add(resolution.slot_of(second), values)
        self.last = max(self.last, second)
        self.id = metric.id
        if values:
            self._minimum, self._maximum = min(self._minimum, metric.minimum), max(self._maximum, metric.maximum)
        if self.totals is not None:
            for number, count in values:
                self.totals[number] = min(self.totals[number] + count, _MOST)

    def bins(self, resolution: Resolution, now: float) -> list[int]:
        """All values of the shown time by bin, with the newest that may still be incomplete."""
        last = resolution.last_settled(now)
        ring = self._rings[resolution]
        return ring.totals(last - resolution.shown + 1, max(last, ring.head))

    def rates(self, resolution: Resolution, now: float) -> list[Optional[float]]:
        """Values per second in each shown slot, oldest first; None where nothing came."""
        last = resolution.last_settled(now)
        return self._rates(resolution, last - resolution.shown + 1, last)

    def rate_now(self, now: float) -> float:
        """Values per second in the newest slot to which nothing should be added any more."""
        last = RECENT.last_settled(now)
        return self._rates(RECENT, last, last)[0] or 0

    def unsettled_rates(self, resolution: Resolution, now: float) -> list[Optional[float]]:
        """The same for the slots after those, as far as anything came."""
        last = resolution.last_settled(now)
        return self._rates(resolution, last + 1, min(self._rings[resolution].head, resolution.slot_of(int(now))))

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
