# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages show, as JSON: made of the store whenever somebody looks (see ``openapi.json`` for the shapes)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Optional

from ..._formats.metrics import BINS, COMPUTATION, NODE_INGRESS_EGRESS, PIPELINE_INGESTION, START_TO_END
from . import bins as histogram
from .series import HOUR, RECENT, WINDOW, Resolution, Series
from .store import Application, Part, Store, Whole

KINDS = ("pipeline", "worker", "computation")
RANGES = {"5m": RECENT, "1h": HOUR}
LINES = 8
"""Workers that are drawn in the chart of the overview: more lines cannot be told apart."""

Problems = Callable[[], list[str]]


class WrongQuery(ValueError):
    """A query that no view answers; says why."""


class Views:
    """Answers queries."""

    def __init__(self, store: Store, problems: Problems) -> None:
        """.

        :param problems: what users should know beside what the store tells.
        """
        self._store = store
        self._problems = problems
        self._views = {"applications": self._applications, "overview": self._overview, "detail": self._detail}

    def view(self, name: str, query: Mapping[str, str]) -> dict[str, Any]:
        """A view.

        :param name: ``applications``, ``overview`` or ``detail``.
        :raises WrongQuery: when there is none for this.
        """
        if name not in self._views:
            raise WrongQuery(f"view is one of {', '.join(self._views)}")
        now = self._store.clock()
        answer = self._views[name](query, now)
        return {**answer, "now": now, "problems": self._store.problems() + self._problems()}

    def _applications(self, query: Mapping[str, str], now: float) -> dict[str, Any]:
        found = []
        for name, application in sorted(self._store.applications.items()):
            workers = {"sending": 0, "idle": 0, "gone": 0}
            for worker in application.workers.values():
                workers[worker.state(now)[0]] += 1
            rates = [series.rate_now(now) for whole, series in application.wholes.items() if whole.kind == "pipeline"]
            found.append(
                {"name": name, "throughput": sum(rates), "workers": workers, "heard": application.heard or None}
            )
        return {"applications": found}

    def _overview(self, query: Mapping[str, str], now: float) -> dict[str, Any]:
        name, resolution = _wanted(query, "application"), _resolution(query)
        application = self._store.applications.get(name)
        rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
        for kind in KINDS:
            for whole, series in _sorted(application.wholes if application else {}):
                if whole.kind == kind:
                    rows[kind].append(_row(whole.name, [series], now))
        workers = {row["name"]: row for row in rows["worker"]}
        for worker in application.workers if application else ():
            # One that has joined and not yet sent anything.
            workers.setdefault(worker, _row(worker, [], now))
        return {
            "application": name,
            "known": application is not None,
            "settled": _settled(now),
            "pipelines": rows["pipeline"],
            "workers": [{**row, **self._worker(application, worker, now)} for worker, row in sorted(workers.items())],
            "computations": rows["computation"],
            "chart": self._chart(application, resolution, now),
            "marks": self._store.marks.between(now - resolution.step * resolution.shown, now + 60, name),
        }

    def _chart(self, application: Optional[Application], resolution: Resolution, now: float) -> dict[str, Any]:
        lines = []
        for whole, series in _sorted(application.wholes if application else {}):
            if whole.kind == "worker":
                lines.append((sum(series.bins(resolution, now)), whole.name, series))
        lines.sort(key=lambda line: -line[0])
        shown = sorted(lines[:LINES], key=lambda line: line[1])
        return {
            **_axis(resolution, now),
            "lines": [{"name": name, "values": _values(series, resolution, now)} for _, name, series in shown],
            "left_out": max(0, len(lines) - LINES),
        }

    def _detail(self, query: Mapping[str, str], now: float) -> dict[str, Any]:
        application_name, kind, name = (_wanted(query, key) for key in ("application", "kind", "name"))
        if kind not in KINDS:
            raise WrongQuery(f"kind is one of {', '.join(KINDS)}")
        resolution = _resolution(query)
        application = self._store.applications.get(application_name)
        series = application.wholes.get(Whole(kind, name)) if application else None
        bins = series.bins(resolution, now) if series else [0] * BINS
        answer = {
            "application": application_name,
            "kind": kind,
            "name": name,
            "known": series is not None or (kind == "worker" and bool(application and name in application.workers)),
            "settled": _settled(now),
            "range": _range_of(resolution),
            "throughput": {
                **_throughput([series] if series else [], resolution, now),
                **_axis(resolution, now),
                "values": _values(series, resolution, now),
            },
            "latency": {
                "count": sum(bins),
                "minimum": series.minimum if series else None,
                "maximum": series.maximum if series else None,
                "percentiles": histogram.percentiles(bins),
                "bars": histogram.bars(bins),
                "line": histogram.line(bins),
            },
            "parts": _parts(application, kind, name, now) if application else [],
            "marks": self._store.marks.between(now - resolution.step * resolution.shown, now + 60, application_name),
        }
        if kind == "worker":
            answer.update(self._worker(application, name, now))
        return answer

    def _worker(self, application: Optional[Application], name: str, now: float) -> dict[str, Any]:
        known = application.workers.get(name) if application else None
        state, since = known.state(now) if known else ("idle", None)
        return {"state": state, "since": since, "server": self._store.marks.server_of(name)}


