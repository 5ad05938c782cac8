# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine is to everybody else: an adapter that answers. Roles and modules act.

An adapter holds every fact that another engine would have otherwise. What every engine has is :class:`Engine`, mostly
data. What not every engine offers is a small protocol of its own below; an adapter without its methods does not have
the capability, and :func:`.registry.offered` refuses in one sentence whoever asks for it (decision 0021).

What is not asked of an adapter is the same for all engines: which process a worker is (its pid, start time and command
line, :mod:`.._process.identity`), how it is killed, who owns a worker, how a copy is proved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Protocol, Union, runtime_checkable

from .._formats.address_file import Address
from .._problem import Problem
from .._process.record import ProcessRecord
from .._resilience.files import Layout, ResilienceSet

if TYPE_CHECKING:
    from pathlib import Path

    from .._cluster.record import ClusterRecord, ServerAddress
    from .._resilience.plan import Addresses, CopyResult

LISTENING, READY = "listening", "ready"
"""What is waited for: that others can reach a worker; that it works."""

MOVED, RESTARTED = "moved", "restarted"
"""What may be done to a worker that has crashed."""

UNKNOWN, FORMING, FORMED, COVERED = "", "forming", "formed", "covered"
"""How far a cluster has come together, as far as a server can tell: nothing here would tell; its first worker was
started here and has not said that all are there; it has, or cannot tell any more; a worker here has written a
checkpoint, so there is a state that could be lost."""

EXACTLY_ONCE, AT_LEAST_ONCE, NO_GUARANTEE = "exactly_once", "at_least_once", "none"

PLAIN, REPLAYABLE, COMMITTING = "plain", "replayable", "committing"
"""Kinds of sources and sinks. ``replayable``: what was sent can be read again from a record on. ``committing``: what no
checkpoint covers is taken back. ``plain``: neither."""


class Role(NamedTuple):
    """What a process of a cluster is, and what may be done to it."""

    name: str
    movable: bool = True
    """Whether it can be crashed alone and come back from its files, here or elsewhere."""
    why_not: str = ""
    """What people are told who want that; ``{act}`` is what they want (``moved``, ``restarted``)."""
    restartable: bool = False
    """Of one that is not movable: whether it can come back where it was."""

    def allows(self, act: str) -> bool:
        """Whether it can be ``moved``, or ``restarted``."""
        return self.movable or (self.restartable and act == RESTARTED)


class Wave(NamedTuple):
    """Workers that may start at the same time, all of them before the next wave."""

    workers: tuple[str, ...]
    until: str
    """:data:`LISTENING` or :data:`READY`. A worker that comes twice is started once, and waited for again."""


class LogLine(NamedTuple):
    """A worker says it in its log."""

    pattern: str


class OpenPort(NamedTuple):
    """It listens."""

    port: int


class HttpAnswer(NamedTuple):
    """It, or whoever leads it, answers with a body that matches."""

    url: str
    pattern: str


Signal = Union[LogLine, OpenPort, HttpAnswer]


class Command(NamedTuple):
    """How a worker is started, the first time and every other."""

    argv: list[str]
    files: Mapping[str, str] = {}
    """Configuration: path below the server's base -> text, written before each start."""
    environment: Mapping[str, str] = {}
    links: Mapping[str, str] = {}
    """Symbolic links: path below the server's base -> where it leads, made before each start."""
    emptied: Sequence[str] = ()
    """Directories below the server's base that are empty at each start."""
    shared: str = ""
    """The directory of the cluster that all servers see: its coordinator makes it, afresh, and all others find it."""


