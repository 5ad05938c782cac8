# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came out when, from the files of a receiver and of a sender."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._flow import look, metrics, received
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import sending_times
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import Address
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    encode_output,
    expected_window,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frames
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.sending_progress import Progress, Sending
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import arrivals

KEYS = ("key_0", "key_1")
EPOCH = 1_000_000.0


class Kept:
    """The files that a receiver and a sender leave."""

    def __init__(self, base: Path) -> None:
        self.received = base / "received" / "received.bin"
        self.progress = base / "run" / "sender" / "progress"
        for path in (self.received, self.progress):
            path.parent.mkdir(parents=True)
        self._size = self._frames = 0

    def sent(self, *batches: tuple[int, int, float]) -> None:
        """:param batches: connection, last value, and seconds."""
        Progress(str(self.progress), Sending(1, 100, [[key] for key in KEYS])).end(0, "", broken=False)
        records = [sending_times.RECORD.pack(one, last, round((EPOCH + at) * 1e9)) for one, last, at in batches]
        Path(sending_times.path_of(str(self.progress))).write_bytes(b"".join(records))

    def came(self, at: float, *values: tuple[str, int]) -> None:
        data = frames([encode_output(key, expected_window(value)) for key, value in values])
        self._size, self._frames = self._size + len(data), self._frames + len(values)
        with self.received.open("ab") as stream, Path(arrivals.path_of(str(self.received))).open("ab") as times:
            stream.write(data)
            times.write(arrivals.encode(self._size, self._frames, round((EPOCH + at) * 1e9)))

    def flow(self, until: float, keys: tuple[str, ...] = KEYS) -> dict[str, Any]:
        return received.flow(str(self.received), str(self.progress), keys, EPOCH + until)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_a_run_with_an_idle_time_and_an_outage(kept: Kept) -> None:
    kept.sent((0, 2, 0.0), (1, 2, 0.0), (0, 3, 10.0), (1, 3, 10.0))
    kept.came(0.5, ("key_0", 1), ("key_1", 1), ("key_0", 2), ("key_1", 2))
    kept.came(14.0, ("key_0", 3), ("key_1", 3))
    flow = kept.flow(14.2)
    assert (flow["begin"], flow["step"], sum(flow["arrivals"]), sum(flow["sent"])) == (EPOCH, 0.1, 6, 6)
    assert (flow["arrivals"][5], flow["arrivals"][140]) == (4, 2)
    lulls = [(one["kind"], one["begin"] - EPOCH, one["end"] - EPOCH) for one in flow["lulls"]]
    assert lulls == [("outage", 0.0, 0.5), ("idle", 0.5, 10.0), ("outage", 10.0, 14.0)]
    key = flow["keys"]["key_0"]
    assert (key["sent"], key["received"], key["longest"], key["longest_at"]) == (3, 3, 4.0, EPOCH + 14)
    assert key["delay"][50] == 0.0
    assert key["delay"][120] == pytest.approx(2.1)
    assert flow["latency"]["all"]["50"] == pytest.approx(0.5, rel=0.05)
    assert flow["latency"]["all"]["100"] == pytest.approx(4.0, rel=0.05)
    assert flow["notes"] == []


def test_what_never_came_is_an_outage_to_the_end(kept: Kept) -> None:
    kept.sent((0, 2, 0.0), (1, 2, 0.0))
    kept.came(0.5, ("key_0", 1), ("key_1", 1), ("key_1", 2))
    flow = kept.flow(60.0)
    last = flow["lulls"][-1]
    assert (last["kind"], last["end"] - EPOCH, last["came"]) == ("outage", 60.0, False)
    assert flow["step"] * len(flow["arrivals"]) < 5, "the wait after the last message is shown for a short while only"
    assert flow["keys"]["key_0"]["delay"][-1] > 3 > flow["keys"]["key_1"]["longest"]
    assert (flow["keys"]["key_0"]["longest"], flow["keys"]["key_0"]["longest_at"] - EPOCH) == (60.0, 60.0)
    assert flow["keys"]["key_0"]["longest"] >= last["end"] - last["begin"], "nothing is out for longer than it is late"


def test_what_was_sent_and_never_came_at_all_is_an_outage(kept: Kept) -> None:
    kept.sent((0, 2, 1.0), (1, 2, 1.0))
    kept.received.touch()
    flow = kept.flow(31.0)
    assert [(one["kind"], one["begin"] - EPOCH, one["end"] - EPOCH, one["came"]) for one in flow["lulls"]] == [
        ("outage", 1.0, 31.0, False)
    ]
    assert flow["keys"]["key_0"]["longest"] == 30.0


def test_without_times_of_the_sender_there_is_still_when_messages_came(kept: Kept) -> None:
    kept.came(0.5, ("key_0", 1))
    flow = kept.flow(1.0)
    assert sum(flow["arrivals"]) == 1
    assert "keys" not in flow
    assert "is not known" in flow["notes"][0]
    assert "keys" not in kept.flow(1.0, ())


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize(
    ("left", "says"), [(None, "received.bin.arrivals is missing."), (24, "tells of 45 bytes and received.bin has 90.")]
)
def test_when_what_came_is_not_known_no_delay_is_made_up(kept: Kept, left: int | None, says: str, sent: bool) -> None:
    if sent:
        kept.sent((0, 1, 0.0), (1, 1, 0.0))
    kept.came(0.5, ("key_0", 1))
    kept.came(0.6, ("key_1", 1))
    times = Path(arrivals.path_of(str(kept.received)))
    if left is None:
        times.unlink()
    else:
        times.write_bytes(times.read_bytes()[:left])
    flow = kept.flow(14.0)
    assert flow["notes"][0].startswith("When what came out came is not known, so there is no delay and no latency: ")
    assert flow["notes"][0].endswith(says)
    assert not {"keys", "latency", "lulls"} & set(flow)


