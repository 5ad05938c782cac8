# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a crashed worker comes back, and what the others do meanwhile (reference B.5).

The worker that comes back drives: it stops the world, has everybody connect to it anew, has what
is under way thrown away, and sends everybody back to the last committed checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional

from .._formats.address_file import AddressFileError, read_address
from .._formats.event_log import EventLogError
from .command_line import HostPort
from .control_channel import Message
from .data_channel import ROLLBACK_BARRIER
from .formation import save_topology
from .output import fail, say
from .worker import INITIALIZER, Worker


class Recovery:
    """Both sides of a recovery; every worker has one, since any may become a survivor."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._driving = False
        self._ceded = False
        self._counts: dict[str, int] = {}
        self._reconnected: set[str] = set()
        self._acknowledged: set[str] = set()
        self._barrier_missing: set[str] = set()
        self._barrier_for = ""
        self._target: Optional[tuple[int, int]] = None
        # A worker that formed the cluster has its own answer to this.
        worker.handlers.setdefault("identify_control", self._identified)
        worker.handlers.update(
            {
                "mute": self._mute,
                "boundary_count": self._boundary_count,
                "reconnect_data": self._reconnect_data,
                "reconnected": self._reconnect_done,
                "initiate_rollback": self._initiate_rollback,
                "rollback_barrier_done": self._barrier_done,
                "rollback_barrier_complete": self._barrier_complete,
                "rollback_local_keys": self._acknowledge,
                "rollback": self._rollback,
                "acknowledged": self._acknowledgement,
                "resume": self._resume,
            }
        )

    # -- the worker that comes back --------------------------------------------------------------------------

    async def start(self) -> None:
        """Read the resilience files, and bring the cluster back to its last committed checkpoint."""
        worker = self._worker
        say("Attempting to recover...")
        try:
            for mended in worker.files.mend():
                say(f"RESILIENCE: {mended}: it ended inside a record")
            worker.know_workers(worker.files.read_workers())
            known = worker.files.read_json("connection-addresses")
            worker.control_addresses = {str(name): list(value) for name, value in known["control"].items()}
            worker.data_addresses = {str(name): list(value) for name, value in known["data"].items()}
            identifier = worker.files.last_checkpoint_id()
            worker.rollback = identifier.rollback
            control = read_address(worker.files.set.path("tcp-control"))
            data = read_address(worker.files.set.path("tcp-data")) if not worker.is_initializer else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EventLogError, AddressFileError) as error:
            fail(f"The recovery files cannot be used: {error}", "recovery")
        say(f"recover_worker_names: {','.join(worker.workers)}")
        say("Recovering connection addresses!")
        await worker.listen_external()
        if worker.is_initializer:
            say("Running as Initializer...")
            worker.coordinator = type(worker.coordinator)(worker.workers, worker.options.checkpoint_pause)
            worker.coordinator.committed = identifier.checkpoint
            worker.coordinator.last_given = max(worker.files.highest_event_log_id(), identifier.checkpoint)
            worker.coordinator.started_any = identifier.checkpoint > 0
        # Listeners bind to what the files say, announcements say what the command line says (B.5).
        await worker.listen_control((control.host, control.port), (control.host, control.port))
        data_address = worker.options.data if data is None else (data.host, data.port)
        await worker.listen_data(data_address)
        self._driving = True
        await self._announce()
        worker.initialized = True
        save_topology(worker)
        for name, boundary in worker.boundaries.items():
            if name in worker.data_addresses:
                host, port = worker.data_addresses[name]
                boundary.connect((str(host), int(port)))
        await worker.open_sources()
        say("|~~ INIT PHASE II: Application is initialized! ~~|")
        worker.tasks.start(worker.sink.connect())
        await self._drive()
        if not self._ceded:
            await worker.sink.ready()
            say("|~~ INIT PHASE III: Application is ready to work! ~~|")

    async def _announce(self) -> None:
        """Connect to everybody once, and say where this worker listens."""
        worker = self._worker
        for name in worker.others:
            address: Optional[HostPort] = None
            if name == INITIALIZER:
                address = worker.options.control
            elif name in worker.control_addresses:
                host, port = worker.control_addresses[name]
                address = (str(host), int(port))
            if address is not None:
                await worker.peer(name).connect(address)
            worker.peer(name).send({"type": "identify_control", "port": worker.options.my_control[1]})
        say(f"{worker.name}: Interconnections with other workers created.")

    async def _drive(self) -> None:
        worker = self._worker
        others = set(worker.others)
        say("|~~ - Recovery Phase: Reconnect - ~~|")
        if others:
            say("|~~ -- Reconnect Phase 1: Wait for Boundary Counts -- ~~|")
            worker.broadcast({"type": "mute"})
            if not await self._until(lambda: others <= set(self._counts)):
                return
            say("|~~ -- Reconnect Phase 2: Wait for Reconnections -- ~~|")
            worker.broadcast({"type": "reconnect_data", "port": self._announced_data_port()})
            if not await self._until(lambda: others <= self._reconnected and others <= set(worker.incoming)):
                return
            say("|~~ -- Reconnect COMPLETE -- ~~|")
        else:
            say("|~~ -- Skipping Reconnect: Only One Worker -- ~~|")
        say("|~~ - Recovery Phase: Prepare Rollback - ~~|")
        for boundary in worker.boundaries.values():
            boundary.clear()
        say("|~~ - Recovery Phase: Rollback Local Keys - ~~|")
        if not await self._everybody({"type": "rollback_local_keys"}):
            return
        say("|~~ - Recovery Phase: Rollback Barrier - ~~|")
        if worker.is_initializer:
            self._initiate_rollback(worker.name, {}, "")
        else:
            worker.peer(INITIALIZER).send({"type": "initiate_rollback"})
        if not await self._until(lambda: self._target is not None) or self._target is None:
            return
        checkpoint, rollback = self._target
        say("|~~ - Recovery Phase: AwaitDataReceiversAck - ~~|")
        say("|~~ - Recovery Phase: Await Recovery Initiated Acks - ~~|")
        say("|~~ - Recovery Phase: Rollback - ~~|")
        worker.roll_back(checkpoint, rollback)
        if not await self._everybody({"type": "rollback", "checkpoint": checkpoint, "rollback": rollback}):
            return
        say("|~~ - Recovery COMPLETE - ~~|")
        self._driving = False
        worker.broadcast({"type": "resume"})
        self._resume(worker.name, {}, "")

    def _announced_data_port(self) -> int:
        # Also the initializer announces --my-data, which it normally lacks (Trap 5).
        return self._worker.options.my_data[1]

    async def _everybody(self, message: Message) -> bool:
        """Ask all others, and wait until all have done it; False when the recovery was ceded."""
        self._acknowledged = set()
        self._worker.broadcast({**message, "driver": self._worker.name})
        others = set(self._worker.others)
        return await self._until(lambda: others <= self._acknowledged)

    async def _until(self, reached: Callable[[], bool]) -> bool:
        while not self._ceded:
            if reached():
                return True
            self._worker.happened.clear()
            await self._worker.happened.wait()
        return False

    def _boundary_count(self, name: str, message: Message, address: str) -> None:
        self._counts[name] = int(message["count"])
        self._worker.happened.set()

    def _reconnect_done(self, name: str, message: Message, address: str) -> None:
        self._reconnected.add(name)
        self._worker.happened.set()

    def _acknowledgement(self, name: str, message: Message, address: str) -> None:
        self._acknowledged.add(name)
        self._worker.happened.set()

    def _barrier_complete(self, name: str, message: Message, address: str) -> None:
        self._target = (int(message["checkpoint"]), int(message["rollback"]))
        self._worker.happened.set()

    # -- the survivors -----------------------------------------------------------------------------------------

    def _identified(self, name: str, message: Message, address: str) -> None:
        """Somebody came back: its address is where its connection comes from, its port what it says."""
        worker = self._worker
        worker.control_addresses[name] = [address, int(message["port"])]
        worker.tasks.start(worker.peer(name).connect((address, int(message["port"]))))

    def _mute(self, name: str, message: Message, address: str) -> None:
        worker = self._worker
        if self._driving and not self._ceded:
            if self._priority(worker.name) > self._priority(name):
                # The other will hear of this recovery and cede; were both to cede, nobody would drive.
                return
            say(f"|~~ - Recovery initiated at {name}. Ceding control. - ~~|")
            self._ceded = True
            self._driving = False
            self._worker.happened.set()
        say(f"Control Ch: Received Mute Request from {name}")
        worker.gate.clear()
        worker.stop_coordination()
        worker.discarding = True
        say(f"Informed {name} that I have {worker.boundary_count()} boundaries to it")
        worker.peer(name).send({"type": "boundary_count", "count": worker.boundary_count()})

    def _priority(self, name: str) -> int:
        """Who drives when two recover at once: the initializer, or else the later of the two in the cluster's order."""
        return len(self._worker.workers) if name == INITIALIZER else self._worker.workers.index(name)

    def _reconnect_data(self, name: str, message: Message, address: str) -> None:
        worker = self._worker
        worker.data_addresses[name] = [address, int(message["port"])]
        worker.boundaries[name].clear()
        worker.boundaries[name].connect((address, int(message["port"])))
        worker.tasks.start(self._tell_when_reconnected(name))

    async def _tell_when_reconnected(self, name: str) -> None:
        await self._worker.boundaries[name].ready()
        self._worker.peer(name).send({"type": "reconnected"})

    def _initiate_rollback(self, name: str, message: Message, address: str) -> None:
        """On the initializer: choose the checkpoint, and clear the streams with a barrier."""
        worker = self._worker
        worker.stop_coordination()
        if not worker.coordinator.started_any:
            fail("No checkpoints were taken!", "the checkpoint initiator")
        worker.gate.clear()
        self._barrier_for = name
        self._barrier_missing = set(worker.others)
        for boundary in worker.boundaries.values():
            boundary.clear()
            boundary.barrier(ROLLBACK_BARRIER, worker.coordinator.committed, worker.rollback + 1)
        self._barrier_done("", {}, "")

    def _barrier_done(self, name: str, message: Message, address: str) -> None:
        self._barrier_missing.discard(name)
        if self._barrier_missing or not self._barrier_for:
            return
        worker, driver = self._worker, self._barrier_for
        self._barrier_for = ""
        complete = {"checkpoint": worker.coordinator.committed, "rollback": worker.rollback + 1}
        if driver == worker.name:
            self._barrier_complete(driver, complete, "")
        else:
            worker.peer(driver).send({"type": "rollback_barrier_complete", **complete})

    def _acknowledge(self, name: str, message: Message, address: str) -> None:
        self._worker.peer(name).send({"type": "acknowledged"})

    def _rollback(self, name: str, message: Message, address: str) -> None:
        self._worker.roll_back(int(message["checkpoint"]), int(message["rollback"]))
        self._worker.peer(name).send({"type": "acknowledged"})

    def _resume(self, name: str, message: Message, address: str) -> None:
        worker = self._worker
        worker.discarding = False
        worker.gate.set()
        say("~~~Resuming message processing.~~~")
        worker.start_coordination()
