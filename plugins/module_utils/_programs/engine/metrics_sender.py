# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to the metrics receiver (wallaroo.md, E.1): whatever happens to it, the worker goes on as before."""

from __future__ import annotations

import asyncio
from typing import Optional

from ..._formats.metrics import Connect, Join, encode, topic_of
from .command_line import HostPort
from .connections import RETRY_PAUSE, Outlet, open_outlet
from .output import say
from .tasks import Signal


class MetricsSender:
    """Sends what it is given, or drops it: while nobody is there, and while the receiver does not keep up."""

    def __init__(self, application: str, worker: str) -> None:
        self._greeting = encode(Connect()) + encode(Join(topic_of(application), worker))
        # Its own: nobody in the worker waits for this connection.
        self._changed = Signal()
        self._outlet: Optional[Outlet] = None

    @property
    def accepts(self) -> bool:
        """Whether what is sent now has a chance to arrive."""
        return self._outlet is not None and self._outlet.usable and not self._outlet.full

    def send(self, data: bytes) -> None:
        """Send whole frames, or drop them all. At most ``connections.HIGH_WATER`` bytes and these wait to leave."""
        if self._outlet is not None and self.accepts:
            self._outlet.write(data)

    async def run(self, address: HostPort) -> None:
        """Connect, again and again, silently and for ever."""
        while True:
            try:
                self._outlet = outlet = await open_outlet(address, self._lost, self._changed)
            except (OSError, OverflowError, ValueError):
                # ValueError: a host that is no name at all.
                await asyncio.sleep(RETRY_PAUSE)
                continue
            say("metrics outgoing connected")
            outlet.write(self._greeting)
            await self._changed.until(lambda: self._outlet is None)
            await asyncio.sleep(RETRY_PAUSE)

    def _lost(self, outlet: Outlet) -> None:
        self._outlet = None