def _parts(application: Application, kind: str, name: str, now: float) -> list[dict[str, Any]]:
    """Of what it is made: a pipeline of workers and computations, a worker of pipelines and computations, and so on."""
    matches: dict[str, Callable[[Part], bool]] = {
        "pipeline": lambda part: part.pipeline == name,
        "worker": lambda part: part.worker == name,
        "computation": lambda part: part.category == COMPUTATION and part.name == name,
    }
    found = [(part, series) for part, series in application.parts.items() if matches[kind](part)]
    tables: list[tuple[str, str, str, Callable[[Part], str]]] = {
        "pipeline": [
            ("From source to sink, by worker", START_TO_END, "worker", lambda part: part.worker),
            ("On each worker", NODE_INGRESS_EGRESS, "worker", lambda part: part.worker),
            ("Computations", COMPUTATION, "computation", lambda part: part.name),
            ("Taken in", PIPELINE_INGESTION, "", lambda part: part.name),
        ],
        "worker": [
            ("From source to sink, by pipeline", START_TO_END, "pipeline", lambda part: part.pipeline),
            ("On this worker, by pipeline", NODE_INGRESS_EGRESS, "pipeline", lambda part: part.pipeline),
            ("Computations", COMPUTATION, "computation", lambda part: part.name),
            ("Taken in", PIPELINE_INGESTION, "", lambda part: part.name),
        ],
        "computation": [
            ("By worker", COMPUTATION, "worker", lambda part: part.worker),
            ("By pipeline", COMPUTATION, "pipeline", lambda part: part.pipeline),
        ],
    }[kind]
    answer = []
    for title, category, leads_to, named in tables:
        groups: dict[str, list[Series]] = {}
        for part, series in found:
            if part.category == category:
                groups.setdefault(named(part), []).append(series)
        if groups:
            rows = [_row(row, series, now) for row, series in sorted(groups.items())]
            answer.append({"title": title, "kind": leads_to or None, "rows": rows})
    return answer


def _row(name: str, series: Sequence[Series], now: float) -> dict[str, Any]:
    bins = [sum(column) for column in zip(*[one.bins(RECENT, now) for one in series])] or [0] * BINS
    return {
        "name": name,
        "throughput": _throughput(series, RECENT, now),
        "count": sum(bins),
        "percentiles": histogram.percentiles(bins),
    }


def _throughput(series: Sequence[Series], resolution: Resolution, now: float) -> dict[str, float]:
    together = [_sum(rates) for rates in zip(*[one.rates(resolution, now) for one in series])]
    return {
        "now": sum(one.rate_now(now) for one in series),
        **histogram.spread([rate for rate in together if rate is not None]),
    }


def _sum(rates: Iterable[Optional[float]]) -> Optional[float]:
    present = [rate for rate in rates if rate is not None]
    return sum(present) if present else None


def _values(series: Optional[Series], resolution: Resolution, now: float) -> list[Optional[float]]:
    if series is None:
        return [0] * resolution.shown
    return [rate or 0 for rate in series.rates(resolution, now)] + series.unsettled_rates(resolution, now)


def _axis(resolution: Resolution, now: float) -> dict[str, Any]:
    first = resolution.last_settled(now) - resolution.shown + 1
    return {"begin": first * resolution.step, "step": resolution.step, "range": _range_of(resolution)}


def _settled(now: float) -> int:
    return (RECENT.last_settled(now) + 1) * RECENT.step


def _sorted(series: Mapping[Whole, Series]) -> list[tuple[Whole, Series]]:
    return sorted(series.items())


def _range_of(resolution: Resolution) -> str:
    return "5m" if resolution.step * resolution.shown == WINDOW else "1h"


def _resolution(query: Mapping[str, str]) -> Resolution:
    name = query.get("range") or "5m"
    if name not in RANGES:
        raise WrongQuery(f"range is one of {', '.join(RANGES)}")
    return RANGES[name]


def _wanted(query: Mapping[str, str], name: str) -> str:
    if not query.get(name):
        raise WrongQuery(f"{name} is missing")
    return query[name]
