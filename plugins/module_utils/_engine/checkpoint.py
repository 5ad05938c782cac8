# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints of the whole cluster (reference B.4).

The initializer coordinates: a barrier through all sources and boundaries, then everybody's states
in the event logs, then everybody's id record, then the commit. An id record stands in every event
log before anybody commits, so whatever is killed when, the last committed checkpoint can be found
everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Optional

from .output import say

SAVED, NOTED, COMMITTED = "saved", "noted", "committed"


class Coordinator:
    """Takes one checkpoint after the other until it is stopped. Lives on the initializer only."""

    def __init__(self, workers: Sequence[str], pause: float) -> None:
        self._others = [name for name in workers if name != "initializer"]
        self._pause = pause
        self.last_given = 0
        """The highest id ever given; ids are never given twice."""
        self.committed = 0
        self.rollback = 0
        self.started_any = False
        self._awaited: Optional[tuple[str, int]] = None
        self._missing: set[str] = set()
        self._complete = asyncio.Event()
        self.inject: Callable[[int], None] = lambda checkpoint: None
        """Sends the barrier everywhere and saves this worker's states."""
        self.note: Callable[[int], None] = lambda checkpoint: None
        """Writes this worker's id record and asks the others for theirs."""
        self.commit: Callable[[int], None] = lambda checkpoint: None
        """Commits on this worker and tells the others."""

    async def run(self) -> None:
        """The endless loop; cancelled by a recovery."""
        while True:
            await asyncio.sleep(self._pause)
            await self.take()

    async def take(self) -> None:
        """One checkpoint. A worker that does not answer stalls it: there is no limit, as in the real engine."""
        self.last_given += 1
        checkpoint = self.last_given
        self.started_any = True
        self._expect(SAVED, checkpoint)
        self.inject(checkpoint)
        await self._complete.wait()
        self._expect(NOTED, checkpoint)
        self.note(checkpoint)
        await self._complete.wait()
        self._expect(COMMITTED, checkpoint)
        self.commit(checkpoint)
        self.committed = checkpoint
        await self._complete.wait()

    def answered(self, worker: str, step: str, checkpoint: int) -> None:
        """A worker has done its part; answers to what was given up are ignored."""
        if self._awaited != (step, checkpoint):
            return
        self._missing.discard(worker)
        if not self._missing:
            self._complete.set()

    def give_up(self) -> None:
        """Forget the checkpoint under way: a rollback begins."""
        self._awaited = None
        self._missing = set()

    def _expect(self, step: str, checkpoint: int) -> None:
        self._awaited = (step, checkpoint)
        self._missing = set(self._others)
        self._complete = asyncio.Event()
        if not self._missing:
            self._complete.set()


def announce_rollback(checkpoint: int, offset: int, entries: int) -> None:
    """The three lines of every worker that is rolled back."""
    say(f"RESILIENCE: Rolling back to checkpoint {checkpoint} from recovery log file:")
    say(f"RESILIENCE: write _LogRestartEntry at offset {offset}")
    say(f"RESILIENCE: Replayed {entries} entries from recovery log file.")
