# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics as Prometheus reads them: text format 0.0.4, in base units, histograms with the protocol's 65 bins.

The protocol tells how many values are in each bin and never their sum, so the histograms have no ``_sum``: an
invented one would give wrong averages.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from ..._formats.metrics import COMPUTATION, NODE_INGRESS_EGRESS, PIPELINE_INGESTION, START_TO_END
from .receiver import Receiver
from .ring import UNTIMED
from .series import Series
from .store import KIND_OF, Part

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_NAMES = {
    START_TO_END: ("wallaroo_pipeline_latency_seconds", "From the ingestion at the source to completion."),
    NODE_INGRESS_EGRESS: ("wallaroo_worker_latency_seconds", "From the arrival on a worker to completion or hand-off."),
    COMPUTATION: ("wallaroo_computation_latency_seconds", "Within one computation."),
}
_INGESTED = "wallaroo_ingested_messages_total"
_UNTIMED = "wallaroo_untimed_messages_total"

_ENDS = [f"{2**number / 1e9:.10g}" for number in range(64)]
"""Upper ends of the bins in seconds. The last bin, all that is longer than 2^63 ns, is +Inf."""

_STATES = ("sending", "idle", "gone")


def exposition(receiver: Receiver) -> Iterator[str]:
    """The text, a piece a series, so that whoever sends it can do other things between two pieces."""
    store = receiver.store
    for category, (name, what) in _NAMES.items():
        yield f"# HELP {name} {what} The protocol sends no sums.\n# TYPE {name} histogram\n"
        for application, part, series in _series(receiver, category):
            yield _histogram(name, _labels(application, part), series)
    yield f"# HELP {_INGESTED} Messages that sources took in.\n# TYPE {_INGESTED} counter\n"
    for application, part, series in _series(receiver, PIPELINE_INGESTION):
        yield f"{_INGESTED}{{{_labels(application, part)}}} {sum(series.totals or ())}\n"
    yield f"# HELP {_UNTIMED} Messages whose latency was not measured.\n# TYPE {_UNTIMED} counter\n"
    for category in _NAMES:
        for application, part, series in _series(receiver, category):
            if series.totals and series.totals[UNTIMED]:
                yield f'{_UNTIMED}{{of="{KIND_OF[category]}",{_labels(application, part)}}} {series.totals[UNTIMED]}\n'
    yield from _workers(receiver)
    process = os.times()
    samples = [
        ("clients", "gauge", "Workers that are connected.", len(receiver.clients)),
        ("series", "gauge", "Series that are kept.", store.series),
        ("kept_bytes", "gauge", "Memory that the histograms take.", store.budget.used),
        ("kept_limit_bytes", "gauge", "Memory that they may take.", store.budget.limit),
        ("received_bytes_total", "counter", "Bytes that came from workers.", receiver.bytes),
        ("received_metrics_total", "counter", "Histograms that came.", store.counts["metrics"]),
    ]
    for name, kind, what, value in samples:
        yield _sample(f"wallaroo_metrics_ui_{name}", kind, what, [("", value)])
    yield _sample(
        "wallaroo_metrics_ui_left_out_metrics_total",
        "counter",
        "Histograms that are not shown, by reason.",
        [(f'reason="{reason}"', store.counts[reason]) for reason in ("ahead", "left_out", "old", "unknown")],
    )
    yield _sample(
        "wallaroo_metrics_ui_cut_off_clients_total",
        "counter",
        "Clients that were cut off, by reason.",
        [(f'reason="{reason}"', receiver.cut_off[reason]) for reason in ("limit", "malformed", "silent")],
    )
    yield _sample(
        "process_cpu_seconds_total",
        "counter",
        "User and system CPU time of this program.",
        [("", round(process.user + process.system, 2))],
    )
    yield _sample("process_resident_memory_bytes", "gauge", "Memory of this program.", [("", resident_bytes())])


def resident_bytes() -> int:
    """The memory of this program, as the kernel counts it."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def escaped(text: str) -> str:
    """A label's value: names come from the wire."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _series(receiver: Receiver, category: str) -> list[tuple[str, Part, Series]]:
    # A list: what sends the text pauses, and series may come and go meanwhile.
    return [
        (name, part, series)
        for name, application in receiver.store.applications.items()
        for part, series in application.parts.items()
        if part.category == category
    ]


def _labels(application: str, part: Part) -> str:
    labels = [("application", application), ("pipeline", part.pipeline), ("worker", part.worker)]
    if part.category == COMPUTATION:
        labels.append(("computation", part.name))
    elif part.category == PIPELINE_INGESTION:
        labels.append(("source", part.name))
    elif part.name != (part.worker if part.category == NODE_INGRESS_EGRESS else part.pipeline):
        # No real worker sends that; Prometheus would see the same sample twice.
        labels.append(("name", part.name))
    return ",".join(f'{name}="{escaped(value)}"' for name, value in labels)


def _histogram(name: str, labels: str, series: Series) -> str:
    below, lines = 0, []
    totals = list(series.totals or ())[:UNTIMED]
    for end, count in zip(_ENDS, totals):
        below += count
        lines.append(f'{name}_bucket{{{labels},le="{end}"}} {below}\n')
    whole = sum(totals)
    lines.append(f'{name}_bucket{{{labels},le="+Inf"}} {whole}\n{name}_count{{{labels}}} {whole}\n')
    return "".join(lines)


def _workers(receiver: Receiver) -> Iterator[str]:
    now = receiver.store.clock()
    states, heard = [], []
    for name, application in receiver.store.applications.items():
        for worker, known in application.workers.items():
            labels = f'application="{escaped(name)}",worker="{escaped(worker)}"'
            state = known.state(now)[0]
            states += [(f'{labels},state="{one}"', int(one == state)) for one in _STATES]
            if known.heard is not None:
                heard.append((labels, round(known.heard, 3)))
    yield _sample("wallaroo_worker_state", "gauge", "1 for the state that a worker is in.", states)
    yield _sample(
        "wallaroo_worker_last_metrics_timestamp_seconds", "gauge", "When a worker's last metrics came.", heard
    )


def _sample(name: str, kind: str, what: str, values: Sequence[tuple[str, float]]) -> str:
    lines = "".join(f"{name}{'{' + labels + '}' if labels else ''} {value}\n" for labels, value in values)
    return f"# HELP {name} {what}\n# TYPE {name} {kind}\n{lines}"
