# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker: its state, its channels, and what happens to messages and barriers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

from .._formats import event_log
from .._formats.external import MessageType
from .._formats.framing import HEADER
from .._resilience.files import ResilienceSet
from . import checkpoint as checkpoints
from .applications.interface import Application, InvariantViolated
from .checkpoint import Coordinator, announce_rollback
from .command_line import HostPort, WorkerOptions
from .control_channel import ControlListener, ControlPeer, Message
from .data_channel import BARRIER, ROLLBACK_BARRIER, Boundary, DataListener
from .external_channel import Answer, ExternalChannel, answer
from .output import fail, say
from .recovery_files import RecoveryFiles
from .routing import Owners
from .sink import Sink
from .source import CONNECTIONS, SourceListener
from .state import StateStore
from .tasks import Tasks

INITIALIZER = "initializer"

SHUTDOWN_LIMIT = 5.0
"""Seconds after which an orderly shutdown ends the process in any case (reference A.6)."""


class Worker:
    """One process of the cluster; what it does at its start stands in ``formation`` and ``recovery``."""

    def __init__(self, options: WorkerOptions, application: Application, files: ResilienceSet) -> None:
        self.options = options
        self.application = application
        self.name = options.name
        self.files = RecoveryFiles(files)
        self.tasks = Tasks()
        self.store = StateStore(application, self.name)
        self.incarnation = os.urandom(8).hex()
        """Tells this life of the worker from those before."""
        self.workers: list[str] = [self.name]
        """All names, in the order that decides who owns which key."""
        self.control_addresses: dict[str, list[Any]] = {}
        self.data_addresses: dict[str, list[Any]] = {}
        self.peers: dict[str, ControlPeer] = {}
        self.boundaries: dict[str, Boundary] = {}
        self.incoming: dict[str, str] = {}
        """Whose boundaries have come in, with their incarnations."""
        self.initializer_incarnation = ""
        self.gate = asyncio.Event()
        """Open while sources are read."""
        self.happened = asyncio.Event()
        """Set whenever something came in that a phase of a recovery may wait for."""
        self.initialized = False
        self.discarding = False
        """Between a mute and the rollback barrier, what comes in belongs to what is rolled back."""
        self.rollback = 0
        self.handlers: dict[str, Callable[[str, Message, str], None]] = {
            "shutdown": lambda name, message, address: self.shut_down(tell=False),
            "saved": lambda name, message, address: self._answered(name, checkpoints.SAVED, message),
            "noted": lambda name, message, address: self._answered(name, checkpoints.NOTED, message),
            "committed": lambda name, message, address: self._answered(name, checkpoints.COMMITTED, message),
            "note": self._note_requested,
            "commit": self._commit_requested,
        }
        self.sink = Sink(options.sinks[0], self.tasks)
        self.control_listener = ControlListener(self.control_received)
        self.data_listener = DataListener(self)
        self.coordinator = Coordinator([], options.checkpoint_pause)
        self._coordination: asyncio.Task[Any] | None = None
        self._owners = Owners(self.workers)
        self._own_index = 0
        self._stopping = False
        self.finished: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def is_initializer(self) -> bool:
        """Whether this is worker 1."""
        return self.name == INITIALIZER

    @property
    def others(self) -> list[str]:
        """All workers but this one."""
        return [name for name in self.workers if name != self.name]

    # -- channels ----------------------------------------------------------------------------------------

    def know_workers(self, names: list[str]) -> None:
        """Take over the names of all workers, in the cluster's order."""
        self.workers = list(names)
        self._owners = Owners(self.workers)
        self._own_index = self.workers.index(self.name)
        for name in self.others:
            self.peer(name)
            if name not in self.boundaries:
                self.boundaries[name] = Boundary(name, self.name, self.incarnation, self.tasks)

    def peer(self, name: str) -> ControlPeer:
        """The way to another worker; made when it is first heard of."""
        if name not in self.peers:
            self.peers[name] = ControlPeer(name, self.name, self.tasks)
        return self.peers[name]

    def broadcast(self, message: Message, keep: bool = True) -> None:
        """Tell all others."""
        for name in self.others:
            self.peer(name).send(message, keep)

    async def listen_control(self, address: HostPort, shown: HostPort) -> None:
        """Open the control port, or end."""
        try:
            await self.control_listener.listen(address)
        except OSError:
            fail(f"{self.name} control: unable to listen on ({address[0]}:{address[1]})", "the control channel")
        say(f"{self.name} control: listening on {shown[0]}:{shown[1]}")
        self.files.write_address("tcp-control", *self.options.my_control)

    async def listen_data(self, address: HostPort) -> None:
        """Open the data port, or end."""
        try:
            await self.data_listener.listen(address)
        except OSError:
            fail(f"{self.name} data: unable to listen on ({address[0]}:{address[1]})", "the data channel")
        say(f"{self.name} data channel: listening on {address[0]}:{address[1]}")
        self.files.write_address("tcp-data", *self.data_listener.address)

    async def listen_external(self) -> None:
        """Open the external channel, where one was asked for."""
        if self.options.external is None:
            return
        channel = ExternalChannel(
            {
                MessageType.PRINT: self._external_print,
                MessageType.CLEAN_SHUTDOWN: self._external_shutdown,
                MessageType.CLUSTER_STATUS_QUERY: self._external_status,
            }
        )
        await channel.listen(self.name, self.options.external)

    async def open_sources(self) -> None:
        """Listen for senders, on the initializer."""
        if not self.is_initializer:
            return
        for number, description in enumerate(self.application.sources):
            source = SourceListener(number, description, self.gate, self.ingest, self.drained, self.tasks)
            try:
                await source.listen(self.options.sources[number])
            except (OSError, IndexError):
                fail(f"{description.pipeline} source: unable to listen", "the source")

    def control_received(self, name: str, message: Message, address: str) -> None:
        """Do what another worker wants; what we do not know is ignored."""
        handler = self.handlers.get(message["type"])
        if handler is not None:
            handler(name, message, address)

    def boundary_connected(self, name: str, incarnation: str) -> None:
        """See :class:`.data_channel.DataReceiver`."""
        say("accepted data channel connection")
        self.incoming[name] = incarnation
        self.happened.set()

    # -- messages ----------------------------------------------------------------------------------------

    def ingest(self, source: int, payloads: list[bytes]) -> None:
        """A batch from a sender: ours are worked on, the others' are handed over. Never waits."""
        if len(self.workers) == 1:
            self._process(source, payloads)
            return
        where, owners = self.application.sources[source].key, self._owners
        groups: dict[int, list[bytes]] = {}
        for payload in payloads:
            index = owners[payload[where]]
            if index in groups:
                groups[index].append(payload)
            else:
                groups[index] = [payload]
        # Others first: they work on theirs while this worker works on its own.
        pack = HEADER.pack
        for index, group in groups.items():
            if index != self._own_index:
                joined = b"".join([part for payload in group for part in (pack(len(payload)), payload)])
                self.boundaries[self.workers[index]].batch(source, joined)
        if self._own_index in groups:
            self._process(source, groups[self._own_index])

    def batch_received(self, name: str, source: int, payloads: list[bytes]) -> None:
        """A batch from a boundary."""
        if not self.discarding:
            self._process(source, payloads)

    async def drained(self) -> None:
        """Back-pressure of the sink and of all boundaries."""
        await self.sink.drain()
        for boundary in self.boundaries.values():
            await boundary.drain()

    def _process(self, source: int, payloads: list[bytes]) -> None:
        try:
            self.sink.write(self.application.process(source, payloads, self.store.states))
        except InvariantViolated as violated:
            fail(str(violated), "the application's check of its state")

    # -- checkpoints -------------------------------------------------------------------------------------

    def start_coordination(self) -> None:
        """Begin to take checkpoints, on the initializer."""
        if not self.is_initializer:
            return
        self.coordinator.inject = self._inject
        self.coordinator.note = self._note
        self.coordinator.commit = self._commit
        self._coordination = self.tasks.start(self.coordinator.run())

    def stop_coordination(self) -> None:
        """Give up the checkpoint under way."""
        if self._coordination is not None:
            self._coordination.cancel()
            self._coordination = None
        self.coordinator.give_up()

    def _inject(self, checkpoint: int) -> None:
        for boundary in self.boundaries.values():
            boundary.barrier(BARRIER, checkpoint, self.rollback)
        self.files.append_event_log(self.store.snapshot())

    def _note(self, checkpoint: int) -> None:
        # Its own first: the coordinator's event log then holds the highest id that was ever given.
        self.files.append_event_log(self.store.end_record(checkpoint))
        self.broadcast({"type": "note", "id": checkpoint, "rollback": self.rollback}, keep=False)

    def _commit(self, checkpoint: int) -> None:
        self.files.append_checkpoint_id(checkpoint, self.rollback)
        self.broadcast({"type": "commit", "id": checkpoint, "rollback": self.rollback}, keep=False)

    def _answered(self, name: str, step: str, message: Message) -> None:
        self.coordinator.answered(name, step, int(message["id"]))

    def barrier_received(self, name: str, incarnation: str, kind: int, checkpoint: int, rollback: int) -> None:
        """See :class:`.data_channel.DataReceiver`."""
        if kind == ROLLBACK_BARRIER:
            self.rollback_barrier_received(name, incarnation, rollback)
        elif kind == BARRIER and not self.discarding:
            self.files.append_event_log(self.store.snapshot())
            self.peer(name).send({"type": "saved", "id": checkpoint}, keep=False)

    def rollback_barrier_received(self, name: str, incarnation: str, rollback: int) -> None:
        """Everything that was under way has been thrown away."""
        # A survivor's stream of barriers belongs to the initializer it knows. To one that came back alone it
        # does not answer, which is why such a cluster never recovers (reference, "Observed").
        if self.initializer_incarnation not in ("", incarnation):
            return
        self.initializer_incarnation = incarnation
        self.discarding = False
        self.peer(name).send({"type": "rollback_barrier_done", "rollback": rollback})

    def _note_requested(self, name: str, message: Message, address: str) -> None:
        if message["rollback"] != self.rollback or self.discarding:
            return
        self.files.append_event_log(self.store.end_record(int(message["id"])))
        self.peer(name).send({"type": "noted", "id": message["id"]}, keep=False)

    def _commit_requested(self, name: str, message: Message, address: str) -> None:
        if message["rollback"] != self.rollback or self.discarding:
            return
        self.files.append_checkpoint_id(int(message["id"]), self.rollback)
        self.peer(name).send({"type": "committed", "id": message["id"]}, keep=False)

    def roll_back(self, checkpoint: int, rollback: int) -> None:
        """Restore the states of a checkpoint (reference C.2), or end."""
        offset = self.files.event_log_size()
        self.files.append_event_log(event_log.encode(event_log.RestartMark()))
        try:
            entries = self.store.restore(event_log.find_checkpoint(self.files.set.path("evlog"), checkpoint))
        except ValueError as error:
            fail(f"Trying to rollback to checkpoint {checkpoint} failed: {error}", "the event log")
        announce_rollback(checkpoint, offset, entries)
        self.rollback = rollback
        self.files.append_checkpoint_id(checkpoint, rollback)

    # -- external channel and end ------------------------------------------------------------------------

    def _external_print(self, body: bytes) -> Answer:
        say(f"$$$ ExternalPrint: {body.decode('utf-8', 'replace')} $$$")
        return None

    def _external_shutdown(self, body: bytes) -> Answer:
        say("External Clean Shutdown received.")
        self.shut_down()
        return None

    def _external_status(self, body: bytes) -> Answer:
        if not self.initialized:
            return MessageType.CLUSTER_STATUS_NOT_INITIALIZED, b""
        return answer(
            MessageType.CLUSTER_STATUS_RESPONSE,
            {
                "worker_count": len(self.workers),
                "worker_names": self.workers,
                "processing_messages": self.gate.is_set(),
            },
        )

    def boundary_count(self) -> int:
        """How many boundaries the real engine would have to each worker: every source opens its own (B.1)."""
        return 1 + (CONNECTIONS * len(self.application.sources) if self.is_initializer else 0)

    def handle_signals(self) -> None:
        """SIGTERM and SIGINT are an orderly shutdown of the whole cluster (reference, Trap 1)."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.shut_down)

    def shut_down(self, tell: bool = True) -> None:
        """Delete the resilience files and end; with ``tell``, the others do so too."""
        if self._stopping:
            return
        self._stopping = True
        self.gate.clear()
        self.stop_coordination()
        asyncio.get_running_loop().call_later(SHUTDOWN_LIMIT, os._exit, 0)
        self.tasks.start(self._shut_down(tell))

    async def _shut_down(self, tell: bool) -> None:
        if tell:
            self.broadcast({"type": "shutdown"}, keep=False)
            await asyncio.gather(*(peer.flush() for peer in self.peers.values()))
        say("Removing recovery files")
        for path in self.files.remove():
            say(f"...Removing {path}...")
        say("Recovery files removed.")
        say("Connections: Finished shutdown procedure.")
        if not self.finished.done():
            self.finished.set_result(0)
