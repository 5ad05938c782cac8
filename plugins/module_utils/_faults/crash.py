# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crashing a worker of a server: the one way in which any part of this collection does it."""

from __future__ import annotations

import time
from typing import Any

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


def crash_known(base: str, server: str, worker: str, limit: float, only_check: bool) -> dict[str, Any]:
    """The same for a worker that must have been started here; returns what was done, with a ``message``.

    :raises ValueError: when it was never started here.
    """
    known = living.known(base, worker, needed=True)
    if known is None:
        raise ValueError(f"{worker} was never started there ({base}); look with playbooks/status.yml where it runs")
    result = {"changed": False, "worker": worker, **Killed()._asdict()}
    pid = known.identity.pid
    if not is_alive(known.identity):
        return {**result, "message": f"{worker} (pid {pid}) was dead already on {server}"}
    if only_check:
        message = f"{worker} (pid {pid}) would be killed on {server}"
        return {**result, "changed": True, "pid": pid, "message": message}
    killed = crash(base, worker, limit)
    if killed.pid is None:
        return {**result, "message": f"{worker} (pid {pid}) died of itself on {server} at this moment"}
    return {**result, "changed": True, **killed._asdict(), "message": f"{worker} (pid {pid}) was killed on {server}"}
