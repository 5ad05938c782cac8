# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port that workers send their metrics to (wallaroo.md, E.1).

Nothing is ever sent back. Whoever sends what is no metrics is cut off and counted, and nobody else notices.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from typing import Optional, cast

from ..._formats.metrics import TOPIC_PREFIX, Connect, Join, Message, MetricsError, MetricsStream, Payload
from .store import Client, Refused, Store

FRAME_LIMIT = 1 << 13
"""Bytes of one message; a real one has about 700."""

JOIN_WITHIN = 30.0
"""Seconds in which a client has to say who it is."""

_PROBES = 3
_REASON_LIMIT = 160


class Receiver:
    """Takes connections, and gives what they bring to the store."""

    def __init__(
        self, store: Store, say: Callable[[str], None], join_within: float = JOIN_WITHIN, vanished_after: int = 12
    ) -> None:
        """.

        :param say: takes a line for the log.
        :param vanished_after: seconds after which a client whose machine is gone counts as gone.
        """
        self.store = store
        self.say = say
        self.join_within = join_within
        self.vanished_after = vanished_after
        self.clients: set[_Connection] = set()
        self.cut_off: Counter[str] = Counter()
        """How many clients were cut off: ``malformed``, ``limit``, ``silent``."""
        self.last_problem = ""
        """Why the last of them was."""
        self.bytes = 0

    async def listen(self, listener: socket.socket) -> asyncio.AbstractServer:
        """Serve a listening socket until the server is closed."""
        return await asyncio.get_running_loop().create_server(lambda: _Connection(self), sock=listener)

    def close(self) -> None:
        """End all connections."""
        for client in list(self.clients):
            client.abort()

    def problems(self) -> list[str]:
        """What a user should know, in sentences."""
        cut = sum(self.cut_off.values())
        if not cut:
            return []
        return [f"{cut:,} {'client was' if cut == 1 else 'clients were'} cut off. The last: {self.last_problem}"]

    def refuse(self, kind: str, peer: str, why: str) -> None:
        """A client was cut off."""
        self.cut_off[kind] += 1
        self.last_problem = f"{peer}: {why}"[:_REASON_LIMIT]
        # A client that tries again and again must not fill the disk: 1, 2, 3, 10, 20, 100, ... are said.
        count = self.cut_off[kind]
        if count <= 3 or str(count).strip("0") in {"1", "2", "5"}:
            self.say(f"metrics ui: {self.last_problem}; cut off ({kind}, {count} so far)")


class _Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._stream = MetricsStream(FRAME_LIMIT)
        self._transport: Optional[asyncio.Transport] = None
        self._peer = ""
        self._connected = False
        self._client: Optional[Client] = None
        self._deadline: Optional[asyncio.TimerHandle] = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        address = transport.get_extra_info("peername") or ("?", "?")
        self._peer = f"{address[0]}:{address[1]}"
        receiver = self._receiver
        limit = receiver.store.limits.clients
        if len(receiver.clients) >= limit:
            self._refuse("limit", f"there are {limit} clients already")
            return
        receiver.clients.add(self)
        _notice_vanishing(transport.get_extra_info("socket"), receiver.vanished_after)
        self._deadline = asyncio.get_running_loop().call_later(receiver.join_within, self._late)

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._receiver.bytes += len(data)
        try:
            try:
                messages = self._stream.feed(data)
            except MetricsError as error:
                self._take(error.complete)
                raise
            self._take(messages)
        except MetricsError as error:
            self._refuse("malformed", str(error))
        except Refused as refused:
            self._refuse("limit", str(refused))

    def connection_lost(self, exc: Optional[Exception]) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._receiver.clients.discard(self)
        if self._client is not None:
            self._receiver.store.leave(self._client)
            self._client = None

    def abort(self) -> None:
        """Let it go."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, messages: list[Message]) -> None:
        store = self._receiver.store
        for message in messages:
            if isinstance(message, Payload):
                if self._client is None:
                    raise MetricsError("metrics came before the client said who it is", 0)
                store.add(self._client, _application(message.topic), message.metric)
            elif isinstance(message, Connect):
                if self._connected:
                    raise MetricsError("the client connected twice", 0)
                self._connected = True
            elif isinstance(message, Join):
                if not self._connected or self._client is not None:
                    raise MetricsError("the client joined " + ("twice" if self._client else "before connecting"), 0)
                client = Client(_application(message.topic), message.worker)
                store.join(client)
                self._client = client
                if self._deadline is not None:
                    self._deadline.cancel()

    def _late(self) -> None:
        self._refuse("silent", f"it did not say who it is within {self._receiver.join_within:g} s")

    def _refuse(self, kind: str, why: str) -> None:
        self._receiver.refuse(kind, self._peer, why)
        self.abort()


def _application(topic: str) -> str:
    if not topic.startswith(TOPIC_PREFIX) or topic == TOPIC_PREFIX:
        raise MetricsError(f"the topic {topic[:40]!r} is not of metrics", 0)
    return topic[len(TOPIC_PREFIX) :]


def _notice_vanishing(connection: socket.socket, seconds: int) -> None:
    # A machine that lost its power says nothing: its worker would count as idle for ever (wallaroo.md, Trap 19).
    pause = max(1, seconds // (_PROBES + 1))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, pause)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, pause)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
