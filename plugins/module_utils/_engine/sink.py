# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sink: this worker's one connection to the receiver (reference D.1)."""

from __future__ import annotations

import asyncio
from typing import Optional

from .command_line import HostPort
from .output import say
from .tasks import Tasks, close

RETRY_PAUSE = 10.0
"""Seconds between two tries to reach the receiver."""

_HIGH_WATER = 1 << 20


class Sink:
    """Writes frames; while the receiver is away they are dropped and everything upstream waits."""

    def __init__(self, address: HostPort, tasks: Tasks) -> None:
        self._address = address
        self._tasks = tasks
        self._writer: Optional[asyncio.StreamWriter] = None
        self._usable = asyncio.Event()

    async def connect(self) -> None:
        """Keep trying until the receiver is there."""
        first = True
        while True:
            verb = "TCPSink initializing connection" if first else "RE-Connecting TCPSink"
            say(f"{verb} to {self._address[0]}:{self._address[1]}")
            first = False
            try:
                reader, writer = await asyncio.open_connection(*self._address)
            except OSError:
                await asyncio.sleep(RETRY_PAUSE)
                continue
            break
        say("TCPSink connected")
        writer.transport.set_write_buffer_limits(high=_HIGH_WATER)
        self._writer = writer
        self._usable.set()
        self._tasks.start(self._watch(reader, writer))

    async def ready(self) -> None:
        """Wait until the receiver is there."""
        await self._usable.wait()

    def write(self, frames: list[bytes]) -> None:
        """Send a batch."""
        if self._writer is not None and frames:
            self._writer.write(b"".join(frames))

    async def drain(self) -> None:
        """Back-pressure: returns when the receiver takes more."""
        while True:
            await self._usable.wait()
            writer = self._writer
            if writer is None:
                continue
            try:
                await writer.drain()
                return
            except OSError:
                self._lost(writer)

    async def _watch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(1 << 12):
                pass
        except OSError:
            pass
        self._lost(writer)
        await close(writer)

    def _lost(self, writer: asyncio.StreamWriter) -> None:
        if self._writer is not writer:
            return
        say("TCPSink closed")
        self._writer = None
        self._usable.clear()
        self._tasks.start(self._again())

    async def _again(self) -> None:
        await asyncio.sleep(RETRY_PAUSE)
        await self.connect()
