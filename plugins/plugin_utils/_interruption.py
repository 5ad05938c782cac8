# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to tell after Ctrl-C: what was under way, what becomes of it, and what to run next."""

from __future__ import annotations

import atexit
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import PurePath
from types import FrameType
from typing import Any, Optional


def sentences(under_way: Sequence[str], command: Sequence[str]) -> list[str]:
    """The lines to tell.

    :param under_way: what ran, a sentence each.
    :param command: the command line of the run.
    """
    again = shlex.join([os.path.basename(command[0]), *command[1:]]) if command else "the same command"
    running = "; ".join(under_way) or "nothing, between two steps"
    # Only here: every playbook would wait for what it takes to publish a result.
    from ._publishing import VERIFIED_RUNS

    if any(PurePath(word).stem in VERIFIED_RUNS for word in command if word.endswith((".yml", ".yaml"))):
        # It begins over whatever it finds, so it completes nothing.
        further = [
            "A cluster that it has started may still run, and its sender: stop_cluster.yml ends them.",
            f"Run next, to begin afresh: {again}",
        ]
    else:
        further = [f"Run next, to complete it: {again}"]
    return [
        f"Interrupted. Under way was: {running}.",
        "What has begun on a server goes on there to its end or to its limit. The lock of this run stays: the next one "
        "takes it over, since this one is gone, and waits for what is still under way.",
        *further,
        "Or look first, with status.yml.",
    ]


class Interruption:
    """Remembers that somebody pressed Ctrl-C, and says the rest when Ansible has ended."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._happened: Optional[list[str]] = None
        self._under_way: Callable[[], list[str]] = list
        self._before: Any = None

    def watch(self, under_way: Callable[[], list[str]]) -> None:
        """From now on.

        :param under_way: what runs at that moment.
        """
        self._under_way = under_way
        try:
            self._before = signal.signal(signal.SIGINT, self._interrupted)
        except ValueError:
            # Not in the main thread: whoever runs Ansible there looks after signals.
            return
        atexit.register(self._tell)

    def over(self) -> None:
        """The run has ended of itself."""
        atexit.unregister(self._tell)

    def _interrupted(self, number: int, frame: Optional[FrameType]) -> None:
        if os.getpid() == self._process and self._happened is None:
            # A signal may come while the lock of what is shown is held: by this very thread, which may take it again.
            self._happened = self._under_way()
        if callable(self._before):
            self._before(number, frame)
        else:
            raise KeyboardInterrupt

    def _tell(self) -> None:
        if os.getpid() == self._process and self._happened is not None:
            sys.stderr.write("\n".join(["", *sentences(self._happened, sys.argv), ""]))
