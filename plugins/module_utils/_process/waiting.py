# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for an event, with a limit, and with a word about what was last seen."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from typing import Optional, TypeVar

from .._problem import Problem

PAUSE = 0.02
"""Seconds between two looks."""

Found = TypeVar("Found")


class LimitReached(Problem):
    """The event did not come in time; the sentence says what was waited for and what was last seen."""


def wait_until(
    look: Callable[[], Optional[Found]],
    limit: float,
    what: str,
    last_seen: Callable[[], str] = lambda: "",
    pause: float = PAUSE,
) -> Found:
    """Look until something is found, and return it.

    :param look: returns something false while the event has not come.
    :param limit: seconds.
    :param what: what is waited for, after "waited ... s for".
    :raises LimitReached: after ``limit`` seconds.
    """
    end = time.monotonic() + limit
    while True:
        found = look()
        if found:
            return found
        left = end - time.monotonic()
        if left <= 0:
            seen = last_seen()
            raise LimitReached(
                f"waited {round(limit, 1) or limit:g} s for {what}" + (f"; last seen: {seen}" if seen else "")
            )
        time.sleep(min(pause, left))


def lock_alone(handle: int, limit: float, what: str, pause: float = PAUSE) -> None:
    """Hold a file alone (flock). The kernel lets it go with the descriptor, whatever ends this process.

    :param what: what keeps it from that, after "waited ... s for".
    :raises LimitReached: when somebody else still holds it after ``limit`` seconds.
    """

    def locked() -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    wait_until(locked, limit, what, pause=pause)
