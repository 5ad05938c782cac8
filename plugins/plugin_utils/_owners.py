# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker has one owner: who it is, what contradicts that, and whose answer a step needs. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ..module_utils._cluster.record import ClusterRecord
from ._servers import Refusal, Servers, reach


def alive_on(servers: Servers, worker: str) -> list[str]:
    """The servers on which a worker runs."""
    return [name for name in servers.names if servers.worker(worker, name).get("alive")]


def rivals(servers: Servers, worker: str) -> list[str]:
    """The servers of which only one can be right: it runs on each, or each owns it in the newest epoch."""
    alive = alive_on(servers, worker)
    if len(alive) > 1:
        return alive
    newest = servers.epoch(worker)
    owners = [
        name
        for name in servers.names
        if servers.worker(worker, name).get("ownership") == "owner" and servers.worker(worker, name)["epoch"] == newest
    ]
    return owners if len(owners) > 1 else []


@dataclass(frozen=True)
class Stale:
    """A server that still holds a worker which belongs to another one since."""

    worker: str
    server: str
    epoch: int
    """In which the server had it."""
    moved_to: str
    newest: int
    """The epoch in which ``moved_to`` has it."""
    pid: Optional[int]
    """Of the old process, where it is alive."""

    def sentence(self, done: bool) -> str:
        """For people.

        :param done: this run fences it; else it is said who will.
        """
        runs = f" and still runs it (pid {self.pid})" if self.pid is not None else ""
        acts = "is killed and fenced there" if self.pid is not None else "is fenced there"
        when = "it" if done else "the next step that changes the cluster sees to it: the old one"
        return (
            f"{self.server} has {self.worker} of epoch {self.epoch}{runs}, which belongs to {self.moved_to} since "
            f"epoch {self.newest}; {when} {acts}."
        )


def stale(servers: Servers) -> list[Stale]:
    """Where a worker is that moved away without its old server: one that was lost, and is back.

    An ordinary move that was interrupted before its fence is left to the run that completes it.
    """
    workers = sorted({worker for state in servers.states.values() for worker in state.get("workers") or {}})
    return [found for worker in workers for found in _stale(servers, worker)]


def _stale(servers: Servers, worker: str) -> list[Stale]:
    known = {name: servers.worker(worker, name) for name in servers.names if servers.worker(worker, name)}
    newest = servers.epoch(worker)
    owners = [name for name, what in known.items() if what["ownership"] == "owner" and what["epoch"] == newest]
    sent = {
        str(what["moved_to"]) for what in known.values() if what["ownership"] == "moved" and what["epoch"] == newest
    }
    if len({*owners, *sent}) != 1:
        # Nobody has it, or two say so: that is not decided here.
        return []
    (holder,) = {*owners, *sent}
    there = known.get(holder) or {}
    found = []
    for name, what in known.items():
        # Where its owner cannot be read it is not known what would be fenced: the step says what is damaged.
        readable = what["ownership"] in ("owner", "moved")
        if name == holder or not readable or (what["ownership"] == "moved" and not what.get("alive")):
            continue
        if what["ownership"] == "owner" and what["epoch"] >= newest:
            continue
        unfinished = newest - what["epoch"] == 1 and there.get("copied_from") == name
        # It was started there, or has even been seen back: what is here is older.
        settled = bool(there.get("alive") or there.get("pid") or sent)
        if settled if what.get("alive") else there.get("alive") and not unfinished:
            pid = what.get("pid") if what.get("alive") else None
            found.append(Stale(worker, name, int(what["epoch"]), holder, newest, pid))
    return found


def fences(_arguments: object, servers: Servers) -> dict[str, Any]:
    """What a run fences before it decides anything, from what it has seen at its first look."""
    found = stale(servers)
    return {
        "fences": [
            {
                "server": old.server,
                "base": servers.states[old.server]["base"],
                "worker": old.worker,
                "moved_to": old.moved_to,
                "epoch": old.newest,
            }
            for old in found
        ],
        "warnings": [old.sentence(done=True) for old in found],
    }


def problems(servers: Servers) -> list[str]:
    """Every worker of which two servers say that it is theirs, a sentence each with the way out."""
    workers = sorted({worker for state in servers.states.values() for worker in state.get("workers") or {}})
    old = stale(servers)
    sentences = [one.sentence(done=False) for one in old]
    for worker in workers:
        found = rivals(servers, worker)
        if len(set(found) - {one.server for one in old if one.worker == worker}) > 1:
            sentences.append(_sentence(servers, worker, found))
    return sentences


def fence_of_source(servers: Servers, record: ClusterRecord, worker: str, server: str) -> dict[str, Any]:
    """What is left of a move in single steps once the worker is back: the server from which its files were copied.

    Empty when there is none, or when it is fenced already.
    """
    known = servers.worker(worker, server)
    source = str(known.get("copied_from") or "")
    there = servers.worker(worker, source) if source else {}
    if there.get("ownership") != "owner" or there["epoch"] >= known["epoch"]:
        return {}
    return {"server": source, "base": record.server(source).base, "epoch": known["epoch"]}


def refuse_two_owners(servers: Servers) -> None:
    """Nothing is done to a cluster in which a worker has two owners."""
    found = problems(servers)
    if any(rivals(servers, worker) for state in servers.states.values() for worker in state.get("workers") or {}):
        raise Refusal(" ".join(found))


def lost_servers(arguments: Mapping[str, Any], servers: Servers, source: Optional[str] = None) -> list[str]:
    """The servers of which the operator says that they are gone for good: ``source_lost``.

    :param source: the server that ``true`` means; without one, the only server that does not answer.
    """
    if not arguments["source_lost"]:
        return []
    silent = not_answering(servers)
    if source is None:
        if len(silent) > 1:
            raise Refusal(f"source_lost=true, but {' and '.join(silent)} do not answer, and one of them can be meant.")
        return silent
    return [source]


def not_answering(servers: Servers) -> list[str]:
    """The servers of which nothing is known: silent, or with a problem."""
    return [name for name in servers.names if name not in servers.states or servers.states[name].get("problem")]


def require_answers(servers: Servers, worker: str, lost: Collection[str] = ()) -> None:
    """Every server that may have the worker says whether it does; only the operator speaks for one that is silent."""
    for name in not_answering(servers):
        if name in lost:
            continue
        why = (servers.states.get(name) or {}).get("problem")
        what = f"cannot be used ({why.rstrip('.')})" if why else "did not answer"
        mend = "Mend that." if why else f"Mend that: {reach(name)}."
        raise Refusal(
            f"{name} {what}, and {worker} may run there: a second one would "
            f"destroy its state. {mend} Where the server is "
            "switched off and will not come back by itself, say so with source_lost=true; where it never belonged to "
            "the cluster, take it out of the inventory's group."
        )


def _sentence(servers: Servers, worker: str, found: list[str]) -> str:
    alive = alive_on(servers, worker)
    what = "runs on" if len(alive) > 1 else f"belongs in epoch {servers.epoch(worker)} to"
    epochs = ", ".join(f"{name}: epoch {servers.worker(worker, name).get('epoch')}" for name in found)
    return (
        f"{worker} {what} {' and '.join(found)} at once ({epochs}); it must have one owner. Say which one is wrong: "
        f'kill_worker.yml -e "worker={worker} server={found[0]}" (or server={found[-1]}) kills it there and fences '
        "that server; then run this again."
    )
