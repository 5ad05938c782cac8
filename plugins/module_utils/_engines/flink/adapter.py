# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apache Flink: what :mod:`..contract` asks of an engine. Facts and limits: docs/flink.md.

Worker 1 is the JobManager, which runs the detector as its only job (application mode); the others are TaskManagers.
Each is a Java process of Flink's own.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..._catalogue.applications import DETECTOR
from ..._cluster.naming import INITIALIZER, SPARE
from ..._formats.address_file import Address
from ..._process.log import has_said
from ..._process.record import ProcessRecord
from ..._resilience.files import Layout, ResilienceSet, resilience_directory
from ..contract import (
    AT_LEAST_ONCE,
    COMMITTING,
    COVERED,
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
from ..counting import Counts
from . import configuration, counts, log_lines
from . import files as flink_files

if TYPE_CHECKING:
    from ..._cluster.record import ClusterRecord, ServerAddress

_WORKER = Role("TaskManager")
_JOB_MANAGER = Role(
    "JobManager",
    movable=False,
    restartable=True,
    why_not="Worker 1 cannot be {act}: it is the JobManager, which all others look for at its address. Restart it "
    "where it is (restart_worker.yml -e worker=1), or choose another worker.",
)


class Flink:
    """See :mod:`..contract`: ``Engine``, ``Recalling``, ``SharesCheckpoints`` and ``Sparing``; :mod:`..counting`."""

    name = "flink"
    versions: Sequence[str] = ("2.3",)
    version_argument = ""
    home_argument = "flink_home"
    home = "a Flink distribution, the same absolute path on all servers (setup_flink.yml brings one, or prepares yours)"
    setup = "setup_flink.yml"
    mend = "bring or prepare it with setup_flink.yml, or mend flink_home"
    applications: Sequence[str] = (DETECTOR,)
    fewest_workers = 2
    sources: Sequence[str] = (REPLAYABLE, PLAIN)
    sinks: Sequence[str] = (PLAIN, COMMITTING)
    dials = True
    coordinator = INITIALIZER
    restarts_all = False
    waits_for_all = True
    # Each checkpoint replaces all files of the one before.
    copies_alive = False
    failures: Sequence[str] = (r"Could not start cluster entrypoint", r"Terminating TaskManagerRunner with exit code")
    diagnostics: Sequence[str] = ()
    gathering = 0.5
    shuts_out_second = "the JobManager lets the newer of two workers of a name in, so what comes of it is chance"

    checkpoints_argument = "flink_checkpoints"
    spare_ready = log_lines.REGISTERED

    def role(self, worker: str) -> Role:
        """See :class:`..contract.Engine`."""
        return _JOB_MANAGER if worker == INITIALIZER else _WORKER

    def executable(self, record: ClusterRecord) -> str:
        """See :class:`..contract.Engine`."""
        return configuration.executable(record)

    def waves(self, record: ClusterRecord) -> list[Wave]:
        """The JobManager first: others that do not find it wait before they look again."""
        first, *others = record.worker_names()
        return [Wave((first,), LISTENING), Wave(tuple(others), LISTENING), Wave((first, *others), READY)]

    def listens(self, record: ClusterRecord, worker: str) -> list[int]:
        """See :class:`..contract.Engine`: for calls, for data or files; and the JobManager for questions."""
        ports = record.port_numbers
        more = [ports.external] if worker == INITIALIZER else []
        return [ports.control_of(worker), ports.data_of(worker), *more]

    def command(self, record: ClusterRecord, worker: str, server: ServerAddress, python: str) -> Command:
        """See :class:`..contract.Engine`."""
        del python
        shown: dict[str, str] = {}
        if record.shared_directory and worker == INITIALIZER:
            # For whoever looks at its files. Flink is told the directory itself.
            shown = {f"resilience/{worker}/{flink_files.CHECKPOINTS}": record.shared_directory}
        return Command(
            configuration.argv(record, worker, server),
            files={f"resilience/{worker}/{flink_files.CONFIGURATION}": configuration.text(record, worker, server)},
            links={f"run/{worker}/{flink_files.STATE}": f"../../resilience/{worker}", **shown},
            shared=record.shared_directory,
            # Of what a killed process leaves there nothing is read again.
            emptied=[f"run/{worker}/{flink_files.SCRATCH}"],
        )

    def spare(self, record: ClusterRecord) -> Command:
        """See :class:`..contract.Sparing`. It keeps nothing of what it works on: all is in the checkpoints."""
        server = record.spare_server
        return Command(
            configuration.spare_argv(record),
            files={f"run/{SPARE}/{flink_files.CONFIGURATION}": configuration.spare_text(record, server)},
        )

    def spare_listens(self, record: ClusterRecord) -> list[int]:
        """See :class:`..contract.Sparing`."""
        ports = record.port_numbers
        return [ports.control_of(record.spare_name), ports.data_of(record.spare_name)]

    def signal(self, worker: str, until: str, recovering: bool) -> Signal:
        """See :class:`..contract.Engine`."""
        del recovering
        first = log_lines.LEADS if worker == INITIALIZER else log_lines.REGISTERED
        return LogLine(log_lines.RUNS if until == READY else first)

    def page(self, record: ClusterRecord) -> str:
        """See :class:`..contract.Engine`: that of the JobManager."""
        return f"http://{self.asked_at(record)}/"

    def asked_at(self, record: ClusterRecord) -> Address:
        """See :class:`..counting.Counting`: its page and its REST API have one port."""
        return Address(record.server(record.placement[INITIALIZER]).address, record.port_numbers.external)

    def ask(self) -> Generator[str, Any, Counts]:
        """See :class:`..counting.Counting`."""
        return counts.ask()

    def formation(self, base: str, record: ClusterRecord, processes: Mapping[str, ProcessRecord]) -> str:
        """See :class:`..contract.Engine`. The JobManager knows."""
        known = processes.get(INITIALIZER)
        if known is None:
            return UNKNOWN
        directory = resilience_directory(base, INITIALIZER)
        if flink_files.checkpoints(ResilienceSet(directory, flink_files.layout(INITIALIZER), INITIALIZER)):
            return COVERED
        return FORMED if has_said(known.log, log_lines.RUNS) else FORMING

    def layout(self, application: str, version: str, worker: str) -> Layout:
        """See :class:`..contract.Engine`."""
        return flink_files.layout(worker, (self.name, application, version))

    def address(self, files: ResilienceSet) -> str:
        """See :class:`..contract.Engine`: its configuration says it, and is written anew at each start."""
        del files
        return ""

    def progress(self, files: ResilienceSet) -> dict[str, Any]:
        """See :class:`..contract.Engine`."""
        found = flink_files.checkpoints(files)
        newest = found[-1] if found else 0
        return {"committed": newest, "written": newest, "checkpoints": len(found), "journals": {}}

    def last_words(self, lines: Sequence[str]) -> str:
        """See :class:`..contract.Engine`: the innermost cause of the last error."""
        causes = [line.strip() for line in lines if line.startswith("Caused by: ")]
        errors = [line.strip() for line in lines if re.search(r" (ERROR|FATAL) ", line)]
        return next(iter([*causes[-1:], *errors[-1:]]), "")

    def foreign_state(self, worker: str, lines: Sequence[str], spared: bool = False) -> str:
        """See :class:`..contract.Recalling`."""
        if worker == INITIALIZER:
            return ""
        lost = [found for line in lines if (found := re.search(log_lines.LOST, line))]
        if not lost:
            return ""
        why = (
            "The spare went on meanwhile, as it should; leave spare=true out where a move is to be shown."
            if spared
            else "Were they copied before the worker was dead, or changed since?"
        )
        return (
            f"{worker} has its state from the JobManager, and not from its own files: they do not hold checkpoint "
            f"{lost[-1][1]}, with which the job goes on. Nothing is lost by that, but it does not show that they can "
            f"be moved. {why}"
        )

    def guarantee(self, source: str, sink: str) -> str:
        """See :class:`..contract.Engine`; each of the three was seen (docs/flink.md)."""
        if source != REPLAYABLE:
            return NO_GUARANTEE
        return EXACTLY_ONCE if sink == COMMITTING else AT_LEAST_ONCE
