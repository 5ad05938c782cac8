# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each playbook yields, as typed values.

Playbooks publish these as plain data with ``set_stats`` under the one key ``wallaroo_resilience``, where AWX shows
them as the artifacts of a job; the Python API makes the same values of it again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from ._states import ServerState


@dataclass(frozen=True)
class Outcome:
    """What all playbooks have in common; all there is of one that yields nothing else."""

    playbook: str = ""
    """Its name, without ``.yml``."""
    changed: bool = False
    """Whether anything was done; false when all was as wanted already."""
    check: bool = False
    """Whether it only told what it would do (``--check``)."""
    outcome: str = ""
    """What the step did, in a word such as ``moved``, ``restarted`` or ``nothing to do``. Empty for a run that looked
    at messages, which has a verdict instead, and for what was only told."""
    folder: Optional[str] = None
    """The run's folder on the controller; None when the run left none."""
    report: Optional[str] = None
    """The page of the run, ``report.html`` in its folder; None when there is none."""
    summary: str = ""
    """The run in a few lines, as they are shown at its end; empty when it left no folder."""


@dataclass(frozen=True)
class Executable:
    """A file that was built."""

    path: str = ""
    """Below ``home``."""
    sha256: str = ""


@dataclass(frozen=True)
class Built(Outcome):
    """``setup_repo.yml``: the tree that every server has now."""

    home: str = ""
    branch: str = ""
    commit: str = ""
    resilience: bool = True
    executables: tuple[Executable, ...] = ()


@dataclass(frozen=True)
class Placement:
    """A worker, and the server it was started on."""

    worker: str = ""
    server: str = ""


@dataclass(frozen=True)
class Started(Outcome):
    """``start_cluster.yml``: the cluster that runs now."""

    cluster: str = ""
    """Its identifier, which differs from start to start."""
    app: str = ""
    engine: str = ""
    workers: int = 0
    keys: int = 0
    journal: bool = False
    checkpoint_interval: float = 0.0
    """Seconds between two checkpoints."""
    metrics_ui: str = ""
    """The URL of the metrics UI; empty when none runs."""
    placement: tuple[Placement, ...] = ()


@dataclass(frozen=True)
class Sent(Outcome):
    """``start_sender.yml``: what has been sent."""

    first: Optional[int] = None
    """The first value of each key that this call sent; None when there was nothing left to send, and for
    market-spread."""
    last: Optional[int] = None
    """The last value of each key that has been sent by now; None for market-spread."""
    round: Optional[int] = None
    """market-spread: how often the files have been sent by now."""
    keys: int = 0
    expected: Optional[int] = None
    """How many messages should have come out by now; None for market-spread."""
    waited: bool = True
    """Whether all of them had come out when the playbook ended."""


@dataclass(frozen=True)
class Killed(Outcome):
    """``kill_worker.yml``."""

    worker: str = ""
    server: str = ""
    pid: Optional[int] = None
    """None when it was dead already."""
    killed: Optional[str] = None
    """When SIGKILL was sent: UTC, ISO 8601."""
    died: Optional[str] = None


@dataclass(frozen=True)
class Copied(Outcome):
    """``copy_resilience.yml``: a proved copy."""

    worker: str = ""
    src: str = ""
    dst: str = ""
    via: str = ""
    """``files`` or ``journal``."""
    epoch: int = 0
    files: tuple[str, ...] = ()
    """The names of the files that were brought over; what was there already is not among them."""
    copied_bytes: int = 0


@dataclass(frozen=True)
class Restarted(Outcome):
    """``restart_worker.yml``."""

    worker: str = ""
    server: str = ""
    pid: Optional[int] = None
    epoch: int = 0
    seconds: Optional[float] = None
    """How long it took until the worker processed messages; None when it ran already."""


