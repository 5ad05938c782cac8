# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker does while another one recovers: stand still, connect anew, and go back (wallaroo.md, B.5)."""

from __future__ import annotations

from collections.abc import Callable

from .control_channel import Message
from .data_channel import ROLLBACK_BARRIER
from .output import fail, say
from .worker import Worker


class Survivor:
    """The other side of a recovery. Every worker has it, since any other may crash."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._recovery = ""
        """The recovery that is followed: the life of the worker that drives it."""
        self._rolled_back_for = ""
        self._barrier_for = ("", "")
        self._barrier_missing: set[str] = set()
        self.ceded = False
        """Whether it once left its recovery to another: it never says phase III again (wallaroo.md, Trap 27)."""
        self.yields_to: Callable[[str], bool] = lambda name: True
        """Asked when another recovery begins; False keeps this worker at its own."""
        self.is_driving: Callable[[], bool] = lambda: False
        """Whether this worker drives a recovery of its own."""
        worker.handlers.update(
            {
                "mute": self._mute,
                "reconnect_data": self._reconnect_data,
                "rollback_local_keys": self._rollback_local_keys,
                "initiate_rollback": self.initiate_rollback,
                "rollback_barrier_done": self._barrier_done,
                "recovery_initiated": self._recovery_initiated,
                "rollback": self._rollback,
                "resume": self.resume,
            }
        )

    def follow(self, recovery: str) -> None:
        """Stop the world for a recovery."""
        worker = self._worker
        self._recovery = recovery
        worker.flow.processing = False
        worker.coordinator.stop()
        worker.participant.forget()
        if worker.others and not worker.is_initializer:
            # Its stream from the initializer is cut by the rollback barrier. The initializer has none.
            worker.flow.discarding = True

    def _joins(self, message: Message) -> bool:
        """Whether a request is one to be done.

        Of two workers that begin to recover at once one cedes, but what they sent before may arrive in
        any order here: the recovery that goes on is the one whose requests go on.
        """
        if message["recovery"] == self._recovery:
            return True
        if self.is_driving():
            return False
        self.follow(str(message["recovery"]))
        return True

    def _mute(self, name: str, message: Message, host: str) -> None:
        worker = self._worker
        if not self.yields_to(name):
            return
        say(f"Control Ch: Received Mute Request from {name}")
        self.follow(str(message["recovery"]))
        say(f"Informed {name} that I have {worker.boundary_count} boundaries to it")
        self._answer(name, message, "boundary_count", count=worker.boundary_count)

    def _reconnect_data(self, name: str, message: Message, host: str) -> None:
        worker = self._worker
        address = (host, int(message["port"]))
        say(f"RouterRegistry: update_worker_data_service: {name} -> {address[0]} {address[1]}")
        # In memory only: the file keeps what it said when the cluster was formed (wallaroo.md, Trap 6).
        worker.data_addresses[name] = address
        boundary = worker.boundaries[name]
        boundary.clear()
        boundary.connect(address)
        if name in self._barrier_missing and self._recovery and self._barrier_for[1] == self._recovery:
            # It ceded a recovery of its own, and this is the first that is heard of it: what was sent to it is lost.
            boundary.barrier(ROLLBACK_BARRIER, worker.coordinator.committed, worker.coordinator.rollback)
        worker.tasks.start(self._tell_when_connected(name, message))

    async def _tell_when_connected(self, name: str, message: Message) -> None:
        boundary = self._worker.boundaries[name]
        await self._worker.changed.until(lambda: boundary.connected)
        self._answer(name, message, "reconnected")

    def _rollback_local_keys(self, name: str, message: Message, host: str) -> None:
        if not self._joins(message):
            return
        say("Rolling back topology graph.\nFinished reading local keys")
        self._answer(name, message, "local_keys_rolled_back")

    def initiate_rollback(self, name: str, message: Message, host: str) -> None:
        """On the initializer: choose the checkpoint, and clear all streams with a barrier."""
        worker, coordinator = self._worker, self._worker.coordinator
        if not worker.is_initializer or not self._joins(message):
            return
        coordinator.stop()
        if not coordinator.given:
            say("No checkpoints were taken!")
            fail("", "the checkpoint initiator")
        coordinator.rollback += 1
        self._barrier_for = (name, self._recovery)
        self._barrier_missing = set(worker.others)
        for boundary in worker.boundaries.values():
            boundary.clear()
            boundary.barrier(ROLLBACK_BARRIER, coordinator.committed, coordinator.rollback)
        # The initializer's own stream is that of its sources, which stand still.
        worker.flow.discarding = False
        self._barrier_passed()

    def _barrier_done(self, name: str, message: Message, host: str) -> None:
        if int(message["rollback"]) == self._worker.coordinator.rollback:
            self._barrier_missing.discard(name)
            self._barrier_passed()

    def _barrier_passed(self) -> None:
        worker, coordinator = self._worker, self._worker.coordinator
        driver, recovery = self._barrier_for
        if self._barrier_missing or not driver or recovery != self._recovery:
            return
        self._barrier_for = ("", "")
        worker.files.append_checkpoint_id(coordinator.committed, coordinator.rollback)
        complete: Message = {
            "type": "rollback_barrier_complete",
            "recovery": recovery,
            "checkpoint": coordinator.committed,
            "rollback": coordinator.rollback,
        }
        if driver == worker.name:
            worker.handlers["rollback_barrier_complete"](driver, complete, "")
        else:
            worker.send(driver, complete)

    def _recovery_initiated(self, name: str, message: Message, host: str) -> None:
        if not self._joins(message):
            return
        if not self.ceded:
            say(f"|~~ - Recovery initiated at {name}. Ceding control. - ~~|")
            say("|~~ INIT PHASE III: Application is ready to work! ~~|")
        say(f"|~~ -- RecoveryReconnecter ceding control to worker {name} -- ~~")
        self._answer(name, message, "recovery_noted")

    def _rollback(self, name: str, message: Message, host: str) -> None:
        if not self._joins(message):
            return
        self._worker.participant.roll_back(int(message["checkpoint"]), int(message["rollback"]))
        self._rolled_back_for = self._recovery
        self._answer(name, message, "rolled_back")

    def resume(self, name: str, message: Message, host: str) -> None:
        """The cluster goes on."""
        worker = self._worker
        # A mute of another may have come in between: if that one goes on, its requests stop the world again.
        if message["recovery"] not in (self._recovery, self._rolled_back_for):
            return
        self._recovery = self._rolled_back_for = ""
        worker.flow.discarding = False
        worker.flow.processing = True
        worker.stopped_the_world = False
        say("~~~Resuming message processing.~~~")
        if worker.is_initializer:
            worker.coordinator.start()

    def _answer(self, name: str, message: Message, kind: str, **details: int) -> None:
        self._worker.send(name, {"type": kind, "recovery": message["recovery"], **details})
