# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a negative run does to a worker on purpose, where a buggy tool or operator would do it.

It shows that a verified run fails when it has to. Nothing is done on a server whose own record does not say that its
cluster was started for just that, and no check is left out: the damage comes behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Optional

from .._cluster import record as cluster_record
from .._cluster.naming import worker_number
from .._cluster.ports import HIGHEST
from .._cluster.record import DROPPED_STATE, OLD_COPY, TWO_OWNERS, ClusterRecord
from .._engines.contract import READY, Damageable
from .._engines.registry import offered
from .._formats.address_file import Address
from .._problem import Problem
from .._process.waiting import LimitReached
from .._resilience import copying, ownership
from .._resilience.files import ResilienceSet
from . import port_check
from .worker_start import RECOVER, WorkerProblem, WorkerStart

DAMAGES: Mapping[str, Callable[[Damageable, ResilienceSet], str]] = MappingProxyType(
    {
        DROPPED_STATE: lambda adapter, files: adapter.drop_state(files),
        OLD_COPY: lambda adapter, files: adapter.restore_older_state(files),
    }
)
"""What is done to the files that a move has brought, before the worker is started from them."""


_ROOM = 40
"""So many ports behind those of a cluster are looked at for a second owner."""


class NotDone(Problem):
    """Nothing was damaged; the sentence says why."""


def damage(worker: WorkerStart) -> Optional[str]:
    """Damage what a move has brought, where that is what its cluster is for; what was done, as a sentence.

    :raises NotDone: when this server's own record says otherwise, or there is nothing that could be damaged so.
    :raises OSError: when a file cannot be read or written.
    """
    wanted = worker.cluster.negative
    if wanted not in DAMAGES:
        return None
    _require(worker.base, worker.server, wanted)
    done = DAMAGES[wanted](offered(worker.cluster.engine, Damageable), worker.files)
    return f"Negative run ({wanted}): on {worker.server} {done}."


def second_owner(base: str, server: str, worker: str, python: str, limit: float, only_check: bool) -> dict[str, Any]:
    """Start a worker where it was before it moved. The fence must refuse that; then it is lifted, and the old owner
    starts beside the new one.

    :param python: as of :class:`.WorkerStart`.
    :param limit: seconds for it to become ready, or to end.
    :returns: what the fence said (``refused``), and what became of the second owner: ``pid``, and ``ended``, which is
        empty as long as it runs.
    :raises NotDone: when nothing refused it, or this cluster is not for that.
    :raises WorkerProblem: when it cannot be started.
    :raises ValueError: when a record here cannot be understood.
    """
    cluster = _require(base, server, TWO_OWNERS)
    start = WorkerStart(base, server, cluster, worker, RECOVER, python)
    refused = _refusal(start)
    result: dict[str, Any] = {"changed": True, "worker": worker, "refused": refused, "pid": None, "ended": ""}
    result["warnings"] = [f"Negative run ({TWO_OWNERS}): {server} refused: {refused} The fence is lifted."]
    if only_check:
        return result
    start = _beside_the_first(start)
    _lift_fence(start)
    record = start.begin()
    try:
        start.wait(record, READY, limit)
    except WorkerProblem as problem:
        result["ended"] = str(problem)
    except LimitReached:
        # Both ask the others for the same connections, and the cluster stands still meanwhile.
        result["ended"] = f"{worker} did not get ready on {server} within {limit:g} s"
    return {**result, "pid": record.identity.pid}


def _require(base: str, server: str, wanted: str) -> ClusterRecord:
    known = cluster_record.read(base)
    if known is None or known.negative != wanted:
        raise NotDone(
            f"{server} belongs to no cluster that was started for a negative run with {wanted}, so nothing is damaged "
            f"there; verify_migration.yml -e negative={wanted} starts one"
        )
    return known


def _refusal(start: WorkerStart) -> str:
    """What the fence says to whoever starts the worker here.

    :raises NotDone: when it says nothing, which is what the run was to find out.
    """
    said = ownership.refusal(ownership.read(start.base, start.worker), start.server)
    try:
        start.check()
    except WorkerProblem as problem:
        if said and str(problem) == said and start.files.is_fenced():
            return said
        raise NotDone(
            f"No fence kept {start.server} from starting {start.worker} a second time, it was this: {problem}"
        ) from problem
    raise NotDone(f"No fence keeps {start.server} from starting {start.worker} a second time; nothing was started")


def _lift_fence(start: WorkerStart) -> None:
    """Make this server believe that it owns the worker, in the epoch before the one in which it was fenced."""
    known = ownership.read(start.base, start.worker)
    if known is not None:
        before = replace(known, state=ownership.OWNER, epoch=max(known.epoch - 1, 1), server=start.server, moved_to="")
        ownership.write(start.base, before)
    start.files.lift_fence()


def _beside_the_first(start: WorkerStart) -> WorkerStart:
    """The same with other ports where the first owner is on this machine and has those of the worker."""
    address = start.cluster.server(start.server).address
    ports = start.cluster.port_numbers
    mine = [ports.control_of(start.worker), ports.data_of(start.worker)]
    if not port_check.taken(address, mine):
        return start
    first = _two_free_ports(start.cluster, address)
    moved = {**start.cluster.ports, "workers": first - 2 * worker_number(start.worker)}
    copying.rewrite_addresses(start.files, Address(address, first), Address(address, first + 1))
    cluster = replace(start.cluster, ports=moved)
    return WorkerStart(start.base, start.server, cluster, start.worker, RECOVER, start.python)


def _two_free_ports(cluster: ClusterRecord, address: str) -> int:
    """The first of two neighbours on which nobody listens, behind those of the last worker.

    Not any two that the kernel has to give: it gives them to outgoing connections, too.
    """
    ports = cluster.port_numbers
    named = {number for name, number in ports.to_dict().items() if name != "workers"}
    begin = ports.workers + 2 * (cluster.workers + 1)
    for first in range(begin, min(begin + _ROOM, HIGHEST), 2):
        pair = [first, first + 1]
        if not named.intersection(pair) and not port_check.taken(address, pair):
            return first
    raise NotDone(f"there are no two free ports behind {begin} on {address} for a second owner")
