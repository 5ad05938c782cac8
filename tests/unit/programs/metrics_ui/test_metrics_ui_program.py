# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program as a process: what workers, browsers and others do to its two ports."""

from __future__ import annotations

import json
import random
import signal
import socket
import stat
import struct
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.metrics import Connect, Join, encode

from tests.metrics_ui_runner import APPLICATION, PAGE, Ui, events, payload
from tests.program_runner import Programs


@pytest.fixture
def ui(programs: Programs, tmp_path: Path) -> Ui:
    return Ui(programs, tmp_path)


def workers(ui: Ui) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in ui.view("overview", application=APPLICATION)["workers"]}


class TestWorkers:
    def test_what_they_send_is_shown_and_when_they_go_they_are_marked(self, ui: Ui) -> None:
        clients = [ui.worker(f"worker{number}") for number in (2, 3)]
        for client in clients:
            client.send(time.time(), count=60)
            client.send(time.time(), count=40)
        ui.until(lambda: [row["count"] for row in workers(ui).values()] == [100, 100])
        clients[0].close()
        ui.until(
            lambda: (
                {name: row["state"] for name, row in workers(ui).items()} == {"worker2": "gone", "worker3": "sending"}
            )
        )
        back = ui.worker("worker2")
        ui.until(lambda: workers(ui)["worker2"]["state"] == "sending")
        back.close()

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"GET / HTTP/1.1\r\n\r\n", "malformed"),
            (struct.pack(">I", 1 << 30), "malformed"),
            (encode(Join("metrics:Demo", "worker9")), "malformed"),
            (payload(APPLICATION, "worker9", 0, 1), "malformed"),
            (encode(Connect()) * 2, "malformed"),
            (encode(Connect()) + encode(Join("other:Demo", "worker9")), "malformed"),
            (encode(Connect()) + encode(Join("metrics:" + "x" * 300, "worker9")), "limit"),
        ],
    )
    def test_who_does_not_speak_metrics_is_cut_off_and_counted_and_others_do_not_notice(
        self, ui: Ui, data: bytes, reason: str
    ) -> None:
        good = ui.worker("worker2")
        with socket.create_connection(("127.0.0.1", ui.metrics), timeout=10) as bad:
            bad.sendall(data)
            try:
                assert bad.recv(1) == b""
            except ConnectionResetError:
                pass
        good.send(time.time(), count=7)
        ui.until(lambda: workers(ui).get("worker2", {}).get("count") == 7)
        _status, _headers, text = ui.get("/metrics")
        assert f'wallaroo_metrics_ui_cut_off_clients_total{{reason="{reason}"}} 1\n'.encode() in text
        (problem,) = ui.view("applications")["problems"]
        assert problem.startswith("1 client was cut off. The last: 127.0.0.1:")
        good.close()

    def test_too_many_are_turned_away(self, programs: Programs, tmp_path: Path) -> None:
        ui = Ui(programs, tmp_path, "--clients", 2)
        kept = [ui.worker("worker2"), ui.worker("worker3")]
        ui.until(lambda: len(workers(ui)) == 2)
        third = ui.worker("worker4")
        ui.until(lambda: ui.view("applications")["problems"])
        assert sorted(workers(ui)) == ["worker2", "worker3"]
        for client in [*kept, third]:
            client.close()

    def test_fuzzed_streams_neither_end_it_nor_make_it_grow(self, ui: Ui) -> None:
        source = random.Random(11)
        good = ui.worker("worker2")
        session = encode(Connect()) + encode(Join("metrics:Demo", "worker3"))
        whole = session + b"".join(payload(APPLICATION, "worker3", time.time(), 5, number) for number in range(1, 60))
        before = 0
        for number in range(400):
            if number == 100:
                before = ui.memory()
            data = bytearray(whole[: source.randrange(len(whole))])
            for _ in range(source.randrange(1, 20)):
                if data:
                    data[source.randrange(len(data))] = source.randrange(256)
            with socket.create_connection(("127.0.0.1", ui.metrics), timeout=10) as bad:
                try:
                    bad.sendall(data)
                except OSError:
                    pass
        good.send(time.time(), count=9)
        ui.until(lambda: workers(ui)["worker2"]["count"] == 9)
        assert ui.process.poll() is None
        # A name that was changed on its way is a name: these series stay for an hour, and are bounded.
        assert ui.memory() - before < 30 << 20
        good.close()


