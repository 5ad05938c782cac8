# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers and moments as people read them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Optional

DASH = "\N{EN DASH}"
"""Stands for what is not known."""

_MINUTE, _HOUR = 60, 3600
_LONG, _SHORT = 10, 0.1


def duration(seconds: Optional[float]) -> str:
    """``3 ms``, ``0.13 s``, ``12.4 s``, ``2 min 5 s``; a dash where it is not known."""
    if seconds is None:
        return DASH
    if seconds < 0:
        return f"\N{MINUS SIGN}{duration(-seconds)}"
    if seconds < _SHORT:
        return f"{seconds * 1000:.3g} ms"
    if seconds < _LONG:
        return f"{seconds:.2f} s"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{int(seconds) // 60} min {int(seconds) % 60} s"
    return f"{int(seconds) // 3600} h {int(seconds) % 3600 // 60} min"


def size(count: int) -> str:
    """``2,420 bytes``, and what they are in larger units where they are many."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if count >= 10 ** (power + 1):
            return f"{count / 10**power:,.1f} {unit}"
    return counted(count, "byte")


def counted(count: int, thing: str, things: str = "") -> str:
    """``1 message``, ``22,000 messages``."""
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def seconds_of(moment: Any) -> Optional[float]:
    """A point in time, ISO 8601 or seconds since the epoch, as the latter; None when it is neither."""
    if isinstance(moment, (int, float)) and not isinstance(moment, bool):
        return float(moment)
    try:
        return datetime.fromisoformat(str(moment).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def clock(seconds: Optional[float]) -> str:
    """The time of day in UTC with milliseconds."""
    if seconds is None:
        return DASH
    return datetime.fromtimestamp(seconds, tz=timezone.utc).strftime("%H:%M:%S.%f")[:-3]


def day(seconds: Optional[float]) -> str:
    """Date and time in UTC."""
    if seconds is None:
        return DASH
    return datetime.fromtimestamp(seconds, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def ranges(first_and_last: Any) -> str:
    """``501``, or ``501 to 612``."""
    first, last = first_and_last
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"