@dataclass(frozen=True)
class Migration:
    """A crash of a worker and its return, elsewhere or (``src`` is ``dst``) in place. Moments are UTC, ISO 8601."""

    worker: str = ""
    src: str = ""
    dst: str = ""
    downtime_seconds: Optional[float] = None
    """From the SIGKILL until the worker processes messages again. None when that is not known: it was dead before
    it was moved, was lost with its server, or an interrupted run has not noted when it was back."""
    output_gap_seconds: Optional[float] = None
    """From the last message out before the kill to the first one out after it, in verified runs."""
    copied_bytes: int = 0
    epoch: int = 0
    via: str = ""
    """``files`` or ``journal``; empty for a restart in place."""
    killed: Optional[str] = None
    died: Optional[str] = None
    copied: Optional[str] = None
    started: Optional[str] = None
    resumed: Optional[str] = None
    note: str = ""
    """What went wrong, when something did."""
    outcome: str = ""
    """``moved``, ``rolled back`` (started again where it was), ``unfinished`` (down, or not known), or ``nothing to
    do``; empty for a restart in place."""
    source_lost: bool = False
    """Whether its server was lost, so that nothing could be killed there."""


@dataclass(frozen=True)
class Moved(Migration, Outcome):
    """``migrate.yml``. Where the worker had been moved before, ``changed`` is false, and the times are those that the
    servers still know.
    """

    reason: str = ""
    """Why the worker could not be moved, or what is left to be done after it has."""
    scope: str = ""
    """That no message was looked at: a move has an outcome and no verdict."""


@dataclass(frozen=True)
class Violation:
    """A broken ordering invariant with its witness."""

    sentence: str = ""
    """All of it for a person."""
    kind: str = ""
    """``gap``, ``duplicate``, ``rewind`` and so on: see the module ``ordering_verify``."""
    key: Optional[str] = None
    position: int = -1
    """The number of the frame in the received file, from 0; -1 for its end."""
    offset: int = 0
    """Where that frame begins, in bytes."""
    expected: str = ""
    found: str = ""
    missing: Optional[tuple[int, ...]] = None
    """The first and the last missing value; None when none is missing."""
    other: Optional[str] = None
    """Another key that has a part in it."""
    missing_in: Optional[str] = None
    """The key that lacks what is missing, where it is not ``key``."""
    times: int = 1
    """How often the same wrong frame came in a row."""
    around: tuple[str, ...] = field(default=(), repr=False)
    """The witness: a line for each message around it in the received file, ``>`` before the one itself."""
    lost: Optional[tuple[int, ...]] = None
    """Those of them that were sent for sure, where what is missing at the end was not sent altogether."""


@dataclass(frozen=True)
class Planted:
    """A fault of one class, planted into a copy of what came out."""

    kind: str = ""
    """The class."""
    form: str = ""
    """What was done, such as ``gap_of_several``."""
    wanted: str = ""
    """What it must be called, which is the class but for repeats under ``at_least_once``."""
    found: tuple[str, ...] = ()
    """What it was called."""
    caught: bool = False
    """Whether it was found and called by that name alone."""


@dataclass(frozen=True)
class Detector:
    """Proof that the verifier of this run can fail: a copy of its output was damaged in every class of violation."""

    proved: bool = False
    """Whether each was caught and named; otherwise the verdict is ``unknown``."""
    reason: str = ""
    """Why not, when it was not."""
    seed: int = 0
    """The places and the forms of the damage follow from it."""
    planted: tuple[Planted, ...] = ()
    not_planted: tuple[str, ...] = ()
    """Classes that this output cannot show, each with the reason, such as a mix-up where there is one key."""


@dataclass(frozen=True)
class Negative:
    """Of a run that damaged a worker on purpose: whether that was caught."""

    damage: str = ""
    """What was done: ``dropped_state``, ``old_copy`` or ``two_owners``."""
    caught: bool = False
    """Whether the verdict was ``fail``, for what this damage must lead to and nothing else."""
    sentence: str = ""


@dataclass(frozen=True)
class Crashed:
    """A worker that was dead at the end though nobody killed it."""

    worker: str = ""
    server: str = ""
    last_line: str = ""
    last_lines: tuple[str, ...] = field(default=(), repr=False)
    """The end of its log."""


