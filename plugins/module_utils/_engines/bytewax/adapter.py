# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""bytewax: what :mod:`..contract` asks of an engine. Facts and limits: docs/bytewax.md.

A worker is a process of our own (``_programs/bytewax_worker``) that runs the dataflow with the Python of an environment
that has bytewax.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..._catalogue.applications import DETECTOR
from ..._cluster.naming import worker_number
from ..._process.log import has_said
from ..._process.record import ProcessRecord
from ..._resilience.files import Layout, ResilienceSet, resilience_directory
from ..command_line import runtime_argv
from ..contract import (
    AT_LEAST_ONCE,
    COMMITTING,
    EXACTLY_ONCE,
    FORMED,
    FORMING,
    LISTENING,
    NO_GUARANTEE,
    PLAIN,
    READY,
    REPLAYABLE,
    UNKNOWN,
    Command,
    LogLine,
    Role,
    Signal,
    Wave,
)
from . import files as bytewax_files
from . import log_lines

if TYPE_CHECKING:
    from ..._cluster.record import ClusterRecord, ServerAddress

PROGRAM = "bytewax_worker"


def _peers() -> ModuleType:
    from . import peers

    return peers


def _damage() -> ModuleType:
    from . import damage

    return damage


class Bytewax:
    """See :mod:`..contract`: ``Engine``, ``KnowsPeers`` and ``Damageable``."""

    name = "bytewax"
    versions: Sequence[str] = ("0.21.1",)
    version_argument = ""
    home_argument = "bytewax_home"
    home = "an environment with bytewax, the same absolute path on all servers (setup_bytewax.yml makes one)"
    setup = "setup_bytewax.yml"
    mend = "make its environment with setup_bytewax.yml, or mend bytewax_home"
    applications: Sequence[str] = (DETECTOR,)
    fewest_workers = 1
    sources: Sequence[str] = (REPLAYABLE, PLAIN)
    sinks: Sequence[str] = (PLAIN, COMMITTING)
    dials = True
    coordinator = ""
    # bytewax itself does; but each of our processes begins anew in its own place when it has lost another.
    restarts_all = False
    waits_for_all = True
    # What it no longer needs it removes, and a database is not only added to.
    copies_alive = False
    failures: Sequence[str] = (r"^Error: ",)
    diagnostics: Sequence[str] = ()

    def role(self, worker: str) -> Role:
        """See :class:`..contract.Engine`. Each of them can come back, also the first."""
        del worker
        return Role("worker")

    def executable(self, record: ClusterRecord) -> str:
        """See :class:`..contract.Engine`."""
        return str(PurePosixPath(record.engine_home) / "bin" / "python")

    def waves(self, record: ClusterRecord) -> list[Wave]:
        """Whoever comes first waits for the others."""
        workers = tuple(record.worker_names())
        return [Wave(workers, LISTENING), Wave(workers, READY)]

    def listens(self, record: ClusterRecord, worker: str) -> list[int]:
        """See :class:`..contract.Engine`: for the others, and for data."""
        ports = record.port_numbers
        return [ports.control_of(worker), ports.data_of(worker)]

    def command(self, record: ClusterRecord, worker: str, server: ServerAddress, python: str) -> Command:
        """See :class:`..contract.Engine`. Who has moved since is in its files (:meth:`mend_peers`)."""
        del python
        ports, first = record.port_numbers, record.first_server
        hosts = {name: record.server(record.placement[name]).address for name in record.worker_names()}
        hosts[worker] = server.address
        argv = [
            *runtime_argv(self.executable(record), server.base, PROGRAM),
            *("--index", str(worker_number(worker) - 1)),
            *("--directory", resilience_directory(server.base, worker)),
            *("--source", f"{first.address}:{ports.log}", "--sink", f"{first.address}:{ports.sink}"),
            *("--interval", f"{record.checkpoint_interval:g}"),
        ]
        for name, host in hosts.items():
            argv += ["--worker", f"{name}={host}:{ports.control_of(name)}:{ports.data_of(name)}"]
        argv += ["--plain-source"] if record.source == PLAIN else []
        argv += ["--committing-sink"] if record.sink == COMMITTING else []
        return Command(argv)

    def signal(self, worker: str, until: str, recovering: bool) -> Signal:
        """See :class:`..contract.Engine`."""
        del worker, recovering
        return LogLine(log_lines.READY if until == READY else log_lines.WAITING)

    def page(self, record: ClusterRecord) -> str:
        """See :class:`..contract.Engine`."""
        del record
        return ""

    def formation(self, base: str, record: ClusterRecord, processes: Mapping[str, ProcessRecord]) -> str:
        """See :class:`..contract.Engine`. Each worker says in its log when all are there."""
        del base
        mine = [known for worker in record.worker_names() if (known := processes.get(worker)) is not None]
        if not mine:
            return UNKNOWN
        return FORMED if any(has_said(process.log, f"^{log_lines.FORMED}") for process in mine) else FORMING

    def layout(self, application: str, version: str, worker: str) -> Layout:
        """See :class:`..contract.Engine`."""
        return bytewax_files.layout(worker, (self.name, application, version))

    def address(self, files: ResilienceSet) -> str:
        """See :class:`..contract.Engine`: its command line says it."""
        del files
        return ""

    def progress(self, files: ResilienceSet) -> dict[str, Any]:
        """See :class:`..contract.Engine`. What bytewax calls an epoch is a checkpoint here."""
        database = files.path(bytewax_files.DATABASE)
        epoch = bytewax_files.epoch_of(database) if database.exists() else 0
        return {"committed": epoch, "written": epoch, "checkpoints": epoch, "journals": {}}

    def unsound(self, files: ResilienceSet) -> str:
        """See :class:`..contract.Examinable`."""
        try:
            bytewax_files.epoch_of(files.path(bytewax_files.DATABASE))
        except (OSError, ValueError) as error:
            return str(error)
        return ""

    def last_words(self, lines: Sequence[str]) -> str:
        """See :class:`..contract.Engine`."""
        return next((line.strip() for line in lines if line.startswith("Error: ")), "")

    def guarantee(self, source: str, sink: str) -> str:
        """See :class:`..contract.Engine`; each of the three was seen (docs/bytewax.md)."""
        if source != REPLAYABLE:
            return NO_GUARANTEE
        return EXACTLY_ONCE if sink == COMMITTING else AT_LEAST_ONCE

    def peers(self, files: ResilienceSet) -> dict[str, str]:
        """See :class:`..contract.KnowsPeers`."""
        found: dict[str, str] = _peers().hosts(files)
        return found

    def peers_problem(self, files: ResilienceSet) -> str:
        """See :class:`..contract.KnowsPeers`. The file is written anew, whatever it says."""
        del files
        return ""

    def mend_peers(
        self, files: ResilienceSet, peers: Mapping[str, str], only_check: bool = False, base: str = ""
    ) -> Any:
        """See :class:`..contract.KnowsPeers`."""
        return _peers().mend(files, peers, only_check, base)

    def stuck(self, server: str, worker: str, why: object) -> str:
        """See :class:`..contract.KnowsPeers`."""
        return (
            f"{worker} on {server} cannot be told where the other workers are ({why}); mend that, and run this again."
        )

    # What is older than the last committed epoch is removed.
    keeps_older_state = ends_at_wrong_state = False
    shuts_out_second = "the others let in one worker of a name, and a second one waits for ever"

    def drop_state(self, files: ResilienceSet) -> str:
        """See :class:`..contract.Damageable`."""
        done: str = _damage().drop_state(files)
        return done

    def restore_older_state(self, files: ResilienceSet) -> str:
        """See :class:`..contract.Damageable`."""
        done: str = _damage().restore_older_state(files)
        return done
