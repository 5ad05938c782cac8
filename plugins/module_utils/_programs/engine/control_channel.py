# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control channel: small messages between workers, each way on a connection of its own.

A worker listens on its control port and connects to the control port of every other. Control
messages are JSON in frames; the real engine's are serialised objects of its own, so the two cannot
be mixed (wallaroo.md, B.1).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Optional

from ..._formats.framing import FrameSplitter, frame
from .command_line import HostPort
from .connections import SMALL_READ_SIZE, Listener, Outlet, open_outlet, peer_host
from .output import say
from .tasks import Signal

FRAME_LIMIT = 1 << 20
_QUEUE_LIMIT = 1000

Message = dict[str, Any]
Handler = Callable[[str, Message, str], None]
"""Called with the sender's name, the message, and the host from which the sender is connected."""


class ControlPeer:
    """The way to one other worker."""

    def __init__(self, name: str, own_name: str) -> None:
        self.name = name
        self._hello = _encode({"type": "hello", "name": own_name})
        self._outlet: Optional[Outlet] = None
        self._queued: list[tuple[str, bytes]] = []

    async def connect(self, address: HostPort) -> bool:
        """Connect once. A control connection is never retried: it is made anew when the other announces itself."""
        try:
            outlet = await open_outlet(address, self._lost, Signal())
        except (OSError, OverflowError):
            say(f"ControlSenderConnectNotifier (to {self.name}): connection failed!")
            return False
        old, self._outlet = self._outlet, outlet
        if old is not None:
            old.abort()
        say(f"ControlSenderConnectNotifier: connected to {self.name}.")
        outlet.write(b"".join([self._hello, *(data for _kind, data in self._queued)]))
        self._queued.clear()
        return True

    def send(self, message: Message, keep: bool = True) -> None:
        """Send, or keep until the other is back; what belongs to a checkpoint under way is not kept."""
        if self._outlet is not None:
            self._outlet.write(_encode(message))
        elif keep and len(self._queued) < _QUEUE_LIMIT:
            self._queued.append((message["type"], _encode(message)))

    def withdraw(self, kind: str) -> None:
        """Forget the messages of a type that are kept."""
        self._queued = [queued for queued in self._queued if queued[0] != kind]

    async def flush(self, limit: float) -> None:
        """Wait until what was sent has left."""
        if self._outlet is not None:
            await self._outlet.flush(limit)

    def _lost(self, outlet: Outlet) -> None:
        if self._outlet is outlet:
            self._outlet = None
            say(f"ControlSenderConnectNotifier (to {self.name}): server closed")


class ControlListener(Listener):
    """Where the others' messages come in."""

    def __init__(self, handler: Handler, is_member: Callable[[str], bool]) -> None:
        super().__init__("Control Ch", self._receive)
        self._handler = handler
        self._is_member = is_member

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = json.loads(await self.greeting(reader))
        name = str(hello["name"])
        if hello["type"] != "hello" or not self._is_member(name):
            raise ValueError(f"{name[:80]!r} is no worker of this cluster")
        self.identified(writer, name)
        splitter, host = FrameSplitter(FRAME_LIMIT), peer_host(writer)
        try:
            while True:
                chunk = await reader.read(SMALL_READ_SIZE)
                if not chunk:
                    return
                for payload in splitter.feed(chunk):
                    if not self.is_current(writer, name):
                        return
                    self._handler(name, json.loads(payload), host)
        finally:
            say("ControlChannelConnectNotifier: server closed")


def _encode(message: Message) -> bytes:
    return frame(json.dumps(message, separators=(",", ":")).encode())
