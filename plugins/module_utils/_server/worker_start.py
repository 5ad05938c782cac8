# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a worker on a server, fresh or from its resilience files, and waiting until it is ready."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from .._cluster.naming import worker_name
from .._cluster.record import ClusterRecord
from .._engines.contract import READY, KnowsPeers, LogLine, Recalling
from .._engines.registry import engine, files_at
from .._formats.whole_file import link, make_private_directory, write_whole
from .._problem import Problem
from .._process import living, times
from .._process import log as process_log
from .._process import record as process_record
from .._process.acting import acting
from .._process.log import FailureSeen, ProcessEnded
from .._process.record import ProcessRecord
from .._process.start import AlreadyRunning, StartFailed, start, wait_for_start
from .._process.stop import kill
from .._process.waiting import LimitReached, wait_until
from .._provisioning.build_record import executable_problem
from .._resilience import kept_manifest, ownership
from . import port_check

FRESH, RECOVER = "fresh", "recover"

PORT_SECONDS = 3.0
"""So long a port that has to be free may be taken by somebody who is about to leave it."""

_LEAST_SECONDS = 5.0
"""For a second try, however late the first one ended."""

RETRIED = "retried"
"""What the record of a second start says: why the first one failed."""


class WorkerProblem(Problem):
    """A worker cannot be started or did not become ready; the sentence says why and what to do."""


class PortTaken(WorkerProblem):
    """Somebody listens where the worker has to; it may be gone in a moment."""


class NotReadyInTime(WorkerProblem):
    """It had all the time there was."""


@dataclass
class Started:
    """What became of a start."""

    changed: bool
    record: ProcessRecord
    ready: bool
    line: str = ""
    ready_at: Optional[float] = None
    """Seconds since the epoch at which the awaited line was seen."""


