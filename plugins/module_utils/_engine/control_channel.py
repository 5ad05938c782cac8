# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control channel: small messages between workers, each way on a connection of its own.

A worker listens on its control port and connects to the control port of every other. Control
messages are JSON in frames; the real engine's are serialised objects of its own, so the two cannot
be mixed (reference B.1).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Optional

from .._formats.framing import FrameError, FrameSplitter, frame
from .command_line import HostPort
from .output import say
from .tasks import Tasks, close

FRAME_LIMIT = 1 << 20
_READ_SIZE = 1 << 16
_QUEUE_LIMIT = 10_000

Message = dict[str, Any]
Handler = Callable[[str, Message, str], None]
"""Called with the sender's name, the message, and the sender's address as its connection shows it."""


class ControlPeer:
    """The way to one other worker."""

    def __init__(self, name: str, own_name: str, tasks: Tasks) -> None:
        self.name = name
        self._own_name = own_name
        self._tasks = tasks
        self._writer: Optional[asyncio.StreamWriter] = None
        self._queued: list[bytes] = []

    @property
    def connected(self) -> bool:
        """Whether messages reach it now."""
        return self._writer is not None

    async def connect(self, address: HostPort) -> bool:
        """Connect once; a control connection is never retried, it is made anew when the other announces itself."""
        try:
            reader, writer = await asyncio.open_connection(*address)
        except OSError:
            say(f"ControlSenderConnectNotifier (to {self.name}): connection failed!")
            return False
        self.disconnect()
        say(f"ControlSenderConnectNotifier: connected to {self.name}.")
        self._writer = writer
        writer.write(frame(json.dumps({"type": "hello", "name": self._own_name}).encode()))
        for queued in self._queued:
            writer.write(queued)
        self._queued.clear()
        self._tasks.start(self._watch(reader, writer))
        return True

    def send(self, message: Message, keep: bool = True) -> None:
        """Send, or keep until the other is back; what belongs to a checkpoint under way is not kept."""
        data = frame(json.dumps(message, separators=(",", ":")).encode())
        if self._writer is not None:
            self._writer.write(data)
        elif keep and len(self._queued) < _QUEUE_LIMIT:
            self._queued.append(data)

    async def flush(self) -> None:
        """Wait until what was sent has left."""
        if self._writer is not None:
            try:
                await self._writer.drain()
            except OSError:
                pass

    def disconnect(self) -> None:
        """Give the connection up."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def _watch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(1)
        except OSError:
            pass
        if self._writer is writer:
            self._writer = None
            say(f"ControlSenderConnectNotifier (to {self.name}): server closed")
        await close(writer)


class ControlListener:
    """Where the others' messages come in."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: Optional[asyncio.AbstractServer] = None
        self.port = 0

    async def listen(self, address: HostPort) -> None:
        """Open the port.

        :raises OSError: when it is taken.
        """
        self._server = await asyncio.start_server(self._serve, address[0] or None, address[1], limit=_READ_SIZE)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter, name = FrameSplitter(FRAME_LIMIT), ""
        address = str((writer.get_extra_info("peername") or ("",))[0])
        try:
            while True:
                chunk = await reader.read(_READ_SIZE)
                if not chunk:
                    break
                for payload in splitter.feed(chunk):
                    message = json.loads(payload)
                    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
                        raise ValueError("no message")
                    if message["type"] == "hello":
                        name = str(message.get("name"))
                    elif name:
                        self._handler(name, message, address)
        except (FrameError, ValueError, KeyError, TypeError) as error:
            # A stranger on our port: cut off, and nobody else notices.
            say(f"Control Ch: cutting off {address}: {type(error).__name__}")
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            if name:
                say("ControlChannelConnectNotifier: server closed")
            writer.close()
