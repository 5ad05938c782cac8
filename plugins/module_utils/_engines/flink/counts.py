# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Flink's JobManager has counted: the records of each task of the job, as its REST API tells them.

A vertex of the job is shown as a computation, a TaskManager as the worker that it is, and the job as the pipeline.
Flink does not time single messages.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple, Optional

from ..._cluster.naming import INITIALIZER
from ..._formats.metrics import COMPUTATION, NODE_INGRESS_EGRESS, PIPELINE_INGESTION, START_TO_END
from ..counting import Counted, Counts
from .configuration import JOB

_MOST = 1 << 62
_IDENTIFIER = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NOWHERE = "(unassigned)"


class _Vertex(NamedTuple):
    """A step of the job."""

    identifier: str
    name: str
    parallelism: int
    first: bool
    last: bool

    @property
    def counter(self) -> str:
        """Nothing comes to a source but through the source itself."""
        return "write-records" if self.first else "read-records"


class _Task(NamedTuple):
    """A part of a vertex on a worker."""

    vertex: _Vertex
    position: int
    worker: str
    life: str
    began: float
    records: Optional[int]


def ask() -> Generator[str, Any, Counts]:
    """See :class:`..counting.Counting`."""
    job = yield f"/jobs/{JOB}"
    name, vertices = _text(job, "name"), _vertices(job)
    known = yield "/taskmanagers"
    workers = [INITIALIZER, *(_text(one, "id") for one in _several(known, "taskmanagers"))]
    tasks: list[_Task] = []
    for position, vertex in enumerate(vertices, 1):
        answer = yield f"/jobs/{JOB}/vertices/{vertex.identifier}"
        tasks += [_task(vertex, position, one) for one in _several(answer, "subtasks")]
    placed = [task for task in tasks if task.worker != _NOWHERE]
    seen_by = _seen_by(placed)
    return Counts(name, workers, [counted for task in placed for counted in _told(name, task, seen_by[task.worker])])


def _vertices(job: Any) -> list[_Vertex]:
    """All of a job, from its sources to its sinks."""
    plan = _field(job, "plan", dict)
    nodes = {
        _text(node, "id"): [_text(one, "id") for one in _several(node, "inputs", needed=False)]
        for node in _several(plan, "nodes")
    }
    read = {one for inputs in nodes.values() for one in inputs}
    found = []
    for one in _several(job, "vertices"):
        identifier = _text(one, "id")
        if not _IDENTIFIER.fullmatch(identifier):
            raise ValueError(f"{identifier[:40]!r} names no step of the job")
        ends = not nodes.get(identifier), identifier not in read
        found.append(_Vertex(identifier, _text(one, "name"), _number(one, "parallelism"), *ends))
    return found


def _task(vertex: _Vertex, position: int, told: Any) -> _Task:
    metrics = _field(told, "metrics", dict)
    began = _number(told, "start-time", least=-1)
    # Until its first numbers have come, all are 0.
    known = _field(metrics, f"{vertex.counter}-complete", bool)
    # After the JobManager has died, attempts are counted from 0 again.
    life = f"{vertex.identifier}.{_number(told, 'subtask')}.{_number(told, 'attempt')}.{began}"
    records = _number(metrics, vertex.counter) if known else None
    return _Task(vertex, position, _text(told, "taskmanager-id"), life, began / 1000, records)


def _seen_by(tasks: list[_Task]) -> dict[str, _Vertex]:
    """By worker the vertex that tells how many messages have passed it.

    A message passes each vertex once. One that is shared by fewer workers sees more of those that pass this worker.
    """
    found: dict[str, _Vertex] = {}
    for task in tasks:
        known = found.setdefault(task.worker, task.vertex)
        if task.vertex.parallelism < known.parallelism:
            found[task.worker] = task.vertex
    return found


def _told(job: str, task: _Task, seen: _Vertex) -> Iterator[Counted]:
    vertex = task.vertex
    of_task = (task.life, task.began, task.records)
    yield Counted(COMPUTATION, vertex.name, task.worker, job, task.position, *of_task)
    if vertex.first:
        yield Counted(PIPELINE_INGESTION, vertex.name, task.worker, job, 0, *of_task)
    if vertex.last:
        yield Counted(START_TO_END, job, task.worker, job, 0, *of_task)
    if vertex is seen:
        yield Counted(NODE_INGRESS_EGRESS, task.worker, task.worker, job, 0, *of_task)


def _field(told: Any, name: str, kind: type) -> Any:
    found = told.get(name) if isinstance(told, dict) else None
    if type(found) is not kind:
        raise ValueError(f"no answer of a JobManager: its {name!r} is {str(found)[:40]!r}")
    return found


def _text(told: Any, name: str) -> str:
    found = _field(told, name, str)
    if not found.isprintable():
        raise ValueError(f"no answer of a JobManager: its {name!r} is {found[:40]!r}")
    return str(found)


def _number(told: Any, name: str, least: int = 0) -> int:
    found = _field(told, name, int)
    if not least <= found < _MOST:
        raise ValueError(f"no answer of a JobManager: its {name!r} is {str(found)[:40]}")
    return int(found)


def _several(told: Any, name: str, needed: bool = True) -> list[Any]:
    if not needed and isinstance(told, dict) and name not in told:
        return []
    return list(_field(told, name, list))
