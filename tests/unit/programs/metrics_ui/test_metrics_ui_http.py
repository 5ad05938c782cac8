# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP server: requests as browsers send them, and whoever asks for nothing, too much, or in no HTTP at all."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import time
from collections.abc import Awaitable, Callable

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui import http_request, http_server
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.http_request import (
    BODY_LIMIT,
    HEAD_LIMIT,
    LINE_LIMIT,
    Request,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.http_server import (
    Answer,
    Closed,
    Send,
    data,
)

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
LIMIT = 20.0
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
BIG = b"x" * (1 << 22)


async def _pieces(send: Send, _closed: Closed) -> bool:
    for piece in (b"one, ", b"", b"two"):
        await send(piece)
    return True


async def _half(send: Send, _closed: Closed) -> bool:
    await send(b"half")
    return False


async def _until_closed(send: Send, closed: Closed) -> bool:
    await send(b"first")
    await closed()
    return True


def answer(request: Request) -> Answer:
    """What the server of these tests answers."""
    if request.path == "/echo":
        return Answer(200, request.body or b"nothing", "text/plain")
    if request.path == "/seen":
        return data({"method": request.method, "query": request.query, "headers": dict(request.headers)})
    if request.path == "/broken":
        raise LookupError("broken on purpose")
    streams = {"/pieces": _pieces, "/half": _half, "/live": _until_closed}
    if request.path in streams:
        return Answer(200, type="text/plain", stream=streams[request.path], last=request.path == "/live")
    return Answer(200, BIG if request.path == "/big" else b"hello", "text/plain")


class Served:
    """A server that listens, and what it said."""

    def __init__(self, browsers: int) -> None:
        self.said: list[str] = []
        self.server = http_server.Server(answer, browsers, {"X-Every": "answer"}, self.said.append)
        self.port = 0

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, *pieces: bytes, pause: float = 0.0, end: bool = False) -> bytes:
        """All that is answered until the connection is closed."""
        reader, writer = await self.open()
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(pause)
        if end:
            writer.write_eof()
        found = await reader.read()
        writer.close()
        return found


def with_server(act: Callable[[Served], Awaitable[None]], browsers: int = 10) -> Served:
    """Do something while a server listens on a port."""

    async def run() -> Served:
        served = Served(browsers)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            served.port = listener.getsockname()[1]
            await served.server.listen(listener)
            try:
                await asyncio.wait_for(act(served), LIMIT)
            finally:
                await served.server.close()
        return served

    return asyncio.run(run())


def asked(*pieces: bytes, pause: float = 0.0, end: bool = False) -> bytes:
    found = []

    async def act(served: Served) -> None:
        found.append(await served.ask(*pieces, pause=pause, end=end))

    with_server(act)
    return found[0]


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) [A-Z]", answers)]


def last(request: bytes) -> bytes:
    """The same, after which nothing follows."""
    return request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)


