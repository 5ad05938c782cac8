# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Wallaroo, whatever its version: what :mod:`..contract` asks of an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from types import ModuleType
from typing import TYPE_CHECKING, Any, Optional

from ..._catalogue.applications import APPLICATIONS
from ..._catalogue.applications import application as application_of
from ..._catalogue.versions import VERSIONS
from ..._cluster.naming import INITIALIZER
from ..._formats import checkpoint_ids
from ..._formats.address_file import AddressFileError, read_address
from ..._process.record import ProcessRecord
from ..._resilience.files import Layout, ResilienceSet, resilience_directory
from ..contract import (
    AT_LEAST_ONCE,
    LISTENING,
    NO_GUARANTEE,
    PLAIN,
    READY,
    REPLAYABLE,
    Command,
    HalfWritten,
    LogLine,
    Role,
    Signal,
    Wave,
)
from . import files as wallaroo_files
from . import log_lines
from .command_line import worker_argv

if TYPE_CHECKING:
    from ..._cluster.record import ClusterRecord, ServerAddress


# What most calls of a server do without is imported when it is asked for. As statements: Ansible sends a module with
# what it finds imported, wherever that stands.


def _formation() -> ModuleType:
    from . import formation

    return formation


def _progress() -> ModuleType:
    from . import progress

    return progress


def _peer_addresses() -> ModuleType:
    from . import peer_addresses

    return peer_addresses


def _restoring() -> ModuleType:
    from . import restoring

    return restoring


def _damage() -> ModuleType:
    from . import damage

    return damage


def _external_client() -> ModuleType:
    from . import external_client

    return external_client


def _of(module: Callable[[], ModuleType], name: str) -> Any:
    """What a module beside this one does."""

    def called(*arguments: Any, **named: Any) -> Any:
        return getattr(module(), name)(*arguments, **named)

    return staticmethod(called)


_WORKER = Role("worker")
_INITIALIZER = Role(
    INITIALIZER,
    movable=False,
    # In no version (wallaroo.md, "Observed").
    why_not="The initializer (worker 1) cannot be {act}: once it has crashed it never recovers alone, neither with "
    "nor without its old addresses. Choose another worker, or start the cluster afresh.",
)


