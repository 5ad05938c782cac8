# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ending exactly one process, and waiting for its death."""

from __future__ import annotations

import os
import select
import signal
import time
from dataclasses import dataclass
from typing import Optional

from .identity import ProcessIdentity, is_alive
from .waiting import LimitReached, wait_until


class StillAlive(Exception):
    """The process did not die in time."""


@dataclass(frozen=True)
class Death:
    """How and when a process ended; times are seconds since the epoch."""

    signal: int
    sent: float
    died: float


def kill(identity: ProcessIdentity, limit: float = 10.0) -> Optional[Death]:
    """SIGKILL, and wait until the process is dead; None when it was dead already.

    :raises StillAlive: when it is not dead after ``limit`` seconds (a process in uninterruptible sleep).
    """
    return _end(identity, signal.SIGKILL, limit)


def terminate(identity: ProcessIdentity, grace: float = 5.0, limit: float = 10.0) -> Optional[Death]:
    """SIGTERM, and SIGKILL to who is still there after ``grace`` seconds; None when it was dead already.

    Not for workers: SIGTERM makes Wallaroo delete the files of the whole cluster (reference, Trap 1).
    """
    try:
        return _end(identity, signal.SIGTERM, grace)
    except StillAlive:
        return _end(identity, signal.SIGKILL, limit)


def _end(identity: ProcessIdentity, number: int, limit: float) -> Optional[Death]:
    handle = _open(identity.pid)
    try:
        # Looked at after the handle was opened: from here on the pid cannot come to mean another process.
        if not is_alive(identity):
            return None
        sent = time.time()
        try:
            if handle is None:
                os.kill(identity.pid, number)
            else:
                signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return None
        _wait(identity, handle, limit)
        return Death(number, sent, time.time())
    finally:
        if handle is not None:
            os.close(handle)


def _open(pid: int) -> Optional[int]:
    """A handle on the process where the kernel has such (5.3 and later)."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _wait(identity: ProcessIdentity, handle: Optional[int], limit: float) -> None:
    if handle is not None:
        # Readable as soon as the process is dead, without a look at the clock; a zombie is dead too.
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        if waiting.poll(limit * 1000):
            return
    try:
        wait_until(lambda: not is_alive(identity), 0.0 if handle is not None else limit, "its death", pause=0.002)
    except LimitReached as error:
        raise StillAlive(f"process {identity.pid} is still alive {limit:g} s after the signal") from error
