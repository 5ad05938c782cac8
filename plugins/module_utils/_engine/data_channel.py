# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data channel: batches of messages and barriers, from the boundaries of other workers.

A frame holds one type byte and its body: who is calling, a batch of one source, a checkpoint
barrier, or a rollback barrier.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from typing import Optional, Protocol

from .._formats.framing import HEADER, FrameError, FrameSplitter, frame
from .command_line import HostPort
from .output import say
from .tasks import Tasks, close

HELLO, BATCH, BARRIER, ROLLBACK_BARRIER = 0, 1, 2, 3
FRAME_LIMIT = 8 << 20
"""A batch is one piece read from a source; this is far above."""

RETRY_PAUSE = 10.0
"""Seconds between two tries of a boundary to reach a worker (reference B.5)."""

_READ_SIZE = 1 << 18
_HIGH_WATER = 1 << 20
_BARRIER = struct.Struct(">QQ")


def _message(kind: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return HEADER.pack(1 + len(body)) + bytes((kind,)) + body


class Boundary:
    """The way out to one other worker: one ordered stream of batches and barriers."""

    def __init__(self, name: str, own_name: str, incarnation: str, tasks: Tasks) -> None:
        self.name = name
        self._hello = _message(HELLO, json.dumps({"name": own_name, "incarnation": incarnation}).encode())
        self._tasks = tasks
        self._writer: Optional[asyncio.StreamWriter] = None
        self._pending: list[bytes] = []
        self._usable = asyncio.Event()
        self._attempt: Optional[asyncio.Task[None]] = None
        self.address: HostPort = ("", 0)

    @property
    def connected(self) -> bool:
        """Whether the stream stands."""
        return self._writer is not None

    def connect(self, address: HostPort) -> None:
        """Connect, again and again, until it works; a new address replaces one that is being tried."""
        self.address = address
        if self._attempt is not None:
            self._attempt.cancel()
        self._drop()
        self._attempt = self._tasks.start(self._connect())

    async def ready(self) -> None:
        """Wait until the stream stands."""
        await self._usable.wait()

    def batch(self, source: int, payloads: bytes) -> None:
        """Hand messages over; they wait here while the other is away."""
        self._write(_message(BATCH, bytes((source,)), payloads))

    def barrier(self, kind: int, checkpoint: int, rollback: int) -> None:
        """Send a barrier behind everything that was handed over before."""
        self._write(_message(kind, _BARRIER.pack(checkpoint, rollback)))

    def clear(self) -> None:
        """Forget what waits; part of a rollback."""
        self._pending.clear()

    async def drain(self) -> None:
        """Back-pressure: returns when more may be handed over."""
        while True:
            writer = self._writer
            if writer is None:
                if not self._pending:
                    return
                await self._usable.wait()
                continue
            try:
                await writer.drain()
                return
            except OSError:
                self._lost(writer)

    def _write(self, data: bytes) -> None:
        if self._writer is None:
            self._pending.append(data)
        else:
            self._writer.write(data)

    async def _connect(self) -> None:
        first = True
        while True:
            if not first:
                await asyncio.sleep(RETRY_PAUSE)
                say(f"RE-Connecting OutgoingBoundary to {self.address[0]}:{self.address[1]}")
            else:
                say("BoundaryNotify: attempting to connect...")
                say(f"Connecting OutgoingBoundary to {self.address[0]}:{self.address[1]}")
            first = False
            try:
                reader, writer = await asyncio.open_connection(*self.address)
            except OSError:
                continue
            break
        say("BoundaryNotify: connected")
        writer.transport.set_write_buffer_limits(high=_HIGH_WATER)
        writer.write(self._hello)
        self._writer = writer
        for data in self._pending:
            writer.write(data)
        self._pending.clear()
        self._usable.set()
        self._attempt = None
        self._tasks.start(self._watch(reader, writer))

    async def _watch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(1)
        except OSError:
            pass
        self._lost(writer)
        await close(writer)

    def _lost(self, writer: asyncio.StreamWriter) -> None:
        if self._writer is not writer:
            return
        say("BoundaryNotify: closed")
        self._writer = None
        self._usable.clear()
        self._attempt = self._tasks.start(self._retry())

    async def _retry(self) -> None:
        await asyncio.sleep(RETRY_PAUSE)
        say(f"RE-Connecting OutgoingBoundary to {self.address[0]}:{self.address[1]}")
        await self._connect()

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._usable.clear()


class DataReceiver(Protocol):
    """What a worker does with what comes in."""

    def boundary_connected(self, name: str, incarnation: str) -> None:
        """Another worker's boundary has come."""

    def batch_received(self, name: str, source: int, payloads: list[bytes]) -> None:
        """Messages for keys of this worker."""

    def barrier_received(self, name: str, incarnation: str, kind: int, checkpoint: int, rollback: int) -> None:
        """A barrier; everything that was sent before it has been handed over."""

    def drained(self) -> Awaitable[None]:
        """Returns when more may come in."""


class DataListener:
    """Where the boundaries of the others come in."""

    def __init__(self, receiver: DataReceiver) -> None:
        self._receiver = receiver
        self._server: Optional[asyncio.AbstractServer] = None
        self.address: HostPort = ("", 0)

    async def listen(self, address: HostPort) -> None:
        """Open the port.

        :raises OSError: when it is taken.
        """
        self._server = await asyncio.start_server(self._serve, address[0] or None, address[1], limit=_READ_SIZE)
        bound = self._server.sockets[0].getsockname()
        self.address = (str(bound[0]), int(bound[1]))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter, inner = FrameSplitter(FRAME_LIMIT), FrameSplitter(FRAME_LIMIT)
        name, incarnation = "", ""
        writer.transport.set_write_buffer_limits(high=_HIGH_WATER)
        try:
            while True:
                chunk = await reader.read(_READ_SIZE)
                if not chunk:
                    break
                for payload in splitter.feed(chunk):
                    kind = payload[0]
                    if kind == HELLO:
                        hello = json.loads(payload[1:])
                        name, incarnation = str(hello["name"]), str(hello["incarnation"])
                        self._receiver.boundary_connected(name, incarnation)
                    elif not name:
                        raise ValueError("no hello")
                    elif kind == BATCH:
                        self._receiver.batch_received(name, payload[1], inner.feed(payload[2:]))
                    else:
                        self._receiver.barrier_received(name, incarnation, kind, *_BARRIER.unpack(payload[1:]))
                await self._receiver.drained()
        except (FrameError, ValueError, KeyError, IndexError, TypeError, struct.error) as error:
            say(f"Data Ch: cutting off {writer.get_extra_info('peername')}: {type(error).__name__}")
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            if name:
                say("DataChannelConnectNotifier: server closed")
            writer.close()


Drain = Callable[[], Awaitable[None]]
"""Waits for back-pressure to end."""

__all__ = ["BARRIER", "ROLLBACK_BARRIER", "Boundary", "DataListener", "DataReceiver", "Drain", "frame"]
