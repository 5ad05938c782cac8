# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One journal: a local file that only grows, and its copy on the journal server (wallaroo.md, C.5).

What the server lacks is read from the file, never kept in memory, so a server that is away for long
costs nothing. A change is with the kernel's connection one turn of the event loop after it was made.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn, Optional, TypeVar

from .command_line import HostPort
from .output import fail, say

REQUEST_LIMIT = 2.0
"""Seconds that the server has for an answer."""

RECONNECT_PAUSE = 0.5

SERVER_GONE_AFTER = 10
"""Seconds after which a server that takes nothing counts as gone. A retransmission of the kernel can be minutes off."""

BLOCK = 1 << 16
_BUSY_PAUSES = (0.05, 1.0)
_ANSWER_LIMIT = 1 << 20
_LENGTH = struct.Struct(">I")

Value = TypeVar("Value")


class _Disappointed(Exception):
    """The server did not answer as it should; another try follows."""


class JournalStream:
    """The file and its stream."""

    def __init__(self, path: Path, worker: str, server: HostPort) -> None:
        """:raises OSError: when the file cannot be written."""
        self.path = path
        self._worker = worker
        self._server = server
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.length = os.fstat(self._handle).st_size
        self._found: Optional[int] = self.length
        """Bytes that an earlier life of this worker left, until the server has been told of new ones. A server that has
        more has them from another instance, which went on elsewhere."""
        self._cut_at: Optional[int] = None
        """Where the file was cut: the server's copy may go on differently from here."""
        self.begun: Callable[[], None] = lambda: None
        """Called whenever the server has taken what is here, and gets what follows."""
        self._grown: Optional[asyncio.Event] = None
        self._live: Optional[socket.socket] = None
        """The connection, once the server has all that there is."""
        self._sent = 0

    def append(self, data: bytes) -> None:
        """Write to the file at once; the server gets it when it can.

        Where it is up to date the bytes go to the kernel here and now: so what the worker says afterwards, as that
        its states are saved, is not said of states that a SIGKILL takes from the journal server.
        """
        view, was_up_to_date = memoryview(data), self._sent == self.length
        try:
            while view:
                done = os.write(self._handle, view)
                self.length += done
                view = view[done:]
        except OSError as error:
            fail(f"{self.path} cannot be written: {error.strerror}", "the journal")
        if self._live is not None and was_up_to_date:
            try:
                self._sent += self._live.send(data)
            except OSError:
                # Full or gone: the task that keeps the copy up to date finds out.
                pass
        if self._grown is not None:
            self._grown.set()

    def cut(self, length: int) -> None:
        """Take away a torn end; the server's copy, which may have it, follows."""
        try:
            os.ftruncate(self._handle, length)
        except OSError as error:
            fail(f"{self.path} cannot be cut: {error.strerror}", "the journal")
        self.length = length
        self._cut_at = length if self._cut_at is None else min(self._cut_at, length)

    @property
    def is_accepted(self) -> bool:
        """Whether the server has once taken what this worker goes on from."""
        return self._found is None

    async def run(self) -> None:
        """Keep the server's copy up to date, for ever."""
        self._grown = asyncio.Event()
        while True:
            try:
                await self._session(self._grown)
            except (OSError, EOFError, ValueError, _Disappointed, asyncio.TimeoutError):
                pass
            await asyncio.sleep(RECONNECT_PAUSE)

    async def _session(self, grown: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        host, port = self._server[0] or "localhost", self._server[1]
        found = await loop.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
            connection.setblocking(False)
            # A change of a few bytes must not wait for the answer to the one before.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SERVER_GONE_AFTER * 1000)
            await _in_time(loop.sock_connect(connection, found[0][4]))
            say(f"RJC {self._worker}: lambda dos-client {self.path.name} connected true")
            try:
                if await self._ask(connection, b"u" + self._worker.encode()) != b"ok":
                    raise _Disappointed
                size = await self._size_there(connection)
                if await self._ask(connection, f"a{self.path.name}\t{size}".encode()) != b"ok":
                    raise _Disappointed
                await self._stream(connection, size, grown)
            finally:
                say(f"DOS: dos-client {self._worker} {self.path.name} disconnected")

    async def _size_there(self, connection: socket.socket) -> int:
        """How much the server has, once nobody else appends to it any more."""
        pause, longest = _BUSY_PAUSES
        while True:
            listed = (await self._ask(connection, b"l")).decode("utf-8", "replace").splitlines()
            entry = next(
                (fields for fields in (line.split("\t") for line in listed) if fields[0] == self.path.name), None
            )
            if entry is None or len(entry) != 3:
                # Nothing is there any more that could go on differently.
                self._cut_at = None
                return 0
            if entry[2] == "yes":
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest)
                continue
            size = int(entry[1])
            ours = self.length if self._found is None else self._found
            if size > ours:
                self._refuse(size, ours)
            if self._cut_at is not None and size > self._cut_at:
                await self._cut_there(connection)
                size = self._cut_at
            self._cut_at = None
            return size

    def _refuse(self, size: int, ours: int) -> NoReturn:
        """End, as a real worker does: what the server holds goes on differently from what is here."""
        fail(
            f"The journal server holds {size} bytes of {self.path.name}, and only {ours} were in {self.path.parent}. "
            f"If {self._worker} has run on another server since, start it there: its files are the newest. If this "
            "machine lost the end of its files, restore the worker from the journal server. If the journals are of "
            "different clusters, remove both, always together.",
            "remote_journal_client.pony",
        )

    async def _cut_there(self, connection: socket.socket) -> None:
        if await self._ask(connection, f"t{self.path.name}\t{self._cut_at}".encode()) != b"ok":
            # Wallaroo's own server cannot cut: it gets the file anew.
            await self._ask(connection, b"d" + self.path.name.encode())
            raise _Disappointed

    async def _stream(self, connection: socket.socket, size: int, grown: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        self._sent, self._live, self._found = size, connection, None
        self.begun()
        # Reports are read, so that they do not fill the connection, and to see when the server goes.
        reports = asyncio.ensure_future(_read_until_end(connection))
        try:
            while not reports.done():
                grown.clear()
                while self._sent < self.length:
                    block = os.pread(self._handle, min(BLOCK, self.length - self._sent), self._sent)
                    if not block:
                        # Somebody made the file shorter.
                        raise _Disappointed
                    await loop.sock_sendall(connection, block)
                    self._sent += len(block)
                waiting = asyncio.ensure_future(grown.wait())
                try:
                    await asyncio.wait({reports, waiting}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
        finally:
            self._live = None
            reports.cancel()
            await asyncio.gather(reports, return_exceptions=True)

    async def _ask(self, connection: socket.socket, request: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        await _in_time(loop.sock_sendall(connection, _LENGTH.pack(len(request)) + request))
        return await _in_time(_answer(connection))


async def _answer(connection: socket.socket) -> bytes:
    (length,) = _LENGTH.unpack(await _exactly(connection, _LENGTH.size))
    if length > _ANSWER_LIMIT:
        raise _Disappointed
    return await _exactly(connection, length)


async def _exactly(connection: socket.socket, size: int) -> bytes:
    loop, data = asyncio.get_running_loop(), b""
    while len(data) < size:
        part = await loop.sock_recv(connection, size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


async def _read_until_end(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while await loop.sock_recv(connection, BLOCK):
        pass


async def _in_time(work: Awaitable[Value]) -> Value:
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=REQUEST_LIMIT)
        if not task.done():
            raise asyncio.TimeoutError
        return task.result()
    finally:
        if task.cancel():
            # Until it is over the event loop looks at the socket, whose number may be another's once it is closed.
            await asyncio.wait({task})
