# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sink: this worker's one connection to the receiver (wallaroo.md, D.1)."""

from __future__ import annotations

import asyncio
from typing import Optional

from .command_line import HostPort
from .connections import RETRY_PAUSE, Outlet, open_outlet
from .output import say
from .tasks import Signal, Tasks


class Sink:
    """Sends frames. While the receiver is away, everything upstream waits and nothing is kept."""

    def __init__(self, address: HostPort, tasks: Tasks, changed: Signal) -> None:
        self._address = address
        self._tasks = tasks
        self._changed = changed
        self._outlet: Optional[Outlet] = None

    @property
    def connected(self) -> bool:
        """Whether the receiver is there."""
        return self._outlet is not None and self._outlet.usable

    @property
    def accepts(self) -> bool:
        """Whether more may be written: the receiver is there and keeps up."""
        return self._outlet is not None and self._outlet.usable and not self._outlet.full

    async def connect(self) -> None:
        """Keep trying until the receiver is there."""
        say(f"TCPSink initializing connection to {self._address[0]}:{self._address[1]}")
        while not await self._attempt():
            await self._pause()

    async def _attempt(self) -> bool:
        try:
            self._outlet = await open_outlet(self._address, self._lost, self._changed)
        except (OSError, OverflowError):
            return False
        say("TCPSink connected")
        self._changed.wake()
        return True

    def write(self, data: bytes) -> None:
        """Send a batch of frames; it is dropped when the receiver is away (wallaroo.md, D.1)."""
        if self._outlet is not None:
            self._outlet.write(data)

    async def flush(self, limit: float) -> None:
        """Wait until what was written has left."""
        if self._outlet is not None:
            await self._outlet.flush(limit)

    async def _pause(self) -> None:
        say(f"RE-Connecting TCPSink to {self._address[0]}:{self._address[1]}")
        await asyncio.sleep(RETRY_PAUSE)

    def _lost(self, outlet: Outlet) -> None:
        if self._outlet is not outlet:
            return
        say("TCPSink connection closed")
        self._outlet = None
        self._tasks.start(self._try_again())

    async def _try_again(self) -> None:
        await self._pause()
        while not await self._attempt():
            await self._pause()