class WorkerStart:
    """One worker on one server."""

    def __init__(
        self,
        base: str,
        server: str,
        cluster: ClusterRecord,
        worker: str,
        mode: str,
        python: str,
        peers: Optional[Mapping[str, str]] = None,
    ) -> None:
        """.

        :param python: the interpreter for the embedded engine.
        :param peers: the other workers and the addresses of the servers where they are now; a recovering worker's file
            of addresses is mended accordingly before it is started (wallaroo.md, Trap 6).
        """
        self.base = base
        self.server = server
        self.cluster = cluster
        self.worker = worker
        self.mode = mode
        self.python = python
        address = cluster.server(server)
        self.engine = engine(cluster.engine)
        self.command = self.engine.command(cluster, worker, address, python)
        self.files = files_at(base, cluster, worker)
        self.peers = dict(peers or {})
        self._address = address.address

    @classmethod
    def from_arguments(cls, given: Mapping[str, Any], mode: str) -> WorkerStart:
        """From a module's arguments, for the Python that executes the module.

        :raises ValueError: when they describe no worker.
        """
        cluster, worker = ClusterRecord.from_dict(given["cluster"]), worker_name(given["worker"])
        return cls(given["base"], given["server"], cluster, worker, mode, sys.executable, given["peers"])

    def running(self) -> Optional[ProcessRecord]:
        """The worker's process on this server, when it is alive."""
        wait_for_start(self.base, self.worker)
        return living.alive(self.base, self.worker)

    def started_earlier(self, pid: int) -> ProcessRecord:
        """The worker's process that an earlier call started, dead or alive.

        :raises WorkerProblem: when it is no longer the one that is known here.
        """
        known = living.known(self.base, self.worker)
        if known is None or known.identity.pid != pid:
            raise WorkerProblem(
                f"Process {pid} of {self.worker} on {self.server} was replaced by another run while it was waited for."
            )
        return known

    def check(self, but: Optional[int] = None) -> None:
        """Whether the worker may be started here now.

        :param but: as of :meth:`check_place`.
        :raises WorkerProblem: with the reason.
        """
        try:
            refusal = ownership.refusal(ownership.read(self.base, self.worker), self.server)
        except ValueError as error:
            raise WorkerProblem(str(error)) from error
        if refusal:
            raise WorkerProblem(refusal)
        state = self.files.state()
        if self.mode == RECOVER and state != "complete":
            missing = ", ".join(path.name for path in self.files.missing())
            raise WorkerProblem(
                f"{self.server} holds {'no' if state == 'none' else 'only half a set of'} resilience files of "
                f"{self.worker} in {self.files.directory}; missing: {missing}. "
                "Copy them with copy_resilience.yml, or start the cluster afresh."
            )
        if self.mode == FRESH and state != "none":
            raise WorkerProblem(
                f"{self.files.directory} on {self.server} holds resilience files of an earlier {self.worker}; "
                "run stop_cluster.yml first: a worker that finds any does not start afresh."
            )
        self.check_place(but)

    def prove(self) -> None:
        """Whether the files are still what was copied, when they came by a copy and no start was tried since.

        :raises WorkerProblem: with the file that changed.
        """
        if self.mode != RECOVER:
            return
        try:
            kept_manifest.prove(self.base, self.files)
        except kept_manifest.NotProved as error:
            raise WorkerProblem(f"{self.worker} was not started on {self.server}: {error}.") from error

    def check_place(self, but: Optional[int] = None, comes: bool = False) -> None:
        """Whether this server has what the worker needs, whatever files there are.

        :param but: a process that may hold the worker's ports for now, since it will be dead before the start.
        :param comes: its address may be another server's for now, since it comes along.
        :raises WorkerProblem: with the reason.
        """
        self._pattern(READY, self.mode)
        executable = self.engine.executable(self.cluster)
        problem = executable_problem(executable, self.engine.mend) if executable else ""
        if problem:
            raise WorkerProblem(f"{self.worker} cannot be started on {self.server}: {problem}.")
        self._refuse_unshared()
        ports = self.engine.listens(self.cluster, self.worker)
        try:
            taken = port_check.taken(self._address, ports, comes)
        except OSError as error:
            raise WorkerProblem(
                f"{self.server} cannot listen on its address {self._address} ({error.strerror}); mend wallaroo_address."
            ) from error
        taken = [port for port in taken if but is None or port.pid != but]
        if taken:
            by = f" by process {taken[0].pid} ({taken[0].program})" if taken[0].pid else ""
            raise PortTaken(
                f"Port {taken[0].port} of {self.worker} on {self.server} ({self._address}) is taken{by}; "
                "stop that, or start the cluster with other wallaroo_ports."
            )

    def _refuse_unshared(self) -> None:
        shared = self.command.shared
        if shared and not (self._makes_shared() or os.access(shared, os.R_OK | os.W_OK | os.X_OK)):
            raise WorkerProblem(
                f"{self.worker} cannot be started on {self.server}: {shared} cannot be written, or is not "
                "there, and the checkpoints of this cluster lie in it. Bring the same directory to all servers."
            )

    def _makes_shared(self) -> bool:
        """Whoever comes first makes it, so that all others see whether it is the same directory."""
        return self.mode == FRESH and self.worker == self.cluster.worker_names()[0]

    def mend_peers(self, only_check: bool = False) -> None:
        """Let the worker look for the others where they are now.

        :raises WorkerProblem: when it would look for one of them where nobody is, and hang.
        """
        if self.mode != RECOVER or not isinstance(self.engine, KnowsPeers):
            return
        try:
            self.engine.mend_peers(self.files, self.peers, only_check, self.base)
        except (ValueError, OSError) as error:
            if self._somebody_moved():
                raise WorkerProblem(self.engine.stuck(self.server, self.worker, error)) from error

    def _somebody_moved(self) -> bool:
        homes = {worker: self.cluster.server(server).address for worker, server in self.cluster.placement.items()}
        return any(homes.get(worker) != address for worker, address in self.peers.items())

    def begin(self, retried: str = "") -> ProcessRecord:
        """Start the process.

        :param retried: why an earlier start of it failed, when this is the second try.
        :raises WorkerProblem: when it cannot be started.
        """
        self.mend_peers()
        Path(self.files.directory).mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in self.command.files.items():
            write_whole(Path(self.base) / name, text.encode())
        for name in self.command.emptied:
            shutil.rmtree(Path(self.base) / name, ignore_errors=True)
            make_private_directory(Path(self.base) / name)
        for name, target in self.command.links.items():
            link(Path(self.base) / name, target)
        if self.command.shared and self._makes_shared():
            Path(self.command.shared).mkdir(mode=0o700, exist_ok=True)
        # From its start on it writes its files itself.
        proved = kept_manifest.path_of(self.base, self.worker)
        aside = proved.with_name(f".{proved.name}")
        if proved.exists():
            os.replace(proved, aside)
        try:
            started = start(
                self.base,
                self.worker,
                "worker",
                self.command.argv,
                environment=self.command.environment,
                details={
                    "mode": self.mode,
                    "server": self.server,
                    "cluster": self.cluster.identifier,
                    **({RETRIED: retried} if retried else {}),
                },
            )
        except (AlreadyRunning, StartFailed) as error:
            if aside.exists():
                os.replace(aside, proved)
            raise WorkerProblem(f"{self.worker} on {self.server}: {error}") from error
        aside.unlink(missing_ok=True)
        times.note(self.base, self.worker, pid=started.identity.pid, started=started.started, ready=None, stopped=None)
        return started

    def wait(self, record: ProcessRecord, until: str, limit: float) -> Started:
        """Wait until the worker says that it listens, or that it is ready.

        :raises WorkerProblem: when it ends, says that it failed.
        :raises LimitReached: after ``limit`` seconds.
        """
        pattern = self._pattern(until, str(record.details.get("mode")))
        try:
            match = process_log.wait_for_line(record, [pattern], self.engine.failures, limit)
        except (ProcessEnded, FailureSeen) as error:
            raise WorkerProblem(f"{self.worker} did not start on {self.server}: {error}") from error
        return Started(False, record, True, match.line, match.seen)

    def foreign_state(self, record: ProcessRecord) -> str:
        """See :class:`.._engines.contract.Recalling`: of a worker that has come back."""
        if record.details.get("mode") != RECOVER or not isinstance(self.engine, Recalling):
            return ""
        lines = process_log.LogReader(record.log).lines()
        return self.engine.foreign_state(self.worker, lines, self.cluster.spare)

    def claim(self) -> None:
        """Note that this server owns the worker; a copy has already claimed what it brought."""
        known = ownership.read(self.base, self.worker)
        if known is None:
            ownership.claim(self.base, self.worker, self.server, 1)

    def undo(self, record: ProcessRecord) -> None:
        """Leave nothing half-done: the process is ended; what a fresh start wrote goes too."""
        kill(record.identity)
        process_record.remove(self.base, self.worker)
        if self.mode == FRESH:
            self.files.remove()

    def _pattern(self, until: str, mode: str) -> str:
        signal = self.engine.signal(self.worker, until, mode == RECOVER)
        if not isinstance(signal, LogLine):
            raise WorkerProblem(
                f"{self.worker} is {until} by {signal}, and a server can wait for a line of a log only."
            )
        return signal.pattern


