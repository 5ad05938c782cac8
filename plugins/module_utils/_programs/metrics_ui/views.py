# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages show, as JSON: made of the store whenever somebody looks (see ``openapi.json`` for the shapes)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from math import nan
from typing import Any, Optional

from ..._formats.metrics import BINS, COMPUTATION, NODE_INGRESS_EGRESS, PIPELINE_INGESTION, START_TO_END
from . import bins as histogram
from .series import FINE, KEPT, Series, Window, around, latest
from .store import Application, Part, Store, Whole

KINDS = ("pipeline", "worker", "computation")
RANGES = ("5m", "1h")
SHARES = ("50", "99")
"""Percentiles that are drawn over time."""
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

    def _verdict(self, application: Optional[str]) -> Optional[dict[str, Any]]:
        known = self._store.verdict
        if known is None or (application is not None and known.application not in (None, application)):
            return None
        return {**known.to_dict(), "crashed_since": self._store.marks.crashed_since(known.time)}

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
        return {"applications": found, "verdict": self._verdict(None)}

    def _overview(self, query: Mapping[str, str], now: float) -> dict[str, Any]:
        name, window = _wanted(query, "application"), _window(query, now)
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
        pipelines = [
            series for whole, series in _sorted(application.wholes if application else {}) if whole.kind == "pipeline"
        ]
        return {
            "application": name,
            "known": application is not None,
            **self._time(window, name, now),
            "verdict": self._verdict(name),
            "pipelines": rows["pipeline"],
            "workers": [{**row, **self._worker(application, worker, now)} for worker, row in sorted(workers.items())],
            "computations": rows["computation"],
            "total": {**_axis(window), "values": _values(pipelines, window)},
            "delay": {**_axis(window), "lines": _delays(pipelines, window)},
            "chart": self._chart(application, window),
        }

    def _time(self, window: Window, application: str, now: float) -> dict[str, Any]:
        """What stands on a time axis beside the values."""
        return {
            "settled": _settled(now),
            "range": window.name,
            "marks": self._store.marks.between(window.begin, window.end + (60 if window.open else 0), application),
            "newest_mark": self._store.marks.newest,
        }

    def _chart(self, application: Optional[Application], window: Window) -> dict[str, Any]:
        lines = []
        for whole, series in _sorted(application.wholes if application else {}):
            if whole.kind == "worker":
                lines.append((series.count(window), whole.name, series))
        lines.sort(key=lambda line: -line[0])
        shown = sorted(lines[:LINES], key=lambda line: line[1])
        return {
            **_axis(window),
            "lines": [{"name": name, "values": _values([series], window)} for _unused, name, series in shown],
            "left_out": max(0, len(lines) - LINES),
        }

    def _detail(self, query: Mapping[str, str], now: float) -> dict[str, Any]:
        application_name, kind, name = (_wanted(query, key) for key in ("application", "kind", "name"))
        if kind not in KINDS:
            raise WrongQuery(f"kind is one of {', '.join(KINDS)}")
        window = _window(query, now)
        application = self._store.applications.get(application_name)
        series = application.wholes.get(Whole(kind, name)) if application else None
        bins = series.bins(window) if series else [0] * BINS
        found = [series] if series else []
        answer = {
            "application": application_name,
            "kind": kind,
            "name": name,
            "known": series is not None or (kind == "worker" and bool(application and name in application.workers)),
            **self._time(window, application_name, now),
            "verdict": self._verdict(application_name),
            "throughput": {**_throughput(found, window, now), **_axis(window), "values": _values(found, window)},
            "delay": {**_axis(window), "lines": _delays(found, window)},
            "latency": {
                "count": series.count(window) if series else 0,
                "minimum": series.minimum if series else None,
                "maximum": series.maximum if series else None,
                "percentiles": histogram.percentiles(bins),
                "bars": histogram.bars(bins),
                "line": histogram.line(bins),
            },
            "parts": _parts(application, kind, name, now) if application else [],
        }
        if kind == "worker":
            answer.update(self._worker(application, name, now))
        return answer

    def _worker(self, application: Optional[Application], name: str, now: float) -> dict[str, Any]:
        known = application.workers.get(name) if application else None
        state, since = known.state(now) if known else ("idle", None)
        verdict = self._store.verdict
        return {
            "state": state,
            "since": since,
            "server": self._store.marks.server_of(name),
            "crashed": verdict.of_worker(name) if verdict else None,
        }


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
    window = latest("5m", now)
    bins = _together([one.bins(window) for one in series])
    return {
        "name": name,
        "throughput": _throughput(series, window, now),
        "count": sum(one.count(window) for one in series),
        "percentiles": histogram.percentiles(bins),
    }


def _throughput(series: Sequence[Series], window: Window, now: float) -> dict[str, float]:
    together = [_sum(rates) for rates in zip(*[one.rates(window) for one in series])]
    return {
        "now": sum(one.rate_now(now) for one in series),
        **histogram.spread([rate for rate in together if rate is not None]),
    }


def _together(bins: Sequence[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*bins)] or [0] * BINS


def _sum(rates: Iterable[Optional[float]]) -> Optional[float]:
    present = [rate for rate in rates if rate is not None]
    return sum(present) if present else None


def _values(series: Sequence[Series], window: Window) -> list[Optional[float]]:
    """Values per second in each slot: nothing is 0 where it has settled, and may still come where it has not."""
    settled = [_sum(rates) or 0 for rates in zip(*[one.rates(window) for one in series])]
    if not series:
        settled = [0] * (window.settled - window.first + 1)
    return [*settled, *map(_sum, zip_longest(*[one.unsettled_rates(window) for one in series]))]


def _delays(series: Sequence[Series], window: Window) -> list[dict[str, Any]]:
    """Percentiles of the latencies in each slot, in ns; None where nothing came."""
    slots = [_together(parts) for parts in zip_longest(*[one.slots(window) for one in series], fillvalue=[0] * BINS)]
    return [{"name": share, "values": [histogram.percentile(bins, share) for bins in slots]} for share in SHARES]


def _axis(window: Window) -> dict[str, Any]:
    step = window.resolution.step
    return {
        "begin": window.first * step,
        "step": step,
        "range": window.name,
        "from": window.begin,
        "to": window.end,
    }


def _settled(now: float) -> int:
    return (FINE.last_settled(now) + 1) * FINE.step


def _sorted(series: Mapping[Whole, Series]) -> list[tuple[Whole, Series]]:
    return sorted(series.items())


def _window(query: Mapping[str, str], now: float) -> Window:
    name = query.get("range") or "5m"
    if name not in RANGES:
        raise WrongQuery(f"range is one of {', '.join(RANGES)}")
    if not query.get("at"):
        return latest(name, now)
    try:
        moment = float(query["at"])
    except ValueError:
        moment = nan
    if not 0 <= moment <= now + KEPT:
        raise WrongQuery("at is in seconds since the epoch, and not in the future")
    return around(moment, now)


def _wanted(query: Mapping[str, str], name: str) -> str:
    if not query.get(name):
        raise WrongQuery(f"{name} is missing")
    return query[name]