def test_a_received_file_that_was_cut_is_not_one_of_which_nothing_came(kept: Kept) -> None:
    kept.sent((0, 1, 0.0), (1, 1, 0.0))
    kept.came(0.5, ("key_0", 1), ("key_1", 1))
    kept.received.write_bytes(b"")
    flow = kept.flow(14.0)
    assert "received.bin has 0." in flow["notes"][0]
    assert "keys" not in flow


def test_nothing_at_all(kept: Kept) -> None:
    assert kept.flow(1.0) == {"notes": ["Nothing was sent and nothing came out."]}


def test_damaged_bytes_and_unknown_keys_are_passed_over(kept: Kept) -> None:
    kept.sent((0, 2, 0.0), (1, 2, 0.0))
    kept.came(0.5, ("key_0", 1), ("stranger", 7))
    data = kept.received.read_bytes()
    kept.received.write_bytes(b"\xff" * 7 + data[7:])
    assert kept.flow(1.0)["keys"]["key_0"]["received"] == 0


def test_of_many_keys_those_with_the_longest_delay_are_told(kept: Kept) -> None:
    names = tuple(f"key_{number}" for number in range(50))
    Progress(str(kept.progress), Sending(1, 9, [[key] for key in names])).end(0, "", broken=False)
    records = [sending_times.RECORD.pack(number, 1, round(EPOCH * 1e9)) for number in range(50)]
    Path(sending_times.path_of(str(kept.progress))).write_bytes(b"".join(records))
    for number, key in enumerate(names):
        kept.came(0.1 * number, (key, 1))
    flow = kept.flow(5.0, names)
    assert len(flow["keys"]) == received.KEYS
    assert flow["keys_left_out"] == 10
    assert "key_0" not in flow["keys"]
    assert "key_49" in flow["keys"]


def test_when_the_byte_at_a_place_came(kept: Kept) -> None:
    kept.came(0.5, ("key_0", 1))
    first = kept.received.stat().st_size
    kept.came(2.5, ("key_0", 2))
    moments = received.moments(str(kept.received), [first, 0, 10_000, 0])
    assert moments == {"0": EPOCH + 0.5, str(first): EPOCH + 2.5, "10000": None}


def test_a_long_run_has_no_more_pieces_than_a_short_one(kept: Kept) -> None:
    kept.sent(*((0, number, number * 10.0) for number in range(1, 1001)))
    for number in range(1, 1001):
        kept.came(number * 10.0 + 0.01, ("key_0", number))
    flow = kept.flow(10_001.0)
    assert len(flow["arrivals"]) <= received.BINS + 1
    assert len(json.dumps(flow)) < 30_000


def test_a_server_without_anything_says_what_is_missing(tmp_path: Path) -> None:
    flow = look.flow({"base": str(tmp_path), "offsets": [3], "answer_timeout": 1.0}, EPOCH)
    assert flow["notes"] == [
        "Nothing was sent and nothing came out.",
        "Throughput of each worker is missing: no metrics UI runs.",
    ]


@contextmanager
def answering(answers: dict[str, Any]) -> Iterator[Address]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers.get(self.path.partition("?")[0], "no")).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Address("127.0.0.1", server.server_port)
        finally:
            server.shutdown()
            thread.join()


def test_throughput_of_workers_begins_with_the_run() -> None:
    chart = {"begin": 100, "step": 2, "lines": [{"name": "worker2", "values": [9, 9, 9, 4, 5]}], "left_out": 0}
    pipeline = {"name": "Detector", "percentiles": {"50": 1024}, "more": 1}
    answers = {
        "/api/applications": {"applications": [{"name": "old", "heard": 1}, {"name": "a/b", "heard": 2}]},
        "/api/marks": {"marks": []},
        "/api/overview": {"chart": chart, "pipelines": [pipeline]},
    }
    with answering(answers) as address:
        seen = metrics.look(address, 105.0, 120.0, 5)
    assert seen["workers"] == {
        "begin": 104.0,
        "step": 2.0,
        "lines": [{"name": "worker2", "values": [9, 4, 5]}],
        "left_out": 0,
    }
    assert seen["pipelines"] == [{"name": "Detector", "percentiles": {"50": 1024}}]


@pytest.mark.parametrize("applications", ["nonsense", {"applications": [{"name": 3}]}, {}])
def test_answers_that_are_not_understood_are_no_metrics(applications: Any) -> None:
    with (
        answering({"/api/applications": applications}) as address,
        pytest.raises(metrics.NoMetrics, match="understood"),
    ):
        metrics.look(address, 0.0, 1.0, 5)


def test_a_metrics_ui_that_is_gone_is_no_metrics() -> None:
    with answering({}) as address:
        pass
    with pytest.raises(metrics.NoMetrics, match="does not answer"):
        metrics.look(address, 0.0, 1.0, 5)
