# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers say of a cluster that runs, for tests of what steps decide."""

from __future__ import annotations

from typing import Any, Optional

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._arguments import cluster_record
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal, Servers

NAMES = ["server1", "server2", "server3", "server4"]
ADDRESSES = [{"name": name, "address": "10.0.0.1", "base": f"/w/{name}"} for name in NAMES]


def wanted(**arguments: Any) -> Any:
    return cluster_record(arguments, ADDRESSES, "cluster-1", 1.0)


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
    return Servers(NAMES, states)


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
