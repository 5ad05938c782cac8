# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One move of a worker with the library, between two servers of the loopback that reach one another by real SSH."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import record
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as process_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import ownership
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import move, worker_start
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.source_server import SourceAddress


class OnOneMachine(worker_start.WorkerStart):
    """The only thing that differs: both servers have the same ports, which the worker holds until it is dead."""

    def check_place(self, but: Optional[int] = None, comes: bool = False) -> None:
        for server in self.cluster.servers:
            known = process_record.read(server.base, self.worker)
            if known is not None and ownership_of(server.base, self.worker) == ownership.OWNER:
                but = known.identity.pid
        super().check_place(but, comes)


def ownership_of(base: str, worker: str) -> str:
    """What a server knows of a worker's owner; empty when it knows nothing."""
    known = ownership.read(base, worker)
    return known.state if known else ""


def prepared(base: str, src: str, dst: str, ssh: Optional[Mapping[str, Any]], **options: Any) -> move.Move:
    """A move of worker 2 between two servers.

    :param base: the directory of any of the servers, which knows the cluster.
    :param ssh: how the source is reached; None for a directory of this machine.
    """
    cluster = record.read(base)
    assert cluster is not None
    source, target = cluster.server(src), cluster.server(dst)
    known = ownership.read(source.base, "worker2")
    start = OnOneMachine(
        target.base, dst, cluster, "worker2", worker_start.RECOVER, sys.executable, options.pop("peers", None)
    )
    return move.Move(
        start, SourceAddress.from_arguments(src, source.base, ssh), (known.epoch if known else 1) + 1, **options
    )


def fence(base: str, src: str, dst: str) -> None:
    """What a migration does after the worker is back."""
    cluster = record.read(base)
    assert cluster is not None
    known = ownership.read(cluster.server(dst).base, "worker2")
    assert known is not None
    ownership.fence(cluster.server(src).base, "worker2", src, dst, known.epoch)
