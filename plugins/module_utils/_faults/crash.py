# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crashing a worker of a server: the one way in which any part of this collection does it."""

from __future__ import annotations

import time

from .._process import living
from .._process.identity import is_alive
from . import records
from .kill import Kill, Killed


def crash(base: str, worker: str, limit: float) -> Killed:
    """SIGKILL to a worker, where it is alive.

    :raises StillAlive: when it is not dead after ``limit`` seconds.
    :raises Damaged: when it is not known which process it is.
    :raises OSError: when its record cannot be written; nothing was killed then.
    """
    known = living.known(base, worker)
    if known is None or not is_alive(known.identity):
        return Killed()
    return records.inject(base, Kill(worker, known.identity, time.time()), limit)
