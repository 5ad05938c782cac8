# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long checkpoints take."""

from __future__ import annotations

COUNT = 2
"""So many cover all that has come out: the first may have passed the sources already."""

INTERVAL = 1.0
"""Seconds between the end of a checkpoint and the next one, where a cluster says nothing else."""

_BESIDES = 60.0
"""Seconds for the checkpoints themselves, on a slow machine."""


def limit(count: int, interval: float) -> float:
    """Seconds after which so many checkpoints must have been committed."""
    return count * interval + _BESIDES
