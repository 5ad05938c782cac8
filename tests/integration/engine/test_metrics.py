# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real worker processes send to a metrics receiver adds up to the messages that went through them."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.metrics import (
    NOTHING,
    Connect,
    Join,
    Message,
    Metric,
    MetricsStream,
    Payload,
)

from tests.listening import Listening
from tests.worker_runner import KEYS, LIMIT, READY, Cluster, wait_for

# Which keys belong to whom in a cluster of two (wallaroo.md, B.6).
OWN = ["key_2", "key_3", "key_5", "key_7", "key_8"]
OTHERS = [key for key in KEYS if key not in OWN]
LAST = 300
PERIOD = 2.0


class MetricsReceiver(Listening):
    """Where workers send their metrics; every connection is parsed from its first byte on."""

    def __init__(self, port: int) -> None:
        self._lock = threading.Lock()
        self._sessions: list[list[Message]] = []
        self.failed: list[Exception] = []
        super().__init__(port)

    def serve(self, connection: socket.socket) -> None:
        session: list[Message] = []
        with self._lock:
            self._sessions.append(session)
        stream = MetricsStream()
        try:
            while chunk := connection.recv(1 << 16):
                messages = stream.feed(chunk)
                with self._lock:
                    session += messages
        except ValueError as error:
            self.failed.append(error)

    def sessions(self) -> list[list[Message]]:
        with self._lock:
            return [list(session) for session in self._sessions]

    def metrics(self) -> list[Metric]:
        messages = [message for session in self.sessions() for message in session]
        return [message.metric for message in messages if isinstance(message, Payload)]

    def sums(self) -> Counter[tuple[str, str, str]]:
        """How many values came, by worker, category and name."""
        found: Counter[tuple[str, str, str]] = Counter()
        for metric in self.metrics():
            found[metric.worker, metric.category, metric.name] += metric.count
        return found

    def wait_for(self, count: int, *key: str) -> None:
        wait_for(f"{count} of {key}, there are {self.sums()}", lambda: self.sums()[key] >= count)


@pytest.fixture
def metrics(cluster: Cluster) -> Iterator[MetricsReceiver]:
    receiver = MetricsReceiver(cluster.metrics)
    yield receiver
    receiver.close()


def until_the_next_period() -> None:
    """The clock on the wall decides when a period is over."""
    period = time.time() // PERIOD
    wait_for("the next period", lambda: time.time() // PERIOD > period)


def test_the_sums_of_a_cluster_of_two_are_the_messages_sent(cluster: Cluster, metrics: MetricsReceiver) -> None:
    receiver = cluster.receiver()
    cluster.start_all()
    cluster.send(1, LAST)
    receiver.wait_until_all_have(LAST)
    until_the_next_period()
    # The period before is sent only now: one message for each worker makes all of their parts send.
    cluster.send(LAST + 1, LAST + 1, OWN[:1])
    metrics.wait_for(LAST * len(OWN), "initializer", "start-to-end", "Detector")
    cluster.send(LAST + 1, LAST + 1, OTHERS[:1])
    metrics.wait_for(LAST * len(OTHERS), "worker2", "start-to-end", "Detector")
    metrics.wait_for(LAST * len(KEYS) + 1, "initializer", "node-ingress-egress", "initializer")
    assert not metrics.failed

    # The same relations as in the stream of a real worker: what is recorded first after a period's end is sent with it.
    sums, sent, own, others = metrics.sums(), LAST * len(KEYS), LAST * len(OWN), LAST * len(OTHERS)
    decoded = sums.pop(("initializer", "computation", "Decode Time in TCP Source"))
    assert sent <= decoded <= sent + 1
    assert sums.pop(("worker2", "node-ingress-egress", "worker2")) in (others, others + 1)
    assert sums == {
        ("initializer", "pipeline-ingestion", "Detector source"): decoded + 1,
        ("initializer", "computation", "TraceID"): decoded,
        ("initializer", "computation", "TraceWindow"): own + 1,
        ("initializer", "start-to-end", "Detector"): own + 1,
        # Through the sink, and through the boundary to worker2.
        ("initializer", "node-ingress-egress", "initializer"): own + others + 1,
        ("worker2", "computation", "Before receive on data channel (network time)"): others + 1,
        ("worker2", "computation", "TraceWindow"): others + 1,
        ("worker2", "start-to-end", "Detector"): others + 1,
    }

    for session in metrics.sessions():
        join = session[1]
        assert session[0] == Connect()
        assert isinstance(join, Join)
        assert join.topic == "metrics:Multi Partition Detector"
        assert {message.metric.worker for message in session if isinstance(message, Payload)} == {join.worker}
    ids = {(metric.worker, metric.name): metric.id for metric in metrics.metrics() if metric.category == "computation"}
    assert ids == {
        ("initializer", "Decode Time in TCP Source"): 1,
        ("initializer", "TraceID"): 2,
        ("initializer", "TraceWindow"): 4,
        ("worker2", "Before receive on data channel (network time)"): 4,
        ("worker2", "TraceWindow"): 5,
    }
    for metric in metrics.metrics():
        assert (metric.pipeline, metric.period, metric.period_end % metric.period) == ("Detector", 2_000_000_000, 0)
        assert metric.minimum <= metric.maximum or (metric.minimum, metric.maximum) == (NOTHING, 0)
        if metric.worker == "worker2" and metric.category == "start-to-end" and metric.count:
            assert 0 < metric.minimum < LIMIT * 1e9, "the clock of the source means nothing to the other worker"


def test_a_receiver_that_never_reads_costs_nothing(cluster: Cluster) -> None:
    with socket.create_server(("127.0.0.1", cluster.metrics)):
        receiver = cluster.receiver()
        cluster.start("initializer", workers=1).wait_for(READY)
        cluster["initializer"].wait_for("metrics outgoing connected")
        cluster.send(1, LAST)
        receiver.assert_exactly_once(LAST)


def test_nobody_at_the_address_is_not_worth_a_word(cluster: Cluster) -> None:
    receiver = cluster.receiver()
    cluster.start("initializer", workers=1).wait_for(READY)
    cluster.send(1, LAST)
    receiver.assert_exactly_once(LAST)
    assert "metrics" not in cluster["initializer"].log()
