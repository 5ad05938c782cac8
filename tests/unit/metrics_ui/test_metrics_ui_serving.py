# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the HTTP server does with whoever connects and asks for nothing, or for something that is no HTTP."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui import serving
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
LIMIT = 10.0


async def _hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def _echo(request: Request) -> Response:
    try:
        return PlainTextResponse(await request.body())
    except ClientDisconnect:
        return Response(status_code=400)


def with_server(act: Callable[[int], Awaitable[None]], browsers: int = 1) -> None:
    """Do something while a server listens on a port."""
    routes = [Route("/", _hello), Route("/echo", _echo, methods=["POST"])]

    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = serving.server(Starlette(routes=routes), browsers)
            served = asyncio.ensure_future(server.serve(sockets=[listener]))
            try:
                await asyncio.wait_for(act(listener.getsockname()[1]), LIMIT)
            finally:
                server.should_exit = True
                await served

    asyncio.run(run())


async def ask(port: int, request: bytes = REQUEST) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return head.split(b"\r\n")[0]


def test_connections_that_say_nothing_lock_nobody_out_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REQUEST_WITHIN", 0.5)

    async def act(port: int) -> None:
        most = serving.CONNECTIONS_A_PAGE + serving.CONNECTIONS_MORE
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(most)]
        silent[0][1].write(b"GET / HT")
        assert await ask(port) == b"HTTP/1.1 503 Service Unavailable"
        for reader, _writer in silent:
            assert await reader.read() == b""
        assert await ask(port) == b"HTTP/1.1 200 OK"

    with_server(act)


def test_one_that_asks_in_time_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REQUEST_WITHIN", 0.3)

    async def act(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        begin = time.monotonic()
        while time.monotonic() - begin < 0.9:
            writer.write(REQUEST)
            assert await reader.readuntil(b"hello")
            await asyncio.sleep(0.05)
        writer.close()

    with_server(act)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"no http at all\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcNO CHUNK\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nNO CHUNK\r\n",
    ],
)
def test_what_is_no_http_ends_its_connection_and_says_nothing(
    request_bytes: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def act(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_bytes)
        answer = await reader.read()
        assert answer == b"" or answer.split(b"\r\n")[0].split()[1] in (b"400", b"405"), answer
        writer.close()
        assert await ask(port) == b"HTTP/1.1 200 OK"

    with_server(act, browsers=10)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