class TestBrowsers:
    def test_a_change_is_there_within_a_second(self, ui: Ui) -> None:
        client = ui.worker("worker2")
        stream = events(ui.port, view="overview", application=APPLICATION)
        next(stream)
        client.send(time.time(), count=123)
        sent = time.monotonic()
        for event in stream:
            if event["workers"] and event["workers"][0]["count"] == 123:
                break
        assert time.monotonic() - sent < 5, "measured by the benchmark; this is only for what is plainly wrong"
        stream.close()  # type: ignore[attr-defined]
        client.close()

    def test_one_that_does_not_read_slows_nobody(self, ui: Ui) -> None:
        client = ui.worker("worker2")
        with socket.create_connection(("127.0.0.1", ui.port)) as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            for _ in range(50):
                slow.sendall(b"GET /static/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for number in range(200):
                client.send(time.time(), count=1, bin=1 + number % 60)
            ui.until(lambda: workers(ui)["worker2"]["count"] == 200)
        client.close()

    def test_there_is_a_limit(self, programs: Programs, tmp_path: Path) -> None:
        ui = Ui(programs, tmp_path, "--browsers", 1)
        stream = events(ui.port, view="applications")
        next(stream)
        status, _headers, body = ui.get("/api/stream", view="applications")
        assert (status, json.loads(body)["error"][:26]) == (503, "1 pages are open already; ")
        stream.close()  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        "path", ["/", "/static/main.js", "/static/figure.js", "/api/openapi.json", "/api/x", "/no"]
    )
    def test_every_answer_has_the_headers_that_keep_a_page_safe(self, ui: Ui, path: str) -> None:
        _status, headers, _body = ui.get(path)
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize("path", ["/static/..%2fmain.js", "/static/../../token", "/static/no.js", "/api/", "/x"])
    def test_nothing_but_the_page_is_served(self, ui: Ui, path: str) -> None:
        status, _headers, body = ui.get(path)
        assert status == 404
        assert json.loads(body)["error"].startswith("there is no ")

    def test_a_file_that_the_browser_has_is_not_sent_again(self, ui: Ui) -> None:
        _status, headers, body = ui.get("/")
        assert body == (PAGE / "index.html").read_bytes()
        assert ui.get("/", {"If-None-Match": headers["ETag"]})[0] == 304

    def test_names_from_the_wire_are_data(self, ui: Ui) -> None:
        name = '<img src=x onerror=alert(1)>"\\\n'
        client = ui.worker(name, application=name)
        client.send(time.time(), category="start-to-end")
        ui.until(lambda: ui.view("applications")["applications"])
        assert ui.view("overview", application=name)["workers"][0]["name"] == name
        text = ui.get("/metrics")[2].decode()
        assert 'worker="<img src=x onerror=alert(1)>\\"\\\\\\n"' in text
        client.close()