def stop(worker: WorkerStart, limit: float, run: str, only_check: bool) -> dict[str, Any]:
    """End a worker with SIGKILL, and keep its files.

    :param run: whose act it is.
    :raises StillAlive: when it is not dead after ``limit`` seconds.
    """
    running = worker.running()
    if running is not None and not only_check:
        with acting(worker.base, run=run):
            kill(running.identity, limit)
    pid = running.identity.pid if running is not None else None
    return {"changed": pid is not None, "worker": worker.worker, "state": "stopped", "pid": pid, "finished": True}


def run(
    worker: WorkerStart,
    until: str,
    limit: float,
    return_after: Optional[float],
    only_check: bool = False,
    pid: Optional[int] = None,
    proved: bool = False,
) -> dict[str, Any]:
    """Start a worker unless it runs, and wait until it is ready.

    A recovering worker that ends before it is ready is started a second time: its files are the newest there are, and
    a real one now and then dies of a checkpoint that is committed while it recovers
    (wallaroo.md, "A checkpoint in the moment of a recovery").

    :param pid: the process that an earlier call started. It is waited for, and nothing is started: a worker that ended
        between two calls has failed, as one that ended within a call.
    :param proved: the files were proved this moment.
    :raises WorkerProblem: when that is not possible; nothing half-done stays behind.
    """
    begin = time.monotonic()
    record = worker.running() if pid is None else worker.started_earlier(pid)
    changed = record is None
    foreseen = {"changed": changed, "finished": True, "worker": worker.worker, "pid": None, "state": "started"}
    if record is None:
        worker.check()
        if not proved:
            worker.prove()
        if only_check:
            return foreseen
        record = worker.begin()
    elif only_check:
        return {**foreseen, "pid": record.identity.pid}
    try:
        return _until_ready(worker, record, changed, until, limit, return_after, begin, not changed and pid is None)
    except NotReadyInTime:
        raise
    except WorkerProblem as problem:
        if worker.mode != RECOVER or record.details.get(RETRIED):
            raise
        first = str(problem)
    left = max(limit - (time.monotonic() - begin), _LEAST_SECONDS)
    try:
        _check_again(worker)
        again = worker.begin(retried=first)
        return _until_ready(worker, again, True, until, left, return_after, begin)
    except WorkerProblem as second:
        raise WorkerProblem(f"{second} This was the second try; the first one: {first}") from second


