# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data channel: batches of messages, and barriers between them, from one worker to another.

A frame holds one type byte and its body: who is calling, a batch of one source, a checkpoint
barrier, or a rollback barrier. The order of the stream is what makes a checkpoint consistent.

A batch carries two readings of the monotonic clock, which all processes of a machine share: when its
source took it in, and when it was handed to the boundary. Metrics are made of them.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable
from typing import Optional, Protocol

from ..._formats.framing import HEADER, FrameSplitter
from .command_line import HostPort
from .connections import READ_SIZE, RETRY_PAUSE, Listener, Outlet, open_outlet
from .metrics import Journey, now
from .output import say
from .tasks import Signal, Tasks

HELLO, BATCH, BARRIER, ROLLBACK_BARRIER = 0, 1, 2, 3
FRAME_LIMIT = 8 << 20
"""A batch is what one reading of a source completes: far below this."""

_BARRIER = struct.Struct(">QQ")
_BATCH = struct.Struct(">BQQ")


def _frame(kind: int, *parts: bytes) -> bytes:
    return b"".join([HEADER.pack(1 + sum(map(len, parts))), bytes((kind,)), *parts])


class Boundary:
    """The way out to one other worker."""

    def __init__(self, name: str, own_name: str, incarnation: str, tasks: Tasks, changed: Signal) -> None:
        self.name = name
        self._hello = _frame(HELLO, json.dumps({"name": own_name, "incarnation": incarnation}).encode())
        self._tasks = tasks
        self._changed = changed
        self._outlet: Optional[Outlet] = None
        self._pending: list[bytes] = []
        self._batch_pending = False
        self._attempts: Optional[asyncio.Task[None]] = None
        self._address: HostPort = ("", 0)
        self._was_connected = False

    @property
    def connected(self) -> bool:
        """Whether the stream stands."""
        return self._outlet is not None and self._outlet.usable

    @property
    def accepts(self) -> bool:
        """Whether it takes a batch.

        While the other worker is away it takes one, and then none until the other is back: so
        its sources stand still, and memory does not grow (wallaroo.md, B.5).
        """
        if self._outlet is not None and self._outlet.usable:
            return not self._outlet.full
        return not self._batch_pending

    def connect(self, address: HostPort) -> None:
        """Connect, again and again, until it works; a new address takes the place of the old one."""
        self._address = address
        if self._attempts is not None:
            self._attempts.cancel()
        old, self._outlet = self._outlet, None
        if old is not None:
            old.abort()
        self._attempts = self._tasks.start(self._connect())

    def batch(self, source: int, frames: bytes, ingested: int) -> None:
        """Hand over the frames of a batch, which its source has taken in at a time of the monotonic clock."""
        if not self.connected:
            self._batch_pending = True
        self._write(_frame(BATCH, _BATCH.pack(source, ingested, now()), frames))

    def barrier(self, kind: int, checkpoint: int, rollback: int) -> None:
        """Send a barrier behind everything that was handed over before."""
        self._write(_frame(kind, _BARRIER.pack(checkpoint, rollback)))

    def clear(self) -> None:
        """Forget what waits for the other worker: part of a rollback."""
        self._pending.clear()
        self._batch_pending = False
        self._changed.wake()

    def _write(self, data: bytes) -> None:
        if self._outlet is not None and self._outlet.usable:
            self._outlet.write(data)
        else:
            self._pending.append(data)

    async def _connect(self) -> None:
        verb = "RE-Connecting" if self._was_connected else "Connecting"
        while True:
            say("BoundaryNotify: attempting to connect...\n")
            say(f"{verb} OutgoingBoundary to {self._address[0]}:{self._address[1]}")
            try:
                outlet = await open_outlet(self._address, self._lost, self._changed)
                break
            except (OSError, OverflowError):
                await self._pause()
                verb = "RE-Connecting"
        say("BoundaryNotify: connected\n")
        self._was_connected = True
        self._outlet = outlet
        self._attempts = None
        outlet.write(b"".join([self._hello, *self._pending]))
        self.clear()

    async def _pause(self) -> None:
        say(f"RE-Connecting OutgoingBoundary to {self._address[0]}:{self._address[1]}")
        await asyncio.sleep(RETRY_PAUSE)

    def _lost(self, outlet: Outlet) -> None:
        if self._outlet is not outlet:
            return
        say("BoundaryNotify: closed\n")
        self._outlet = None
        self._attempts = self._tasks.start(self._try_again())

    async def _try_again(self) -> None:
        await self._pause()
        await self._connect()


class DataReceiver(Protocol):
    """What a worker does with what comes in."""

    def boundary_connected(self, name: str) -> bool:
        """Another worker's boundary has come; False when there is no such worker."""

    def admission(self) -> Optional[Awaitable[None]]:
        """None when a batch can be taken now, otherwise what to wait for: the back-pressure of the sink."""

    def batch_received(self, name: str, source: int, payloads: list[bytes], journey: Journey) -> None:
        """Messages for keys of this worker."""

    def barrier_received(self, name: str, incarnation: str, kind: int, checkpoint: int, rollback: int) -> None:
        """A barrier; everything that was sent before it has been handed over."""


class DataListener(Listener):
    """Where the boundaries of the others come in; only the newest of each worker counts."""

    def __init__(self, receiver: DataReceiver) -> None:
        super().__init__("Data Ch", self._receive, READ_SIZE)
        self._receiver = receiver

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name, incarnation = self._greeted(writer, await self.greeting(reader))
        say("accepted data channel connection")
        splitter, inner = FrameSplitter(FRAME_LIMIT), FrameSplitter(FRAME_LIMIT)
        try:
            while True:
                chunk = await reader.read(READ_SIZE)
                if not chunk:
                    return
                for payload in splitter.feed(chunk):
                    kind = payload[0]
                    if kind == BATCH:
                        arrived = now()
                        payloads = inner.feed(payload[1 + _BATCH.size :])
                        if inner.pending or not payloads:
                            raise ValueError("a batch that is no sequence of frames")
                        source, ingested, handed_over = _BATCH.unpack_from(payload, 1)
                        journey = Journey(ingested, arrived, arrived - handed_over, is_own=False)
                        admission = self._receiver.admission()
                        if admission is not None:
                            await admission
                    if not self.is_current(writer, name):
                        return
                    if kind == BATCH:
                        self._receiver.batch_received(name, source, payloads, journey)
                    elif kind in (BARRIER, ROLLBACK_BARRIER):
                        self._receiver.barrier_received(name, incarnation, kind, *_BARRIER.unpack(payload[1:]))
                    else:
                        raise ValueError(f"there is no frame of type {kind}")
        finally:
            say("DataChannelConnectNotifier: server closed")

    def _greeted(self, writer: asyncio.StreamWriter, payload: bytes) -> tuple[str, str]:
        if payload[0] != HELLO:
            raise ValueError("a connection that does not say whose it is")
        hello = json.loads(payload[1:])
        name, incarnation = str(hello["name"]), str(hello["incarnation"])
        if not self._receiver.boundary_connected(name):
            raise ValueError(f"{name[:80]!r} is no worker of this cluster")
        self.identified(writer, name)
        return name, incarnation
