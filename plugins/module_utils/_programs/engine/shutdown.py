# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The orderly end of a cluster: every worker deletes its resilience files, and exits 0 (wallaroo.md, A.6, Trap 1)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from .control_channel import Message
from .output import say
from .worker import Worker

LIMIT = 5.0
"""Seconds after which the process ends in any case (wallaroo.md, A.6)."""

_FLUSH_LIMIT = 2.0


class Shutdown:
    """Begun by a signal, by the external channel, or by another worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._begun = False
        loop = asyncio.get_running_loop()
        self.finished: asyncio.Future[None] = loop.create_future()
        worker.handlers["shutdown"] = self._requested
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.begin)

    def begin(self, tell: bool = True) -> None:
        """End; with ``tell``, the others end too."""
        if self._begun:
            return
        self._begun = True
        self._worker.flow.processing = False
        self._worker.coordinator.stop()
        asyncio.get_running_loop().call_later(LIMIT, self._give_up)
        self._worker.tasks.start(self._end(tell))

    def _requested(self, name: str, message: Message, host: str) -> None:
        self.begin(tell=False)

    async def _end(self, tell: bool) -> None:
        worker = self._worker
        if tell:
            worker.broadcast({"type": "shutdown"})
        say("Removing recovery files")
        for path in worker.files.remove():
            say(f"...Removing {path}...")
        say("Recovery files removed.")
        # What the sink holds still leaves, when the receiver takes it.
        flushing = [peer.flush(_FLUSH_LIMIT) for peer in worker.peers.values()]
        await asyncio.gather(*flushing, worker.sink.flush(_FLUSH_LIMIT))
        say("Connections: Finished shutdown procedure.")
        say("Shutting down Startup...")
        self.finished.set_result(None)

    @staticmethod
    def _give_up() -> None:
        sys.stdout.flush()
        os._exit(0)
