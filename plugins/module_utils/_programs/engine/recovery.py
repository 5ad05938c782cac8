# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a crashed worker comes back (wallaroo.md, B.5).

The worker that comes back drives: it stops the world, has everybody connect to it anew, has what
is under way thrown away, and sends everybody back to the last committed checkpoint. What the
others do meanwhile stands in ``survivor``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Optional

from .command_line import HostPort
from .control_channel import Message
from .output import fail, say
from .survivor import Survivor
from .worker import INITIALIZER, Worker, finish_topology

_CONNECTING_LIMIT = 0.1


class Recovery:
    """The start of a worker that has a complete set of resilience files."""

    def __init__(self, worker: Worker, survivor: Survivor) -> None:
        self._worker = worker
        self._survivor = survivor
        self._driving = True
        self._is_reachable = False
        self._reconnecting = False
        self._answers: dict[str, set[str]] = {}
        self._target: Optional[tuple[int, int]] = None
        survivor.yields_to = self._yields_to
        survivor.is_driving = lambda: self._driving
        worker.handlers.update(
            {
                "identify_control": self._identified,
                "boundary_count": self._answered,
                "reconnected": self._answered,
                "local_keys_rolled_back": self._answered,
                "recovery_noted": self._answered,
                "rolled_back": self._answered,
                "rollback_barrier_complete": self._barrier_complete,
            }
        )

    async def start(self) -> None:
        """Read the resilience files, and bring the cluster back to its last committed checkpoint."""
        worker = self._worker
        # Until the rollback barrier, what comes in was meant for this worker's earlier life.
        worker.flow.discarding = True
        worker.participant.is_recovering = True
        control, data = self._read_files()
        await worker.listen_external()
        if worker.is_initializer:
            say("Running as Initializer...")
        # Listeners bind to what the files say, announcements say what the command line says (wallaroo.md, B.5).
        say(f"Restarting a listener at {control[0]}:{control[1]}\n")
        await worker.listen_control(control)
        say("Recovery file exists for control channel")
        await self._announce()
        say(f"Restarting a data channel listener on {data[0]}:{data[1]}...\n")
        await worker.listen_data(data)
        say("Recovery file exists for data channel")
        self._is_reachable = True
        if not self._driving:
            self._ask_for_boundaries()
        worker.save_topology()
        say("Reading local keys from file.")
        finish_topology()
        for name, boundary in worker.boundaries.items():
            if name in worker.data_addresses:
                boundary.connect(worker.data_addresses[name])
        await worker.open_sources()
        # Without a limit, as in the real engine: a worker whose file has an old address of another one hangs here.
        await worker.changed.until(lambda: all(boundary.connected for boundary in worker.boundaries.values()))
        say("|~~ INIT PHASE II: Application is initialized! ~~|")
        connecting = worker.tasks.start(worker.sink.connect())
        await self._look_round()
        if await self._drive():
            await connecting
            say("|~~ INIT PHASE III: Application is ready to work! ~~|")

    def _read_files(self) -> tuple[HostPort, HostPort]:
        """Take over what the files say; returns where the listeners bind to."""
        worker, files = self._worker, self._worker.files
        try:
            highest, mended = files.mend()
            names = files.read_workers()
            if worker.name not in names:
                raise ValueError(f"{files.set.path('workers')} does not name {worker.name}")
            worker.control_addresses, worker.data_addresses = files.read_connection_addresses()
            last = files.last_checkpoint_id()
            keys = files.local_keys_at(worker.application.state_name, last.checkpoint)
            control = files.read_address("tcp-control")
            data = worker.options.data if worker.is_initializer else files.read_address("tcp-data")
        except (OSError, ValueError) as error:
            fail(f"The recovery files cannot be used: {error}", "the resilience files")
        for line in mended:
            say(f"RESILIENCE: {line}")
        worker.know_workers(names)
        worker.store.adopt(keys)
        say(f"recover_worker_names: {','.join(names)}")
        say(f"Recovering connection addresses!\nPreparing to update {len(names) - 1} boundaries")
        worker.coordinator.take_over(last.checkpoint, highest, last.rollback)
        worker.participant.rollback = last.rollback
        return control, data

    async def _announce(self) -> None:
        """Connect to everybody, once, and say where this worker listens."""
        worker = self._worker
        for name in worker.others:
            known = worker.options.control if name == INITIALIZER else worker.control_addresses.get(name)
            if known is not None:
                await worker.peer(name).connect(known)
            worker.send(name, {"type": "identify_control", "port": worker.options.my_control[1]})
        say(f"{worker.name}: Interconnections with other workers created.")

    async def _look_round(self) -> None:
        """Let the sink connect before the phases begin; what is not there does not hold them up.

        The journal server, too: it may know that another instance of this worker has gone on, which ends this one.
        """
        looking = self._worker.tasks.start(self._worker.changed.until(self._everything_is_there))
        await asyncio.wait({looking}, timeout=_CONNECTING_LIMIT)
        looking.cancel()

    def _everything_is_there(self) -> bool:
        worker = self._worker
        return worker.sink.connected and (worker.journal is None or worker.journal.is_accepted)

    # -- the phases --------------------------------------------------------------------------------------

    async def _drive(self) -> bool:
        """All phases (wallaroo.md, A.7); False when the recovery was left to another worker."""
        worker = self._worker
        say("|~~ - Recovery Phase: Reconnect - ~~|")
        if not self._driving:
            return False
        worker.stopped_the_world = True
        if worker.others:
            say("|~~ -- Reconnect Phase 1: Wait for Boundary Counts -- ~~|")
            self._survivor.follow(worker.incarnation)
            if not await self._all("mute", "boundary_count"):
                return False
            say("|~~ -- Reconnect Phase 2: Wait for Reconnections -- ~~|")
            self._ask_for_boundaries()
            if not await self._until(lambda: self._all_have("reconnected") and self._all_are_here()):
                return False
            say("|~~ -- Reconnect COMPLETE -- ~~|")
        else:
            say("|~~ -- Skipping Reconnect: Only One Worker -- ~~|")
            self._survivor.follow(worker.incarnation)
        say("|~~ - Recovery Phase: Prepare Rollback - ~~|")
        for boundary in worker.boundaries.values():
            boundary.clear()
        say("|~~ - Recovery Phase: Rollback Local Keys - ~~|")
        say("Rolling back topology graph.\nFinished reading local keys")
        if not await self._all("rollback_local_keys", "local_keys_rolled_back"):
            return False
        say("|~~ - Recovery Phase: Rollback Barrier - ~~|")
        initiate: Message = {"type": "initiate_rollback", "recovery": worker.incarnation}
        if worker.is_initializer:
            self._survivor.initiate_rollback(worker.name, initiate, "")
        else:
            worker.send(INITIALIZER, initiate)
        if not await self._until(lambda: self._target is not None) or self._target is None:
            return False
        checkpoint, rollback = self._target
        say("|~~ - Recovery Phase: AwaitDataReceiversAck - ~~|")
        say("|~~ - Recovery Phase: Await Recovery Initiated Acks - ~~| ")
        if not await self._all("recovery_initiated", "recovery_noted"):
            return False
        say("|~~ - Recovery Phase: Rollback - ~~|")
        worker.participant.roll_back(checkpoint, rollback)
        if not await self._all("rollback", "rolled_back", checkpoint=checkpoint, rollback=rollback):
            return False
        self._leave()
        say("|~~ - Recovery COMPLETE - ~~|")
        worker.broadcast({"type": "resume", "recovery": worker.incarnation})
        self._survivor.resume(worker.name, {"type": "resume", "recovery": worker.incarnation}, "")
        return True

    def _ask_for_boundaries(self) -> None:
        # The initializer, too, announces --my-data, which it normally lacks (wallaroo.md, Trap 5).
        self._reconnecting = True
        port = self._worker.options.my_data[1]
        self._worker.broadcast({"type": "reconnect_data", "recovery": self._worker.incarnation, "port": port})

    async def _all(self, request: str, answer: str, **details: int) -> bool:
        """Ask all others, and wait until all have answered; False when the recovery was ceded."""
        self._worker.broadcast({"type": request, "recovery": self._worker.incarnation, **details})
        return await self._until(lambda: self._all_have(answer))

    def _all_have(self, answer: str) -> bool:
        return self._answers.get(answer, set()) >= set(self._worker.others)

    def _all_are_here(self) -> bool:
        return self._worker.incoming >= set(self._worker.others)

    async def _until(self, reached: Callable[[], bool]) -> bool:
        await self._worker.changed.until(lambda: not self._driving or reached())
        return self._driving

    # -- what comes in -----------------------------------------------------------------------------------

    def _identified(self, name: str, message: Message, host: str) -> None:
        self._worker.identified(name, host, int(message["port"]))

    def _answered(self, name: str, message: Message, host: str) -> None:
        # Answers to an earlier life of this worker may have been kept for it.
        if message["recovery"] == self._worker.incarnation:
            self._answers.setdefault(str(message["type"]), set()).add(name)

    def _barrier_complete(self, name: str, message: Message, host: str) -> None:
        if message["recovery"] == self._worker.incarnation:
            self._target = (int(message["checkpoint"]), int(message["rollback"]))

    def _yields_to(self, name: str) -> bool:
        """Another worker has begun to recover: whether this one leaves the recovery to it.

        The one that began later goes on (wallaroo.md, A.7). Of two that have not heard of each other it is the
        initializer, or else the later in the cluster's order.
        """
        if not self._driving:
            return True
        worker = self._worker
        began_later = name in self._answers.get("boundary_count", set())
        if not began_later and self._rank(worker.name) > self._rank(name):
            # It may have missed the first request, as one of its earlier lives' neighbours.
            worker.send(name, {"type": "mute", "recovery": worker.incarnation})
            return False
        say(f"|~~ - Recovery initiated at {name}. Ceding control. - ~~|")
        self._leave()
        self._survivor.ceded = True
        if self._is_reachable and not self._reconnecting:
            # The boundaries to this worker are still made anew, or nothing would reach it.
            self._ask_for_boundaries()
        worker.changed.wake()
        return True

    def _leave(self) -> None:
        self._driving = False
        for name in self._worker.others:
            # Kept for one that was away: it would stand still for a recovery that nobody drives.
            self._worker.peer(name).withdraw("mute")

    def _rank(self, name: str) -> int:
        return len(self._worker.workers) if name == INITIALIZER else self._worker.workers.index(name)
