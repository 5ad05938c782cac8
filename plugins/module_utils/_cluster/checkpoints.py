# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long checkpoints take."""

from __future__ import annotations

from typing import Optional

COUNT = 2
"""So many cover all that has come out: the first may have passed the sources already."""

_EARLY = 0.9
"""The share of the interval behind a commit in which certainly no checkpoint is under way: a timer may be early."""

INTERVAL = 1.0
"""Seconds between the end of a checkpoint and the next one, where a cluster says nothing else."""

_BESIDES = 60.0
"""Seconds for the checkpoints themselves, on a slow machine."""


def covering(committed: Optional[float], now: float, interval: float) -> int:
    """How many more have to be committed so that one of them covers what has come out by now.

    :param committed: when the last one was, in seconds since the epoch; None when that is not known.
    :param now: of the same clock, from before that was read.
    :param interval: seconds from a commit to the beginning of the next checkpoint.
    """
    return 1 if committed is not None and committed <= now < committed + _EARLY * interval else COUNT


def limit(count: int, interval: float) -> float:
    """Seconds after which so many checkpoints must have been committed."""
    return count * interval + _BESIDES
