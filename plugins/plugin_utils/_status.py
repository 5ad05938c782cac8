# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of ``status.yml``: each worker where it is, and what it does there.

Pure functions over what servers said.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from ..module_utils._cluster.record import ClusterRecord
from ..module_utils._engines.registry import engine
from ._moves import seconds
from ._report.words import counted
from ._servers import Servers, State, sentence_of
from ._stalled import problems_of
from ._together import table

RUNNING, PAUSED, CRASHED, STOPPED, ENDED, FAILED = "running", "paused", "crashed", "stopped", "ended", "failed"
"""What becomes of a process. ``paused``: a signal stopped it. ``stopped``: by ``stop_cluster.yml``, or whatever else
stops a cluster. ``crashed``: nobody has stopped it, and it lives no more. ``ended`` and ``failed``: it had an end of
its own."""

WORKERS = ("worker", "server", "state", "since", "epoch", "pid", "checkpoints", "messages out", "page")
OTHERS = ("process", "server", "state", "since", "pid", "log")


def lines(states: Mapping[str, State]) -> list[str]:
    """Everything that a person reads.

    :param states: server -> what ``server_info`` returned.
    """
    shown = {name: state for name, state in states.items() if "processes" in state and not state.get("problem")}
    found = [headline(states), *(f"PROBLEM: {sentence}" for sentence in problems_of(states))]
    page, own = metrics_ui_url(states), _page_of_engine(states)
    if page:
        found.insert(1, f"metrics UI: {page}")
    if own:
        found.insert(1, own)
    for server, state in states.items():
        if server not in shown:
            found.append(f"{server}: {state.get('problem') or state.get('msg') or 'does not answer'}")
        found += [f"{server}: {sentence_of(damage)}" for damage in state.get("damaged") or []]
    workers = [_worker_row(row, page) for row in rows(shown)]
    others = [row for server, state in shown.items() for row in _others(server, state)]
    if workers:
        found += ["", *table(WORKERS, workers)]
    if others:
        found += ["", *table(OTHERS, others)]
    return found


def headline(states: Mapping[str, State]) -> str:
    """What cluster there is."""
    records = [state["cluster"] for state in states.values() if state.get("cluster")]
    if records:
        record = records[0]
        found = f"{counted(record['workers'], 'worker')} of {record['application']} on the {record['engine']} engine"
        return f"{found}, for a negative run ({record['negative']})" if record.get("negative") else found
    # Workers that crashed before it was stopped are crashed still.
    return "the cluster was stopped" if rows(states) else "no cluster was started"


def _page_of_engine(states: Mapping[str, State]) -> str:
    known = next((state["cluster"] for state in states.values() if state.get("cluster")), None)
    try:
        record = ClusterRecord.from_dict(known or {})
    except ValueError:
        # There is none, or only what is shown of it.
        return ""
    page = engine(record.engine).page(record)
    return f"page of {record.engine}: {page}" if page else ""


def metrics_ui_url(states: Mapping[str, State]) -> str:
    """Where the metrics UI that runs can be opened; empty when none runs."""
    found = Servers(list(states), dict(states)).metrics_ui()
    return f"http://{found['address']}/" if found else ""


def rows(states: Mapping[str, State]) -> list[dict[str, Any]]:
    """Each worker once, where it is: ``worker``, ``server``, ``state``, ``since`` (seconds since the epoch), ``epoch``,
    ``pid``, ``checkpoints``, ``messages``. One that lives on several servers is there for each; what is not known is
    None.
    """
    servers = Servers(list(states), dict(states))
    names = sorted({name for state in states.values() for name in state.get("workers") or {}}, key=_in_order)
    messages: dict[str, int] = {}
    for state in states.values():
        messages.update((state.get("figures") or {}).get("messages") or {})
    return [_row(servers, name, server, messages) for name in names for server in _places(servers, name)]


def _places(servers: Servers, worker: str) -> list[str]:
    """Where it runs, or else where it belongs, or else where it was seen last."""
    running = [server for server in servers.names if servers.worker(worker, server).get("alive")]
    if running:
        return running
    holder = servers.holder(worker)
    if holder is not None:
        return [holder]
    known = [server for server in servers.names if servers.worker(worker, server)]
    return [max(known, key=lambda server: _latest(servers.worker(worker, server)))]


def _row(servers: Servers, worker: str, server: str, messages: Mapping[str, int]) -> dict[str, Any]:
    known, state = servers.worker(worker, server), servers.states[server]
    process = (state.get("processes") or {}).get(worker) or {}
    word, since = _state(known, process)
    checkpoints = (state.get("figures") or {}).get("checkpoints") or {}
    return {
        "worker": worker,
        "server": server,
        "state": word,
        "since": since,
        "epoch": known.get("epoch") or None,
        "pid": known.get("pid") if known.get("alive") else None,
        "checkpoints": checkpoints.get(worker),
        "messages": messages.get(worker),
        # Of a cluster that was stopped nobody looks at them any more.
        "resilience": known.get("resilience") if state.get("cluster") else None,
    }


def _state(known: State, process: State) -> tuple[str, float | None]:
    times = known.get("times") or {}
    if known.get("alive"):
        return (PAUSED if process.get("stopped") else RUNNING), seconds(process.get("started"))
    stopped = seconds(times.get("stopped"))
    if stopped is not None:
        return STOPPED, stopped
    return CRASHED, seconds(times.get("died")) or seconds(times.get("killed"))


def _latest(known: State) -> float:
    times = known.get("times") or {}
    return max((seconds(times.get(name)) or 0.0 for name in ("stopped", "died", "killed", "started")), default=0.0)


def _worker_row(row: Mapping[str, Any], page: str) -> list[str]:
    # A worker tells the metrics UI every two seconds, while messages flow and since it was started: there are no fewer.
    heard = "" if row["messages"] is None else f"≥ {row['messages']:,}"
    numbers = ["" if row["checkpoints"] is None else f"{row['checkpoints']:,}", heard]
    files = row["resilience"]
    state = f"{row['state']}, its files are {files}" if row["state"] == CRASHED and files in _WANTING else row["state"]
    shown = page if row["state"] in (RUNNING, PAUSED) else ""
    told = [row["worker"], row["server"], state, moment(row["since"]), _text(row["epoch"]), _text(row["pid"])]
    return [*told, *numbers, shown]


_WANTING = ("incomplete", "unknown")
"""Resilience files from which a crashed worker cannot come back as they are."""


def _others(server: str, state: State) -> Iterator[list[str]]:
    for name, process in sorted(state["processes"].items()):
        if name in (state.get("workers") or {}):
            continue
        alive = process["alive"]
        yield [
            name,
            server,
            _life(process),
            moment(seconds(process.get("started"))) if alive else "",
            _text(process.get("pid")) if alive else "",
            str(process.get("log") or ""),
        ]


def _life(process: State) -> str:
    if process["alive"]:
        return PAUSED if process.get("stopped") else RUNNING
    result = process.get("result") or {}
    if "exit_code" not in result:
        # Only workers are noted when a cluster is stopped.
        return "not running"
    return f"{ENDED if result['exit_code'] == 0 else FAILED}: {result.get('message')}"


def moment(since: float | None) -> str:
    """A time as people read it here."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since)) if since else ""


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _in_order(name: str) -> tuple[int, str]:
    # The initializer is worker 1.
    digits = name.removeprefix("worker")
    return (int(digits) if digits.isdigit() else 1, name)
