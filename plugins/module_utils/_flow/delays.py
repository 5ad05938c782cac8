# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long messages were waited for: per key over time, and for all of them together.

The *delay* of a key at a moment is the age of its oldest value that was sent and has not come. It is 0 while all has
come that was sent, so that an idle key is told apart from one that waits. A value that never comes counts until a later
one of its key has come. The *latency* of a message is the time from when its sender was about to send it until it was
received.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Optional

FINENESS = 24
"""Latencies are kept as powers of ten, so many to each: they are right within five percent."""

_SHORTEST = 1e-6


class Batches:
    """What a connection has sent: up to which value, and when."""

    def __init__(self) -> None:
        self.lasts: list[int] = []
        self.times: list[float] = []

    def add(self, last: int, at: float) -> None:
        """One batch more; what is sent once more, since a connection broke, keeps its first time."""
        if not self.lasts or last > self.lasts[-1]:
            self.lasts.append(last)
            self.times.append(at)

    def sent(self, value: int) -> Optional[float]:
        """When a value was sent; None when it was not."""
        number = bisect_left(self.lasts, value)
        return self.times[number] if number < len(self.times) else None


class Bins:
    """Equal pieces of the time of a run."""

    def __init__(self, begin: float, step: float, count: int) -> None:
        self.begin, self.step, self.count = begin, step, count

    def of(self, at: float) -> int:
        """The piece in which a moment lies, the nearest one for a moment outside."""
        return max(0, min(self.count - 1, int((at - self.begin) / self.step)))

    def end(self, number: int) -> float:
        """When a piece ends."""
        return self.begin + (number + 1) * self.step


class Key:
    """How far a key has come."""

    def __init__(self, batches: Batches, bins: Bins) -> None:
        self._batches, self._bins = batches, bins
        self.come_to = 0
        """The highest value that has come."""
        self.longest, self.longest_at = 0.0, 0.0
        """The longest delay, and when it ended."""
        self.delays = [0.0] * bins.count
        """The longest delay in each piece of time."""
        self._filled = 0

    @property
    def waits_since(self) -> Optional[float]:
        """When the oldest value was sent that has not come; None while all has come."""
        return self._batches.sent(self.come_to + 1)

    @property
    def sent(self) -> int:
        """The last value that was sent."""
        return self._batches.lasts[-1] if self._batches.lasts else 0

    def came(self, value: int, at: float) -> list[tuple[float, int]]:
        """A value has come, and with it all before it that will ever come: pairs of a latency and how many had it."""
        if value <= self.come_to:
            return []
        self._fill(self._bins.of(at))
        self._delayed(at)
        found = []
        lasts = self._batches.lasts
        number = bisect_left(lasts, self.come_to + 1)
        while number < len(lasts) and self.come_to < value:
            upto = min(value, lasts[number])
            found.append((max(0.0, at - self._batches.times[number]), upto - self.come_to))
            self.come_to, number = upto, number + 1
        # What nobody sent is a violation, and has no latency.
        self.come_to = value
        return found

    def end(self, until: float) -> None:
        """Nothing comes any more.

        :param until: when somebody looked last: so long what has not come was waited for.
        """
        self._fill(self._bins.count)
        since = self.waits_since
        if since is not None and until - since > self.longest:
            self.longest, self.longest_at = until - since, until

    def _fill(self, upto: int) -> None:
        since = self.waits_since
        for number in range(self._filled, upto):
            if since is not None:
                self.delays[number] = max(self.delays[number], self._bins.end(number) - since)
        self._filled = max(self._filled, upto)

    def _delayed(self, at: float) -> None:
        since = self.waits_since
        if since is None:
            return
        number, delay = self._bins.of(at), max(0.0, at - since)
        self.delays[number] = max(self.delays[number], delay)
        if delay > self.longest:
            self.longest, self.longest_at = delay, at


class Latencies:
    """Latencies of one piece of time."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.total = 0

    def add(self, latency: float, count: int) -> None:
        """So many messages had this latency, in seconds."""
        number = round(FINENESS * math.log10(max(latency, _SHORTEST)))
        self._counts[number] = self._counts.get(number, 0) + count
        self.total += count

    def percentile(self, share: float) -> Optional[float]:
        """The latency that this share of the messages had at most, in seconds; None without messages."""
        below = 0
        for number in sorted(self._counts):
            below += self._counts[number]
            if below >= share * self.total:
                return float(f"{10 ** (number / FINENESS):.3g}")
        return None


def together(latencies: Iterable[Latencies]) -> Latencies:
    """All latencies of several pieces of time."""
    whole = Latencies()
    for one in latencies:
        for number, count in one._counts.items():
            whole._counts[number] = whole._counts.get(number, 0) + count
        whole.total += one.total
    return whole


def percentiles(latencies: Sequence[Latencies], share: float) -> list[Optional[float]]:
    """A percentile of each piece of time."""
    return [one.percentile(share) for one in latencies]
