# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers say of a cluster that runs, for tests of what steps decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Optional

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import (
    _demonstration,
    _repository,
    _sending,
    _starting,
    _steps,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._arguments import cluster_record, typed
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._declarations import step as declared
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._publishing import Registered
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal, Servers

NAMES = ["server1", "server2", "server3", "server4"]
ADDRESSES = [{"name": name, "address": "10.0.0.1", "base": f"/w/{name}"} for name in NAMES]


def arguments_of(playbook: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a plan is given of what somebody wrote."""
    step = declared(playbook)
    assert step is not None
    return typed(step, given)


def record_of(given: Mapping[str, Any], servers: Sequence[Mapping[str, Any]] = (), *others: Any) -> Any:
    """The cluster that is started with these arguments of ``start_cluster.yml``, and ``via`` of a verified run."""
    arguments = {**arguments_of("start_cluster", given), **({"via": given["via"]} if "via" in given else {})}
    return cluster_record(arguments, servers, *others)


def wanted(**arguments: Any) -> Any:
    return record_of(arguments, ADDRESSES, "cluster-1", 1.0)


def planned(playbook: str, plan: Callable[..., Any]) -> Callable[..., Any]:
    """The plan of a step, from arguments as somebody writes them."""
    return lambda given, *others: plan(arguments_of(playbook, given), *others)


steps = SimpleNamespace(
    kill=planned("kill_worker", _steps.kill),
    copy=planned("copy_resilience", _steps.copy),
    restart=planned("restart_worker", _steps.restart),
    migrate=planned("migrate", _steps.migrate),
    stop=planned("stop_cluster", _steps.stop),
)
send = planned("start_sender", _sending.send)
verify = planned("verify", _demonstration.verify)
repository = planned("setup_repo", _repository.repository)


def demonstration(name: str, given: Mapping[str, Any], *others: Any) -> dict[str, Any]:
    """The plan of a verified run, likewise."""
    return _demonstration.demonstration(name, arguments_of(name, given), *others)


def start(there: Any, record: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """The plan of ``start_cluster.yml``, likewise."""
    return _starting.start(there, record, arguments_of("start_cluster", given))


def worker(alive: bool = True, **others: Any) -> dict[str, Any]:
    return {
        "alive": alive,
        "pid": 4711,
        "resilience": "complete",
        "missing": [],
        "directory": "/w/resilience",
        "bytes": 1000,
        "ownership": "owner",
        "epoch": 1,
        "moved_to": None,
        "since": "2026-01-01T00:00:00Z",
        "copied_from": "",
        **others,
    }


def servers(workers: int = 2, **changes: dict[str, Any]) -> Servers:
    """A cluster that runs, worker N on server N; ``changes`` replace what a server knows of its workers."""
    record = wanted(workers=workers)
    states: dict[str, Any] = {}
    for name in NAMES:
        states[name] = {
            "problem": None,
            "cluster": record.to_dict(),
            "processes": {},
            "workers": {},
            "sent": {},
            "ports_taken": [],
            "free_bytes": 10**9,
        }
    for name, server in record.placement.items():
        states[server]["workers"][name] = worker()
    for server, known in changes.items():
        states[server]["workers"] = known
    for state in states.values():
        state["processes"] = {
            name: {"alive": known["alive"], "kind": "worker"} for name, known in state["workers"].items()
        }
    return Servers(NAMES, states, {name: {"base": f"/w/{name}"} for name in NAMES})


def registered(states: Mapping[str, Any]) -> Registered:
    """What a look at the servers has registered."""
    hosts = {name: {"cluster_server_state": state} for name, state in states.items()}
    return Registered({"groups": {"servers": list(states)}, "hostvars": hosts})


def sending(last: int, sure: Optional[int] = None, perhaps: Optional[int] = None, **others: Any) -> dict[str, Any]:
    """What a sender has left: by default, that it has sent everything."""
    sure = last if sure is None else sure
    perhaps = sure if perhaps is None else perhaps
    found = {"first": 1, "last": last, "round": 0, "exit_code": 0 if sure == last else None, "message": ""}
    found.update({"sure": sure, "perhaps": perhaps, "exact": sure == perhaps, **others})
    return {"begun": perhaps >= found["first"], **found}


def refusal(step: Any, *arguments: Any) -> str:
    with pytest.raises(Refusal) as refused:
        step(*arguments)
    return str(refused.value)


MOVE = {"worker": "2", "src": "2", "dst": "4"}
RUNNING_INITIALIZER = {"initializer": worker()}