class TestMarks:
    MARK = {"kind": "crash", "worker": "worker2", "server": "server2"}

    def test_with_the_token_one_can_be_posted_and_twice_is_once(self, ui: Ui) -> None:
        mark = {**self.MARK, "time": time.time()}
        status, first = ui.post(mark)
        assert (status, first["kind"], first["worker"]) == (201, "crash", "worker2")
        assert ui.post(mark) == (200, first)
        assert ui.view("marks")["marks"] == [first]

    def test_without_it_not(self, ui: Ui) -> None:
        assert ui.post(self.MARK, token="x" * len(ui.token))[0] == 401
        assert ui.ask("POST", "/api/marks", b"{}")[0] == 401
        assert ui.view("marks")["marks"] == []

    @pytest.mark.parametrize(
        "mark",
        [
            [],
            {},
            {"kind": "boom"},
            {**MARK, "time": "now"},
            {**MARK, "time": 1},
            {**MARK, "worker": "x" * 999},
            {**MARK, "a": 1},
        ],
    )
    def test_what_is_none(self, ui: Ui, mark: object) -> None:
        status, answer = ui.post(mark)
        assert (status, bool(answer["error"])) == (400, True)

    @pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"[" * 4000, 400), (b" " * 5000, 413), (b"\xff", 400)])
    def test_what_is_no_json_or_too_much(self, ui: Ui, body: bytes, status: int) -> None:
        assert ui.ask("POST", "/api/marks", body, {"Authorization": f"Bearer {ui.token}"})[0] == status

    def test_a_verdict_too_needs_it_and_takes_the_place_of_the_one_before(self, ui: Ui) -> None:
        assert ui.view("verdict") == {"verdict": None}
        assert ui.post({"verdict": "pass"}, "x" * len(ui.token), "verdict")[0] == 401
        assert ui.view("verdict") == {"verdict": None}
        for given in ({"verdict": "fail", "reason": "lost"}, {"verdict": "pass", "received": 11, "expected": 11}):
            status, answer = ui.post(given, None, "verdict")
            assert status == 201
            assert given.items() <= answer.items()
            assert ui.view("verdict") == {"verdict": answer}
        assert ui.post({"verdict": "perhaps"}, None, "verdict")[0] == 400
        assert ui.view("verdict") == {"verdict": answer}

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
    def test_nothing_else_can_be_changed(self, ui: Ui, method: str) -> None:
        assert ui.ask(method, "/api/overview", b"{}", {"Authorization": f"Bearer {ui.token}"})[0] == 405


def test_every_view_is_as_the_description_says(ui: Ui) -> None:
    description = json.loads((PAGE / "openapi.json").read_text(encoding="utf-8"))
    client = ui.worker("worker2")
    for category in ("node-ingress-egress", "start-to-end", "computation", "pipeline-ingestion"):
        client.send(time.time() - 6, category=category)
    ui.post({"kind": "copy", "worker": "worker2", "server": "server4"})
    ui.until(lambda: ui.view("overview", application=APPLICATION)["computations"])
    queries: list[tuple[str, str, dict[str, str]]] = [
        ("applications", "Applications", {}),
        ("overview", "Overview", {"application": APPLICATION}),
        ("overview", "Overview", {"application": "nobody", "range": "1h"}),
        ("overview", "Overview", {"application": APPLICATION, "at": str(time.time() - 5)}),
    ]
    for kind, name in (
        ("worker", "worker2"),
        ("pipeline", "Pipeline"),
        ("computation", "Pipeline"),
        ("worker", "none"),
    ):
        for length in ("5m", "1h"):
            query = {"application": APPLICATION, "kind": kind, "name": name, "range": length}
            queries.append(("detail", "Detail", query))
    ui.post({"verdict": "fail", "run": "demo", "received": 1, "expected": 2, "workers": ["worker2"]}, None, "verdict")
    for view, schema, query in queries:
        wanted = {"$ref": f"#/components/schemas/{schema}", "components": description["components"]}
        answer = ui.view(view, **query)
        jsonschema.Draft202012Validator(wanted).validate(answer)
        known = description["components"]["schemas"][schema]["properties"]
        assert set(answer) <= set(known)
    for path in description["paths"]:
        assert ui.get(path)[0] in (200, 400)
    client.close()


