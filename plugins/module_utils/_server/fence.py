# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping a server from running a worker that belongs to another one: for this collection, and for the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from .._cluster import record as cluster_record
from .._cluster.naming import worker_name
from .._engines.registry import files_at
from .._problem import Problem
from .._process import living
from .._process.stop import kill
from .._resilience import ownership
from .._resilience.files import ResilienceSet


class NotFenced(Problem):
    """A worker that must not be fenced here; the sentence says why and what to do."""


@dataclass
class Fenced:
    """What a fence changed, or in check mode would change."""

    changed: bool
    state: str
    """What the server knew of the worker before."""
    epoch: int
    killed_pid: Optional[int] = None


def carried_out(given: Mapping[str, Any], only_check: bool) -> dict[str, Any]:
    """:func:`fence` with a module's arguments, and what the module returns of it."""
    worker, moved_to, epoch = worker_name(given["worker"]), given["moved_to"], given["epoch"]
    found = fence(given["base"], given["server"], worker, moved_to, epoch, given["kill"], only_check)
    return {
        "changed": found.changed,
        "worker": worker,
        "epoch": epoch,
        "killed_pid": found.killed_pid,
        "diff": {
            "before": {"state": found.state, "epoch": found.epoch},
            "after": {"state": "moved", "moved_to": moved_to, "epoch": epoch},
        },
    }


def fence(
    base: str, server: str, worker: str, moved_to: str, epoch: int, kill_first: bool = False, only_check: bool = False
) -> Fenced:
    """Note where the worker is, and take away what a start needs, whoever starts it.

    The note comes before the file: what is interrupted between them is known, and completed by the next fence.

    :param kill_first: end the worker where it runs here; it is an older one than that of ``moved_to``.
    :raises NotFenced: when it runs and is not to be killed, or when this server knows of a later owner.
    :raises ValueError: when a record here cannot be understood.
    :raises StillAlive: when it does not die.
    :raises OSError: when something cannot be written.
    """
    before = ownership.read(base, worker)
    if before is not None and before.epoch > epoch:
        raise NotFenced(
            f"{server} knows a later epoch of {worker} ({before.epoch}) than {epoch}; "
            "look with playbooks/status.yml who owns it."
        )
    alive = living.alive(base, worker)
    if alive is not None and not kill_first and not only_check:
        raise NotFenced(f"{worker} still runs on {server} (pid {alive.identity.pid}); kill it first.")
    files = _files(base, worker)
    after = (ownership.MOVED, moved_to, epoch)
    noted = before is None or (before.state, before.moved_to, before.epoch) != after
    if not only_check:
        if alive is not None:
            kill(alive.identity)
        if noted:
            ownership.fence(base, worker, server, moved_to, epoch)
    taken = files.fence(only_check) if files is not None else False
    return Fenced(
        changed=noted or taken or (alive is not None and kill_first),
        state=before.state if before else "none",
        epoch=before.epoch if before else 0,
        killed_pid=alive.identity.pid if alive is not None and kill_first else None,
    )


def _files(base: str, worker: str) -> Optional[ResilienceSet]:
    cluster = cluster_record.read(base)
    return files_at(base, cluster, worker) if cluster is not None else None
