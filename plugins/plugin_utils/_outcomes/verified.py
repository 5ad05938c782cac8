# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What verified runs yield."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from .common import Outcome
from .moves import Migration


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
