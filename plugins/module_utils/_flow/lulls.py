# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times in which nothing came out: *idle*, since nothing was to come, or *outage*, since something that was sent had
not come. No outage is longer than the delay of the key that was waited for (``delays.py``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Optional

IDLE, OUTAGE = "idle", "outage"

_KEPT = 50
"""So many of the longest are told."""


@dataclass(frozen=True)
class Lull:
    """One of them, in seconds since the epoch."""

    kind: str
    begin: float
    end: float
    came: bool = True
    """Whether something came at its end."""


class Lulls:
    """Finds them while sendings and arrivals are gone through in the order of time."""

    def __init__(self, shortest: float) -> None:
        """:param shortest: seconds; what is shorter is none."""
        self._shortest = shortest
        self._quiet_since: Optional[float] = None
        self._waiting_since: Optional[float] = None
        self.found: list[Lull] = []

    def sent(self, at: float) -> None:
        """Something was sent: from now on it is waited for."""
        if self._waiting_since is None:
            self._waiting_since = at

    def came(self, at: float, waiting: bool, ended: bool = False) -> None:
        """Something came.

        :param waiting: whether more is waited for.
        :param ended: nothing came, and nobody looks any longer.
        """
        since = self._waiting_since
        # Before the first arrival it was quiet, too.
        begin = since if self._quiet_since is None else self._quiet_since
        if begin is not None:
            middle = at if since is None else max(begin, since)
            self._add(Lull(IDLE, begin, middle))
            self._add(Lull(OUTAGE, middle, at, came=not ended))
        self._quiet_since = at
        self._waiting_since = at if waiting else None

    def _add(self, lull: Lull) -> None:
        if lull.end - lull.begin >= self._shortest:
            self.found.append(lull)

    def told(self) -> list[dict[str, Any]]:
        """The longest of them in the order of time, as plain data."""
        longest = sorted(self.found, key=lambda one: one.begin - one.end)[:_KEPT]
        return [asdict(one) for one in sorted(longest, key=lambda one: one.begin)]