class Engine(Protocol):
    """What every engine answers."""

    name: str
    """As in ``engine=``."""
    versions: Sequence[str]
    version_argument: str
    """The variable that chooses one of them; empty when there is no choice, and the last one is taken."""
    home_argument: str
    """The variable that says where it is on the servers; empty when the collection brings the engine along."""
    home: str
    """What that must be, as the end of a sentence."""
    setup: str
    """The playbook that brings it to the servers."""
    mend: str
    """What to do where it is not, in the middle of a sentence."""
    applications: Sequence[str]
    """What it can run."""
    fewest_workers: int
    """How many a cluster has at least."""
    sources: Sequence[str]
    """The kinds of sources that it can have, the one first that it has where nobody says."""
    sinks: Sequence[str]
    """The same of its sinks."""
    dials: bool
    """Whether its source connects to the source log of the first server. Otherwise senders connect to its sources."""
    coordinator: str
    """The worker without which no other recovers; empty when there is none."""
    restarts_all: bool
    """Whether all workers have to be started again when one has died."""
    waits_for_all: bool
    """Whether no worker is ready before all run; those that are there wait for one that is missing."""
    shuts_out_second: str
    """Why a second owner of a worker would come to nothing without any harm; empty where it does harm."""
    copies_alive: bool
    """Whether the beginnings of growing files may be copied while a worker runs, so that little is left to copy."""
    failures: Sequence[str]
    """Patterns of the lines after which a worker that starts is lost."""
    diagnostics: Sequence[str]
    """What to collect after a failure beside the logs of all processes, as patterns below the server's base."""

    def role(self, worker: str) -> Role:
        """What a worker is."""

    def executable(self, record: ClusterRecord) -> str:
        """The file that has to be there, the same on all servers; empty when the collection brings the engine along."""

    def waves(self, record: ClusterRecord) -> list[Wave]:
        """In which order the workers of a fresh cluster start."""

    def listens(self, record: ClusterRecord, worker: str) -> list[int]:
        """The ports on which a worker listens."""

    def command(self, record: ClusterRecord, worker: str, server: ServerAddress, python: str) -> Command:
        """How a worker is started on a server.

        :param python: the interpreter, for an engine that the collection brings along.
        """

    def signal(self, worker: str, until: str, recovering: bool) -> Signal:
        """By what a worker is known to be as far as :data:`LISTENING` or :data:`READY`."""

    def page(self, record: ClusterRecord) -> str:
        """The address of a page of the engine's own that shows the cluster; empty when it has none."""

    def formation(self, base: str, record: ClusterRecord, processes: Mapping[str, ProcessRecord]) -> str:
        """How far the cluster has come together, as far as this server knows.

        :param processes: those that were started here, by name.
        """

    def layout(self, application: str, version: str, worker: str) -> Layout:
        """The names of a worker's files.

        :raises ValueError: for an application or version that is not known.
        """

    def address(self, files: ResilienceSet) -> str:
        """Where a worker listens, or would after a restart; empty when its files do not tell."""

    def progress(self, files: ResilienceSet) -> dict[str, Any]:
        """How far a worker's files have come: the last checkpoint that was ``committed`` and the last that was
        ``written``, how many ``checkpoints`` there are, and how long its ``journals`` are.

        :raises ValueError: when they are damaged.
        :raises OSError: when they cannot be read.
        """

    def last_words(self, lines: Sequence[str]) -> str:
        """The line at the end of a log that says why a worker ended of itself; empty when there is none."""

    def guarantee(self, source: str, sink: str) -> str:
        """What a crash leaves of the messages.

        :param source: :data:`PLAIN` or :data:`REPLAYABLE`.
        :param sink: :data:`PLAIN` or :data:`COMMITTING`.
        """


@runtime_checkable
class Checkpointed(Protocol):
    """Its files tell which checkpoints are committed, so that it can be waited for one that covers what was sent."""

    def last_checkpoint(self, files: ResilienceSet) -> int:
        """The last one; 0 when there is none yet.

        :raises HalfWritten: when it is being written.
        :raises ValueError: when the files are damaged.
        :raises OSError: when they cannot be read.
        """

    def last_commit(self, files: ResilienceSet) -> tuple[int, Optional[float]]:
        """The last one, and the moment (seconds since the epoch) from which on the next one waits for its interval.

        None where that is not known: of a worker that does not begin checkpoints, or behind a recovery.

        :raises HalfWritten: when it is being written.
        :raises ValueError: when the files are damaged.
        :raises OSError: when they cannot be read.
        """

    def checkpoints_after(self, files: ResilienceSet, since: int) -> list[int]:
        """Those after one.

        :raises ValueError: when the files are damaged.
        :raises OSError: when they cannot be read.
        """


@runtime_checkable
class KnowsPeers(Protocol):
    """Its workers keep the addresses of the others in their files, which must follow whoever moves."""

    def peers(self, files: ResilienceSet) -> dict[str, str]:
        """Worker -> where it is looked for; empty when that cannot be read."""

    def peers_problem(self, files: ResilienceSet) -> str:
        """Why nobody in the files could be given another address; empty when that is possible."""

    def mend_peers(
        self, files: ResilienceSet, peers: Mapping[str, str], only_check: bool = False, base: str = ""
    ) -> Mending:
        """Let a worker look for the others where they are now.

        :param base: the server's directory, where it keeps what a copy was proved to hold; that goes along.
        :raises OSError: when a file cannot be read or written.
        :raises ValueError: when not everybody can be found in it.
        """

    def stuck(self, server: str, worker: str, why: object) -> str:
        """Why a worker cannot be restarted after others have moved, and what can be done."""


