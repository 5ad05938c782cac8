# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until a receiver has what was sent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from .._formats import source_log
from .._problem import Problem
from .._process import living, log, record
from .._process.identity import is_alive
from .._process.waiting import LimitReached, wait_until
from .._verification import online
from .._verification.progress import Progress
from .._verification.windows import problem_of_keys
from .server_state import SENT_DIRECTORY

LOG_LINES = 20

_QUIET = 3.0
"""Seconds for what had been read to come out, when nobody reads what was sent after it."""


class NobodyRead(Exception):
    """What was sent last came while nobody read, and is not read any more."""


class NothingComes(Problem):
    """What was waited for has not come, or cannot; ``facts`` is what the module returns beside the sentence."""

    def __init__(self, sentence: str, **facts: Any) -> None:
        super().__init__(sentence)
        self.facts = facts


class WatchedProcessDied(Exception):
    """Nothing more can come."""

    def __init__(self, known: record.ProcessRecord) -> None:
        self.name, self.log = known.name, known.log
        self.log_tail = log.tail(known.log, lines=LOG_LINES).splitlines()
        last = next((line.strip() for line in reversed(self.log_tail) if line.strip()), "nothing")
        super().__init__(
            f"{known.name} (pid {known.identity.pid}) died while its messages were waited for; its log {known.log}"
            f" ends with: {last}"
        )


class ViolationCame(Exception):
    """The receiver has found one, and nobody has been told."""


@dataclass
class Awaited:
    """Every key up to a value, in the file of a receiver."""

    path: str
    keys: Sequence[str]
    last: int
    base: Optional[str] = None
    watch: Sequence[str] = ()
    """Processes below ``base``, without which nothing comes any more."""
    on_violation: str = online.CONTINUE
    """What a violation does that the receiver finds: ``stop`` ends the wait, ``continue`` tells of it once."""
    violation_told: bool = False
    begin: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """:raises NothingComes: when nothing can be waited for."""
        problem = problem_of_keys(self.keys)
        if problem is None and self.last < 1:
            problem = f"last is {self.last}, but the first value of a key is 1"
        if problem is not None:
            raise NothingComes(f"Nothing can be waited for: {problem}")
        self._progress = Progress(self.path, self.keys)
        self._next_look = 0.0

    def wait(self, limit: float, return_after: Optional[float], only_look: bool) -> dict[str, Any]:
        """Wait; returns how far it has come.

        :param return_after: seconds after which a caller wants to show that, whatever has come.
        :raises NothingComes: after the limit, when a watched process dies, and when the file cannot be read.
        """
        try:
            return self._result(self._look() if only_look else self._wait(limit, return_after))
        except ViolationCame:
            result = self._result(False)
            if self.on_violation == online.STOP:
                raise NothingComes(violation_in(self.path), **result) from None
            return result
        except LimitReached:
            raise NothingComes(self._limit_sentence(limit), **self._result(False)) from None
        except NobodyRead:
            result = self._result(False)
            raise NothingComes(
                "What was sent last came while nobody read, and a plain source is read from what comes then on: it "
                f"cannot come out any more. {result['message']}",
                **result,
            ) from None
        except WatchedProcessDied as death:
            result = self._result(False)
            died = {"died": death.name, "log": death.log, "log_tail": death.log_tail}
            raise NothingComes(f"{death}. {result['message']}", **result, **died) from death
        except ValueError as error:
            raise NothingComes(f"Nothing can be waited for: {error}", **self._result(False)) from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise NothingComes(f"{self.path} could not be read: {reason}", **self._result(False)) from error

    def _look(self) -> bool:
        self._progress.update()
        if not self.violation_told and self._violation():
            raise ViolationCame
        return not self._progress.missing(self.last)

    def _wait(self, limit: float, return_after: Optional[float]) -> bool:
        unknown = [name for name in self.watch if self._known(name) is None]
        if unknown:
            raise ValueError(f"no process {unknown[0]} is recorded below {self.base}; start it, or do not watch it")

        def look() -> bool:
            # Asked before the file is read: what came before the death counts.
            dead = self._dead()
            if self._look():
                return True
            if dead is not None:
                raise WatchedProcessDied(dead)
            if self._is_lost():
                raise NobodyRead
            return False

        in_slices = return_after is not None and return_after < limit
        try:
            seconds = return_after if in_slices and return_after is not None else limit
            return wait_until(look, seconds, f"value {self.last} of every key")
        except LimitReached:
            if in_slices:
                return False
            raise

    def _is_lost(self) -> bool:
        """Whether a plain source of a source log was read anew after everything had been sent.

        Who sends on makes the log grow; and what had come to the reader before has had its time.
        """
        now = time.monotonic()
        if not self.base or now < self._next_look:
            return False
        self._next_look = now + 1.0
        sent = Path(self.base, SENT_DIRECTORY)
        try:
            grown = (sent / source_log.LOG_FILE).stat().st_mtime
            events = source_log.events(sent / source_log.EVENTS_FILE)
        except (OSError, ValueError):
            return False
        newest = next((one for one in reversed(events) if one.event == source_log.FROM_EVENT), None)
        if newest is None or newest.asked != source_log.NOW or not newest.at or newest.time <= grown:
            return False
        return time.time() - newest.time > _QUIET and not self._sends()

    def _sends(self) -> bool:
        """Whether somebody still sends."""
        sender = living.known(self.base or "", "sender")
        return sender is not None and is_alive(sender.identity)

    def _known(self, name: str) -> Optional[record.ProcessRecord]:
        return living.known(self.base or "", name, needed=True)

    def _dead(self) -> Optional[record.ProcessRecord]:
        """A watched process that died; one that was started again meanwhile lives."""
        found = [known for name in self.watch if (known := self._known(name)) is not None]
        return next((known for known in found if not is_alive(known.identity)), None)

    def _limit_sentence(self, limit: float) -> str:
        if not self._progress.exists:
            return f"{self.path} did not appear within {limit:g} s: look whether the receiver runs and writes there"
        return f"Not everything was received within {limit:g} s in {self.path}: {self._result(False)['message']}"

    def _result(self, finished: bool) -> dict[str, Any]:
        missing = self._progress.missing(self.last)
        received = sum(min(value, self.last) for value in self._progress.last.values())
        expected = self.last * len(self._progress.last)
        message = f"{received:,} of {expected:,} messages"
        if missing:
            key = min(missing, key=lambda name: missing[name])
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            message += f"; waiting for {key} ({missing[key]} of {self.last}){more}"
        violation = self._violation()
        if violation and not self.violation_told:
            message += f"; first violation: {violation}"
        return {
            "changed": False,
            # Not "path": Ansible would add the owner and so on of the file.
            "file": self.path,
            "finished": finished,
            "received": received,
            "expected": expected,
            "missing": missing,
            "message": message,
            "violation": violation,
            "violation_told": bool(violation),
            "seconds": round(time.monotonic() - self.begin, 3),
        }

    def _violation(self) -> str:
        try:
            return online.noted(self.path).sentence
        except ValueError:
            # A note that is damaged keeps nobody from waiting; all is verified in the end.
            return ""


def violation_in(path: str) -> str:
    """Why nobody goes on who stops at the first violation in the file of a receiver; empty while there is none."""
    try:
        note = online.noted(path)
    except ValueError:
        return ""
    return stopped_at(note) if note.sentence else ""


def stopped_at(note: online.Note) -> str:
    """Why a wait ends at a violation."""
    late = max(0.0, note.known - note.arrived)
    return f"Stopped at the first violation (on_violation=stop), known {late:.2f} s after it came: {note.sentence}."
