# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints of the whole cluster (wallaroo.md, B.4).

The initializer coordinates. It sends a barrier behind everything that its sources handed over;
whoever sees the barrier writes its states to its event log; when all have, all write the id of the
checkpoint behind them; when all have, it is committed. So an id stands in every event log before
anybody commits it, and whatever is killed when, the last committed checkpoint is found everywhere.
"""

from __future__ import annotations

import asyncio
from typing import Any, Optional, Protocol

from ..._formats import event_log
from .control_channel import Message
from .data_channel import BARRIER, Boundary
from .output import fail, say
from .recovery_files import RecoveryFiles
from .state import StateStore
from .tasks import Signal, Tasks

FIRST_PAUSE = 1.0
"""Seconds between the readiness of the initializer and the first checkpoint."""


class Cluster(Protocol):
    """What a checkpoint needs of the worker."""

    name: str
    files: RecoveryFiles
    store: StateStore
    boundaries: dict[str, Boundary]
    tasks: Tasks
    changed: Signal

    @property
    def others(self) -> list[str]:
        """All workers but this one."""

    def send(self, name: str, message: Message, keep: bool = True) -> None:
        """Tell another worker."""


class Participant:
    """What every worker does for a checkpoint and for a rollback."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.rollback = 0
        """How many rollbacks the cluster has seen; what belongs to an earlier one is ignored."""
        self._saved = 0
        self._written = 0
        self.is_recovering = False
        """Whether this worker has been started from its files and has not gone back to a checkpoint yet."""

    def save(self, checkpoint: int) -> None:
        """The barrier is here: write the states."""
        self._cluster.files.append_event_log(self._cluster.store.snapshot())
        self._saved = checkpoint

    def write_id(self, checkpoint: int, rollback: int) -> bool:
        """Write the id behind the states; False when these states are not there.

        A worker that has just come back ends, as the real engine's does: the checkpoint was complete but for its id
        when the worker died, and the order to write it was kept for it. A second start works.
        """
        if self.is_recovering:
            say("Invalid call on event log phase _RecoveringEventLogPhase")
            fail(
                f"Checkpoint {checkpoint} was being committed when this worker died, and it was told to write its id "
                "before it had recovered. Start it again.",
                "event_log_phase.pony",
            )
        if rollback != self.rollback or checkpoint != self._saved:
            return False
        self._cluster.files.append_event_log(event_log.encode(event_log.CheckpointEnd(checkpoint)))
        self._written = checkpoint
        return True

    def commit(self, checkpoint: int, rollback: int) -> None:
        """The checkpoint is one to which the cluster may return."""
        if rollback == self.rollback and checkpoint == self._written:
            self._cluster.files.append_checkpoint_id(checkpoint, rollback)

    def forget(self) -> None:
        """The checkpoint under way is given up."""
        self._saved = self._written = 0

    def roll_back(self, checkpoint: int, rollback: int) -> None:
        """Restore the states of a checkpoint (wallaroo.md, C.2), or end."""
        files = self._cluster.files
        offset = files.event_log_length()
        say(f"RESILIENCE: Rolling back to checkpoint {checkpoint} from recovery log file: ")
        say(f"RESILIENCE: write _LogRestartEntry at offset {offset}")
        files.append_event_log(event_log.encode(event_log.RestartMark()))
        if not offset:
            fail(f"Trying to rollback to checkpoint {checkpoint} from empty recovery file", "the event log")
        try:
            entries = self._cluster.store.restore(files.states_at(checkpoint))
        except event_log.CheckpointNotFound as error:
            say(f"RESILIENCE: Rolling back to checkpoint {checkpoint} from recovery log file failed: not found ")
            fail(
                f"{error}, to which the cluster goes back. It was committed after these files were left: "
                f"start {self._cluster.name} from its newest files.",
                "backend.pony",
            )
        except (OSError, ValueError) as error:
            fail(f"Trying to rollback to checkpoint {checkpoint} failed: {error}", "the event log")
        say(f"RESILIENCE: Replayed {entries} entries from recovery log file.")
        self.forget()
        self.is_recovering = False
        self.rollback = rollback


class Coordinator:
    """Takes one checkpoint after the other. Lives on every worker, works on the initializer."""

    def __init__(self, cluster: Cluster, participant: Participant, pause: float) -> None:
        self._cluster = cluster
        self._participant = participant
        self._pause = pause
        self._task: Optional[asyncio.Task[Any]] = None
        self._awaited: tuple[str, int] = ("", 0)
        self._missing: set[str] = set()
        self.given = 0
        """The highest id that was ever given. Ids are never given twice: a rollback takes the first that fits."""
        self.committed = 0
        self.rollback = 0

    def take_over(self, committed: int, highest: int, rollback: int) -> None:
        """Go on where the files say that an earlier life of this worker has ended."""
        self.committed = committed
        # An earlier life that never committed one counts as one that never started one.
        self.given = max(committed, highest) if committed else 0
        self.rollback = rollback

    def start(self, first_pause: Optional[float] = None) -> None:
        """Begin to take checkpoints."""
        self.stop()
        self._task = self._cluster.tasks.start(self._run(self._pause if first_pause is None else first_pause))

    def stop(self) -> None:
        """Give up the checkpoint under way."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._awaited = ("", 0)

    def answered(self, name: str, step: str, checkpoint: int) -> None:
        """A worker has done its part; answers that nobody waits for any more are ignored."""
        if self._awaited == (step, checkpoint):
            self._missing.discard(name)
            self._cluster.changed.wake()

    async def _run(self, pause: float) -> None:
        while True:
            await asyncio.sleep(pause)
            await self._take()
            pause = self._pause

    async def _take(self) -> None:
        """One checkpoint. A worker that does not answer stalls it: there is no limit, as in the real engine."""
        self.given = checkpoint = self.given + 1
        self._expect("saved", checkpoint)
        for boundary in self._cluster.boundaries.values():
            boundary.barrier(BARRIER, checkpoint, self.rollback)
        self._participant.save(checkpoint)
        await self._all_answered()
        # Its own id first: the coordinator's event log then holds the highest id that stands anywhere.
        self._participant.write_id(checkpoint, self.rollback)
        self._expect("id_written", checkpoint)
        self._tell("write_id", checkpoint, keep=True)
        await self._all_answered()
        self._participant.commit(checkpoint, self.rollback)
        self.committed = checkpoint
        self._tell("commit", checkpoint)

    def _expect(self, step: str, checkpoint: int) -> None:
        self._awaited = (step, checkpoint)
        self._missing = set(self._cluster.others)

    async def _all_answered(self) -> None:
        await self._cluster.changed.until(lambda: not self._missing)

    def _tell(self, kind: str, checkpoint: int, keep: bool = False) -> None:
        for name in self._cluster.others:
            self._cluster.send(name, {"type": kind, "id": checkpoint, "rollback": self.rollback}, keep)
