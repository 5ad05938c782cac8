# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker answers on its external channel, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import encode_input
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.external import MessageType
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.applications.detector import Detector
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.external_channel import Answer
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.requests import Requests
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.state import StateStore


class Worker:
    """As much of a worker as requests look at."""

    def __init__(self, name: str = "initializer") -> None:
        self.name = name
        self.application = Detector()
        self.workers = ["initializer", "worker2"]
        self.others = [other for other in self.workers if other != name]
        self.boundaries = dict.fromkeys(self.others)
        self.initialized = True
        self.is_initializer = name == "initializer"
        self.store = StateStore(self.application, name)
        self.requests: dict[MessageType, Any] = {}
        self.handlers: dict[str, Any] = {}
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def send(self, name: str, message: dict[str, Any], keep: bool = True) -> None:
        self.sent.append((name, message))

    def ask(self, kind: MessageType, body: bytes = b"") -> Answer:
        Requests(self, None)  # type: ignore[arg-type]
        found: Answer = self.requests[kind](body)
        return found


def answered(worker: Worker, kind: MessageType, body: bytes = b"") -> Any:
    answer = worker.ask(kind, body)
    assert answer is not None
    assert answer[0] == kind + 1
    return json.loads(answer[1])


def recorded(fixtures: Any, name: str) -> Any:
    text = (fixtures / "wallaroo-0.5.4/multi_partition_detector/external-queries.txt").read_text()
    return json.loads(dict(part.split("\n", 1) for part in text.split("--- ")[1:])[name])


def shape(data: Any) -> Any:
    """The same with every list as its types and its length, and every number as 0."""
    if isinstance(data, dict):
        return {key: shape(value) for key, value in data.items()}
    return [len(data), {type(value) for value in data}] if isinstance(data, list) else type(data)


def with_keys(worker: Worker, *keys: str) -> Worker:
    worker.application.process(0, [encode_input(1, key) for key in keys], worker.store.states)
    return worker


def test_the_answers_have_the_shape_of_recorded_ones(fixtures: Any) -> None:
    worker = with_keys(Worker(), "key_2", "key_3", "key_5", "key_7", "key_8")
    for name, kind in (
        ("partition-query", MessageType.PARTITION_QUERY),
        ("source-ids-query", MessageType.SOURCE_IDS_QUERY),
        ("state-entity-query", MessageType.STATE_ENTITY_QUERY),
    ):
        assert shape(answered(worker, kind)) == shape(recorded(fixtures, name))
    assert sorted(answered(worker, MessageType.STATE_ENTITY_QUERY)["state1"]) == sorted(
        recorded(fixtures, "state-entity-query")["state1"]
    )


def test_counts_belong_to_the_lists() -> None:
    worker = with_keys(Worker(), "key_2", "key_3")
    assert answered(worker, MessageType.STATE_ENTITY_COUNT_QUERY) == {"state1": 2}
    counts = answered(worker, MessageType.PARTITION_COUNT_QUERY)
    assert counts == {"state_partitions": {"state1": {"initializer": 10}}, "stateless_partitions": {}}
    assert answered(worker, MessageType.STATELESS_PARTITION_QUERY) == {}
    assert answered(worker, MessageType.STATELESS_PARTITION_COUNT_QUERY) == {}


def test_ids_are_unsigned_128_bit_numbers_that_nobody_else_has_and_stay_the_same() -> None:
    found = [answered(Worker(name), MessageType.PARTITION_QUERY) for name in ("initializer", "worker2", "worker2")]
    first, second, again = (next(iter(answer["state_partitions"]["state1"].values())) for answer in found)
    assert second == again
    sources = answered(Worker(), MessageType.SOURCE_IDS_QUERY)["source_ids"]
    assert len({*first, *second, *sources}) == 30
    assert all(0 <= int(identifier) < 2**128 for identifier in (*first, *second, *sources))


def test_only_the_initializer_has_sources() -> None:
    assert answered(Worker("worker2"), MessageType.SOURCE_IDS_QUERY) == {"source_ids": []}


def test_a_worker_that_is_not_initialized_has_nothing() -> None:
    worker = Worker()
    worker.initialized = False
    assert worker.ask(MessageType.CLUSTER_STATUS_QUERY) == (MessageType.CLUSTER_STATUS_NOT_INITIALIZED, b"")
    assert answered(worker, MessageType.PARTITION_QUERY) == {"state_partitions": {}, "stateless_partitions": {}}
    assert answered(worker, MessageType.SOURCE_IDS_QUERY) == {"source_ids": []}


def test_after_a_rollback_only_new_keys_are_told_of() -> None:
    worker = with_keys(Worker(), "key_2", "key_3")
    assert worker.store.restore([]) == 0
    assert answered(worker, MessageType.STATE_ENTITY_QUERY) == {"state1": []}
    with_keys(worker, "key_5")
    assert answered(worker, MessageType.STATE_ENTITY_QUERY) == {"state1": ["key_5"]}
    assert answered(worker, MessageType.STATE_ENTITY_COUNT_QUERY) == {"state1": 1}


def test_a_text_is_printed_whatever_its_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    assert Worker().ask(MessageType.PRINT, b"hello \xff") is None
    assert capsys.readouterr().out == "$$$ ExternalPrint: hello \N{REPLACEMENT CHARACTER} $$$\n"


def test_logs_are_not_rotated_and_the_worker_that_should_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    worker = Worker()
    assert worker.ask(MessageType.ROTATE_LOG, b"initializer") is None
    assert "cannot be rotated" in capsys.readouterr().out
    assert worker.ask(MessageType.ROTATE_LOG, b"worker2") is None
    assert (worker.sent, capsys.readouterr().out) == ([("worker2", {"type": "rotate_log"})], "")
    worker.handlers["rotate_log"]("worker2", {"type": "rotate_log"}, "")
    assert "cannot be rotated" in capsys.readouterr().out
    assert worker.ask(MessageType.ROTATE_LOG, b"worker9") is None
    assert "no worker is called 'worker9'" in capsys.readouterr().out


def test_a_report_of_boundaries_goes_to_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert Worker().ask(MessageType.REPORT_STATUS, b"boundary-count-status") is None
    assert "RouterRegistry knows about 1 boundaries\n" in capsys.readouterr().out
    assert Worker().ask(MessageType.REPORT_STATUS, b"anything") is None
    assert "no known kind" in capsys.readouterr().out


def request(query: bool, names: list[str], count: int) -> bytes:
    return json.dumps({"query": query, "node_names": names, "node_count": count}).encode()


def test_nobody_may_leave_the_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    worker = Worker()
    assert answered(worker, MessageType.SHRINK_REQUEST, request(True, [], 0)) == {"node_names": [], "node_count": 0}
    invalid = (MessageType.SHRINK_RESPONSE, b"Invalid shrink targets!")
    assert worker.ask(MessageType.SHRINK_REQUEST, request(False, ["worker2"], 0)) == invalid
    none = (MessageType.SHRINK_RESPONSE, b"Cannot shrink 0 workers!")
    assert worker.ask(MessageType.SHRINK_REQUEST, request(False, [], 1)) == none
    assert "Workers cannot leave a cluster of the embedded engine." in capsys.readouterr().out


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"\xff", b'{"query":true,"node_names":1,"node_count":0}', b"[" * 100_000]
)
def test_a_shrink_request_that_cannot_be_read_is_ignored(body: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    assert Worker().ask(MessageType.SHRINK_REQUEST, body) is None
    assert "cannot be read" in capsys.readouterr().out