class TestRequests:
    def test_every_answer_has_a_length_a_date_and_what_the_server_adds(self) -> None:
        head, _blank, content = asked(last(REQUEST)).partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert lines[0] == "HTTP/1.1 200 OK"
        headers = dict(line.split(": ", 1) for line in lines[1:])
        assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", headers.pop("Date"))
        assert headers == {
            "Content-Type": "text/plain",
            "Content-Length": "5",
            "Connection": "close",
            "X-Every": "answer",
        }
        assert content == b"hello"

    def test_many_may_come_at_once_and_are_answered_in_their_order(self) -> None:
        one = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
        two = CHUNKED + b"2;ignored=1\r\nde\r\n1\r\nf\r\n0\r\nTrailer: x\r\n\r\n"
        found = asked(one + two + b"\r\n" + REQUEST * 50 + last(REQUEST) + REQUEST)
        assert statuses(found) == [200] * 53, "none after the last"
        assert found.index(b"abc") < found.index(b"def") < found.index(b"hello")

    def test_it_may_come_byte_by_byte(self) -> None:
        request = last(CHUNKED) + b"2\r\nde\r\n1\r\nf\r\n0\r\n\r\n"
        assert asked(*[bytes([one]) for one in request], pause=0.001).endswith(b"\r\n\r\ndef")

    def test_who_says_that_nothing_follows_gets_an_answer(self) -> None:
        assert asked(REQUEST * 2, end=True).count(b"hello") == 2

    def test_names_of_headers_are_alike_in_any_case_and_values_that_come_twice_are_joined(self) -> None:
        found = asked(b"GET /seen?a=%20&b HTTP/1.1\r\nhOST:x\r\nA:  one \r\na: two\r\nConnection: x, Close\r\n\r\n")
        assert b'"query":"a=%20&b"' in found
        assert b'"a":"one, two"' in found

    def test_a_head_is_that_of_the_whole_answer(self) -> None:
        whole, head = asked(last(REQUEST)), asked(last(REQUEST).replace(b"GET", b"HEAD"))
        assert head.split(b"Date")[0] + head.split(b"GMT")[1] == (whole.split(b"Date")[0] + whole.split(b"GMT")[1])[:-5]
        assert asked(b"HEAD /pieces HTTP/1.1\r\nHost: x\r\n\r\n" + last(REQUEST)).endswith(b"hello")

    def test_a_stream_comes_in_chunks_and_others_may_follow(self) -> None:
        found = asked(b"GET /pieces HTTP/1.1\r\nHost: x\r\n\r\n" + last(REQUEST))
        assert b"Transfer-Encoding: chunked\r\n" in found
        assert b"\r\n\r\n5\r\none, \r\n3\r\ntwo\r\n0\r\n\r\nHTTP/1.1 200 OK" in found

    def test_version_1_0_gets_no_chunks_and_one_answer(self) -> None:
        found = asked(b"GET /pieces HTTP/1.0\r\n\r\n" + REQUEST)
        assert b"chunked" not in found
        assert found.endswith(b"\r\n\r\none, two")

    def test_a_stream_that_breaks_off_does_not_look_whole(self) -> None:
        assert asked(b"GET /half HTTP/1.1\r\nHost: x\r\n\r\n").endswith(b"4\r\nhalf\r\n")

    def test_who_waits_for_it_is_told_to_go_on(self) -> None:
        async def act(served: Served) -> None:
            reader, writer = await served.open()
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"abc")
            assert (await reader.readuntil(b"abc")).startswith(b"HTTP/1.1 200 OK\r\n")
            writer.close()

        with_server(act)

    def test_an_answer_that_fails_is_told_once(self) -> None:
        async def act(served: Served) -> None:
            broken = b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n"
            found = await served.ask(broken * 2 + last(REQUEST))
            assert statuses(found) == [500, 500, 200]
            assert b"broken on purpose" not in found

        (said,) = with_server(act).said
        assert said.startswith("metrics ui: GET /broken failed\nTraceback ")
        assert said.endswith("LookupError: broken on purpose")


POST = b"POST /echo HTTP/1.1\r\nHost: x\r\n"

