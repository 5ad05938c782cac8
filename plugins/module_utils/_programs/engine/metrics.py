# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker records of its work, once a batch and never once a message (wallaroo.md, E.3, E.4).

Every part of a worker - a source, its states, its sink, a boundary, what comes in from another worker -
has a reporter with histograms of its own, as in the real engine. All messages of a batch count as having
taken the time that the batch took; within a computation, its share of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..._formats.metrics import (
    COMPUTATION,
    NODE_INGRESS_EGRESS,
    PIPELINE_INGESTION,
    START_TO_END,
    Histogram,
    Metric,
    Payload,
    encode,
    topic_of,
)
from .applications.interface import Application
from .metrics_sender import MetricsSender

PERIOD = 2_000_000_000
"""Nanoseconds; a period ends when the wall clock shows a multiple of it."""

DECODING = "Decode Time in TCP Source"
NETWORK = "Before receive on data channel (network time)"

_ORDER = (COMPUTATION, START_TO_END, NODE_INGRESS_EGRESS, PIPELINE_INGESTION)
"""In which a reporter sends its histograms."""

now = time.monotonic_ns
"""The clock of all latencies. It is the same for all processes of a machine, so that its readings mean the same to
the worker that a batch is sent to; that is one reason why the cluster has to be on one machine."""


class Journey(NamedTuple):
    """When a batch was where, by :data:`now`."""

    ingested: int
    """Taken in by its source."""
    arrived: int
    """Received by this worker; the same for what comes from its own source."""
    on_the_way: int = 0
    """Nanoseconds between another worker's boundary and this worker."""
    is_own: bool = True
    """Whether it comes from this worker's own source."""


class _Key(NamedTuple):
    category: str
    name: str
    pipeline: str
    id: int = 0


class Reporter:
    """The histograms of one part of a worker.

    It sends only when something is recorded after the end of its period; then all that it has ever had, also what
    is empty now, under that end. What is recorded first still belongs to the old period, as in the real engine.
    """

    def __init__(self, topic: str, worker: str, sender: MetricsSender, clock: Callable[[], int]) -> None:
        self._topic = topic
        self._worker = worker
        self._sender = sender
        self._clock = clock
        self._histograms: dict[_Key, Histogram] = {}
        self._period_end = self._next_end(clock())

    def record(self, key: _Key, value: int, count: int) -> None:
        """Record a value in nanoseconds, for a number of messages."""
        histogram = self._histograms.get(key)
        if histogram is None:
            histogram = self._histograms[key] = Histogram()
        time_of_day = self._clock()
        if time_of_day >= self._period_end:
            histogram.record(value)
            self._send()
            self._period_end = self._next_end(time_of_day)
            count -= 1
            if not count:
                return
            histogram = self._histograms[key]
        histogram.record(value, count)

    def _send(self) -> None:
        if self._sender.accepts:
            keys = sorted(self._histograms, key=lambda key: _ORDER.index(key.category))
            self._sender.send(b"".join([encode(Payload(self._topic, self._metric(key))) for key in keys]))
        self._histograms = {key: Histogram() for key in self._histograms}

    def _metric(self, key: _Key) -> Metric:
        histogram = self._histograms[key]
        return Metric(
            name=key.name,
            category=key.category,
            worker=self._worker,
            pipeline=key.pipeline,
            id=key.id,
            bins=tuple(histogram.bins),
            minimum=histogram.minimum,
            maximum=histogram.maximum,
            period=PERIOD,
            period_end=self._period_end,
        )

    @staticmethod
    def _next_end(time_of_day: int) -> int:
        return time_of_day + PERIOD - time_of_day % PERIOD


class _Names:
    """What the histograms of one pipeline are called. The numbers are those that real workers send."""

    def __init__(self, worker: str, pipeline: str, before: Sequence[str], computation: str) -> None:
        self.ingestion = _Key(PIPELINE_INGESTION, f"{pipeline} source", pipeline)
        self.decoding = _Key(COMPUTATION, DECODING, pipeline, 1)
        self.before = [_Key(COMPUTATION, name, pipeline, 2 + number) for number, name in enumerate(before)]
        # One position is that of the way from the source to the step. On another worker the network comes first.
        position = 3 + len(before)
        self.network = _Key(COMPUTATION, NETWORK, pipeline, position)
        self.own = _Key(COMPUTATION, computation, pipeline, position)
        self.of_others = _Key(COMPUTATION, computation, pipeline, position + 1)
        self.start_to_end = _Key(START_TO_END, pipeline, pipeline)
        self.node = _Key(NODE_INGRESS_EGRESS, worker, pipeline)


class Metrics:
    """Records what the flow of messages tells."""

    def __init__(
        self,
        application: Application,
        worker: str,
        sender: MetricsSender,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """.

        :param clock: the wall clock, in nanoseconds.
        """
        topic = topic_of(application.display_name)

        def make() -> Reporter:
            return Reporter(topic, worker, sender, clock)

        self._make = make
        self._names = [
            _Names(worker, source.pipeline, source.stateless, source.computation) for source in application.sources
        ]
        self._sources = [self._make() for _unused in application.sources]
        self._steps, self._sink = self._make(), self._make()
        self._boundaries: dict[str, Reporter] = {}
        self._receivers: dict[str, Reporter] = {}

    def know_worker(self, name: str) -> None:
        """There is another worker in the cluster."""
        if name not in self._boundaries:
            self._boundaries[name], self._receivers[name] = self._make(), self._make()

    def taken_in(self, source: int, messages: int, decoding: int, routing: int) -> None:
        """A source hands over a batch.

        :param decoding: nanoseconds for cutting the batch into messages.
        :param routing: nanoseconds for finding out whose they are. A stateless computation in front of the state has no
            work of its own in this engine; this stands for its time.
        """
        names, reporter = self._names[source], self._sources[source]
        reporter.record(names.ingestion, 0, messages)
        reporter.record(names.decoding, decoding // messages, messages)
        for key in names.before:
            reporter.record(key, routing // messages, messages)

    def received(self, source: int, worker: str, messages: int, journey: Journey) -> None:
        """A batch has come in from another worker."""
        self._receivers[worker].record(self._names[source].network, journey.on_the_way, messages)

    def worked_on(self, source: int, messages: int, results: int, began: int, journey: Journey) -> None:
        """A batch has gone through the states of this worker, and what came of it to the sink.

        A message without a result ends where its state is.

        :param results: how many messages had one.
        :param began: when the work began.
        """
        names, ended = self._names[source], now()
        computation = names.own if journey.is_own else names.of_others
        self._steps.record(computation, (ended - began) // messages, messages)
        for reporter, count in ((self._steps, messages - results), (self._sink, results)):
            if count > 0:
                reporter.record(names.start_to_end, ended - journey.ingested, count)
                reporter.record(names.node, ended - journey.arrived, count)

    def passed_on(self, source: int, worker: str, messages: int, arrived: int) -> None:
        """A batch has been handed to the boundary of another worker."""
        self._boundaries[worker].record(self._names[source].node, now() - arrived, messages)
