# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ending exactly one process, and waiting for its death."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Optional

from .._problem import Problem
from .identity import ProcessIdentity, is_alive
from .waiting import LimitReached, wait_until

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StillAlive(Problem):
    """The process did not die in time."""


class Death(NamedTuple):
    """How and when a process ended; times are seconds since the epoch."""

    signal: int
    sent: float
    died: float


def kill(identity: ProcessIdentity, limit: float = 10.0) -> Optional[Death]:
    """SIGKILL, and wait until the process is dead; None when it was dead already.

    :raises StillAlive: when it is not dead after ``limit`` seconds (a process in uninterruptible sleep).
    """
    return _end(identity, signal.SIGKILL, limit)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Signals that would end this process wait for the end of the block."""
    if threading.current_thread() is not threading.main_thread():
        # Python interrupts nobody else.
        yield
        return
    came: list[int] = []
    # Not by a mask: that is of one thread alone, and any other one would take the signal.
    before = {number: signal.signal(number, lambda one, _frame: came.append(one)) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        for waiting in came:
            signal.raise_signal(waiting)


def terminate(identity: ProcessIdentity, grace: float = 5.0, limit: float = 10.0) -> Optional[Death]:
    """SIGTERM, and SIGKILL to who is still there after ``grace`` seconds; None when it was dead already.

    Not for workers: SIGTERM makes Wallaroo delete the files of the whole cluster (wallaroo.md, Trap 1).
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