@dataclass(frozen=True)
class Verified(Outcome):
    """``verify.yml``, ``verify_restart.yml``, ``verify_migration.yml`` and ``demo.yml``: what was proved."""

    verdict: Optional[str] = "unknown"
    """``pass``, ``fail``, or ``unknown`` for what could not be checked; None for a run that looked at no message."""
    scope: str = ""
    """Of which messages the verdict is, in words."""
    reason: str = ""
    """Why it is not ``pass``, the first cause; empty otherwise."""
    then: str = ""
    """What followed from that, such as a cluster that is down; empty when there is no more to say."""
    unsent: str = ""
    """What was to be sent and never was, in a sentence: it is not lost, and no violation."""
    app: str = ""
    engine: str = ""
    workers: int = 0
    keys: int = 0
    expected: int = 0
    """How many messages should have come out."""
    received: int = 0
    """How many did."""
    violations: tuple[Violation, ...] = ()
    """The first of them; ``violation_count`` tells how many there are."""
    violation_count: int = 0
    validator_verdict: str = ""
    """What Wallaroo's own validator would have said."""
    detector: Optional[Detector] = None
    """Proof that the verifier can fail; None where it was not asked for, or the verdict was no ``pass`` without it."""
    negative: Optional[Negative] = None
    """Of a negative run, which did what it is for when its damage was caught; None for every other."""
    migrations: tuple[Migration, ...] = ()
    crashed: tuple[Crashed, ...] = ()
    crashes: tuple[str, ...] = ()
    """What each crash repeated or took, by the source log, and what was assumed of crashes, a sentence each."""
    started: str = ""
    finished: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every message came out as it must."""
        return self.verdict == "pass"


@dataclass(frozen=True)
class Reported(Outcome):
    """``report.yml``: the page of a run that was kept, which is ``report``."""

    verdict: str = ""
    """Of the run: its verdict, or its outcome where it looked at no message."""
    reason: str = ""
    missing: tuple[str, ...] = ()
    """What of the run could not be read, a sentence each."""


@dataclass(frozen=True)
class Measure:
    """Something that can be measured of both runs."""

    name: str = ""
    values: tuple[str, ...] = ()
    """Of the first run and of the second one, with their units."""
    difference: str = ""
    """Of the second one to the first one."""


@dataclass(frozen=True)
class Compared(Outcome):
    """``compare.yml``: two runs beside each other; the page is ``report``."""

    runs: tuple[str, ...] = ()
    """The folders of both."""
    measures: tuple[Measure, ...] = ()


@dataclass(frozen=True)
class Stopped(Outcome):
    """``stop_cluster.yml``."""

    processes: tuple[str, ...] = ()
    """What ran until now, as ``server2: worker2``."""
    kept_files: bool = False


@dataclass(frozen=True)
class Status(Outcome):
    """``status.yml``: who runs where, and who owns which worker."""

    app: str = ""
    engine: str = ""
    workers: int = 0
    """0 when no cluster was started."""
    metrics_ui: str = ""
    """The URL of the metrics UI; empty when none runs."""
    servers: tuple[ServerState, ...] = ()
    problems: tuple[str, ...] = ()
    """Workers of which two servers say that they are theirs, and processes that a signal has stopped: a sentence each
    with the way out."""
    table: tuple[str, ...] = field(default=(), repr=False)
    """All of it as a person reads it, in lines."""

    def server_of(self, worker: str) -> Optional[str]:
        """The server on which a worker runs; None when it runs nowhere."""
        alive = ((server.name, known) for server in self.servers for known in server.workers if known.alive)
        return next((name for name, known in alive if known.worker == worker), None)


@dataclass(frozen=True)
class Checked(Outcome):
    """``preflight.yml``: whether the servers have what a cluster needs."""

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What is worth knowing and keeps nobody from starting a cluster."""
    table: tuple[str, ...] = field(default=(), repr=False)
    """Servers by checks, in lines."""

    @property
    def passed(self) -> bool:
        """Whether there are no problems."""
        return not self.problems
