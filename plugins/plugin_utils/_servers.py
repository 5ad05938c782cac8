# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the servers say, as the controller reads it before each step.

A *state* is what the module ``server_info`` returned for one server. Nothing here asks a server
anything: these are pure functions over what was asked already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from ..module_utils._cluster.naming import Name, server_name, worker_name, worker_number
from ..module_utils._cluster.record import ClusterRecord
from ..module_utils._engines.registry import engine

State = Mapping[str, Any]

METRICS_UI = "metrics_ui"
"""What its process is called on server 1."""


class Refusal(ValueError):
    """A step that must not be taken; the sentence says why and what to do instead. Nothing was changed."""


def reach(server: str) -> str:
    """What to do about a server that did not answer."""
    return f"check that Ansible reaches it (ansible {server} -m ansible.builtin.ping)"


@dataclass
class Servers:
    """All servers of the inventory's group, in its order, with what each of them said."""

    names: list[str]
    states: dict[str, State]
    access: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Server -> how it is reached by SSH from the others (``host``, ``port``), and the paths on it of its own key
    (``identity``) and of the host keys it trusts (``known_hosts``); ``controller``: where the controller reaches it;
    ``base``: the directory below which everything of the server is."""

    @classmethod
    def that_said(
        cls,
        names: Sequence[str],
        said: Mapping[str, State],
        access: Optional[Mapping[str, Mapping[str, Any]]] = None,
    ) -> Servers:
        """With what the tasks have registered: nothing, or of a server that could not be reached, is no state.

        :param said: server -> what ``server_info`` returned.
        """
        # A module that failed returned a message and nothing else.
        states = {
            name: state if "processes" in state else {"problem": str(state.get("msg") or "it did not answer")}
            for name in names
            if (state := said.get(name)) and not state.get("unreachable")
        }
        return cls(list(names), states, dict(access or {}))

    def require_all(self, but: Optional[str] = None) -> None:
        """Every server answered, and can be used.

        :param but: a server of which is known that it is gone.
        """
        silent = [name for name in self.names if name not in self.states and name != but]
        if silent:
            raise Refusal(
                f"{', '.join(silent)} did not answer; {reach(silent[0])}, or take it out of the inventory's group."
            )
        for name in self.states:
            problem = self.states[name].get("problem")
            if problem:
                raise Refusal(f"{name}: {problem}")

    def damage(self, name: str, record: str, of: str = "") -> str:
        """What is wrong with a record of a server, as a sentence; empty when nothing is.

        :param record: ``process``, ``ownership``, ``resilience``, ``cluster``, ``sent`` ...
        :param of: whose it is.
        """
        for damage in self.states.get(name, {}).get("damaged") or []:
            # What is known otherwise keeps nobody from anything.
            if (damage["record"], damage["name"]) == (record, of) and not damage.get("settled"):
                return f"{name}: {sentence_of(damage)}."
        return ""

    def require_readable(self, record: str, of: str = "", *names: str) -> None:
        """A record is damaged on none of these servers (by default on none at all)."""
        for name in names or self.names:
            damage = self.damage(name, record, of)
            if damage:
                raise Refusal(damage)

    def require_known(self, worker: str, *involved: str) -> None:
        """Nothing that a decision about a worker needs is damaged.

        :param involved: the servers whose files of it are needed.
        """
        self.require_readable("ownership", worker)
        self.require_readable("process", worker)
        for name in involved:
            self.require_readable("resilience", worker, name)
            self.require_readable("cluster", "", name)

    def nowhere(self, worker: str) -> Refusal:
        """Why nobody can tell where a worker is."""
        for name in self.names:
            if name not in self.states:
                return Refusal(
                    f"Where {worker} is cannot be told: {name} did not answer, and it may be there; {reach(name)}."
                )
            problem = self.states[name].get("problem")
            if problem:
                return Refusal(f"Where {worker} is cannot be told without {name}: {problem}")
            for record in ("process", "ownership", "cluster"):
                damage = self.damage(name, record, "" if record == "cluster" else worker)
                if damage:
                    return Refusal(f"Where {worker} is cannot be told. {damage}")
        return Refusal(f"{worker} is on no server: none of them has ever run it since the cluster was started.")

    def resolve(self, value: Name) -> str:
        """The inventory name of what a user called a server."""
        try:
            return server_name(value, self.names)
        except ValueError as error:
            raise Refusal(str(error)) from error

    def cluster(self) -> ClusterRecord:
        """The cluster these servers belong to."""
        found: dict[str, ClusterRecord] = {}
        for state in self.states.values():
            if state.get("cluster"):
                record = ClusterRecord.from_dict(state["cluster"])
                found[record.identifier] = record
        if not found:
            self.require_readable("cluster")
            raise Refusal("No cluster is running on these servers; start one with start_cluster.yml.")
        if len(found) > 1:
            raise Refusal(
                "The servers belong to different clusters "
                f"({', '.join(sorted(found))}); run stop_cluster.yml, then start_cluster.yml."
            )
        return next(iter(found.values()))

    def running_cluster(self) -> ClusterRecord:
        """The cluster, of which at least one worker must run."""
        record = self.cluster()
        if not any(self.running_on(worker) for worker in record.worker_names()):
            if engine(record.engine).dials:
                raise Refusal(
                    "No worker of the cluster runs. Bring them back one after the other, "
                    "worker 1 first: restart_worker.yml -e worker=1; or start a fresh cluster with start_cluster.yml."
                )
            raise Refusal(
                f"No cluster is running: none of the {record.workers} workers of the last one is alive; "
                "start a fresh one with start_cluster.yml."
            )
        return record

    def crashed_cluster(self) -> ClusterRecord:
        """The cluster, of which a worker is to come back. Where all that comes in is read again from a log, and each
        worker has its files, none of the others need run.
        """
        record = self.cluster()
        return record if engine(record.engine).dials else self.running_cluster()

    def worker(self, name: str, server: str) -> State:
        """What a server knows of a worker; empty when it never had it."""
        workers = self.states.get(server, {}).get("workers") or {}
        found: State = workers.get(name) or {}
        return found

    def running_on(self, worker: str) -> Optional[str]:
        """The server on which a worker runs, or None."""
        return next((server for server in self.names if self.worker(worker, server).get("alive")), None)

    def owner(self, worker: str) -> Optional[str]:
        """Where a worker belongs: where it runs, or else the server with the highest epoch of it."""
        running = self.running_on(worker)
        return running if running is not None else self.holder(worker)

    def holder(self, worker: str) -> Optional[str]:
        """The server with the highest epoch of a worker, wherever it runs."""
        owners = [server for server in self.names if self.worker(worker, server).get("ownership") == "owner"]
        return max(owners, key=lambda server: self.worker(worker, server).get("epoch", 0), default=None)

    def ssh(self, source: str, target: str) -> Optional[dict[str, Any]]:
        """How the target reaches the source by SSH; None when both are one machine, or the source says nothing."""
        there, here = self.states.get(source), self.states.get(target)
        if there is None or here is None or there.get("machine") == here.get("machine"):
            return None
        return {
            "host": self.access[source]["host"],
            "port": self.access[source]["port"],
            "user": there["user"],
            "identity": self.access[target]["identity"],
            "known_hosts": self.access[target]["known_hosts"],
            "python": there["python"],
        }

    def addresses(self, record: ClusterRecord, moved: Optional[Mapping[str, str]] = None) -> dict[str, str]:
        """Every worker, and the address of the server where it is.

        :param moved: worker -> the server where it is going to be.
        """
        found = {}
        for worker in record.worker_names():
            target = (moved or {}).get(worker)
            server = target or self.owner(worker) or record.placement[worker]
            kept = self.kept_address(worker, server) if target is None else ""
            found[worker] = kept or record.server(server).address
        return found

    def kept_address(self, worker: str, server: str) -> str:
        """The address that a worker took along to this server; empty when it has the server's own."""
        taken = self.states.get(server, {}).get("moved_addresses") or {}
        address = str(self.worker(worker, server).get("address") or "")
        return address if taken.get(address) == "taken" else ""

    def metrics_ui(self) -> dict[str, str]:
        """The metrics UI that runs: its ``server``, that server's ``base``, and the ``address`` where it listens.

        Empty when none runs.
        """
        for name, state in self.states.items():
            process = (state.get("processes") or {}).get(METRICS_UI) or {}
            if process.get("alive"):
                address = str((process.get("details") or {}).get("address") or "")
                return {"server": name, "base": str(state.get("base") or ""), "address": address}
        return {}

    def epoch(self, worker: str) -> int:
        """The highest epoch of a worker on any server; 0 when it was never started."""
        return max((int(self.worker(worker, server).get("epoch") or 0) for server in self.names), default=0)


def sentence_of(damage: Mapping[str, Any]) -> str:
    """A damaged record of a server, as it is told."""
    return f"{damage['path']} cannot be read ({damage['what']}); {damage['do']}"


def resolve_worker(value: Name, record: ClusterRecord) -> str:
    """The name of a worker of this cluster."""
    try:
        number = worker_number(value)
    except ValueError as error:
        raise Refusal(str(error)) from error
    if number > record.workers:
        raise Refusal(
            f"There is no worker {number}: this cluster has {record.workers} ({', '.join(record.worker_names())})."
        )
    return worker_name(number)


def refuse_fixed(record: ClusterRecord, worker: str, act: str) -> None:
    """Some workers cannot come back, and with some engines none can come back alone."""
    adapter = engine(record.engine)
    role = adapter.role(worker)
    if not role.allows(act):
        raise Refusal(role.why_not.format(act=act))
    if adapter.restarts_all:
        raise Refusal(
            f"{worker} cannot be {act}: with the engine {adapter.name} all workers have to be started again when one "
            "has died. Start the cluster afresh."
        )
