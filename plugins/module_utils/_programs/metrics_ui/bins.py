# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a histogram of 65 bins tells: percentiles, bars, the cumulative line (wallaroo.md, E.2, E.5).

Bin k holds the values of k significant bits, 2^(k-1) to 2^k - 1 nanoseconds, so that all that is known of a value
is that it lies below 2^k.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, Optional

PERCENTILES = ("50", "95", "99", "99.9", "99.99")
"""Those of the original, as they are written."""

_PER_TEN_THOUSAND = {"50": 5000, "95": 9500, "99": 9900, "99.9": 9990, "99.99": 9999}


def end_of(bin: int) -> int:
    """What the original shows for a bin: 2^k nanoseconds, which all its values are below."""
    return 1 << bin


def percentile(bins: Sequence[int], name: str) -> Optional[int]:
    """The end of the first bin up to which at least this share of all values lies, in ns; None without values.

    Whole numbers are compared: the original adds up shares that are rounded to four decimals, and so misses
    99.99 percent by one bin now and then.

    :param bins: how many values are in each of the 65 bins.
    :param name: one of ``PERCENTILES``.
    """
    total = sum(bins)
    if not total:
        return None
    wanted, below = _PER_TEN_THOUSAND[name] * total, 0
    for number, count in enumerate(bins):
        below += count
        if below * 10000 >= wanted:
            return end_of(number)
    raise AssertionError("all values lie in some bin")


def percentiles(bins: Sequence[int]) -> dict[str, Optional[int]]:
    """All percentiles, in ns."""
    return {name: percentile(bins, name) for name in PERCENTILES}


def bars(bins: Sequence[int]) -> list[dict[str, Any]]:
    """A bar for each bin from the first with values to the last: where it begins and ends in ns, values, and percent.

    Its values are at least ``from`` and less than ``up_to``.
    """
    total = sum(bins)
    used = [number for number, count in enumerate(bins) if count]
    return [
        {
            "from": end_of(number - 1) if number else 0,
            "up_to": end_of(number),
            "count": bins[number],
            "percent": round(100 * bins[number] / total, 4),
        }
        for number in (range(used[0], used[-1] + 1) if used else ())
    ]


def line(bins: Sequence[int]) -> list[dict[str, Any]]:
    """The cumulative share in percent, from the bin before the first value to that of the last."""
    total = sum(bins)
    if not total:
        return []
    used = [number for number, count in enumerate(bins) if count]
    found, below = [], 0
    for number in range(max(0, used[0] - 1), used[-1] + 1):
        below += bins[number]
        found.append({"up_to": end_of(number), "percent": round(100 * below / total, 4)})
    return found


def spread(rates: Sequence[float]) -> dict[str, float]:
    """Minimum, median and maximum; 0 without any (wallaroo.md, E.5)."""
    if not rates:
        return {"min": 0, "median": 0, "max": 0}
    return {"min": min(rates), "median": statistics.median(rates), "max": max(rates)}
