# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that workers have sent in the last hour, in bounded memory.

A metric is added to its own series - this computation of this pipeline on this worker - and to that of the thing
it tells about: the pipeline, the worker, the computation, the source (wallaroo.md, E.5).

Engines that count messages without timing them say so with values whose minimum is that of nothing, which no
real worker sends.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Optional, Union

from ..._formats.metrics import COMPUTATION, NODE_INGRESS_EGRESS, NOTHING, PIPELINE_INGESTION, START_TO_END, Metric
from .marks import Marks
from .ring import UNTIMED, Budget, NoRoom
from .series import AHEAD, KEPT, Series
from .verdict import Verdict

KIND_OF = {
    START_TO_END: "pipeline",
    NODE_INGRESS_EGRESS: "worker",
    COMPUTATION: "computation",
    PIPELINE_INGESTION: "source",
}
"""Of what a category tells."""

IDLE_AFTER = 10.0
"""Seconds without metrics until a connected worker counts as idle: it sends while messages flow (wallaroo.md, E.4)."""

_SWEEP_EVERY = 10.0
_CLOCKS_NAMED = 5


class Part(NamedTuple):
    """Where a metric was recorded."""

    category: str
    pipeline: str
    worker: str
    name: str


class Whole(NamedTuple):
    """What a page tells about."""

    kind: str
    """``pipeline``, ``worker``, ``computation`` or ``source``."""
    name: str


@dataclass(frozen=True)
class Limits:
    """What clients can make us hold."""

    clients: int = 256
    """Connections of workers at a time."""
    applications: int = 32
    workers: int = 1024
    """Of one application."""
    series: int = 12_000
    series_per_client: int = 1000
    memory: int = 80 << 20
    """Bytes of all histograms."""
    name: int = 256
    """Characters."""


class Refused(ValueError):
    """A client asked for more than it may have; says what."""


@dataclass
class Worker:
    """What is known of one worker."""

    connections: int = 0
    changed: float = 0.0
    """When it connected last, or when its last connection ended."""
    heard: Optional[float] = None
    """When its last metrics came."""
    ahead: float = 0.0
    """Seconds by which its clock is ahead of ours, when it is so far ahead that its metrics cannot be shown."""

    def state(self, now: float) -> tuple[str, Optional[float]]:
        """``sending``, ``idle`` or ``gone``, and since when (``None`` for one that sends)."""
        if not self.connections and self.changed:
            return "gone", self.changed
        if self.heard is not None and now - self.heard <= IDLE_AFTER:
            return "sending", None
        return "idle", self.changed if self.heard is None else max(self.heard, self.changed)


@dataclass
class Application:
    """What is known of one application."""

    workers: dict[str, Worker] = field(default_factory=dict)
    parts: dict[Part, Series] = field(default_factory=dict)
    wholes: dict[Whole, Series] = field(default_factory=dict)
    heard: float = 0.0


class Client:
    """One connection of a worker, once it has joined."""

    def __init__(self, application: str, worker: Optional[str]) -> None:
        self.application = application
        self.worker = worker
        self.series = 0
        """Series that it began."""


