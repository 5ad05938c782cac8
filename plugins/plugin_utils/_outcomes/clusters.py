# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks yield that start a cluster, look at it, or stop it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from .._states import ServerState
from .common import Outcome


@dataclass(frozen=True)
class Placement:
    """A worker, and the server it was started on."""

    worker: str = ""
    server: str = ""


@dataclass(frozen=True)
class Started(Outcome):
    """``start_cluster.yml``: the cluster that runs now."""

    cluster: str = ""
    """Its identifier, which differs from start to start."""
    app: str = ""
    engine: str = ""
    workers: int = 0
    keys: int = 0
    journal: bool = False
    checkpoint_interval: float = 0.0
    """Seconds between two checkpoints."""
    metrics_ui: str = ""
    """The URL of the metrics UI; empty when none runs."""
    placement: tuple[Placement, ...] = ()


@dataclass(frozen=True)
class Stopped(Outcome):
    """``stop_cluster.yml``."""

    processes: tuple[str, ...] = ()
    """What ran until now, as ``server2: worker2``."""
    kept_files: bool = False


@dataclass(frozen=True)
class Status(Outcome):
    """``status.yml``: who runs where, and who owns which worker."""

    app: str = ""
    engine: str = ""
    workers: int = 0
    """0 when no cluster was started."""
    metrics_ui: str = ""
    """The URL of the metrics UI; empty when none runs."""
    servers: tuple[ServerState, ...] = ()
    problems: tuple[str, ...] = ()
    """Workers of which two servers say that they are theirs, and processes that a signal has stopped: a sentence each
    with the way out."""
    table: tuple[str, ...] = field(default=(), repr=False)
    """All of it as a person reads it, in lines."""

    def server_of(self, worker: str) -> Optional[str]:
        """The server on which a worker runs; None when it runs nowhere."""
        alive = ((server.name, known) for server in self.servers for known in server.workers if known.alive)
        return next((name for name, known in alive if known.worker == worker), None)
