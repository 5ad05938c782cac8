# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a fresh cluster comes together (wallaroo.md, B.3). Nothing in here has a limit, as in the real engine."""

from __future__ import annotations

from typing import Any

from .checkpoint import FIRST_PAUSE
from .command_line import HostPort
from .control_channel import Message
from .output import say
from .worker import INITIALIZER, RULE, Worker, finish_topology


class Formation:
    """The start of a worker that has no resilience files."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._data_opened = False
        self._connected: set[str] = set()
        self._built: set[str] = set()
        worker.handlers.update(
            {
                "identify_control": self._control_identified,
                "identify_data": self._data_identified,
                "open_data": self._open_data,
                "addresses": self._addresses,
                "connections_ready": self._connections_ready,
                "topology": self._topology,
                "topology_ready": self._topology_ready,
            }
        )

    async def start(self) -> None:
        """Take part until the cluster is up."""
        worker = self._worker
        worker.files.create()
        say("AUTOSCALE: Waiting for new autoscale event.")
        if worker.is_initializer:
            await self._initialize()
        else:
            await self._join()

    # -- the initializer's side ----------------------------------------------------------------------------

    async def _initialize(self) -> None:
        worker, until = self._worker, self._worker.changed.until
        count = worker.options.worker_count or 1
        say("Running as Initializer...")
        await worker.listen_external()
        worker.is_forming = True
        await worker.listen_control(worker.options.control)
        if count > 1:
            await until(lambda: len(worker.workers) == count)
            say("All worker control channels identified")
        worker.is_forming = False
        worker.know_workers(worker.workers)
        worker.broadcast({"type": "open_data", "workers": worker.workers})
        say(f"Worker {worker.name} data channel identified")
        await worker.listen_data(worker.options.data)
        if count > 1:
            await until(lambda: len(worker.data_addresses) == count - 1)
            say("All worker data channels identified")
        worker.broadcast({"type": "addresses", **self._address_tables()})
        say("Saving connection addresses!")
        worker.files.write_connection_addresses(worker.control_addresses, worker.data_addresses)
        await until(lambda: len(self._connected) == count - 1)
        say(f"Preparing to update {count - 1} boundaries")
        say(f"Initializing application\n{RULE}\nvvvvvv|Initializing Topologies for Workers|vvvvvv\n")
        say(f"Found {len(worker.application.sources)} pipelines in application")
        say(f"\n^^^^^^|Finished Initializing Topologies for Workers|^^^^^^^\n{RULE}")
        say("Distributing local topologies to workers")
        worker.broadcast({"type": "topology", "incarnation": worker.incarnation})
        say("Finished distributing")
        await self._build()
        say(f"{worker.name} reported topology ready!")
        await until(lambda: len(self._built) == count - 1)
        say(f"All {count} workers reporting Topology ready!")
        say("Application has successfully initialized.")
        worker.coordinator.start(FIRST_PAUSE)
        worker.flow.processing = True

    def _address_tables(self) -> dict[str, Any]:
        """What the others are told: host and port of every worker, this one's data address among them."""
        worker = self._worker
        data = {worker.name: worker.data_listener.address, **worker.data_addresses}
        return {"control": worker.control_addresses, "data": data}

    def _control_identified(self, name: str, message: Message, host: str) -> None:
        worker = self._worker
        if worker.is_forming:
            if name in worker.workers:
                say("Initializer: Already registered control channel for worker.")
                return
            if len(worker.workers) >= (worker.options.worker_count or 1):
                return
            say(f"Worker {name} control channel identified")
            worker.workers.append(name)
        worker.identified(name, host, int(message["port"]))

    def _data_identified(self, name: str, message: Message, host: str) -> None:
        if name in self._worker.workers:
            say(f"Worker {name} data channel identified")
            self._worker.data_addresses[name] = (host, int(message["port"]))

    def _connections_ready(self, name: str, message: Message, host: str) -> None:
        self._connected.add(name)

    def _topology_ready(self, name: str, message: Message, host: str) -> None:
        say(f"{name} reported topology ready!")
        self._built.add(name)

    # -- the other workers' side ---------------------------------------------------------------------------

    async def _join(self) -> None:
        worker = self._worker
        await worker.listen_external()
        await worker.listen_control(worker.options.my_control)
        if await worker.peer(INITIALIZER).connect(worker.options.control):
            worker.send(INITIALIZER, {"type": "identify_control", "port": worker.options.my_control[1]})
        # Otherwise it is never tried again: this worker waits for ever, and its files are there (wallaroo.md, Trap 7).

    def _open_data(self, name: str, message: Message, host: str) -> None:
        worker = self._worker
        if name != INITIALIZER or self._data_opened:
            return
        self._data_opened = True
        worker.know_workers([str(item) for item in message["workers"]])
        worker.tasks.start(self._listen_data())

    async def _listen_data(self) -> None:
        worker = self._worker
        await worker.listen_data(worker.options.my_data)
        worker.send(INITIALIZER, {"type": "identify_data", "port": worker.options.my_data[1]})

    def _addresses(self, name: str, message: Message, host: str) -> None:
        worker = self._worker
        if name != INITIALIZER or worker.initialized:
            return
        worker.control_addresses = _table(message["control"])
        worker.data_addresses = _table(message["data"])
        if worker.data_addresses[INITIALIZER][0] == "0.0.0.0":
            worker.data_addresses[INITIALIZER] = (host, worker.data_addresses[INITIALIZER][1])
        say("Saving connection addresses!")
        worker.files.write_connection_addresses(worker.control_addresses, worker.data_addresses)
        say(f"Preparing to update {len(worker.others)} boundaries")
        worker.tasks.start(self._interconnect())

    async def _interconnect(self) -> None:
        worker = self._worker
        for name in worker.others:
            if name != INITIALIZER:
                await worker.peer(name).connect(worker.control_addresses[name])
        worker.send(INITIALIZER, {"type": "connections_ready"})
        say(f"{worker.name}: Interconnections with other workers created.")

    def _topology(self, name: str, message: Message, host: str) -> None:
        worker = self._worker
        if name != INITIALIZER or worker.initialized:
            return
        worker.initializer_incarnation = str(message["incarnation"])
        worker.tasks.start(self._build())

    # -- all workers ---------------------------------------------------------------------------------------

    async def _build(self) -> None:
        """Phases I to III; the third does not come without the receiver (wallaroo.md, Trap 28)."""
        worker = self._worker
        worker.save_topology()
        worker.create_initial_keys()
        if not worker.is_initializer:
            worker.send(INITIALIZER, {"type": "topology_ready"})
        finish_topology()
        for name, boundary in worker.boundaries.items():
            boundary.connect(worker.data_addresses[name])
        await worker.open_sources()
        await worker.changed.until(lambda: all(boundary.connected for boundary in worker.boundaries.values()))
        say("|~~ INIT PHASE II: Application is initialized! ~~|")
        await worker.sink.connect()
        say("|~~ INIT PHASE III: Application is ready to work! ~~|")
        if not worker.is_initializer:
            worker.flow.processing = True


def _table(entries: dict[str, Any]) -> dict[str, HostPort]:
    return {str(name): (str(host), int(port)) for name, (host, port) in entries.items()}