@runtime_checkable
class Journalled(Protocol):
    """Its workers journal what they write, so that they can be restored when their server is lost."""

    def journalled(self, server: Address, files: ResilienceSet, limit: float) -> dict[str, int]:
        """How much the journal server has of each journal, once nobody appends to them any more.

        :raises CopyError: when it does not say.
        :raises LimitReached: when somebody still appends after ``limit`` seconds.
        """

    def restore(
        self,
        server: Address,
        target: ResilienceSet,
        addresses: Addresses,
        workshop: Path,
        limit: float,
        only_check: bool = False,
    ) -> Restoration:
        """Restore a worker from its journals alone.

        :param workshop: a directory of this restoration, emptied before and removed after it.
        :param limit: seconds to wait until nobody appends to the journals.
        :raises CopyError: when it is not possible; what was there is as it was, or no set that a worker starts from.
        :raises OSError: when the workshop cannot be written.
        """


@runtime_checkable
class Damageable(Protocol):
    """Its files can be damaged so that no worker notices it as it starts. Negative runs do that, and nobody else."""

    keeps_older_state: bool
    """Whether there is an older state in its files, with which :meth:`restore_older_state` could damage them."""
    ends_at_wrong_state: bool
    """Whether a worker ends of itself at the first value that does not follow on its state; else a wrong window comes
    out."""

    def drop_state(self, files: ResilienceSet) -> str:
        """Take the state out of a worker's files, and leave what says that it is there; what was done, for a sentence.

        :raises Problem: when there is none.
        :raises OSError: when a file cannot be read or written.
        """

    def restore_older_state(self, files: ResilienceSet) -> str:
        """Put the state of an older checkpoint in the place of every later one; what was done, for a sentence.

        :raises Problem: when there is no older one that differs.
        :raises OSError: when a file cannot be read or written.
        """


@runtime_checkable
class Recalling(Protocol):
    """A worker of it that comes back may have its state from elsewhere than its own files, and its log says so."""

    def foreign_state(self, worker: str, lines: Sequence[str], spared: bool = False) -> str:
        """Why the state of a worker did not come from its files, in a sentence; empty when it did, or there is none.

        :param lines: of its log, up to where it is ready.
        :param spared: the cluster has a spare, which went on while the worker was away.
        """


@runtime_checkable
class Examinable(Protocol):
    """Its files can be looked at before anything is done with them: those of a worker that is dead."""

    def unsound(self, files: ResilienceSet) -> str:
        """Why no worker would come back from a whole set, as a sentence; empty when nothing is known against it."""


@runtime_checkable
class SharesCheckpoints(Protocol):
    """Its checkpoints may lie in a directory that all servers see (``shared_directory`` of the record)."""

    checkpoints_argument: str
    """The variable that names it."""


@runtime_checkable
class Sparing(Protocol):
    """A process of it may stand by without work, and takes over that of a worker that dies until the worker is back."""

    spare_ready: str
    """The line of its log by which it is known to stand by."""

    def spare(self, record: ClusterRecord) -> Command:
        """How the spare of a cluster is started on its server (``spare_server`` of the record)."""

    def spare_listens(self, record: ClusterRecord) -> list[int]:
        """The ports on which it listens."""


QUESTIONS = (
    "partitions",
    "partition_counts",
    "source_ids",
    "state_entities",
    "state_entity_counts",
    "stateless_partitions",
    "stateless_partition_counts",
)
"""What a worker can be asked beside its status: what is where on it."""


class ClusterStatus(NamedTuple):
    """What a cluster says of itself."""

    initialized: bool
    processing: bool
    """False while the worker that was asked recovers, and before the cluster is initialized. Survivors that stand still
    for the recovery of another worker say true, also while it hangs: this is no sign of readiness."""
    workers: tuple[str, ...]


class Channel(Protocol):
    """The way to one running worker. What goes wrong on it is a ``NoAnswer``."""

    def cluster_status(self) -> ClusterStatus:
        """Whether the cluster is initialized, who belongs to it, and what the worker says of processing."""

    def query(self, name: str) -> Any:
        """The answer to one of :data:`QUESTIONS`."""

    def say(self, text: str) -> None:
        """Have it print a text to its log. It does not answer."""


@runtime_checkable
class Answering(Protocol):
    """Its workers answer questions while they run."""

    def channel(self, host: str, port: int, limit: float) -> Channel:
        """The way to a worker.

        :param limit: seconds for one question, from the connection to the last byte of the answer.
        """


@dataclass
class Mending:
    """What was done to a worker's addresses of others, or would be."""

    changes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Worker -> its host in the file before, empty where it was not named, and now."""
    backup: str = ""
    """Where the file as it was is kept."""


class Restoration(Protocol):
    """What a restoration did, or in check mode would do."""

    copy: CopyResult
    records: int
    checkpoint: int
    directory: str
    fetched_bytes: int
    warnings: list[str]


class HalfWritten(Exception):
    """A file is being written at this moment; what it said before still holds."""


class NoAnswer(Problem):
    """A worker did not answer as it should; the sentence says where and how."""


class NotOffered(ValueError):
    """An engine does not have what is asked of it; the sentence says so."""