class Store:
    """All applications."""

    def __init__(self, limits: Optional[Limits] = None, clock: Callable[[], float] = time.time) -> None:
        """.

        :param clock: the time of day, in seconds since the epoch.
        """
        self.limits = limits or Limits()
        self.clock = clock
        self.marks = Marks()
        self.verdict: Optional[Verdict] = None
        """The last one that a run has posted."""
        self.applications: dict[str, Application] = {}
        self.budget = Budget(self.limits.memory)
        self.version = 0
        """Rises with every change that a page could show."""
        self.counts: Counter[str] = Counter()
        """How often what happened: ``metrics``, ``old``, ``ahead``, ``unknown``, ``left_out``."""
        self._series = 0
        self._swept = clock()

    def join(self, client: Client) -> None:
        """A worker has connected.

        :raises Refused: when there are too many already.
        """
        application = self._application(client.application)
        if client.worker is not None:
            worker = self._worker(application, client.worker)
            worker.connections += 1
            worker.changed = self.clock()
        self.version += 1

    def leave(self, client: Client) -> None:
        """Its connection has ended."""
        application = self.applications.get(client.application)
        worker = application.workers.get(client.worker or "") if application else None
        if worker is not None:
            worker.connections = max(0, worker.connections - 1)
            worker.changed = self.clock()
        self.version += 1

    def add(self, client: Client, topic: str, metric: Metric) -> None:
        """Take a metric.

        :param topic: the application that it is of.
        :raises Refused: when the client asks for more than it may have.
        """
        now = self.clock()
        if now - self._swept >= _SWEEP_EVERY:
            self.sweep()
        self.counts["metrics"] += 1
        self.version += 1
        kind = KIND_OF.get(metric.category)
        if kind is None:
            self.counts["unknown"] += 1
            return
        application = self._application(topic)
        worker = self._worker(application, metric.worker)
        second = round(metric.period_end / 1_000_000_000)
        worker.ahead = second - now if second > now + AHEAD else 0.0
        if worker.ahead or second <= now - KEPT:
            self.counts["ahead" if worker.ahead else "old"] += 1
            return
        worker.heard = application.heard = now
        values = [(number, count) for number, count in enumerate(metric.bins) if count]
        if values and metric.minimum == NOTHING:
            values = [(UNTIMED, metric.count)]
        part = Part(metric.category, metric.pipeline, metric.worker, metric.name)
        whole = Whole(kind, metric.worker if kind == "worker" else metric.name)
        try:
            self._part(application, part, client).add(second, metric, values)
            self._whole(application, whole).add(second, metric, values)
        except NoRoom:
            self.counts["left_out"] += 1

    def sweep(self) -> None:
        """Forget what is older than an hour."""
        now = self._swept = self.clock()
        oldest = now - KEPT
        for name, application in list(self.applications.items()):
            for group in (application.parts, application.wholes):
                self._forget(group, oldest)
            for worker, known in list(application.workers.items()):
                if not known.connections and max(known.changed, known.heard or 0.0) < oldest:
                    del application.workers[worker]
            if not application.workers and not application.parts:
                del self.applications[name]
        self.version += 1

    def problems(self) -> list[str]:
        """What a user should know, in sentences."""
        found = []
        if self.counts["left_out"]:
            found.append(
                f"{self.counts['left_out']:,} metrics were left out: {self._series:,} series fill what may be kept "
                f"({self.limits.series:,} series, {self.limits.memory >> 20} MiB). Numbers below are too small."
            )
        ahead = [one for one in self._all_workers() if one[2].ahead]
        for application, worker, known in ahead[:_CLOCKS_NAMED]:
            found.append(
                f"The clock of {worker} ({application}) is {known.ahead:,.0f} s ahead of this server's, so its "
                "metrics cannot be shown; set both clocks."
            )
        if len(ahead) > _CLOCKS_NAMED:
            found.append(f"So are the clocks of {len(ahead) - _CLOCKS_NAMED:,} more workers.")
        if self.counts["old"]:
            found.append(f"{self.counts['old']:,} metrics were left out, since they were more than an hour old.")
        return found

    @property
    def series(self) -> int:
        """How many there are."""
        return self._series

    def _all_workers(self) -> Iterator[tuple[str, str, Worker]]:
        for name, application in self.applications.items():
            for worker, known in application.workers.items():
                yield name, worker, known

    def _application(self, name: str) -> Application:
        found = self.applications.get(name)
        if found is None:
            self._short(name)
            if len(self.applications) >= self.limits.applications:
                raise Refused(f"there are {len(self.applications)} applications already")
            found = self.applications[name] = Application()
        return found

    def _worker(self, application: Application, name: str) -> Worker:
        found = application.workers.get(name)
        if found is None:
            self._short(name)
            if len(application.workers) >= self.limits.workers:
                raise Refused(f"the application has {len(application.workers)} workers already")
            found = application.workers[name] = Worker()
        return found

    def _part(self, application: Application, part: Part, client: Client) -> Series:
        found = application.parts.get(part)
        if found is None:
            for name in part:
                self._short(name)
            if client.series >= self.limits.series_per_client:
                raise Refused(f"it began {client.series} series already")
            found = application.parts[part] = self._begin(whole=False)
            client.series += 1
        return found

    def _whole(self, application: Application, whole: Whole) -> Series:
        found = application.wholes.get(whole)
        if found is None:
            found = application.wholes[whole] = self._begin(whole=True)
        return found

    def _begin(self, whole: bool) -> Series:
        if self._series >= self.limits.series:
            raise NoRoom
        found = Series(self.budget, whole)
        self._series += 1
        return found

    def _forget(self, group: Union[dict[Part, Series], dict[Whole, Series]], oldest: float) -> None:
        for key, series in list(group.items()):
            if series.last < oldest:
                series.release()
                del group[key]  # type: ignore[arg-type]
                self._series -= 1

    def _short(self, name: str) -> None:
        if len(name) > self.limits.name:
            raise Refused(f"a name has {len(name)} characters, more than the {self.limits.name} allowed")
