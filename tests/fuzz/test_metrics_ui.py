# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever comes to the two ports of the metrics UI: it serves on, stays small, shows no traceback, and all that it
answers can be read: JSON without NaN and in whole characters, and lines that Prometheus takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.metrics import (
    BINS,
    COMPUTATION,
    NODE_INGRESS_EGRESS,
    PIPELINE_INGESTION,
    START_TO_END,
    Connect,
    Join,
    Metric,
    MetricsStream,
    Payload,
    encode,
    topic_of,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui import prometheus, verdict
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.http_request import (
    BODY_LIMIT,
    HEAD_LIMIT,
    LINE_LIMIT,
    Refusal,
    Request,
    read_request,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.marks import Marks
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.posted import PostRefused
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.receiver import Receiver
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.store import (
    Client,
    Limits,
    Refused,
    Store,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.views import (
    Views,
    WrongQuery,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.web import SECURITY_HEADERS
from hypothesis import example, given
from hypothesis import strategies as st

from tests.metrics_ui_runner import APPLICATION, LIMIT, Ui, WorkerClient
from tests.program_runner import Programs

from .inputs import bounded_memory, fuzzed, pieces, refusal_allowed
from .test_ports import GROWTH, Log

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "wallaroo-0.5.4"
RECORDED = (FIXTURES / "multi_partition_detector" / "metrics-worker2.bin").read_bytes()
NOW = 1_800_000_000.0
CATEGORIES = [START_TO_END, NODE_INGRESS_EGRESS, COMPUTATION, PIPELINE_INGESTION]
VIEWS = ["applications", "overview", "detail"]
QUERY = ["view", "application", "kind", "name", "range", "at"]
LARGEST = 2**64 - 1
ANSWERS = [APPLICATION, "worker", "pipeline", "1h", "5m", "0", str(NOW), "inf", "nan", "1e400"]
BEHAVES = "behaves"
"""The worker that is not hostile."""

LINE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*"(?:,|(?=\})))+)\})? (-?[0-9.e+-]+)')
"""A sample of the text format, as its description says."""


class HostileUi(Ui):
    """A metrics UI that may keep little, one worker that behaves, and what the process says."""

    def __init__(self, programs: Programs, directory: Path, *arguments: object) -> None:
        super().__init__(programs, directory, *arguments)
        self.log = Log(self.process)
        self.good = WorkerClient(self.metrics, BEHAVES)
        self.good.send(time.time(), count=1)
        self.sent = 1
        self.until(lambda: self.count() == 1)
        self.check()
        self.before = self.memory()

    def count(self) -> int:
        """How many messages the worker that behaves has handled, as far as the page knows."""
        # In an hour: there may be so many cases that they take longer than the five minutes of the overview.
        about = self.read("detail", application=APPLICATION, kind="worker", name=BEHAVES, range="1h")
        return int(about["latency"]["count"])

    def check(self) -> None:
        """All answers can be read, those about what hostile clients sent too."""
        applications = strict(self.get("/api/applications")[2])["applications"]
        for application in [row["name"] for row in applications][:8]:
            overview = self.read("overview", application=application)
            for kind in ("pipeline", "worker", "computation"):
                named = [row for row in overview[f"{kind}s"] if row["name"]]
                for row in named[:2]:
                    self.read("detail", application=application, kind=kind, name=row["name"], range="1h")
        self.read("marks")
        text_for_prometheus(self.get("/metrics")[2])

    def read(self, view: str, **query: str) -> Any:
        """A view that there has to be."""
        status, _headers, body = self.get(f"/api/{view}", **query)
        assert status == 200, body
        return strict(body)

    def serves_on(self, growth: int = GROWTH) -> None:
        """A worker, one that comes anew, and a browser notice nothing of all that was."""
        assert self.process.poll() is None
        again = WorkerClient(self.metrics, BEHAVES)
        for client in (self.good, again):
            client.send(time.time(), count=1)
        self.sent += 2
        self.until(lambda: self.count() == self.sent)
        again.close()
        self.check()
        assert self.memory() - self.before < growth

    def end(self) -> None:
        self.good.close()
        said = self.log.at_the_end()
        assert "Traceback" not in said, ascii(said[said.find("Traceback") :][:8000])


def strict(body: bytes) -> Any:
    """JSON as every parser takes it: without NaN and Infinity, and in characters that can be written."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    found = json.loads(body.decode(), parse_constant=refuse)
    assert not re.search("[\ud800-\udfff]", json.dumps(found, ensure_ascii=False)), "half a character"
    return found


def text_for_prometheus(text: bytes) -> None:
    """Every line is understood, no sample comes twice, and the buckets of a histogram rise."""
    lines = text.decode().split("\n")
    assert lines.pop() == ""
    types: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    below = (("", ""), 0)
    for line in lines:
        if line.startswith("#"):
            _mark, word, name, rest = line.split(" ", 3)
            assert word in ("HELP", "TYPE"), line
            if word == "TYPE":
                assert name not in types, line
                types[name] = rest
            continue
        found = LINE.fullmatch(line)
        assert found, line
        name, labels, value = found.groups()
        float(value)
        assert (name, labels) not in seen, line
        seen.add((name, labels))
        family = re.sub("_(bucket|count)$", "", name)
        assert name in types or types[family] == "histogram", line
        if name.endswith("_bucket"):
            key = (name, labels.rpartition("le=")[0])
            assert int(value) >= (below[1] if below[0] == key else 0), line
            below = (key, int(value))


def exchange(port: int, chunks: list[bytes], limit: float = LIMIT) -> bytes:
    """Send, say that this was all, and return what came until the other side closed: it must not hang on it.

    But for a live stream: that ends with whoever reads it.
    """
    answer = b""
    with socket.create_connection(("127.0.0.1", port), limit) as connection:
        try:
            for chunk in chunks:
                connection.sendall(chunk)
            connection.shutdown(socket.SHUT_WR)
            while b"\nevent: view" not in answer:
                data = connection.recv(1 << 16)
                if not data:
                    break
                answer += data
        except TimeoutError:
            raise AssertionError(f"the connection was not closed after {chunks!r}") from None
        except OSError:
            pass
    return answer


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[HostileUi]:
    programs = Programs()
    try:
        # Small limits: however many cases there are, what they may make it keep is known.
        started = HostileUi(programs, tmp_path, "--series", 400, "--memory", 16)
        yield started
        started.end()
    finally:
        programs.end()


def session(*payloads: bytes, worker: str = "hostile") -> bytes:
    """What a client sends that keeps to the order of messages."""
    return encode(Connect()) + encode(Join(topic_of(APPLICATION), worker)) + b"".join(payloads)


def payload(metric: Metric, names: list[bytes]) -> bytes:
    """A payload whose names need not be texts, and may be of any length."""
    numbers = struct.pack(
        ">H65Q4Q", metric.id, *metric.bins, metric.minimum, metric.maximum, metric.period, metric.period_end
    )
    strings = b"".join(frame(name) for name in names)
    data = frame(b"\x00\x00\x02\xd2" + strings + numbers)
    return frame(b"\x03" + frame(b"metrics") + frame(topic_of(APPLICATION).encode()) + data)


numbers = st.one_of(
    st.sampled_from([0, 1, 2**16 - 1, 2**16, 2**32 - 1, 2**32, 2**53 + 1, 2**63, LARGEST]), st.integers(0, LARGEST)
)
texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            "\0",
            "\r\n",
            "\u2028\u2029\x85",
            '"\\',
            "\\n",
            "</script><script>alert(1)</script>",
            "\U0010ffff",
            "\ufeff\u202e",
            "é" * 256,
            "x" * 257,
            "x" * 4097,
        ]
    ),
)
names = st.one_of(*[st.sampled_from(["one", "other"])] * 3, texts)
"""Also such that come again."""
texts_or_worse = st.one_of(
    texts, st.sampled_from(["\ud800", "a\udfffb", "\udc80"]), st.text(st.characters(categories=["Cs"]), max_size=3)
)


@st.composite
def metrics(draw: st.DrawFn, now: float) -> Metric:
    """A metric that says anything."""
    bins = [0] * BINS
    for number, count in draw(st.lists(st.tuples(st.integers(0, BINS - 1), numbers), max_size=8)):
        bins[number] = count
    seconds = st.sampled_from([-3700, -3601, -3599, -300, -4, 0, 1, 29, 30, 31, 4000]).map(lambda late: now + late)
    ends = st.one_of(numbers, *[seconds.map(lambda second: int(second * 1e9))] * 3)
    category = draw(st.one_of(st.sampled_from(CATEGORIES), st.sampled_from(CATEGORIES), texts))
    name, worker, pipeline = draw(names), draw(names), draw(names)
    minimum, maximum, period, end = draw(numbers), draw(numbers), draw(numbers), draw(ends)
    position = draw(st.integers(0, 65535))
    return Metric(name, category, worker, pipeline, position, tuple(bins), minimum, maximum, period, end)


def fresh(data: bytes) -> bytes:
    """A recording as if it were of now."""
    ends = int(time.time()) * 10**9
    messages = MetricsStream().feed(data)
    return b"".join(
        encode(replace(one, metric=replace(one.metric, period_end=ends)) if isinstance(one, Payload) else one)
        for one in messages
    )


class TestThePortForMetrics:
    def test_bytes_and_changed_streams(self, ui: HostileUi) -> None:
        @fuzzed(60)
        @given(pieces([RECORDED, fresh(RECORDED), session(), fresh(RECORDED)[:3000]]))
        def case(chunks: list[bytes]) -> None:
            assert exchange(ui.metrics, chunks) == b""
            assert ui.process.poll() is None

        case()
        ui.serves_on()

    def test_whole_messages_that_say_anything(self, ui: HostileUi) -> None:
        raw = st.one_of(texts_or_worse.map(lambda text: text.encode(errors="surrogatepass")), st.binary(max_size=9))

        @fuzzed(60)
        @given(
            st.lists(st.tuples(metrics(time.time()), st.none() | st.lists(raw, min_size=4, max_size=4)), max_size=6),
            texts,
        )
        def case(given: list[tuple[Metric, list[bytes] | None]], worker: str) -> None:
            sent = []
            for metric, names in given:
                own = [name.encode() for name in (metric.name, metric.category, metric.worker, metric.pipeline)]
                sent.append(payload(metric, names or own))
            assert exchange(ui.metrics, [session(*sent, worker=worker)]) == b""
            strict(ui.get("/api/applications")[2])

        case()
        ui.serves_on()

    def test_more_names_than_there_may_be(self, tmp_path: Path) -> None:
        """With the limits that it has by itself, and names as long as they may be."""
        programs = Programs()
        try:
            ui = HostileUi(programs, tmp_path)
            bins = tuple(LARGEST if number in (1, 20, 64) else 0 for number in range(BINS))
            end = int(time.time()) * 10**9
            for client in range(14):
                sent = []
                for number in range(1000):
                    name = f"{client}-{number}-".ljust(256, "\U0001f300")
                    late = number % 2 * LARGEST or end
                    category = CATEGORIES[number // 2 % 3]
                    metric = Metric(name, category, name, name, 0, bins, LARGEST, 0, LARGEST, late)
                    sent.append(encode(Payload(topic_of(APPLICATION), metric)))
                exchange(ui.metrics, [session(*sent, worker=f"hostile{client}")])
            ui.serves_on(128 << 20)
            assert len(ui.read("applications")["problems"]) < 20
            ui.end()
        finally:
            programs.end()


REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /metrics HTTP/1.0\r\n\r\n",
    b"GET /api/overview?application=Demo&range=1h HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: x\r\n\r\n",
    b"HEAD /api/stream?view=overview&application=Demo HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/stream?view=applications HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2,
    b"GET /static/index.html HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"PUT /api/marks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 30,
    b"\r\nHEAD /metrics HTTP/1.1\r\nhost:localhost\r\n\r\nOPTIONS /static/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /api/marks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n123456789" * 3,
]

AWKWARD = [
    b"GET /" + b"x" * LINE_LIMIT + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 2000 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"\0" * 500 + b"\r\n\r\n",
    b"POST /api/marks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n" + b"x" * 100_000,
    b"POST /api/marks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 5000,
    b"POST /api/marks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n" + b"x" * 100_000,
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /",
    b"\0" * 100_000,
    b"\r\n" * 50_000,
    b"GET / HTTP/1.1\nHost: localhost\n\n" * 3000,
    b"GET /api/applications HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2000,
]
"""Too long, too many, too much, and no end of it."""


async def read_all(chunks: list[bytes]) -> tuple[list[Request], str]:
    """The requests that are read of what comes in chunks, and how that ended."""
    reader = asyncio.StreamReader(LINE_LIMIT)
    read: list[Request] = []

    async def feed() -> None:
        for chunk in chunks:
            reader.feed_data(chunk)
            await asyncio.sleep(0)
        reader.feed_eof()

    feeding = asyncio.ensure_future(feed())
    try:
        while True:
            request = await read_request(reader, lambda: None)
            if request is None:
                return read, "it ended"
            read.append(request)
    except Refusal as refusal:
        return read, f"{refusal.status} {refusal}"
    except asyncio.IncompleteReadError:
        return read, "it ended in the middle"
    finally:
        await feeding


class TestTheReaderOfRequests:
    @fuzzed(300)
    @given(pieces([*REQUESTS, *AWKWARD]))
    def test_what_is_read_is_whole_and_small_and_the_same_however_it_comes(self, chunks: list[bytes]) -> None:
        with bounded_memory():
            read, end = asyncio.run(read_all(chunks))
        for request in read:
            assert re.fullmatch("[A-Z]{1,16}", request.method)
            assert re.fullmatch("/[!-~]*", request.path)
            assert len(request.body) <= BODY_LIMIT
            head = sum(len(name) + len(value) for name, value in request.headers.items())
            assert len(request.path) + len(request.query) + head <= HEAD_LIMIT
            assert not re.search("[\0\r\n]", "".join([request.path, request.query, *request.headers.values()]))
            assert "host" in request.headers or not request.minor
        whole = b"".join(chunks)
        assert asyncio.run(read_all([whole])) == (read, end)
        if len(whole) < 1000:
            assert asyncio.run(read_all([bytes([one]) for one in whole])) == (read, end)


class TestThePortForBrowsers:
    def test_bytes_and_changed_requests(self, ui: HostileUi) -> None:
        head = f"POST /api/marks HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ui.token}\r\n"
        mark = b'{"kind": "crash", "worker": "w"}'
        sized = f"{head}Content-Length: {len(mark)}\r\n\r\n".encode() + mark
        chunked = f"{head}Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n20\r\n".encode()
        chunked += mark + b"\r\n0\r\n\r\n"

        @fuzzed(80)
        @given(pieces([*REQUESTS, sized, sized, chunked]))
        def case(chunks: list[bytes]) -> None:
            assert b"HTTP/1.1 500" not in exchange(ui.port, chunks)
            assert ui.process.poll() is None

        case()
        # Somebody who goes in the middle of a mark.
        exchange(ui.port, [sized[:-5]])
        exchange(ui.port, [chunked[:-9]])
        # Nothing is sent to this one, so it must not be waited for that it goes.
        exchange(ui.port, [REQUESTS[3] * 2])
        for request in AWKWARD:
            assert b"HTTP/1.1 500" not in exchange(ui.port, [request])
        # All streams have ended with those who read them: there is room for another.
        ui.until(lambda: first_piece(ui.port, "/api/stream?view=applications").startswith(b"HTTP/1.1 200"))
        ui.serves_on()

    def test_slow_ones_hold_up_nobody(self, ui: HostileUi) -> None:
        """Many at once, of which each sends a little of something at a time, and some go in the middle."""
        requests = st.lists(st.one_of(pieces(REQUESTS), pieces(AWKWARD)), min_size=60, max_size=60)

        @fuzzed(3)
        @given(requests)
        def case(all_of_them: list[list[bytes]]) -> None:
            slow = [socket.create_connection(("127.0.0.1", ui.port), LIMIT) for _ in all_of_them]
            for turn in range(max(map(len, all_of_them))):
                for connection, chunks in zip(slow, all_of_them):
                    connection.setblocking(False)
                    try:
                        connection.send(chunks[turn] if turn < len(chunks) else b"x")
                    except OSError:
                        pass  # It is full, or closed by the other side.
                began = time.monotonic()
                assert ui.get("/api/marks")[0] == 200
                assert time.monotonic() - began < 5
            for connection in slow:
                connection.close()

        case()
        ui.serves_on()

    def test_queries(self, ui: HostileUi) -> None:
        words = st.one_of(
            texts_or_worse,
            st.sampled_from(
                [APPLICATION, BEHAVES, "worker", "pipeline", "5m", "1h", "0", "-1", "1e999", "NaN", *VIEWS]
            ),
        )
        query = st.lists(st.tuples(st.one_of(st.sampled_from(QUERY), texts_or_worse), words), max_size=7)
        encoded = query.map(lambda pairs: urlencode(pairs, errors="surrogatepass"))
        anything = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)

        @fuzzed(80)
        @given(st.sampled_from([*VIEWS, "stream", "marks", "x", "%00", "%ff"]), st.one_of(encoded, encoded, anything))
        def case(view: str, text: str) -> None:
            path = f"/api/{view}?{text}"
            if view == "stream":
                # It would never end: the first piece tells whether there is one.
                head = first_piece(ui.port, path)
                assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400")), head
                return
            status, _headers, body = ui.get(path)
            assert status in (200, 400, 404), body
            strict(body)

        case()
        ui.serves_on()

    def test_marks(self, ui: HostileUi) -> None:
        bodies = [b"[" * 4000, b'{"a":' * 800, b"9" * 4000, b"-1e999", b"NaN", b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00"]
        bodies += [b'{"kind": "crash", "time": %s}' % number for number in (b"1e999", b"9" * 400, b"NaN", b"-Infinity")]
        bodies += [b'{"kind": "crash", "%s": "\\ud800"}' % name for name in (b"worker", b"text", b"\\ud800", b"kind")]
        headers = {"Authorization": f"Bearer {ui.token}"}

        @fuzzed(80)
        @given(st.one_of(st.sampled_from(bodies), marks(time.time()).map(lambda mark: json.dumps(mark).encode())))
        def case(body: bytes) -> None:
            status, _headers, answer = ui.ask("POST", "/api/marks", body, headers)
            assert status in (200, 201, 400, 413), (body, answer)
            assert ("error" in strict(answer)) == (status >= 400)
            ui.read("marks")

        for body in bodies:
            assert ui.ask("POST", "/api/marks", body, headers)[0] == 400, body
        case()
        ui.read("overview", application=APPLICATION)
        ui.serves_on()

    def test_requests_that_are_nearly_some(self, ui: HostileUi) -> None:
        """Whatever is wrong with them: each is answered as HTTP, with all that keeps a page safe, and then closed."""

        @fuzzed(120)
        @example([b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"] * 60)
        @example([b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70_000 + b"\r\n\r\n"])
        @example([b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"\0" * 9])
        @example([b"\0" * 200_000])
        @example([b"POST /api/marks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{}"])
        @given(st.lists(nearly_requests(), min_size=1, max_size=5))
        def case(sent: list[bytes]) -> None:
            assert answers(exchange(ui.port, [b"".join(sent)]))
            assert ui.process.poll() is None

        case()
        ui.serves_on()

    def test_many_that_never_come_to_an_end(self, ui: HostileUi) -> None:
        """Heads and bodies that come drop by drop, and answers that nobody reads, hold nobody else up."""
        begun = [
            b"GET / HTTP/1.1\r\nHost: localhost\r\n",
            b"POST /api/marks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n",
            b"POST /api/marks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n",
            b"GET /static/time_chart.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 300,
        ]
        slow = [socket.create_connection(("127.0.0.1", ui.port), LIMIT) for _ in range(200)]
        try:
            for number, connection in enumerate(slow):
                connection.settimeout(0.01)
                with contextlib.suppress(TimeoutError):
                    connection.sendall(begun[number % len(begun)])
            for _ in range(20):
                for number, connection in enumerate(slow):
                    if number % len(begun) != len(begun) - 1:
                        connection.sendall(b"a: b\r\n")
                began = time.monotonic()
                assert ui.get("/api/applications")[0] == 200
                assert time.monotonic() - began < 5
            ui.serves_on()
        finally:
            for connection in slow:
                connection.close()
        ui.serves_on()


_BODY = b'{"no": 1}'
_ODD = st.one_of(st.binary(max_size=6), st.sampled_from([b"", b" ", b"\t", b"\0", b"\n", b"\r", b"\r\n", b"\xff"]))
_RIGHT = {
    "method": [b"GET", b"GET", b"HEAD", b"POST", b"POST", b"PUT", b"OPTIONS"],
    "target": [b"/", b"/static/main.js", b"/api/marks", b"/metrics", b"/%00%ff", b"/api/overview?application=%ff"],
    "version": [b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"],
    "host": [b"Host: localhost"],
    "size": [b"9"],
    "field": [b"X: y", b"Connection: close", b"Connection: keep-alive, Upgrade", b"Expect: 100-continue"],
    "end": [b"\r\n"],
}
_WRONG = {
    "method": _ODD | st.sampled_from([b"get", b"TRACE"]),
    "target": _ODD.map(lambda text: b"/" + text) | st.sampled_from([b"*", b"http://localhost/"]),
    "version": _ODD | st.sampled_from([b"HTTP/2.0", b"HTTP/0.9", b"http/1.1"]),
    "host": st.sampled_from([b"X: y", b"Host: localhost\r\nHost: localhost", b"Host : localhost", b"Host: evil.org"]),
    "size": _ODD
    | st.sampled_from([b"0", b"1", b"4000", b"5000", b"-1", b"+3", b"1e3", b"0x10", b"9" * 30, b"%d" % 2**64]),
    "field": st.one_of(
        _ODD,
        _ODD.map(lambda text: b"X: " + text),
        st.sampled_from([b" folded: line", b"Content-Length: 3", b"Transfer-Encoding: gzip", b"X:" + b"y" * 9000]),
    ),
    "end": st.sampled_from([b"\n", b"\r"]),
}


@st.composite
def nearly_requests(draw: st.DrawFn) -> bytes:
    """What is a request but for two things at most."""
    wrong = draw(st.sets(st.sampled_from(list(_WRONG)), max_size=2))
    method, target, version, host, size, field, end = (
        draw(_WRONG[name] if name in wrong else st.sampled_from(right)) for name, right in _RIGHT.items()
    )
    length, body = b"Content-Length: " + size, _BODY
    if draw(st.booleans()):
        length, body = b"Transfer-Encoding: chunked", size + b"\r\n" + body + b"\r\n0\r\n\r\n"
    return end.join([b" ".join([method, target, version]), host, field, length, b"", body])


KNOWN = {
    *b"date content-type content-length transfer-encoding connection etag cache-control allow www-authenticate".split(),
    *(name.lower().encode() for name in SECURITY_HEADERS),
}
"""The headers of answers."""


def answers(text: bytes) -> list[int]:
    """The statuses of answers that came one after the other: each is whole, and none has a header of whoever asked."""
    found = []
    while text:
        head, blank, text = text.partition(b"\r\n\r\n")
        assert blank, head
        first, *lines = head.split(b"\r\n")
        version, status, _reason = first.split(b" ", 2)
        assert version == b"HTTP/1.1", head
        found.append(int(status))
        if status == b"100":
            continue
        assert found[-1] in (200, 201, 304, 400, 401, 404, 405, 413, 414, 417, 421, 431, 501), head
        headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines)}
        assert len(headers) == len(lines), head
        assert set(headers) <= KNOWN, head
        assert headers[b"content-security-policy"].startswith(b"default-src 'none'; "), head
        assert headers[b"x-content-type-options"] == b"nosniff", head
        # An answer to HEAD has no content: the next one begins then, or nothing.
        has_content = text and not text.startswith(b"HTTP/1.1 ")
        if b"content-length" in headers:
            size = int(headers[b"content-length"])
            assert not has_content or len(text) >= size, head
            text = text[size:] if has_content else text
        elif headers.get(b"transfer-encoding") == b"chunked":
            text = after_chunks(text) if has_content else text
        elif status != b"304":
            # To HTTP/1.0, until the connection is closed.
            break
        if headers.get(b"connection") == b"close":
            assert not text, head
    return found


def after_chunks(text: bytes) -> bytes:
    """What follows on a content in chunks, which has to be whole."""
    while True:
        length, _, text = text.partition(b"\r\n")
        size = int(length, 16)
        assert text[size : size + 2] == b"\r\n", length
        text = text[size + 2 :]
        if size == 0:
            return text


def first_piece(port: int, path: str) -> bytes:
    """What is answered first, with the whole head."""
    with socket.create_connection(("127.0.0.1", port), LIMIT) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            data = connection.recv(1 << 16)
            if not data:
                break
            answer += data
        return answer


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([10**400, -(10**400), 2**64]),
        st.floats(),
        texts_or_worse,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts_or_worse, inner, max_size=3)),
    max_leaves=6,
)


def marks(now: float) -> st.SearchStrategy[Any]:
    """What is a mark, and what is nearly one."""
    near = {
        "kind": st.one_of(st.sampled_from(["crash", "copy", "start", "resumed", "placed"]), values),
        "time": st.one_of(st.floats(now - 90_000, now + 90_000), values),
        **{name: st.one_of(texts_or_worse, values) for name in ("worker", "server", "text", "application")},
    }
    kind = {"kind": st.sampled_from(["crash", "placed"])}
    rest = {name: strategy for name, strategy in near.items() if name != "kind"}
    return st.one_of(values, st.fixed_dictionaries({}, optional=near), st.fixed_dictionaries(kind, optional=rest))


@fuzzed(200)
@given(st.lists(marks(NOW), min_size=1, max_size=4))
def test_a_mark_is_taken_or_refused(given: list[Any]) -> None:
    kept = Marks(limit=2)
    for one in given:
        said = ""
        try:
            mark, _is_new = kept.post(one, NOW)
            again, is_new = kept.post(one, NOW)
            assert (again.kind, again.time, is_new) == (mark.kind, mark.time, False)
            strict(json.dumps(mark.to_dict()).encode())
        except PostRefused as refused:
            said = str(refused)
            assert said
        assert said.encode(errors="replace").decode() == said, ascii(said)
        strict(json.dumps(kept.between(0, float("inf"))).encode())
    assert len(kept.between(0, float("inf"))) <= 2


def verdicts(now: float) -> st.SearchStrategy[Any]:
    """What is a verdict, and what is nearly one."""
    near = {
        "time": st.one_of(st.floats(now - 90_000, now + 90_000), values),
        "workers": st.one_of(st.lists(texts_or_worse, max_size=3), values),
        **{name: st.one_of(texts_or_worse, values) for name in ("run", "reason", "application")},
        **{name: st.one_of(st.integers(0, 9), values) for name in ("received", "expected", "violations")},
    }
    kind = {"verdict": st.one_of(st.sampled_from(["pass", "fail", "unknown"]), values)}
    return st.one_of(values, st.fixed_dictionaries(kind, optional=near))


@fuzzed(200)
@given(verdicts(NOW))
def test_a_verdict_is_taken_or_refused(given: Any) -> None:
    try:
        said = json.dumps(verdict.read(given, NOW).to_dict())
        strict(said.encode())
    except PostRefused as refused:
        said = str(refused)
        assert said
    assert said.encode(errors="replace").decode() == said, ascii(said)


def metric(**changes: Any) -> Metric:
    """A metric that says nothing special, but for some changes."""
    plain = Metric("one", NODE_INGRESS_EGRESS, "one", "one", 0, (1,) * BINS, 0, LARGEST, 1, int(NOW) * 10**9)
    return replace(plain, **changes)


class TestTheStore:
    @example([(metric(), 0), (metric(name="other"), 0)], None, APPLICATION)
    @example([(metric(category=START_TO_END), 0), (metric(category=START_TO_END, name="other"), 0)], "", APPLICATION)
    @fuzzed(120)
    @given(
        st.lists(st.tuples(metrics(NOW), st.integers(-70, 300) | st.just(4000)), max_size=8), st.none() | texts, texts
    )
    def test_any_metric_is_kept_or_refused_and_everything_can_be_shown(
        self, given: list[tuple[Metric, int]], worker: str | None, application: str
    ) -> None:
        now = [NOW]
        store = Store(Limits(memory=60_000, series=9, series_per_client=6, workers=4), lambda: now[0])
        client, views = Client(application, worker), Views(store, list)
        with refusal_allowed(Refused):
            store.join(client)
        for metric, later in given:
            now[0] = NOW + later
            with refusal_allowed(Refused):
                store.add(client, application, metric)
            assert store.budget.used <= 60_000
            assert store.series <= 9
        store.leave(client)
        show(views, "applications", {})
        for length in ("5m", "1h"):
            show(views, "overview", {"application": application, "range": length})
            for kind in ("pipeline", "worker", "computation"):
                show(views, "detail", {"application": application, "kind": kind, "name": "one", "range": length})
        show(views, "overview", {"application": application, "at": str(NOW)})
        receiver = Receiver(store, lambda line: None)
        text_for_prometheus("".join(prometheus.exposition(receiver)).encode())
        now[0] += 3 * 3600
        store.sweep()
        assert (store.series, store.budget.used) == (0, 0)

    @fuzzed(200)
    @given(
        st.one_of(st.sampled_from(VIEWS), texts_or_worse),
        st.dictionaries(
            st.one_of(st.sampled_from(QUERY), texts_or_worse),
            st.one_of(
                st.sampled_from(ANSWERS),
                texts_or_worse,
            ),
        ),
    )
    def test_any_query_is_answered_or_refused(self, view: str, query: dict[str, str]) -> None:
        store = Store(clock=lambda: NOW)
        store.join(Client(APPLICATION, "worker"))
        with refusal_allowed(WrongQuery):
            Views(store, list).view(view, query)


def show(views: Views, view: str, query: dict[str, str]) -> None:
    """A view of what the store holds."""
    with refusal_allowed(WrongQuery):
        strict(json.dumps(views.view(view, query)).encode())
