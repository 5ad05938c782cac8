# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why nothing goes on: processes that are stopped by a signal, and workers that are dead. Pure functions.

A wait sees a consequence on one server, e.g. that no checkpoint comes; its cause may be a process on another one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..module_utils._cluster.record import ClusterRecord
from ..module_utils._engines.registry import engine
from ._owners import not_answering, problems
from ._servers import Refusal, Servers, State

RECEIVER = "receiver"
"""The kind of the process that keeps what comes out."""

SOURCE_LOG = "source_log"
ENDS = (RECEIVER, SOURCE_LOG)
"""The programs of the first server that workers dial."""

AFRESH = "stop the cluster with stop_cluster.yml, and start it afresh"

NEEDED = ("worker", "journal_server", *ENDS)
"""Kinds of processes without which messages do not flow."""

UNTIL_THEN = "Until then nothing comes out, and no worker comes back."
"""What is said besides by who refuses to begin."""


@dataclass(frozen=True)
class Stopped:
    """A process that lives and does nothing since a signal (SIGSTOP, SIGTSTP) stopped it."""

    name: str
    kind: str
    pid: int
    server: str

    def sentence(self) -> str:
        """For people, with what can be done while it is there."""
        return f"{self._who} is stopped by a signal; kill -CONT {self.pid} there lets it go on."

    def past(self) -> str:
        """For people, of a run whose processes are gone."""
        return f"{self._who} was stopped by a signal."

    @property
    def _who(self) -> str:
        return f"{self.name} (pid {self.pid} on {self.server})"


def stopped(servers: Servers) -> list[Stopped]:
    """All of them."""
    return [
        Stopped(name, str(process.get("kind") or ""), int(process["pid"]), server)
        for server in servers.names
        for name, process in ((servers.states.get(server) or {}).get("processes") or {}).items()
        if process.get("alive") and process.get("stopped")
    ]


def problems_of(states: Mapping[str, State]) -> list[str]:
    """What must not be, of what servers said: workers with two owners, and processes that are stopped."""
    servers = Servers(list(states), dict(states))
    return [*problems(servers), *told_of_stopped(servers)]


def told_of_stopped(servers: Servers) -> list[str]:
    """Warnings for a step that finds everything running already."""
    return [one.sentence() for one in stopped(servers)]


def refuse_stopped(servers: Servers, worker: str = "") -> None:
    """Nothing is begun that would wait for a worker that is stopped.

    :param worker: one that is not waited for, since it is killed or dead.
    """
    found = [one.sentence() for one in stopped(servers) if one.kind in NEEDED and one.name != worker]
    if found:
        raise Refusal(f"{' '.join(found)} {UNTIL_THEN}")


def refuse_unsettled(servers: Servers, worker: str) -> None:
    """No checkpoint is waited for while the worker itself is stopped."""
    for one in stopped(servers):
        if one.name == worker:
            raise Refusal(
                f"{one.sentence()} Until then no checkpoint covers what it has done; settle=false moves it as it is, "
                "and what came after its last checkpoint is lost."
            )


def stalled(arguments: Mapping[str, Any], servers: Servers) -> dict[str, Any]:
    """What to tell when a wait came to its limit.

    :param arguments: ``said``, what the wait told; ``worker``, whose own death is no cause.
    """
    causes = told_of_stopped(servers)
    worker = str(arguments.get("worker") or "")
    causes += dead(servers, [worker])
    # Who waits for one worker may do that since a server is gone, and knows of it.
    silent = [] if worker else not_answering(servers)
    causes += [f"{name} does not answer, and what runs there is not known." for name in silent]
    return {"sentence": " ".join([*causes, str(arguments.get("said") or "")]).strip()}


def dead(servers: Servers, known: Collection[str] = ()) -> list[str]:
    """Workers of the cluster that do not live, a sentence each.

    :param known: of whom more is told than that.
    """
    try:
        record = servers.cluster()
    except Refusal:
        return []
    found = []
    for worker in record.worker_names():
        owner = servers.owner(worker)
        # Where a server does not answer it may run there.
        silent = not_answering(servers)
        if owner is not None and worker not in known and servers.running_on(worker) is None and not silent:
            found.append(f"{worker} is dead on {owner}.")
    return found


def refuse_without_ends(servers: Servers, record: ClusterRecord) -> None:
    """Nothing is begun that would wait for a worker whose ends are dead: where workers dial them, none works
    without.
    """
    if not engine(record.engine).dials:
        return
    first = record.first_server.name
    known = (servers.states.get(first) or {}).get("processes") or {}
    gone = [name for name in ENDS if name in known and not known[name].get("alive")]
    if gone:
        back = "start_cluster.yml, as the cluster was started, brings it back" if gone == [SOURCE_LOG] else AFRESH
        raise Refusal(f"{' and '.join(gone)} on {first} is dead, and no worker works without it: {back}.")


def receiver_gone(states: Mapping[str, State]) -> str:
    """That the receiver died while workers went on, in a sentence; empty when it lives, or was stopped with them."""
    if not any(known.get("alive") for state in states.values() for known in (state.get("workers") or {}).values()):
        return ""
    gone = [
        server
        for server, state in states.items()
        for process in (state.get("processes") or {}).values()
        if process.get("kind") == RECEIVER and not process.get("alive")
    ]
    return f"The receiver on {gone[0]} is dead, so what came out since is not known." if gone else ""