def _check_again(worker: WorkerStart) -> None:
    """As before the first try; what that one leaves to the kernel may hold its ports for a moment longer."""
    taken = ""

    def free() -> bool:
        nonlocal taken
        try:
            worker.check()
        except PortTaken as problem:
            taken = str(problem)
            return False
        return True

    try:
        wait_until(free, PORT_SECONDS, f"the ports of {worker.worker}")
    except LimitReached as reached:
        raise PortTaken(taken) from reached


def _until_ready(
    worker: WorkerStart,
    record: ProcessRecord,
    changed: bool,
    until: str,
    limit: float,
    return_after: Optional[float],
    begin: float,
    found: bool = False,
) -> dict[str, Any]:
    """.

    :param found: the worker was found running, and may have been ready for long.
    """
    result: dict[str, Any] = {
        "changed": changed,
        "worker": worker.worker,
        "state": "started",
        "pid": record.identity.pid,
        "log": record.log,
        "started": record.started,
        "ready": None,
        "resumed": None,
        "late": False,
        "retried": str(record.details.get(RETRIED) or ""),
        "foreign_state": "",
        "epoch": 0,
    }
    known = times.read(worker.base, worker.worker)
    early = return_after if return_after is not None and return_after < limit else None
    try:
        try:
            ready = worker.wait(record, until, 0.0)
            # It said so at a moment that nobody saw, unless whoever saw it has noted it.
            result["late"] = found
        except LimitReached:
            ready = worker.wait(record, until, limit if early is None else early)
    except LimitReached as reached:
        if early is not None:
            last = process_log.tail(record.log, lines=1).strip() or "nothing yet"
            return {**result, "finished": False, "message": f"waiting for {worker.worker}; its log ends with: {last}"}
        _give_up(worker, record, changed)
        raise NotReadyInTime(
            f"{worker.worker} on {worker.server} did not get ready: {reached}. Its log is {record.log}."
        ) from reached
    except WorkerProblem:
        _give_up(worker, record, changed)
        raise
    seen = ready.ready_at
    if until == READY and known.get("pid") == record.identity.pid and known.get("ready"):
        seen, result["late"] = known["ready"], False
    elif until == READY and not result["late"]:
        times.note(worker.base, worker.worker, ready=seen)
    worker.claim()
    owned = ownership.read(worker.base, worker.worker)
    result.update(
        finished=True,
        ready=seen,
        resumed=seen if until == READY else None,
        line=ready.line,
        epoch=owned.epoch if owned else 0,
        foreign_state=worker.foreign_state(record) if until == READY else "",
        seconds=round(time.monotonic() - begin, 3),
        message=f"{worker.worker} is {until} on {worker.server}",
    )
    return result


def _give_up(worker: WorkerStart, record: ProcessRecord, ours: bool) -> None:
    # A recovering worker that was started by an earlier slice of the same wait counts as ours too: it is not
    # ready, so nothing depends on it, and its files stay for the next try.
    if ours or record.details.get("mode") == RECOVER or not _was_ready(worker):
        worker.undo(record)


def _was_ready(worker: WorkerStart) -> bool:
    return ownership.read(worker.base, worker.worker) is not None