REFUSED = {
    "no HTTP": (b"no http at all\r\n\r\n", 400),
    "nothing of it": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 400),
    "NUL in the path": (b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "NUL in a header": (b"GET / HTTP/1.1\r\nHost: x\0\r\n\r\n", 400),
    "NUL and nothing else": (b"\0" * 100 + b"\r\n", 400),
    "no ASCII in the path": (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "another version": (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 400),
    "a proxy's request": (b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "small letters": (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "two blanks": (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "two empty lines": (b"\r\n\r\n" + REQUEST, 400),
    "no CR": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "a CR in a line": (b"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    "a blank before the colon": (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    "a continued line": (b"GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n", 400),
    "no name": (b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", 400),
    "no colon": (b"GET / HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n", 400),
    "a line too long": (b"GET /" + b"x" * LINE_LIMIT, 414),
    "a header too long": (b"GET / HTTP/1.1\r\nHost: " + b"x" * (LINE_LIMIT + 1), 431),
    "too many headers": (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (HEAD_LIMIT // 6), 431),
    "too many trailers": (CHUNKED + b"0\r\n" + b"a: b\r\n" * (HEAD_LIMIT // 6), 431),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
    "a list of lengths": (POST + b"Content-Length: 1, 1\r\n\r\nx", 400),
    "a length with a sign": (POST + b"Content-Length: +1\r\n\r\nx", 400),
    "a length below zero": (POST + b"Content-Length: -1\r\n\r\nx", 400),
    "a length in hex": (POST + b"Content-Length: 0x1\r\n\r\nx", 400),
    "no length": (POST + b"Content-Length:\r\n\r\nx", 400),
    "a length of other digits": (POST + "Content-Length: \u00b2\r\n\r\n".encode("latin-1"), 400),
    "a length of still others": (POST + "Content-Length: \u0663\r\n\r\nabc".encode(), 400),
    "a length that is huge": (POST + b"Content-Length: " + b"9" * 20 + b"\r\n\r\n", 400),
    "a length and chunks": (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunks twice": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "another coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "chunks of chunks": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
    "no coding": (POST + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n", 501),
    "chunks of version 1.0": (b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "another expectation": (POST + b"Content-Length: 1\r\nExpect: more\r\n\r\nx", 417),
    "too much": (POST + b"Content-Length: %d\r\n\r\n" % (BODY_LIMIT + 1), 413),
    "much too much": (POST + b"Content-Length: 99999999999\r\n\r\n", 413),
    "too much in one chunk": (CHUNKED + b"%x\r\n" % (BODY_LIMIT + 1), 413),
    "much too much in one chunk": (CHUNKED + b"ffffffff\r\n", 413),
    "too much in many chunks": (CHUNKED + (b"400\r\n" + b"x" * 1024 + b"\r\n") * 5, 413),
    "a chunk's length that is huge": (CHUNKED + b"f" * 9 + b"\r\n", 400),
    "a chunk's length with a sign": (CHUNKED + b"-1\r\n", 400),
    "no chunk": (CHUNKED + b"3\r\nabcNO CHUNK\r\n", 400),
    "no chunk at the root": (CHUNKED.replace(b"/echo", b"/") + b"NO CHUNK\r\n", 400),
}


class TestWhatIsNoRequest:
    @pytest.mark.parametrize(("request_bytes", "status"), REFUSED.values(), ids=REFUSED)
    def test_it_is_told_why_and_ends_its_connection(
        self,
        request_bytes: bytes,
        status: int,
        capfd: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        async def act(served: Served) -> None:
            # What follows is not taken for a request, nor keeps it the client from reading the answer.
            found = await served.ask(request_bytes + last(REQUEST) * 200)
            assert statuses(found) == [status]
            assert found.endswith(b'"}')
            assert statuses(await served.ask(last(REQUEST))) == [200]

        assert with_server(act).said == []
        gc.collect()
        assert capfd.readouterr() == ("", "")
        assert caplog.records == []

    @pytest.mark.parametrize(
        "request_bytes",
        [
            REQUEST[:9],
            REQUEST[:-2],
            POST + b"Content-Length: 2\r\n\r\nx",
            CHUNKED + b"2\r\nx",
            CHUNKED + b"2\r\nxy\r\n",
        ],
    )
    def test_one_that_does_not_come_to_its_end(self, request_bytes: bytes) -> None:
        assert statuses(asked(request_bytes, end=True)) == [400]

    def test_one_that_goes_on_sending_gets_the_answer_too(self) -> None:
        sent = POST + b"Content-Length: 900000\r\n\r\n" + b"x" * 900_000
        assert statuses(asked(sent, end=True)) == [413]

    def test_nothing_at_all(self) -> None:
        assert asked(b"", end=True) == b""


class TestWhoIsSlow:
    @pytest.mark.parametrize("begin", [b"", b"GET / HT", CHUNKED + b"3\r\nab"])
    def test_connections_that_say_nothing_lock_nobody_out_for_long(
        self, begin: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http_server, "REQUEST_WITHIN", 0.5)

        async def act(served: Served) -> None:
            most = http_server.CONNECTIONS_A_PAGE + http_server.CONNECTIONS_MORE
            silent = [await served.open() for _ in range(most)]
            for _reader, writer in silent:
                writer.write(begin)
            assert statuses(await served.ask(REQUEST)) == [503]
            for reader, _writer in silent:
                assert await reader.read() == b""
            assert statuses(await served.ask(last(REQUEST))) == [200]

        with_server(act, browsers=1)

    def test_still_more_are_closed_without_a_word(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_server, "_TOLD", 2)

        async def act(served: Served) -> None:
            most = http_server.CONNECTIONS_A_PAGE + http_server.CONNECTIONS_MORE
            held = [await served.open() for _ in range(most + 2)]
            with pytest.raises((OSError, AssertionError)):
                assert await served.ask(REQUEST)
            assert statuses(await held[-1][0].read()) == [503]

        with_server(act, browsers=1)

    def test_one_that_asks_in_time_stays(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_server, "REQUEST_WITHIN", 0.3)

        async def act(served: Served) -> None:
            reader, writer = await served.open()
            begin = time.monotonic()
            while time.monotonic() - begin < 0.9:
                writer.write(REQUEST)
                assert await reader.readuntil(b"hello")
                await asyncio.sleep(0.05)
            writer.close()

        with_server(act)

    def test_one_that_asks_byte_by_byte_has_no_more_time_than_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_server, "REQUEST_WITHIN", 0.3)
        begin = time.monotonic()
        with pytest.raises((OSError, AssertionError)):
            assert asked(*[b"x"] * 100, pause=0.02)
        assert time.monotonic() - begin < 10

    def test_one_that_does_not_read_is_let_go_and_holds_up_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_server, "TAKE_WITHIN", 0.5)

        async def act(served: Served) -> None:
            reader, writer = await served.open()
            writer.write(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
            # The reader's own limit keeps it from reading on.
            await asyncio.sleep(0.2)
            assert statuses(await served.ask(last(REQUEST))) == [200]
            await asyncio.sleep(0.6)
            with pytest.raises((OSError, AssertionError)):
                assert len(await reader.read()) >= 50 * len(BIG)
            writer.close()

        with_server(act)

    def test_a_stream_ends_when_its_client_goes(self) -> None:
        async def act(served: Served) -> None:
            reader, writer = await served.open()
            writer.write(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n" + REQUEST)
            await reader.readuntil(b"first\r\n")
            assert statuses(await served.ask(last(REQUEST))) == [200]
            writer.write_eof()
            assert await reader.read() == b"0\r\n\r\n"
            writer.close()

        with_server(act)

    def test_the_end_waits_for_answers_and_for_nobody_who_says_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_server, "SHUTDOWN", 0.5)

        async def act(served: Served) -> None:
            silent, _writer = await served.open()
            live, writer = await served.open()
            writer.write(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            await live.readuntil(b"first\r\n")
            begin = time.monotonic()
            await served.server.close()
            assert 0.4 < time.monotonic() - begin < 10
            assert await silent.read() == b""
            assert await live.read() == b"", "nor does it look as though it had come to its end"

        with_server(act)


def test_a_request_has_no_room_for_more_than_its_limits() -> None:
    # What a reader holds beside is twice the limit of a line.
    assert http_request.HEAD_LIMIT + http_request.BODY_LIMIT + 2 * http_request.LINE_LIMIT <= 1 << 16
