# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker: its parts, its channels, and what it does with what comes in."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any, Optional

from ..._formats.external import MessageType
from ..._resilience.files import ResilienceSet
from .applications.interface import Application
from .checkpoint import Coordinator, Participant
from .command_line import HostPort, WorkerOptions
from .control_channel import ControlListener, ControlPeer, Message
from .data_channel import BARRIER, ROLLBACK_BARRIER, Boundary, DataListener
from .external_channel import ExternalChannel, Request
from .flow import Flow
from .journal import WorkerJournal
from .metrics import Journey, Metrics
from .metrics_sender import MetricsSender
from .output import fail, say
from .recovery_files import RecoveryFiles
from .routing import owner
from .sink import Sink
from .source import CONNECTIONS, SourceListener
from .state import StateStore
from .tasks import Signal, Tasks

INITIALIZER = "initializer"

ControlRequest = Callable[[str, Message, str], None]


class Worker:
    """One process of the cluster; how it starts stands in ``formation`` and ``recovery``."""

    def __init__(
        self,
        options: WorkerOptions,
        application: Application,
        files: ResilienceSet,
        sources: list[HostPort],
        sinks: list[HostPort],
    ) -> None:
        self.options = options
        self.application = application
        self.name = options.name
        self.files = RecoveryFiles(files)
        self.journal: Optional[WorkerJournal] = None
        self.tasks = Tasks()
        self.changed = Signal()
        """Woken whenever something happened that a part of this worker may wait for."""
        self.metrics_sender = MetricsSender(application.display_name, self.name)
        self.metrics = Metrics(application, self.name, self.metrics_sender)
        self.store = StateStore(application, self.name)
        self.sink = Sink(sinks[0], self.tasks, self.changed)
        self.flow = Flow(application, self.store, self.sink, self.metrics, self.changed)
        self.participant = Participant(self)
        self.coordinator = Coordinator(self, self.participant, options.checkpoint_pause)
        self.incarnation = os.urandom(8).hex()
        """Tells this life of the worker from those before."""
        self.initializer_incarnation = ""
        """The life of the initializer to which this worker's incoming stream belongs."""
        self.workers: list[str] = [self.name]
        """All names, in the order that decides who owns which key."""
        self.is_forming = False
        """Whether workers that nobody has heard of are welcome."""
        self.initialized = False
        """Whether this worker knows what it is part of."""
        self.stopped_the_world = False
        """Whether this worker has begun a recovery of its own, and the cluster has not resumed since. A cluster status
        tells this and nothing else: it says that messages are processed while a survivor stands still."""
        self.control_addresses: dict[str, HostPort] = {}
        self.data_addresses: dict[str, HostPort] = {}
        self.peers: dict[str, ControlPeer] = {}
        self.boundaries: dict[str, Boundary] = {}
        self.incoming: set[str] = set()
        """Whose boundaries have come in."""
        self.handlers: dict[str, ControlRequest] = {
            "write_id": self._write_id,
            "commit": self._commit,
            "saved": self._answered,
            "id_written": self._answered,
        }
        self.requests: dict[MessageType, Request] = {}
        self.control_listener = ControlListener(self._control_received, self._is_member)
        self.data_listener = DataListener(self)
        self._sources = sources

    @property
    def is_initializer(self) -> bool:
        """Whether this is worker 1."""
        return self.name == INITIALIZER

    @property
    def others(self) -> list[str]:
        """All workers but this one."""
        return [name for name in self.workers if name != self.name]

    @property
    def boundary_count(self) -> int:
        """How many boundaries the real engine has to each other worker: each source opens one (wallaroo.md, B.1)."""
        return 1 + (CONNECTIONS * len(self.application.sources) if self.is_initializer else 0)

    # -- the other workers -------------------------------------------------------------------------------

    def know_workers(self, names: list[str]) -> None:
        """Take over the names of all workers, in the cluster's order."""
        self.workers = list(names)
        for name in self.others:
            if name not in self.boundaries:
                self.boundaries[name] = Boundary(name, self.name, self.incarnation, self.tasks, self.changed)
                self.metrics.know_worker(name)
        self.flow.route(self.workers, self.name, self.boundaries)

    def peer(self, name: str) -> ControlPeer:
        """The way to another worker; made when it is first needed."""
        if name not in self.peers:
            self.peers[name] = ControlPeer(name, self.name)
        return self.peers[name]

    def send(self, name: str, message: Message, keep: bool = True) -> None:
        """Tell another worker; kept while it is away, unless ``keep`` is false."""
        self.peer(name).send(message, keep)

    def broadcast(self, message: Message) -> None:
        """Tell all others."""
        for name in self.others:
            self.send(name, message)

    def identified(self, name: str, host: str, port: int) -> None:
        """Another worker has said where it is: its address is where its connection comes from (wallaroo.md, Trap 8)."""
        self.control_addresses[name] = (host, port)
        self.tasks.start(self.peer(name).connect((host, port)))

    def _is_member(self, name: str) -> bool:
        return name != self.name and (self.is_forming or name == INITIALIZER or name in self.workers)

    def _control_received(self, name: str, message: Message, host: str) -> None:
        handler = self.handlers.get(str(message["type"]))
        if handler is None:
            raise ValueError(f"no message of type {str(message['type'])[:80]!r} is expected here")
        handler(name, message, host)
        self.changed.wake()

    # -- ports -------------------------------------------------------------------------------------------

    async def listen_control(self, address: HostPort) -> None:
        """Open the control port, or end. The file gets what the command line says (wallaroo.md, B.5)."""
        try:
            await self.control_listener.listen(address)
        except (OSError, OverflowError):
            fail(f"{self.name} control: unable to listen on ({address[0]}:{address[1]})", "the control channel")
        own = self.options.my_control
        say(f"{self.name} control: listening on {own[0]}:{own[1]}")
        self.files.write_address("tcp-control", own)

    async def listen_data(self, address: HostPort) -> None:
        """Open the data port, or end."""
        try:
            await self.data_listener.listen(address)
        except (OSError, OverflowError):
            fail(f"{self.name} data: unable to listen on ({address[0]}:{address[1]})", "the data channel")
        bound = self.data_listener.address
        say(f"{self.name} data channel: listening on {bound[0]}:{bound[1]}")
        self.files.write_address("tcp-data", bound)

    async def listen_external(self) -> None:
        """Open the external channel, where one was asked for; no port is not fatal (wallaroo.md, Trap 39)."""
        address = self.options.external
        if address is None:
            return
        try:
            await ExternalChannel(self.name, self.requests).listen(address)
        except (OSError, OverflowError):
            say(f"{self.name} external: couldn't listen")
            return
        say(f"{self.name} external: listening on {address[0]}:{address[1]}")

    async def open_sources(self) -> None:
        """Listen for senders, on the initializer."""
        if not self.is_initializer:
            return
        for number, (description, address) in enumerate(zip(self.application.sources, self._sources)):
            try:
                await SourceListener(
                    number, description, self.application.decodable, self.flow.offer, self.tasks
                ).listen(address)
            except (OSError, OverflowError):
                fail(f"{description.pipeline} source: unable to listen on {address[0]}:{address[1]}", "the source")

    # -- the data channel --------------------------------------------------------------------------------

    def boundary_connected(self, name: str) -> bool:
        """See :class:`.data_channel.DataReceiver`."""
        if name == self.name or name not in self.workers:
            return False
        self.incoming.add(name)
        self.changed.wake()
        return True

    def admission(self) -> Optional[Awaitable[None]]:
        """See :class:`.data_channel.DataReceiver`."""
        return self.flow.admission()

    def batch_received(self, name: str, source: int, payloads: list[bytes], journey: Journey) -> None:
        """See :class:`.data_channel.DataReceiver`."""
        self.flow.received(name, source, payloads, journey)

    def barrier_received(self, name: str, incarnation: str, kind: int, checkpoint: int, rollback: int) -> None:
        """See :class:`.data_channel.DataReceiver`."""
        if name != INITIALIZER:
            return
        if kind == ROLLBACK_BARRIER:
            self._rollback_barrier(incarnation, rollback)
        elif kind == BARRIER and not self.flow.discarding and rollback == self.participant.rollback:
            self.participant.save(checkpoint)
            self.send(INITIALIZER, {"type": "saved", "id": checkpoint}, keep=False)

    def _rollback_barrier(self, incarnation: str, rollback: int) -> None:
        """Everything that was under way has been thrown away."""
        # A survivor's stream of barriers belongs to the initializer it knows. One that came back alone is
        # not answered, which is why such a cluster never recovers (wallaroo.md, "Observed").
        if self.initializer_incarnation not in ("", incarnation):
            return
        self.initializer_incarnation = incarnation
        self.flow.discarding = False
        self.send(INITIALIZER, {"type": "rollback_barrier_done", "rollback": rollback})

    # -- checkpoints -------------------------------------------------------------------------------------

    def _answered(self, name: str, message: Message, host: str) -> None:
        self.coordinator.answered(name, message["type"], int(message["id"]))

    def _write_id(self, name: str, message: Message, host: str) -> None:
        if self.participant.write_id(int(message["id"]), int(message["rollback"])):
            self.send(name, {"type": "id_written", "id": message["id"]}, keep=False)

    def _commit(self, name: str, message: Message, host: str) -> None:
        self.participant.commit(int(message["id"]), int(message["rollback"]))

    # -- what is written down of the application ----------------------------------------------------------

    def save_topology(self) -> None:
        """Write down what a restart needs to know."""
        say(f"{RULE}\n|v|v|v|Initializing Local Topology|v|v|v|\n\nSaving topology!")
        topology: dict[str, Any] = {
            "application": self.application.display_name,
            "worker": self.name,
            "workers": self.workers,
            "state": self.application.state_name,
            "steps": [str(identifier) for identifier in self.store.step_ids],
        }
        self.files.write_topology(topology, self.workers)
        say(f"Saving worker names to file: {self.files.set.path('workers')}")
        for name in self.workers:
            say(f"LocalTopology._save_worker_names: {name}")
        self.initialized = True

    def create_initial_keys(self) -> None:
        """Those of the application's first keys that this worker owns, on a fresh start."""
        own = self.workers.index(self.name)
        keys = [key for key in self.application.initial_keys if owner(key, len(self.workers)) == own]
        self.files.append_local_keys(self.application.state_name, keys)
        self.store.adopt(keys)


RULE = "---------------------------------------------------------"


def finish_topology() -> None:
    """The lines at the end of a local topology, and phase I."""
    say(f"Local topology initialized\n\n|^|^|^|Finished Initializing Local Topology|^|^|^|\n{RULE}")
    say("|~~ INIT PHASE I: Application is created! ~~|")
