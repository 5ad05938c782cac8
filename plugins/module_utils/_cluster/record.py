# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every server knows of the cluster it belongs to: ``<base>/run/cluster.json``.

Written when a cluster is started, read by every later step, so that a step needs no argument
beyond its own: who the workers are, where they were started, which ports they use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Optional

from .._catalogue.applications import APPLICATIONS
from .._engines.contract import PLAIN, SharesCheckpoints, Sparing
from .._engines.registry import ENGINES
from .._formats.json_record import Damaged, made, read_object
from .naming import home_server, worker_name, worker_names
from .ports import Ports

FILE_NAME = "cluster.json"

DROPPED_STATE, OLD_COPY, TWO_OWNERS = "dropped_state", "old_copy", "two_owners"
NEGATIVE = ("", DROPPED_STATE, OLD_COPY, TWO_OWNERS)
"""What a negative run does to a worker on purpose, so that it is seen to fail; empty for every other cluster."""

SHARED = re.compile(r"(/[A-Za-z0-9_@+=,.-]+)+")
"""An absolute path that means the same in an address."""

MOST_WORKERS = 1000
"""More than any machine holds; a number beyond is a slip of the hand."""


@dataclass
class ServerAddress:
    """A server as the processes of the cluster reach it."""

    name: str
    """Its inventory name."""
    address: str
    """Its internal address, an IPv4 address or a name without blanks."""
    base: str
    """Its ``wallaroo_base``."""


@dataclass
class ClusterRecord:
    """A cluster as it was started."""

    identifier: str
    """Differs from start to start."""
    application: str
    engine: str
    version: str
    workers: int
    servers: list[ServerAddress]
    placement: dict[str, str]
    """Worker -> the server it was started on first. Workers move, see ownership."""
    ports: dict[str, int] = field(default_factory=dict)
    keys: int = 11
    """How many validation keys its senders use (``key_0`` ...)."""
    journal: bool = False
    """Whether every worker journals to the journal server, which runs on the first server."""
    symbols_file: str = ""
    """market-spread: the file on the servers with its symbols; empty for the built-in list."""
    engine_home: str = ""
    """Where the engine is on the servers; empty when the collection brings it along."""
    checkpoint_interval: float = 1.0
    """Seconds between the end of a checkpoint and the next one."""
    metrics_ui: bool = False
    """Whether the metrics UI is to run on the first server. It may come and go while the cluster runs."""
    started: float = 0.0
    """Seconds since the epoch."""
    source: str = PLAIN
    """What becomes of messages that were sent while nobody read: one of the kinds of ``_engines.contract``."""
    sink: str = PLAIN
    spare: bool = False
    """Whether a process stands by that takes over the work of a worker that dies."""
    checkpoints: str = ""
    """A directory that all servers see, for the checkpoints; empty: they lie among the files of the workers."""
    negative: str = ""
    """One of :data:`NEGATIVE`: only a cluster that was started for it is ever damaged."""

    @property
    def port_numbers(self) -> Ports:
        """The ports, typed."""
        return Ports.from_mapping(self.ports)

    def worker_names(self) -> list[str]:
        """All workers, the initializer first."""
        return worker_names(self.workers)

    def server(self, name: str) -> ServerAddress:
        """The address of a server.

        :raises ValueError: when the cluster was not started with this server.
        """
        for server in self.servers:
            if server.name == name:
                return server
        raise ValueError(
            f"{name} does not belong to the cluster of {', '.join(server.name for server in self.servers)}; "
            "start the cluster again with it in the inventory."
        )

    def with_address(self, server: str, address: str) -> ClusterRecord:
        """The same with another address of a server, for a worker that took its own along."""
        servers = [replace(one, address=address) if one.name == server else one for one in self.servers]
        return replace(self, servers=servers)

    @property
    def first_server(self) -> ServerAddress:
        """Server 1: here run the initializer, the receiver and the senders."""
        return self.servers[0]

    @property
    def shared_directory(self) -> str:
        """Where in ``checkpoints`` those of this cluster lie, and of no other."""
        return str(PurePosixPath(self.checkpoints) / f"wallaroo-{self.identifier}") if self.checkpoints else ""

    @property
    def spare_name(self) -> str:
        """The spare has the ports and the home that one more worker would have."""
        return worker_name(self.workers + 1)

    @property
    def spare_server(self) -> ServerAddress:
        """Where the spare stands by."""
        return self.server(home_server(self.spare_name, [server.name for server in self.servers]))

    def same_as(self, other: ClusterRecord) -> bool:
        """Whether both describe the same cluster, whenever it was started and whether one looks at its metrics."""
        mine, others = self.to_dict(), other.to_dict()
        for volatile in ("identifier", "started", "metrics_ui"):
            mine.pop(volatile)
            others.pop(volatile)
        return mine == others

    def check(self) -> None:
        """.

        :raises ValueError: when it says what no cluster can have.
        """
        for name, choices in (("application", APPLICATIONS), ("engine", ENGINES), ("negative", NEGATIVE)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}")
        adapter = ENGINES[self.engine]
        if self.version not in adapter.versions or self.application not in adapter.applications:
            raise ValueError(f"{self.engine} has no version {self.version!r}, or does not run {self.application}")
        if self.source not in adapter.sources or self.sink not in adapter.sinks:
            raise ValueError(f"{self.engine} has no {self.source!r} source, or no {self.sink!r} sink")
        if self.checkpoints and not (isinstance(adapter, SharesCheckpoints) and SHARED.fullmatch(self.checkpoints)):
            raise ValueError(f"{self.engine} keeps no checkpoints in {self.checkpoints!r}")
        if self.checkpoints and not re.fullmatch(r"[A-Za-z0-9_.-]+", self.identifier):
            raise ValueError(f"its identifier is {self.identifier!r}")
        if self.spare and not isinstance(adapter, Sparing):
            raise ValueError(f"{self.engine} has no spare")
        if not 1 <= self.workers <= MOST_WORKERS or self.keys < 1 or self.checkpoint_interval < 0:
            raise ValueError(f"{self.workers} workers, {self.keys} keys, a checkpoint in {self.checkpoint_interval} s")
        if not all(server.name and server.address and server.base.startswith("/") for server in self.servers):
            raise ValueError("a server has no name, no address, or no absolute base")
        Ports.from_mapping(self.ports)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and for Ansible."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ClusterRecord:
        """The reverse of :meth:`to_dict`.

        :raises ValueError: when something is missing or unknown.
        """
        try:
            record = made(cls, data)
            record.check()
            names = {server.name for server in record.servers}
            homeless = [worker for worker in record.worker_names() if record.placement.get(worker) not in names]
        except ValueError as error:
            raise ValueError(f"this is no record of a cluster: {error}") from error
        if homeless or not record.workers or not names:
            raise ValueError(
                f"this is no record of a cluster: it has no server for {', '.join(homeless) or 'a worker'}"
            )
        return record


def record_path(base: str) -> Path:
    """Where a server keeps the record."""
    return Path(base) / "run" / FILE_NAME


def read(base: str) -> Optional[ClusterRecord]:
    """The record of a server, or None when no cluster was started on it.

    :raises Damaged: when it cannot be understood; the sentence names it.
    """
    path = record_path(base)
    do = "bring the same file from another server, or run stop_cluster.yml, then start_cluster.yml"
    data = read_object(path, do)
    if data is None:
        return None
    try:
        return ClusterRecord.from_dict(data)
    except ValueError as error:
        raise Damaged(path, str(error), do) from error
