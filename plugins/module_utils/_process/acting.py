# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts on a server that outlive the run that began them.

A run that is killed on the controller leaves the module that it was waiting for to itself: a worker is still moved,
or waited for, while the run's lock belongs to nobody. So whoever changes a worker shows it for as long as it takes,
and the next run looks at a server only when that is over; else it would decide by what is about to change.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .waiting import wait_until

FILE_NAME = "run/.acting"


@contextmanager
def acting(base: str, only_check: bool = False) -> Iterator[None]:
    """Show that a worker of this server is being changed. The kernel takes the sign back whatever ends this process.

    Where nothing was ever prepared, nothing is shown: an act that is refused there leaves no trace.

    :param only_check: nothing is changed, so nothing is shown.
    :raises OSError: when the server's directory cannot be written.
    """
    path = Path(base) / FILE_NAME
    if only_check or not path.parent.is_dir():
        yield
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # Shared: acts of one run do not wait for one another.
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def wait_for_acts(base: str, limit: float) -> None:
    """Wait until no act is under way on this server.

    :raises LimitReached: after ``limit`` seconds.
    """
    try:
        handle = os.open(Path(base) / FILE_NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        # Nothing was ever done here, or nothing can be.
        return

    def over() -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        wait_until(over, limit, "what an interrupted run had begun here to end")
    finally:
        os.close(handle)
