# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source: a port on which senders connect, at most ten at a time (reference B.2)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Optional

from .._formats.framing import FrameError, FrameSplitter
from .applications.interface import SourceDescription
from .command_line import HostPort
from .output import say
from .tasks import Tasks, close

CONNECTIONS = 10
"""Concurrent connections of one listener; an eleventh stays in the kernel's queue."""

FRAME_LIMIT = 1 << 20
_READ_SIZE = 1 << 18

Ingest = Callable[[int, list[bytes]], None]


class SourceListener:
    """One source of the application; only the initializer has them."""

    def __init__(
        self,
        number: int,
        description: SourceDescription,
        gate: asyncio.Event,
        ingest: Ingest,
        drained: Callable[[], Awaitable[None]],
        tasks: Tasks,
    ) -> None:
        self._number = number
        self._description = description
        self._gate = gate
        self._ingest = ingest
        self._drained = drained
        self._tasks = tasks
        self._socket: Optional[socket.socket] = None

    async def listen(self, address: HostPort) -> None:
        """Open the port.

        :raises OSError: when it is taken.
        """
        say(f"{self._description.pipeline} source attempting to listen on {address[0]}:{address[1]}")
        found = await asyncio.get_running_loop().getaddrinfo(*address, family=socket.AF_INET, type=socket.SOCK_STREAM)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setblocking(False)
        self._socket.bind(found[0][4])
        self._socket.listen(128)
        say(f"{self._description.pipeline} source is listening")
        self._tasks.start(self._accept(self._socket))

    async def _accept(self, listener: socket.socket) -> None:
        # Accepted by hand: the loop's own server would take every connection out of the kernel's queue.
        loop = asyncio.get_running_loop()
        free = asyncio.Semaphore(CONNECTIONS)
        while True:
            if free.locked():
                say("TCPSourceListener: Already reached connection limit")
            await free.acquire()
            try:
                connection, _address = await loop.sock_accept(listener)
                reader, writer = await asyncio.open_connection(sock=connection, limit=_READ_SIZE)
            except OSError as error:
                # The sender has gone again, or descriptors ran out: neither is a reason to stop listening.
                free.release()
                say(f"TCPSourceListener: a connection could not be accepted: {error}")
                await asyncio.sleep(0.1)
                continue
            say(f"{self._description.pipeline} source: accepted a connection")
            self._tasks.start(self._serve(reader, writer, free))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, free: asyncio.Semaphore) -> None:
        splitter, minimum = FrameSplitter(FRAME_LIMIT), self._description.minimum
        try:
            while True:
                await self._gate.wait()
                chunk = await reader.read(_READ_SIZE)
                if not chunk:
                    break
                payloads = splitter.feed(chunk)
                # Muted while this was being read: it waits here, as it would in the kernel's buffer.
                await self._gate.wait()
                if payloads:
                    if min(map(len, payloads)) < minimum:
                        payloads = self._decodable(payloads)
                    self._ingest(self._number, payloads)
                    await self._drained()
        except FrameError as error:
            say(f"{self._description.pipeline} source: cutting a connection off: {error}")
        except OSError:
            pass
        finally:
            free.release()
            say("TCPSource connection closed")
            await close(writer)

    def _decodable(self, payloads: list[bytes]) -> list[bytes]:
        fitting = [payload for payload in payloads if len(payload) >= self._description.minimum]
        for _ in range(len(payloads) - len(fitting)):
            say(f"Unable to decode message at {self._description.pipeline} source")
        return fitting
