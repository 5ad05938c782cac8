# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a fresh cluster comes together (reference B.3)."""

from __future__ import annotations

import asyncio
from typing import Any

from .control_channel import Message
from .output import say
from .worker import INITIALIZER, Worker

BAR = "---------------------------------------------------------"


class Formation:
    """The start of a worker that has no resilience files. Nothing in here has a limit, as in the real engine."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._control_known = asyncio.Event()
        self._data_known = asyncio.Event()
        self._all_connected = asyncio.Event()
        self._all_built = asyncio.Event()
        self._connected: set[str] = set()
        self._built: set[str] = set()
        self._formed = False
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
        await worker.listen_external()
        if worker.is_initializer:
            await self._initialize()
        else:
            await self._join()

    # -- the initializer's side ----------------------------------------------------------------------------

    async def _initialize(self) -> None:
        worker = self._worker
        say("Running as Initializer...")
        await worker.listen_control(worker.options.control, worker.options.control)
        wanted = worker.options.workers - 1
        if wanted:
            await self._control_known.wait()
            say("All worker control channels identified")
        await worker.listen_data(worker.options.data)
        if wanted:
            worker.broadcast({"type": "open_data", "workers": worker.workers})
            await self._data_known.wait()
            say("All worker data channels identified")
            addresses = self._address_tables()
            worker.broadcast({"type": "addresses", **addresses, "workers": worker.workers})
            await self._all_connected.wait()
        worker.know_workers(worker.workers)
        say("Saving connection addresses!")
        worker.files.write_json("connection-addresses", self._address_tables(own=False))
        say("Initializing application")
        say(BAR)
        say("vvvvvv|Initializing Topologies for Workers|vvvvvv")
        say("^^^^^^|Finished Initializing Topologies for Workers|^^^^^^^")
        say("Distributing local topologies to workers")
        worker.broadcast({"type": "topology", "incarnation": worker.incarnation})
        say("Finished distributing")
        await build_topology(worker)
        say("|~~ INIT PHASE III: Application is ready to work! ~~|")
        self._topology_ready(worker.name, {}, "")
        await self._all_built.wait()
        say(f"All {len(worker.workers)} workers reporting Topology ready!")
        worker.initialized = True
        worker.gate.set()
        worker.coordinator = type(worker.coordinator)(worker.workers, worker.options.checkpoint_pause)
        worker.start_coordination()
        say("Application has successfully initialized.")

    def _address_tables(self, own: bool = True) -> dict[str, Any]:
        """Host and port of every worker; the file of the initializer lists the others only."""
        worker = self._worker
        data = dict(worker.data_addresses)
        if own:
            data[worker.name] = [worker.data_listener.address[0], worker.data_listener.address[1]]
        return {"control": worker.control_addresses, "data": data}

    def _control_identified(self, name: str, message: Message, address: str) -> None:
        worker = self._worker
        peer = worker.peer(name)
        worker.control_addresses[name] = [address, int(message["port"])]
        worker.tasks.start(peer.connect((address, int(message["port"]))))
        if not worker.is_initializer or name in worker.workers or self._formed:
            return
        say(f"Worker {name} control channel identified")
        worker.workers.append(name)
        if len(worker.workers) == worker.options.workers:
            self._formed = True
            worker.know_workers(worker.workers)
            self._control_known.set()

    def _data_identified(self, name: str, message: Message, address: str) -> None:
        worker = self._worker
        say(f"Worker {name} data channel identified")
        worker.data_addresses[name] = [address, int(message["port"])]
        if len(worker.data_addresses) == worker.options.workers - 1:
            self._data_known.set()

    def _connections_ready(self, name: str, message: Message, address: str) -> None:
        self._connected.add(name)
        if len(self._connected) == self._worker.options.workers - 1:
            self._all_connected.set()

    def _topology_ready(self, name: str, message: Message, address: str) -> None:
        say(f"{name} reported topology ready!")
        self._built.add(name)
        if len(self._built) == len(self._worker.workers):
            self._all_built.set()

    # -- the other workers' side ---------------------------------------------------------------------------

    async def _join(self) -> None:
        worker = self._worker
        initializer = worker.peer(INITIALIZER)
        if not await initializer.connect(worker.options.control):
            # Never tried again: this worker now waits for ever, and its files are there (Trap 7).
            await worker.listen_control(worker.options.my_control, worker.options.my_control)
            return
        await worker.listen_control(worker.options.my_control, worker.options.my_control)
        initializer.send({"type": "identify_control", "port": worker.options.my_control[1]})

    def _open_data(self, name: str, message: Message, address: str) -> None:
        worker = self._worker
        # The initializer is where its own connection comes from: peers dial the source address (Trap 8).
        worker.control_addresses[INITIALIZER] = [address, worker.options.control[1]]
        worker.know_workers([str(item) for item in message["workers"]])
        worker.tasks.start(self._listen_data())

    async def _listen_data(self) -> None:
        worker = self._worker
        await worker.listen_data(worker.options.my_data)
        worker.peer(INITIALIZER).send({"type": "identify_data", "port": worker.options.my_data[1]})

    def _addresses(self, name: str, message: Message, address: str) -> None:
        worker = self._worker
        worker.know_workers([str(item) for item in message["workers"]])
        worker.control_addresses = {key: list(value) for key, value in message["control"].items()}
        worker.data_addresses = {key: list(value) for key, value in message["data"].items()}
        if not worker.data_addresses[INITIALIZER][0].strip("0."):
            worker.data_addresses[INITIALIZER][0] = address
        say("Saving connection addresses!")
        worker.files.write_json(
            "connection-addresses", {"control": worker.control_addresses, "data": worker.data_addresses}
        )
        worker.tasks.start(self._interconnect())

    async def _interconnect(self) -> None:
        worker = self._worker
        for name in worker.others:
            if name != INITIALIZER:
                host, port = worker.control_addresses[name]
                await worker.peer(name).connect((str(host), int(port)))
        say(f"{worker.name}: Interconnections with other workers created.")
        worker.peer(INITIALIZER).send({"type": "connections_ready"})

    def _topology(self, name: str, message: Message, address: str) -> None:
        self._worker.initializer_incarnation = str(message["incarnation"])
        self._worker.tasks.start(self._build())

    async def _build(self) -> None:
        worker = self._worker
        await build_topology(worker)
        worker.initialized = True
        worker.gate.set()
        say("|~~ INIT PHASE III: Application is ready to work! ~~|")
        worker.peer(INITIALIZER).send({"type": "topology_ready"})


def save_topology(worker: Worker) -> None:
    """Write down what a restart needs to know of the application."""
    say(BAR)
    say("|v|v|v|Initializing Local Topology|v|v|v|")
    say("Saving topology!")
    worker.files.write_json(
        "local-topology",
        {
            "application": worker.application.display_name,
            "worker": worker.name,
            "workers": worker.workers,
            "state": worker.application.state_name,
            "steps": [str(identifier) for identifier in worker.store.step_ids],
        },
    )
    say(f"Saving worker names to file: {worker.files.set.path('workers')}")
    worker.files.write_workers(worker.workers)
    say("|^|^|^|Finished Initializing Local Topology|^|^|^|")
    say(BAR)
    say("|~~ INIT PHASE I: Application is created! ~~|")


async def build_topology(worker: Worker) -> None:
    """Phases I and II of a fresh start, and the sink, without which phase III does not come."""
    save_topology(worker)
    for name, boundary in worker.boundaries.items():
        host, port = worker.data_addresses[name]
        boundary.connect((str(host), int(port)))
    await worker.open_sources()
    for boundary in worker.boundaries.values():
        await boundary.ready()
    say("|~~ INIT PHASE II: Application is initialized! ~~|")
    await worker.sink.connect()
