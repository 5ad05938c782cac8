# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP/1.1 server on asyncio's streams, for a page that a few people open.

Whoever connects may be slow, silent, greedy or hostile: every wait ends, and what is kept for a connection is bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Optional

from .http_request import LINE_LIMIT, Refusal, Request, read_request

BACKLOG = 128

REQUEST_WITHIN = 20.0
"""Seconds in which the next request has to be there as a whole: a few hundred connections that say nothing would lock
everybody out."""

TAKE_WITHIN = 30.0
"""Seconds in which a client has to take a piece of an answer."""

SHUTDOWN = 2.0
"""Seconds that answers have to end in when the server is closed."""

CONNECTIONS_A_PAGE, CONNECTIONS_MORE = 6, 16
"""A browser opens up to six connections to load a page; more are for whoever asks without one, such as Prometheus."""

_TOLD = 32
"""Connections beyond those that are told so; still more are closed without a word."""

_LINGER = 1.0

Send = Callable[[bytes], Awaitable[None]]
"""Sends a piece and returns when the kernel has it.

:raises OSError: when the client has gone, or does not take it.
"""

Closed = Callable[[], Awaitable[None]]
"""Returns when the client has gone."""

Stream = Callable[[Send, Closed], Awaitable[bool]]
"""Sends a content piece by piece; returns whether all of it was sent."""


@dataclass(frozen=True)
class Answer:
    """What is answered."""

    status: int
    content: bytes = b""
    type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Optional[Stream] = None
    """Makes the content while it is sent."""
    last: bool = False
    """Whether the connection ends with it."""


def data(value: Any, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON."""
    return encoded(json.dumps(value, separators=(",", ":")).encode(), status, **headers)


def encoded(content: bytes, status: int = 200, **headers: str) -> Answer:
    """The same of what is JSON already. Underscores in the names of headers stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, content, "application/json", named)


def problem(status: int, sentence: str, **headers: str) -> Answer:
    """An answer that says what is wrong."""
    return data({"error": sentence}, status, **headers)


class Server:
    """Reads requests, and sends what they are answered with."""

    def __init__(
        self, answer: Callable[[Request], Answer], browsers: int, headers: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        """.

        :param answer: answers a request, without waiting for anything.
        :param browsers: how many pages may be open at a time.
        :param headers: what every answer has.
        :param say: takes a line for the log. What clients do is no reason for one: anybody could fill the disk.
        """
        self._answer = answer
        self._most = browsers * CONNECTIONS_A_PAGE + CONNECTIONS_MORE
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._say = say
        self._connections: dict[_Connection, asyncio.Future[Any]] = {}
        self._listening: Optional[asyncio.AbstractServer] = None
        self._failed: set[str] = set()

    async def listen(self, listener: socket.socket) -> None:
        """Serve a listening socket until :meth:`close`."""
        self._listening = await asyncio.start_server(self._serve, sock=listener, limit=LINE_LIMIT, backlog=BACKLOG)

    async def close(self) -> None:
        """Take no more requests, and let answers end that are being sent."""
        if self._listening is not None:
            self._listening.close()
        for within in (SHUTDOWN, None):
            for connection in list(self._connections):
                if within is None or not connection.answers:
                    connection.abort()
            if self._connections:
                await asyncio.wait(self._connections.values(), timeout=within)

    def answered(self, request: Request) -> Answer:
        """The answer to a request, whatever happens."""
        try:
            return self._answer(request)
        except Exception as error:
            # Told once: whoever has found a way to it might take that way again and again.
            if repr(error) not in self._failed and len(self._failed) < _TOLD:
                self._failed.add(repr(error))
                self._say(f"metrics ui: {request.method} {request.path[:80]} failed\n{traceback.format_exc().rstrip()}")
            return problem(500, "this failed; the log of the metrics UI tells why")

    def head(self, answer: Answer, chunked: bool, ends: bool) -> bytes:
        """The lines before a content."""
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT", time.gmtime())]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        if answer.type:
            lines.append(f"Content-Type: {answer.type}")
        if chunked:
            lines.append("Transfer-Encoding: chunked")
        elif answer.stream is None and answer.status != HTTPStatus.NOT_MODIFIED:
            lines.append(f"Content-Length: {len(answer.content)}")
        if ends:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n" + self._headers + "\r\n").encode("latin-1")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection, task = _Connection(self, reader, writer), asyncio.current_task()
        before = len(self._connections)
        if before >= self._most + _TOLD or task is None:
            connection.abort()
            return
        self._connections[connection] = task
        try:
            if before < self._most:
                await connection.serve()
            else:
                await connection.refuse(503, "there are too many connections already; try again")
        except OSError:
            # It has gone, or does not take what it is sent.
            connection.abort()
        finally:
            del self._connections[connection]
            writer.close()


class _Connection:
    """One client."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self.answers = False
        # So that nothing waits here for a client that does not read, but the piece that is being sent.
        writer.transport.set_write_buffer_limits(high=0)

    async def serve(self) -> None:
        """Answer requests until one is the last."""
        going = True
        while going:
            try:
                with self._within(REQUEST_WITHIN):
                    request = await read_request(
                        self._reader, lambda: self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    )
            except Refusal as refusal:
                await self.refuse(refusal.status, str(refusal))
                return
            except asyncio.IncompleteReadError:
                await self.refuse(400, "the request did not come to its end")
                return
            if request is None:
                return
            self.answers = True
            going = await self._send_answer(request, self._server.answered(request))
            self.answers = False
            # Whoever has sent many requests at once lets others be answered in between.
            await asyncio.sleep(0)
        await self._end()

    async def refuse(self, status: int, sentence: str) -> None:
        """Say why nothing more is read."""
        answer = problem(status, sentence)
        await self._send(self._server.head(answer, False, True) + answer.content)
        await self._end()

    def abort(self) -> None:
        """End it at once."""
        self._writer.transport.abort()

    async def _send_answer(self, request: Request, answer: Answer) -> bool:
        """Send an answer; returns whether another request may follow."""
        goes_on = request.keeps and not answer.last
        chunked = answer.stream is not None and request.minor > 0
        head = self._server.head(answer, chunked, not goes_on)
        if request.method == "HEAD" or answer.stream is None:
            await self._send(head if request.method == "HEAD" else head + answer.content)
            return goes_on

        async def send(piece: bytes) -> None:
            if piece:
                await self._send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)

        # Not waited for: what counts the streams that are open begins with this.
        self._writer.write(head)
        if not await answer.stream(send, self._closed):
            raise ConnectionAbortedError
        if chunked:
            await self._send(b"0\r\n\r\n")
        return goes_on

    async def _send(self, piece: bytes) -> None:
        self._writer.write(piece)
        with self._within(TAKE_WITHIN):
            await self._writer.drain()

    async def _end(self) -> None:
        """Be heard: a connection that is closed with bytes unread loses those that were sent."""
        self._writer.write_eof()
        with self._within(_LINGER):
            await self._closed()

    async def _closed(self) -> None:
        with contextlib.suppress(OSError):
            while await self._reader.read(LINE_LIMIT):
                pass

    @contextlib.contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        # Whoever waits for it notices that it has gone.
        timer = asyncio.get_running_loop().call_later(seconds, self.abort)
        try:
            yield
        finally:
            timer.cancel()