class Wallaroo:
    """See :mod:`..contract`: ``Engine``, and each of the small protocols there."""

    name = "wallaroo"
    versions: Sequence[str] = tuple(VERSIONS)
    version_argument = "wallaroo_version"
    home_argument = "wallaroo_home"
    home = "the absolute path of a built Wallaroo tree on the servers (setup_repo.yml makes one)"
    setup = "setup_repo.yml"
    mend = "build it with setup_repo.yml, or mend wallaroo_home"
    applications: Sequence[str] = tuple(APPLICATIONS)
    # Its sources are plain TCP; there is no connector that could read again (docs/wallaroo.md).
    fewest_workers = 1
    sources: Sequence[str] = (PLAIN,)
    sinks: Sequence[str] = (PLAIN,)
    dials = False
    coordinator = INITIALIZER
    restarts_all = False
    waits_for_all = False
    copies_alive = True
    failures: Sequence[str] = (
        r"\(to initializer\): connection failed!",
        r"Some resilience/recovery files are missing",
        r": unable to listen",
        r"This should never happen",
        r"^Error: ",
        r"Couldn't build topology",
    )
    diagnostics: Sequence[str] = ()

    def role(self, worker: str) -> Role:
        """See :class:`..contract.Engine`."""
        return _INITIALIZER if worker == INITIALIZER else _WORKER

    def executable(self, record: ClusterRecord) -> str:
        """See :class:`..contract.Engine`."""
        return str(PurePosixPath(record.engine_home) / application_of(record.application).executable)

    def head(self, record: ClusterRecord, base: str, python: str) -> list[str]:
        """The start of a worker's command line: what is executed."""
        del base, python
        return [self.executable(record), "--ponynoblock"]

    def waves(self, record: ClusterRecord) -> list[Wave]:
        """A worker that is started before the initializer listens hangs for ever."""
        first, *others = record.worker_names()
        if not others:
            return [Wave((first,), READY)]
        return [Wave((first,), LISTENING), Wave(tuple(others), LISTENING), Wave((first,), READY)]

    def listens(self, record: ClusterRecord, worker: str) -> list[int]:
        """See :class:`..contract.Engine`. Worker 1 listens for senders, too."""
        return record.port_numbers.listened_by(worker, application_of(record.application).sources)

    def command(self, record: ClusterRecord, worker: str, server: ServerAddress, python: str) -> Command:
        """See :class:`..contract.Engine`."""
        return Command(worker_argv(record, worker, server, self.head(record, server.base, python)))

    def signal(self, worker: str, until: str, recovering: bool) -> Signal:
        """See :class:`..contract.Engine`."""
        if until == LISTENING:
            return LogLine(log_lines.LISTENING)
        if recovering:
            return LogLine(log_lines.RESUMED)
        return LogLine(log_lines.INITIALIZED if worker == INITIALIZER else log_lines.READY)

    def page(self, record: ClusterRecord) -> str:
        """See :class:`..contract.Engine`."""
        del record
        return ""

    def formation(self, base: str, record: ClusterRecord, processes: Mapping[str, ProcessRecord]) -> str:
        """See :class:`..contract.Engine`."""
        sets = (
            ResilienceSet(
                resilience_directory(base, worker), self.layout(record.application, record.version, worker), worker
            )
            for worker in record.worker_names()
        )
        found: str = self._formation(sets, processes)
        return found

    def layout(self, application: str, version: str, worker: str) -> Layout:
        """See :class:`..contract.Engine`."""
        prefix = application_of(application).prefix_at(version)
        return wallaroo_files.layout(prefix, worker, (self.name, application, version))

    def address(self, files: ResilienceSet) -> str:
        """See :class:`..contract.Engine`."""
        try:
            return read_address(files.path(wallaroo_files.CONTROL)).host
        except (OSError, AddressFileError):
            return ""

    _formation = _of(_formation, "formation")
    progress = _of(_progress, "of_files")

    def last_words(self, lines: Sequence[str]) -> str:
        """See :class:`..contract.Engine`. An invariant that does not hold says before what did not."""
        for index, line in enumerate(lines):
            if "should never happen" in line:
                return lines[max(index - 1, 0)].strip()
            if line.startswith("Error"):
                return line.strip()
        return ""

    def guarantee(self, source: str, sink: str) -> str:
        """What a plain source sent while a worker was dead is lost; no sink takes back what was not committed."""
        del sink
        return AT_LEAST_ONCE if source == REPLAYABLE else NO_GUARANTEE

    def last_checkpoint(self, files: ResilienceSet) -> int:
        """See :class:`..contract.Checkpointed`."""
        try:
            found = checkpoint_ids.read_last(files.path(wallaroo_files.CHECKPOINT_IDS))
        except checkpoint_ids.TornRecord as torn:
            raise HalfWritten(str(torn)) from torn
        return found.checkpoint if found else 0

    def last_commit(self, files: ResilienceSet) -> tuple[int, Optional[float]]:
        """See :class:`..contract.Checkpointed`. The initializer notes a commit, and then sets the timer of the next."""
        try:
            checkpoint, moment = checkpoint_ids.last_commit(files.path(wallaroo_files.CHECKPOINT_IDS))
        except checkpoint_ids.TornRecord as torn:
            raise HalfWritten(str(torn)) from torn
        return checkpoint, moment if files.worker == INITIALIZER else None

    def checkpoints_after(self, files: ResilienceSet, since: int) -> list[int]:
        """See :class:`..contract.Checkpointed`."""
        return checkpoint_ids.committed_after(files.path(wallaroo_files.CHECKPOINT_IDS), since)

    peers = _of(_peer_addresses, "hosts")
    peers_problem = _of(_peer_addresses, "problem")
    mend_peers = _of(_peer_addresses, "mend")
    stuck = _of(_peer_addresses, "stuck")

    journalled = _of(_progress, "on_journal_server")
    restore = _of(_restoring, "from_journal_server")

    keeps_older_state = ends_at_wrong_state = True
    shuts_out_second = ""
    drop_state = _of(_damage, "drop_state")
    restore_older_state = _of(_damage, "restore_older_state")

    channel = _of(_external_client, "ExternalClient")
