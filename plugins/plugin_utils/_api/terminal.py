# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-runner has made ready, run in a pseudo terminal, as ansible-runner does, or without where there is none.

A container without ``/dev/pts`` has none, and elsewhere all may be taken. There ansible-runner waits for a process, but
neither asks whether it shall cancel nor looks at the time, so both is done here. Output is shown at the end.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, Optional


def run(
    made: Any, limit: Optional[float], pause: float, is_to_cancel: Callable[[], bool], end: Callable[[], object]
) -> None:
    """Run it; ``made.status`` and ``made.rc`` say how it ended.

    :param made: ansible-runner's Runner.
    :param limit: seconds after which it is killed.
    :param pause: seconds between two questions whether it shall be cancelled.
    :param end: kills its processes; what was only about to start may escape once.
    """
    if _is_there():
        made.run()
        return
    made.runner_mode = "subprocess"
    # It would be told all events in one, at the end, from another thread.
    made.event_handler = lambda _event: False
    running = threading.Thread(target=made.run, name="wallaroo-without-terminal", daemon=False)
    begin = time.monotonic()
    running.start()
    while running.is_alive():
        running.join(pause)
        # The order of the questions is that of ansible-runner.
        made.canceled = made.canceled or is_to_cancel()
        made.timed_out = limit is not None and not made.canceled and time.monotonic() - begin > limit
        if made.canceled or made.timed_out:
            end()


def _is_there() -> bool:
    try:
        ends = os.openpty()
    except OSError:
        return False
    for one in ends:
        os.close(one)
    return True
