# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker of the embedded engine records, when it sends it, and what it does when it cannot."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.metrics import (
    NOTHING,
    Connect,
    Join,
    Metric,
    MetricsStream,
    Payload,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine import metrics as engine_metrics
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine import metrics_sender
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.applications.detector import Detector
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.applications.interface import (
    Application,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.applications.market_spread import (
    MarketSpread,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.connections import HIGH_WATER
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.metrics import (
    PERIOD,
    Journey,
    Metrics,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.metrics_sender import MetricsSender

START = 1_000 * PERIOD + 1
LIMIT = 15.0


class Sent(MetricsSender):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__("Multi Partition Detector", "worker2")
        self.there = True
        self.stream = MetricsStream()
        self.bursts: list[list[Metric]] = []

    @property
    def accepts(self) -> bool:
        return self.there

    def send(self, data: bytes) -> None:
        messages = self.stream.feed(data)
        self.bursts.append([message.metric for message in messages if isinstance(message, Payload)])

    def take(self) -> list[tuple[str, str, int, int]]:
        """Category, name, id and count of what came since the last time."""
        bursts, self.bursts = self.bursts, []
        return [(metric.category, metric.name, metric.id, metric.count) for burst in bursts for metric in burst]


class Recorder:
    """Metrics of a worker with a clock that is set by hand."""

    def __init__(self) -> None:
        self.time = START
        self.sent = Sent()
        self.metrics = Metrics(Detector(), "worker2", self.sent, lambda: self.time)
        self.metrics.know_worker("initializer")

    def work(self, messages: int, results: int | None = None, journey: Journey | None = None) -> None:
        results = messages if results is None else results
        self.metrics.worked_on(0, messages, results, 900_000_000, journey or Journey(100_000_000, 800_000_000))


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    # Every batch has ended at this reading of the clock for latencies.
    monkeypatch.setattr(engine_metrics, "now", lambda: 900_001_000)
    return Recorder()


def test_nothing_is_sent_before_the_end_of_a_period_and_nothing_while_idle(recorder: Recorder) -> None:
    recorder.metrics.taken_in(0, 10, 0, 0)
    recorder.time += PERIOD - 2
    recorder.metrics.taken_in(0, 10, 0, 0)
    assert recorder.sent.take() == []
    recorder.time += 100 * PERIOD
    assert recorder.sent.take() == []


def test_what_is_recorded_first_after_the_end_is_sent_with_the_period_before_under_its_end(recorder: Recorder) -> None:
    recorder.metrics.taken_in(0, 10, 0, 0)
    recorder.time += 7 * PERIOD
    recorder.metrics.taken_in(0, 5, 0, 0)
    ends = {metric.period_end for burst in recorder.sent.bursts for metric in burst}
    assert ends == {1_001 * PERIOD}
    # One of the five is the first; the order is that of a real source.
    assert recorder.sent.take() == [
        ("computation", "Decode Time in TCP Source", 1, 10),
        ("computation", "TraceID", 2, 10),
        ("pipeline-ingestion", "Detector source", 0, 11),
    ]
    recorder.time += PERIOD
    recorder.metrics.taken_in(0, 1, 0, 0)
    assert {metric.period_end for burst in recorder.sent.bursts for metric in burst} == {1_008 * PERIOD}
    assert [count for _category, _name, _id, count in recorder.sent.take()] == [5, 5, 5]


def test_parts_send_on_their_own(recorder: Recorder) -> None:
    recorder.metrics.taken_in(0, 10, 0, 0)
    recorder.work(10)
    recorder.metrics.passed_on(0, "initializer", 3, 0)
    recorder.time += PERIOD
    recorder.metrics.passed_on(0, "initializer", 1, 0)
    assert recorder.sent.take() == [("node-ingress-egress", "worker2", 0, 4)]
    recorder.work(1)
    assert recorder.sent.take() == [
        ("computation", "TraceWindow", 4, 11),
        ("start-to-end", "Detector", 0, 11),
        ("node-ingress-egress", "worker2", 0, 10),
    ]


def test_a_histogram_that_was_ever_used_is_sent_empty(recorder: Recorder) -> None:
    recorder.work(4)
    recorder.work(4, journey=Journey(0, 0, 50, is_own=False))
    recorder.time += PERIOD
    recorder.work(1)
    recorder.sent.take()
    recorder.time += PERIOD
    recorder.work(2)
    of_others = [metric for burst in recorder.sent.bursts for metric in burst if metric.id == 5]
    assert [(metric.count, metric.minimum, metric.maximum) for metric in of_others] == [(0, NOTHING, 0)]
    assert set(of_others[0].bins) == {0}


def test_a_message_without_a_result_ends_at_its_state(recorder: Recorder) -> None:
    recorder.work(10, results=4)
    recorder.time += PERIOD
    recorder.work(2, results=1)
    assert recorder.sent.take() == [
        ("computation", "TraceWindow", 4, 11),
        ("start-to-end", "Detector", 0, 6),
        ("node-ingress-egress", "worker2", 0, 6),
        # The sink.
        ("start-to-end", "Detector", 0, 5),
        ("node-ingress-egress", "worker2", 0, 4),
    ]


def test_latencies_are_those_of_the_batch_and_within_a_computation_a_share_of_it(recorder: Recorder) -> None:
    journey = Journey(ingested=400_000_000, arrived=900_000_500, on_the_way=77, is_own=False)
    recorder.metrics.received(0, "initializer", 10, journey)
    recorder.work(10, journey=journey)
    recorder.time += PERIOD
    recorder.metrics.received(0, "initializer", 1, journey)
    recorder.work(1, journey=journey)
    found = {metric.name: metric for burst in recorder.sent.bursts for metric in burst}
    assert found["Before receive on data channel (network time)"].minimum == 77
    assert found["Before receive on data channel (network time)"].id == 4
    assert (found["TraceWindow"].minimum, found["TraceWindow"].id) == (100, 5)
    assert found["Detector"].minimum == 500_001_000
    assert found["worker2"].minimum == 500


def test_a_time_from_another_worker_that_makes_no_sense_does_no_harm(recorder: Recorder) -> None:
    recorder.metrics.received(0, "initializer", 1, Journey(2**64 - 1, 0, 0 - 2**64, is_own=False))
    recorder.work(1, journey=Journey(2**64 - 1, 0, is_own=False))
    recorder.time += PERIOD
    recorder.work(1)
    found = {metric.name: metric for burst in recorder.sent.bursts for metric in burst}
    assert found["Detector"].minimum == 0


def test_what_cannot_be_sent_is_dropped_and_not_kept_for_later(recorder: Recorder) -> None:
    recorder.work(10)
    recorder.sent.there = False
    recorder.time += PERIOD
    recorder.work(1)
    recorder.sent.there = True
    recorder.time += PERIOD
    recorder.work(1)
    assert [count for category, _name, _id, count in recorder.sent.take() if category == "computation"] == [1]


@pytest.mark.parametrize(
    ("application", "folder"), [(Detector, "multi_partition_detector"), (MarketSpread, "market_spread")]
)
@pytest.mark.parametrize("worker", ["initializer", "worker2"])
def test_everything_is_called_and_numbered_as_by_a_real_worker(
    shared_data: Path, application: Callable[[], Application], folder: str, worker: str
) -> None:
    clock = [START]
    sent, made = Sent(), application()
    metrics = Metrics(made, worker, sent, lambda: clock[0])
    metrics.know_worker("other")
    for _ in range(2):
        for source in range(len(made.sources)):
            journey = Journey(0, 0, 0, is_own=worker == "initializer")
            if journey.is_own:
                metrics.taken_in(source, 10, 0, 0)
                metrics.passed_on(source, "other", 5, 0)
            else:
                metrics.received(source, "other", 10, journey)
            metrics.worked_on(source, 5, 5, 0, journey)
        clock[0] += PERIOD
    recorded = MetricsStream().feed((shared_data / f"wallaroo-0.5.4/{folder}/metrics-{worker}.bin").read_bytes())
    real = [message.metric for message in recorded if isinstance(message, Payload)]
    ours = [metric for burst in sent.bursts for metric in burst]
    assert {identity(metric) for metric in ours} == {identity(metric) for metric in real}


def identity(metric: Metric) -> tuple[str, str, str, str, int]:
    return metric.category, metric.name, metric.worker, metric.pipeline, metric.id


# -- the connection ------------------------------------------------------------------------------------------


async def until(what: str, reached: Callable[[], Any]) -> None:
    end = asyncio.get_running_loop().time() + LIMIT
    while not reached():
        assert asyncio.get_running_loop().time() < end, what
        await asyncio.sleep(0.002)


def with_sender(work: Callable[[MetricsSender], Coroutine[Any, Any, None]], port: int) -> None:
    async def run() -> None:
        sender = MetricsSender("A", "w")
        task = asyncio.get_running_loop().create_task(sender.run(("127.0.0.1", port)))
        try:
            await work(sender)
        finally:
            task.cancel()
            await asyncio.wait({task})

    asyncio.run(run())


def test_a_receiver_that_comes_late_or_goes_is_found_again_and_greeted_each_time(
    monkeypatch: pytest.MonkeyPatch, free_ports: Sequence[int]
) -> None:
    monkeypatch.setattr(metrics_sender, "RETRY_PAUSE", 0.01)
    port = free_ports[0]
    greetings: list[bytes] = []

    async def work(sender: MetricsSender) -> None:
        sender.send(b"dropped: nobody is there")
        for _ in range(2):
            await until("the loss", lambda: not sender.accepts)
            with socket.create_server(("127.0.0.1", port)) as listener:
                await until("a connection", lambda: sender.accepts)
                connection, _address = listener.accept()
                with connection:
                    greetings.append(connection.recv(1000))

    with_sender(work, port)
    for greeting in greetings:
        assert MetricsStream().feed(greeting) == [Connect(), Join("metrics:A", "w")]


def test_a_receiver_that_does_not_read_blocks_nothing_and_costs_a_bounded_memory() -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        burst = bytes(10_000)

        async def work(sender: MetricsSender) -> None:
            await until("the connection", lambda: sender.accepts)
            for _ in range(100 * HIGH_WATER // len(burst)):
                sender.send(burst)
            assert not sender.accepts
            transport: Any = sender._outlet._transport if sender._outlet else None
            assert transport.get_write_buffer_size() <= HIGH_WATER + len(burst)

        with_sender(work, listener.getsockname()[1])
