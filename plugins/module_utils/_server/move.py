# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crashing a worker and bringing it back on this server, from another one or in place: from the first look until it
processes messages again.

One call on the target, because every task of Ansible inside the downtime costs more than the copy and the start
together (design.md, "Life of a migration"). What can be done before the kill is done before it: the connection to
the source stands, the bulk of the files is here, and whatever would make the start fail has been looked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Optional

from .._engines.contract import READY
from .._formats.address_file import Address
from .._problem import Problem
from .._process import times
from .._process.standby import Prepared, standing_address
from .._process.waiting import LimitReached, wait_until
from .._resilience import copying, kept_manifest, ownership
from .._resilience.ownership import OwnershipError
from .._resilience.plan import Addresses, CopyResult
from .._resilience.remote import SourceServer
from .._resilience.source import CopyError, SourceChanged
from . import worker_start
from .copy import Journals, started_since, told
from .source_server import SourceAddress
from .worker_start import PORT_SECONDS, PortTaken, WorkerProblem, WorkerStart

BEFORE, KILL, COPY, START = "before", "kill", "copy", "start"
"""How far a move had come. ``before``: nothing was done to the worker. From ``kill`` on it may be dead."""


class MoveFailed(Exception):
    """A worker was not moved."""

    def __init__(self, message: str, stage: str, times: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.stage = stage
        self.times = dict(times)


@dataclass
class Move:
    """One worker, from a source to this server. Where both are the same, it is restarted in place."""

    worker: WorkerStart
    """The start on this server; its mode is ``recover``."""
    source: SourceAddress
    epoch: int
    """The worker's epoch on this server."""
    kill: bool = True
    """False: the worker is dead, or its server is gone. With ``journal_server`` the source is then asked nothing."""
    kill_limit: float = 10.0
    journals: Optional[Journals] = None
    """Restore the files from these instead of copying them."""
    until: str = READY
    """What is waited for: :data:`LISTENING` or :data:`READY`."""
    address: bool = False
    """Its address comes along: on both servers somebody stands by who changes that."""
    still: Callable[[], None] = lambda: None
    """Raises when another run has entered this server; asked before what cannot be taken back."""
    result: dict[str, Any] = field(default_factory=dict)
    stage: str = BEFORE

    @classmethod
    def from_arguments(cls, given: Mapping[str, Any]) -> Move:
        """From a module's arguments.

        :raises ValueError: when they describe no move, or one that the engine does not offer.
        """
        worker, journals = WorkerStart.from_arguments(given, worker_start.RECOVER), given["journal_server"]
        return cls(
            worker=worker,
            source=SourceAddress.from_arguments(
                given["source_server"], given["source_base"], given["source_ssh"], given["run"]
            ),
            epoch=given["epoch"],
            kill=given["kill"],
            kill_limit=given["kill_timeout"],
            journals=Journals(Address.parse(journals), worker.cluster.engine, given["journal_timeout"])
            if journals
            else None,
            address=given["address"],
            until=given["wait_for"],
        )

    @property
    def in_place(self) -> bool:
        """Whether there is nothing to bring."""
        return self.source.name == self.worker.server

    @property
    def told(self) -> str:
        """What was to be done with the worker."""
        here = self.worker.server
        return f"restarted on {here}" if self.in_place else f"moved from {self.source.name} to {here}"

    def __post_init__(self) -> None:
        server = self.worker.cluster.server(self.worker.server)
        ports = self.worker.cluster.port_numbers
        self.addresses = Addresses(
            Address(server.address, ports.control_of(self.worker.worker)),
            Address(server.address, ports.data_of(self.worker.worker)),
        )
        self.result = {
            "worker": self.worker.worker,
            "killed_pid": None,
            "killed": None,
            "died": None,
            "copied": [],
            "copied_bytes": 0,
            "early_bytes": 0,
            "finished_at": None,
            "warnings": [],
        }


def run(move: Move, limit: float, return_after: Optional[float] = None, only_check: bool = False) -> dict[str, Any]:
    """Move the worker.

    :param limit: seconds for the worker to resume.
    :param return_after: return with ``finished`` false when it has not resumed after so many seconds; the wait is then
        gone on with by :func:`.worker_start.run` and the returned ``pid``.
    :raises MoveFailed: when it was not moved, with what had been done.
    """
    try:
        with ExitStack() as stack:
            return _run(move, stack, limit, return_after, only_check)
    except MoveFailed:
        raise
    except (Problem, ValueError, OSError) as error:
        if move.stage == BEFORE and not move.in_place and not only_check:
            _take_back(move)
        raise MoveFailed(str(error), move.stage, move.result) from error


def _run(move: Move, stack: ExitStack, limit: float, return_after: Optional[float], only_check: bool) -> dict[str, Any]:
    worker = move.worker
    _check_owner(move)
    source = move.source.open(worker.files) if move.kill or move.journals is None else None
    if source is not None:
        stack.callback(source.close)
    address = None
    if move.address and not only_check:
        address = Prepared(standing_address(worker.base))
        stack.callback(address.close)
        if source is not None:
            source.stand_by()
    here = _is_here(move)
    if here:
        # What lies on the source is older than what is here, and would replace it.
        _refuse_alive_at_source(move, source)
        worker.check_place(comes=move.address)
        known = times.read(worker.base, worker.worker)
        move.result.update(copied_bytes=known.get("copied_bytes") or 0, finished_at=known.get("copied"))
    else:
        _get_ready(move, source, only_check)
    if not only_check:
        move.still()
        _crash(move, source, address, START if here else KILL)
        if here:
            copying.rewrite_addresses(worker.files, *move.addresses)
    if not here and not move.in_place:
        _bring(move, source, address, only_check)
        if worker.cluster.negative and not only_check:
            _damage(move)
    elif address is not None:
        address.end()
    if only_check:
        return {**move.result, "changed": True, "finished": True, "pid": None}
    if move.in_place:
        _claim(move)
    return _start(move, limit, return_after, proved=not here)


def _is_here(move: Move) -> bool:
    """Whether an earlier run has brought the files in this very epoch, and the worker was started from them since."""
    claim = ownership.Claim(move.worker.server, move.epoch, move.source.name)
    return started_since(move.worker.base, move.worker.files, claim)


def _refuse_alive_at_source(move: Move, source: Optional[SourceServer]) -> None:
    pid = source.pid() if source is not None else None
    if pid is not None:
        raise WorkerProblem(
            f"{move.worker.worker} runs on {move.source.name} (pid {pid}) although it belongs to {move.worker.server} "
            f"since epoch {move.epoch}; look with playbooks/status.yml, and kill it there with kill_worker.yml"
        )
    move.kill = False


def _start(move: Move, limit: float, return_after: Optional[float], proved: bool) -> dict[str, Any]:
    move.stage = START
    last = [""]

    def started() -> Optional[dict[str, Any]]:
        try:
            return worker_start.run(move.worker, move.until, limit, return_after, proved=proved)
        except PortTaken as taken:
            # Whoever took it after the check may have taken it for a moment only, as outgoing connections do.
            last[0] = str(taken)
            return None

    try:
        found = wait_until(started, PORT_SECONDS, f"the ports of {move.worker.worker}")
    except LimitReached as reached:
        raise WorkerProblem(last[0]) from reached
    return {**move.result, **found, "changed": True}


def _check_owner(move: Move) -> None:
    known = ownership.read(move.worker.base, move.worker.worker)
    if known is not None and known.epoch > move.epoch:
        raise OwnershipError(
            f"{move.worker.server} knows epoch {known.epoch} of {move.worker.worker} since {known.since}, and was to "
            f"get epoch {move.epoch}; look with playbooks/status.yml who owns it"
        )


def _get_ready(move: Move, source: Optional[SourceServer], only_check: bool) -> None:
    """What is done while the worker still runs: find what would go wrong later, and bring over what is there."""
    worker = move.worker
    pid = source.pid() if source is not None else None
    # Where both servers are one machine, the worker itself holds the ports until it is dead.
    but = pid if move.source.ssh is None else None
    if move.in_place:
        worker.check(but)
        worker.prove()
    else:
        worker.check_place(but, move.address)
    if pid is None or source is None:
        move.kill = False
        return
    if not move.kill:
        raise CopyError(
            f"{worker.worker} still runs on {move.source.name} (pid {pid}); kill it first with kill_worker.yml"
        )
    if move.journals is not None or (only_check and not move.in_place):
        # What the worker will find here is not known yet.
        return
    try:
        if worker.engine.copies_alive and not move.in_place:
            early = copying.copy(source.files, worker.files, move.addresses, warm_up=True)
            move.result["early_bytes"] = early.bytes
    except SourceChanged:
        # It runs. What has arrived is a beginning, and the copy after its death proves everything.
        pass
    try:
        worker.mend_peers(only_check=True)
    except WorkerProblem as problem:
        raise WorkerProblem(f"Nothing was killed: {problem}") from problem


def _crash(move: Move, source: Optional[SourceServer], address: Optional[Prepared], stage: str) -> None:
    """Kill the worker, and let its address come along."""
    if source is not None and move.kill:
        move.stage = stage
        killed = source.kill(move.kill_limit)
        move.result.update(killed_pid=killed.pid, killed=killed.killed, died=killed.died)
    if address is not None:
        move.stage = stage
        if source is not None:
            source.give_address()
        # It is taken while the files are brought.
        address.begin()


def _bring(move: Move, source: Optional[SourceServer], address: Optional[Prepared], only_check: bool) -> None:
    """What it left is copied, or restored, and belongs to this server from then on."""
    worker = move.worker
    if not only_check:
        move.stage = COPY
    copied = CopyResult(changed=True)
    if move.journals is not None:
        copied = _restore(move, move.journals, only_check)
    elif source is not None:
        copied = copying.copy(source.files, worker.files, move.addresses, only_check)
    move.result.update(copied=copied.copied, copied_bytes=copied.bytes + move.result["early_bytes"])
    move.result["finished_at"] = time.time()
    if only_check:
        return
    if address is not None:
        address.end()
    move.still()
    if copied.manifest is not None:
        kept_manifest.keep(worker.base, copied.manifest)
    ownership.claim(worker.base, worker.worker, worker.server, move.epoch, move.source.name)
    times.begin(
        worker.base,
        worker.worker,
        epoch=move.epoch,
        copied=move.result["finished_at"],
        copied_bytes=move.result["copied_bytes"],
    )


def _damage(move: Move) -> None:
    """Behind all that is proved: what a negative run is for."""
    from . import negative

    done = negative.damage(move.worker)
    if done is not None:
        move.result["warnings"] = [*move.result["warnings"], done]


def _claim(move: Move) -> None:
    """In place the epoch stays, unless another server that had the worker was lost."""
    worker = move.worker
    known = ownership.read(worker.base, worker.worker)
    if move.epoch > (known.epoch if known is not None else 0):
        ownership.claim(worker.base, worker.worker, worker.server, move.epoch)


def _restore(move: Move, journals: Journals, only_check: bool) -> CopyResult:
    restored = journals.restore(move.worker.base, move.worker.files, move.addresses, only_check)
    move.result.update(warnings=restored.warnings, journal=told(restored))
    return restored.copy


def _take_back(move: Move) -> None:
    """Remove what the early copy brought, unless this server had a claim on the worker before."""
    try:
        known = ownership.read(move.worker.base, move.worker.worker)
        if known is None and move.worker.files.state() == "incomplete":
            move.worker.files.remove()
    except (OSError, ValueError):
        # The failure that led here is what has to be said.
        pass
