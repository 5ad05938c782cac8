# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fault of a worker that crashes: SIGKILL, and nothing gentler.

SIGTERM makes Wallaroo delete the files of the whole cluster (wallaroo.md, Trap 1), and what a worker may still write at
its end no crash would write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Optional

from .._process import living, times
from .._process.identity import ProcessIdentity, is_alive
from .._process.stop import kill, undisturbed


class Killed(NamedTuple):
    """What became of a kill; times are seconds since the epoch. None: the worker was dead already."""

    pid: Optional[int] = None
    killed: Optional[float] = None
    died: Optional[float] = None


@dataclass(frozen=True)
class Kill:
    """A worker's process, and exactly that one."""

    kind: ClassVar[str] = "kill"
    lasting: ClassVar[bool] = False

    worker: str
    identity: ProcessIdentity
    at: float
    """When it was to be killed, in seconds since the epoch."""

    def inject(self, base: str, limit: float) -> Killed:
        """SIGKILL, and wait for the death; both are noted for whoever completes what is interrupted now.

        Ctrl-C waits for it: a kill that nobody noted would be told as a worker that was dead already.

        :raises StillAlive: when it is not dead after ``limit`` seconds.
        """
        with undisturbed():
            death = kill(self.identity, limit)
            if death is None:
                return Killed()
            times.note_kill(base, self.worker, death.sent, death.died)
        return Killed(self.identity.pid, death.sent, death.died)

    def in_force(self, base: str) -> bool:
        """Whether the worker is dead, and was not started again here."""
        known = living.known(base, self.worker)
        return known is not None and known.identity == self.identity and not is_alive(self.identity)

    def heal(self, base: str) -> None:
        """Note a death that nobody could note, because the killer was killed too. What is dead stays dead.

        Its moment is then the one at which it was to be killed: the record is written right before.
        """
        # One that was noted may be that of an earlier kill on this server.
        if self.in_force(base) and float(times.read(base, self.worker).get("killed") or 0) < self.at:
            times.note_kill(base, self.worker, self.at, None)
