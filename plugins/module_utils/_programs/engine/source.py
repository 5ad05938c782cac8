# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source: a port on which senders connect, at most ten at a time (wallaroo.md, B.2)."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Awaitable, Callable
from typing import Optional

from ..._formats.framing import FrameSplitter, FrameTooLong
from .applications.interface import InvariantViolated, SourceDescription
from .command_line import HostPort
from .connections import READ_SIZE
from .metrics import now
from .output import fail, say
from .tasks import Tasks

CONNECTIONS = 10
"""Concurrent connections of one listener; an eleventh stays in the kernel's queue."""

FRAME_LIMIT = 1 << 20
_BACKLOG = 128

Decodable = Callable[[int, list[bytes]], list[bytes]]
"""Those payloads of a source that are messages."""

Offer = Callable[[int, list[bytes], int], Awaitable[None]]
"""Takes a batch of a source and the nanoseconds it took to cut it into messages, and returns when the batch has been
handed over: that is the back-pressure."""


class SourceListener:
    """One source of the application; only the initializer has them."""

    def __init__(
        self, number: int, description: SourceDescription, decodable: Decodable, offer: Offer, tasks: Tasks
    ) -> None:
        self._number = number
        self._description = description
        self._decodable = decodable
        self._offer = offer
        self._tasks = tasks
        self._socket: Optional[socket.socket] = None
        self._free = CONNECTIONS

    async def listen(self, address: HostPort) -> None:
        """Open the port.

        :raises OSError: when it cannot be had.
        """
        loop, pipeline = asyncio.get_running_loop(), self._description.pipeline
        say(f"{pipeline} source attempting to listen on {address[0]}:{address[1]}")
        found = await loop.getaddrinfo(
            address[0] or "0.0.0.0", address[1], family=socket.AF_INET, type=socket.SOCK_STREAM
        )
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setblocking(False)
        self._socket.bind(found[0][4])
        self._socket.listen(_BACKLOG)
        say(f"{pipeline} source is listening")
        self._watch()

    def _watch(self) -> None:
        # Accepted by hand: the loop's own server would take every connection out of the kernel's queue.
        if self._socket is not None:
            asyncio.get_running_loop().add_reader(self._socket, self._somebody_calls, self._socket)

    def _somebody_calls(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        if not self._free:
            say("TCPSourceListener: Already reached connection limit")
            loop.remove_reader(listener)
            return
        while self._free:
            try:
                connection, _address = listener.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError as error:
                # Out of descriptors, for one: no reason to stop listening, nor to spin.
                say(f"TCPSourceListener: a connection could not be accepted: {error}")
                loop.remove_reader(listener)
                loop.call_later(0.1, self._watch)
                return
            self._free -= 1
            say(f"{self._description.pipeline} source: accepted a connection")
            self._tasks.start(self._serve(connection))
        if _has_caller(listener):
            # Only one that calls when all are taken is spoken of. This one was there already, and waits in silence.
            loop.remove_reader(listener)

    async def _serve(self, connection: socket.socket) -> None:
        splitter = FrameSplitter(FRAME_LIMIT)
        writer: Optional[asyncio.StreamWriter] = None
        try:
            connection.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=connection, limit=READ_SIZE)
            while True:
                chunk = await reader.read(READ_SIZE)
                if not chunk:
                    break
                began = now()
                await self._take(splitter.feed(chunk), began)
        except FrameTooLong as error:
            await self._take(error.complete, now())
            say(f"{self._description.pipeline} source: cutting a connection off: {error}")
        except OSError:
            pass
        finally:
            if writer is not None:
                writer.transport.abort()
            else:
                connection.close()
            self._free += 1
            self._watch()
            say("TCPSource connection closed")

    async def _take(self, payloads: list[bytes], began: int) -> None:
        if not payloads:
            return
        try:
            decoded = self._decodable(self._number, payloads)
        except InvariantViolated as violated:
            fail(str(violated), violated.where)
        if len(decoded) < len(payloads):
            say(f"Unable to decode message at {self._description.pipeline} source")
        if decoded:
            await self._offer(self._number, decoded, now() - began)


def _has_caller(listener: socket.socket) -> bool:
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    return bool(poll.poll(0))
