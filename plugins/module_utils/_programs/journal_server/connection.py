# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client's connection, without a buffer of its own.

What was not read yet stays with the kernel. So a client that is killed, whose last bytes came together with
a reset, still has them written: a buffered stream would throw them away.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable
from typing import TypeVar

from .store import BLOCK, Refused

PROBES = 3

Value = TypeVar("Value")


class Connection:
    """One client, which may say nothing for a while, and do nothing for ever."""

    def __init__(self, connection: socket.socket, idle_limit: float, vanished_after: int) -> None:
        self._socket = connection
        self._idle_limit = idle_limit
        self._unsent = b""
        connection.setblocking(False)
        # Notice a client whose machine is gone: it would keep its files for ever (wallaroo.md, Trap 19).
        pause = max(1, vanished_after // (PROBES + 1))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, pause)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, pause)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
        # The same where something is under way to it.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, vanished_after * 1000)

    async def receive(self) -> bytes:
        """Some bytes; none when the client has gone. May wait for ever.

        :raises OSError: when the connection broke.
        """
        return await asyncio.get_running_loop().sock_recv(self._socket, BLOCK)

    async def exactly(self, size: int, what: str) -> bytes:
        """So many bytes; none when the client went before the first.

        :raises Refused: when it goes within them, or lets one wait.
        """
        loop, parts, missing = asyncio.get_running_loop(), [], size
        while missing:
            part = await self._in_time(loop.sock_recv(self._socket, min(missing, BLOCK)), f"{what} did not come")
            if not part and missing < size:
                raise Refused(f"the connection ended inside {what}")
            if not part:
                return b""
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    async def send(self, data: bytes) -> None:
        """Send all of it.

        :raises Refused: when the client does not take it.
        """
        await self._in_time(
            asyncio.get_running_loop().sock_sendall(self._socket, self._unsent + data), "an answer was not read"
        )
        self._unsent = b""

    def offer(self, data: bytes) -> None:
        """Send it, unless the client has not read what it was sent before."""
        if len(self._unsent) > BLOCK:
            return
        self._unsent += data
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Let it go."""
        self._socket.close()

    async def _in_time(self, work: Awaitable[Value], what: str) -> Value:
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task}, timeout=self._idle_limit)
            if not task.done():
                raise Refused(f"{what} for {self._idle_limit:g} s")
            return task.result()
        finally:
            if task.cancel():
                # Until it is over the event loop looks at the socket, whose number may be another's once it is closed.
                await asyncio.wait({task})