def test_prometheus_reads_it(ui: Ui) -> None:
    client = ui.worker("worker2")
    client.send(time.time(), count=3, bin=10)
    client.send(time.time(), count=2, bin=12)
    client.send(time.time(), count=5, bin=0, category="pipeline-ingestion")
    ui.until(lambda: workers(ui).get("worker2", {}).get("count") == 5)
    ui.until(lambda: b"wallaroo_ingested_messages_total{" in ui.get("/metrics")[2])
    _status, headers, text = ui.get("/metrics")
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    labels = 'application="Demo",pipeline="Pipeline",worker="worker2"'
    lines = text.decode().splitlines()
    buckets = [line for line in lines if line.startswith(f"wallaroo_worker_latency_seconds_bucket{{{labels}")]
    assert len(buckets) == 65
    for end, below in (("5.12e-07", 0), ("1.024e-06", 3), ("4.096e-06", 5), ("+Inf", 5)):
        assert f'wallaroo_worker_latency_seconds_bucket{{{labels},le="{end}"}} {below}' in buckets
    assert f"wallaroo_worker_latency_seconds_count{{{labels}}} 5" in lines
    assert f'wallaroo_ingested_messages_total{{{labels},source="Pipeline"}} 5' in lines
    assert 'wallaroo_worker_state{application="Demo",worker="worker2",state="sending"} 1' in lines
    client.close()


class TestCommandLine:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_also_while_pages_are_open(self, ui: Ui, number: signal.Signals) -> None:
        client, stream = ui.worker("worker2"), events(ui.port, view="applications")
        next(stream)
        ui.process.send_signal(number)
        output, _nothing = ui.process.communicate(timeout=20)
        assert (ui.process.returncode, output) == (0, "metrics ui: stopped by a signal\n")
        client.close()

    def test_a_port_that_is_taken(self, ui: Ui, programs: Programs, tmp_path: Path) -> None:
        arguments = ["--page", PAGE, "--token-file", tmp_path / "token"]
        where = ["--listen", f"127.0.0.1:{ui.port}", "--metrics", "127.0.0.1:0"]
        code, output = programs.run("metrics_ui", *where, *arguments)
        assert (code, output) == (
            1,
            f"metrics ui: nobody can listen on 127.0.0.1:{ui.port} (--listen): Address already in use; "
            "stop who does, or choose another port\n",
        )

    def test_each_start_has_a_token_of_its_own_that_only_its_user_reads(
        self, ui: Ui, programs: Programs, tmp_path: Path
    ) -> None:
        assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
        (tmp_path / "other").mkdir()
        assert Ui(programs, tmp_path / "other").token != ui.token
        assert ui.token not in (ui.get("/")[2] + ui.get("/metrics")[2] + ui.get("/api/marks")[2]).decode()

    def test_one_that_cannot_run_leaves_the_token_of_the_one_that_does(
        self, ui: Ui, programs: Programs, tmp_path: Path
    ) -> None:
        arguments = ["--page", PAGE, "--token-file", tmp_path / "token"]
        where = ["--listen", f"127.0.0.1:{ui.port}", "--metrics", "127.0.0.1:0"]
        assert programs.run("metrics_ui", *where, *arguments)[0] == 1
        assert ui.post({**TestMarks.MARK})[0] == 201

    def test_what_is_missing(self, programs: Programs, tmp_path: Path) -> None:
        where = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--page"]
        token, nowhere = tmp_path / "token", tmp_path / "no" / "token"
        code, output = programs.run("metrics_ui", *where, PAGE, "--token-file", nowhere)
        assert (code, output) == (
            1,
            f"metrics ui: the token cannot be written to {nowhere}: No such file or directory\n",
        )
        code, output = programs.run("metrics_ui", *where, tmp_path / "x", "--token-file", token)
        assert (code, output) == (1, f"metrics ui: {tmp_path}/x cannot be read: No such file or directory\n")
        code, output = programs.run("metrics_ui", *where, tmp_path, "--token-file", token)
        assert (code, output) == (1, f"metrics ui: {tmp_path} has no index.html\n")
