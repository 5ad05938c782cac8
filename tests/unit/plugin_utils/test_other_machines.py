# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves between servers that are different machines, and of workers of a real engine."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal, Servers

from tests.server_states import record_of, start, steps

NAMES = ["server1", "server2", "server3", "server4"]
MOVE = {"worker": "2", "src": "2", "dst": "4"}
BUILD = {
    "mend": "build it with setup_repo.yml",
    "path": "/opt/wallaroo/testing/correctness/apps/multi_partition_detector/x",
    "sha256": "ab",
}


def servers(addresses: list[str] | None = None, machine: str | None = None, **arguments: Any) -> Servers:
    """A cluster of three workers that runs on four machines."""
    given = addresses or [f"10.0.0.1{number}" for number in range(1, 5)]
    places = [{"name": name, "address": address, "base": "/w"} for name, address in zip(NAMES, given)]
    record = record_of({"workers": 3, **arguments}, places, "cluster-1", 1.0)
    states: dict[str, Any] = {}
    for name in NAMES:
        states[name] = {
            "problem": None,
            "cluster": record.to_dict(),
            "processes": {},
            "workers": {},
            "ports_taken": [],
            "free_bytes": 10**9,
            "user": f"user-of-{name}",
            "python": "/usr/bin/python3",
            "machine": machine or name,
            "executable": dict(BUILD) if record.engine == "wallaroo" else None,
        }
    for worker, server in record.placement.items():
        peers = {other: record.server(home).address for other, home in record.placement.items()}
        states[server]["workers"][worker] = {
            "alive": True,
            "pid": 1,
            "resilience": "complete",
            "bytes": 10,
            "ownership": "owner",
            "epoch": 1,
            "peers": peers,
        }
    access = {
        name: {
            "host": f"ssh-of-{name}",
            "port": 22,
            "identity": f"/key/of/{name}",
            "known_hosts": f"/known/of/{name}",
            "base": f"/w/{name}",
        }
        for name in NAMES
    }
    return Servers(NAMES, states, access)


def refusal(step: Any, *arguments: Any) -> str:
    with pytest.raises(Refusal) as refused:
        step(*arguments)
    return str(refused.value)


def test_the_target_reaches_the_source_with_its_own_key() -> None:
    assert steps.migrate(MOVE, servers())["source_ssh"] == {
        "host": "ssh-of-server2",
        "port": 22,
        "user": "user-of-server2",
        "python": "/usr/bin/python3",
        "identity": "/key/of/server4",
        "known_hosts": "/known/of/server4",
    }


def test_no_ssh_is_needed_where_both_are_one_machine() -> None:
    assert steps.migrate(MOVE, servers(machine="one"))["source_ssh"] is None


def test_everybody_is_told_where_the_worker_is_going_to_be() -> None:
    assert steps.migrate(MOVE, servers())["peers"] == {
        "initializer": "10.0.0.11",
        "worker2": "10.0.0.14",
        "worker3": "10.0.0.13",
    }


def test_who_could_not_be_restarted_afterwards_is_said_before_the_kill() -> None:
    longer = ["10.0.0.11", "10.0.0.12", "10.0.0.13", "10.0.0.104"]
    found = servers(longer)
    assert steps.migrate(MOVE, found)["warnings"] == []
    found.states["server3"]["workers"]["worker3"]["peers_problem"] = "/w/x: its table control lacks worker2"
    (sentence,) = steps.migrate(MOVE, found)["warnings"]
    assert sentence.startswith("After this migration worker3 on server3 can no longer be restarted")
    assert "cannot be told of 10.0.0.104 (/w/x: its table control lacks worker2)" in sentence
    assert "Ways out: keep_address=true" in sentence


@pytest.mark.parametrize("act", ["start", "migrate"])
@pytest.mark.parametrize(
    ("digest", "says"), [(None, "server4: there is no executable"), ("cd", "server4 has another build than server1")]
)
def test_every_server_must_have_the_same_build(act: str, digest: str | None, says: str) -> None:
    there = servers(engine="wallaroo", wallaroo_home="/opt/wallaroo")
    there.states["server4"]["executable"]["sha256"] = digest
    there.states["server4"]["executable"]["problem"] = (
        "" if digest else "there is no executable /x: build it with setup_repo.yml"
    )
    if act == "start":
        wanted = there.cluster()
        for state in there.states.values():
            state["cluster"], state["workers"] = None, {}
        sentence = refusal(start, there, wanted, {})
    else:
        sentence = refusal(steps.migrate, MOVE, there)
    assert sentence.startswith(says)
    assert "setup_repo.yml" in sentence


def test_the_initializer_of_a_real_engine_is_not_moved() -> None:
    there = servers(engine="wallaroo", wallaroo_home="/opt/wallaroo")
    assert "never recovers alone" in refusal(steps.migrate, {"worker": 1, "src": 1, "dst": 4}, there)


def test_files_that_nobody_gave_to_a_server_are_not_started_from() -> None:
    there = servers()
    there.states["server2"]["workers"]["worker2"].update(alive=False)
    there.states["server4"]["workers"]["worker2"] = {"alive": False, "resilience": "complete", "ownership": "none"}
    sentence = refusal(steps.restart, {"worker": 2, "server": 4}, there)
    assert "worker2 belongs to server2 since epoch 1, and server4 never got it" in sentence


KEEP = {**MOVE, "keep_address": "true"}


def test_an_address_goes_along_and_nobody_is_stranded():
    found = servers(["10.0.0.9", "10.0.0.12", "10.0.0.13", "10.0.0.104"])
    found.states["server3"]["workers"]["worker3"]["peers_problem"] = "it cannot be read"
    plan = steps.migrate(KEEP, found)
    assert plan["address"] == "10.0.0.12"
    assert plan["own_address"] == "10.0.0.104"
    assert plan["warnings"] == []
    assert plan["peers"]["worker2"] == "10.0.0.12"
    assert plan["control"].startswith("10.0.0.12:")
    target = next(server for server in plan["cluster"]["servers"] if server["name"] == "server4")
    assert target["address"] == "10.0.0.12"
    assert plan["become"] == {"server2": True, "server4": True}
    assert "keep_address=true" in steps.migrate(MOVE, found)["warnings"][0]


def moved_along() -> Servers:
    """Worker 2 has taken the address of server 2 to server 4."""
    found = servers()
    worker = {**found.states["server2"]["workers"].pop("worker2"), "epoch": 2, "copied_from": "server2"}
    found.states["server4"]["workers"]["worker2"] = {**worker, "address": "10.0.0.12"}
    found.states["server4"]["moved_addresses"] = {"10.0.0.12": "taken"}
    found.states["server2"]["moved_addresses"] = {"10.0.0.12": "released"}
    found.states["server2"]["workers"]["worker2"] = {"ownership": "moved", "moved_to": "server4", "epoch": 2}
    return found


def test_a_worker_that_took_its_address_along_is_restarted_with_it():
    found = moved_along()
    found.states["server4"]["workers"]["worker2"]["alive"] = False
    plan = steps.restart({"worker": "2"}, found)
    assert next(one for one in plan["cluster"]["servers"] if one["name"] == "server4")["address"] == "10.0.0.12"
    assert steps.restart({"worker": "3"}, found)["peers"]["worker2"] == "10.0.0.12"


def test_a_migration_that_is_complete_leaves_the_address_where_it_is():
    plan = steps.migrate(KEEP, moved_along())
    assert plan["needed"] is False
    assert plan["peers"]["worker2"] == "10.0.0.12"


def test_an_address_that_went_along_has_to_go_on():
    found = moved_along()
    on = {"worker": "2", "src": "4", "dst": "2"}
    assert "move it on with keep_address=true" in refusal(steps.migrate, on, found)
    plan = steps.migrate({**on, "keep_address": "true"}, found)
    assert plan["address"] == "10.0.0.12"


def test_stopping_gives_addresses_back_and_a_fresh_cluster_waits_for_that():
    found = moved_along()
    plan = steps.stop({}, found)
    assert (plan["takers"], plan["owners"]) == (["server4"], ["server2"])
    for state in found.states.values():
        state["workers"], state["processes"] = {}, {}
    places = [{"name": name, "address": f"10.0.0.1{number}", "base": "/w"} for number, name in enumerate(NAMES, 1)]
    wanted = record_of({"workers": 3}, places, "cluster-2", 2.0)
    assert "10.0.0.12 moved with a worker" in refusal(start, found, wanted, {})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda found: found.states["server4"].update(machine="server2"), "are one"),
        (lambda found: found.access["server2"].update(host="10.0.0.12"), "set wallaroo_ssh_address of server2"),
        (lambda found: found.access["server2"].update(controller="10.0.0.12"), "set ansible_host of server2"),
        (
            lambda found: found.states["server4"]["workers"].update(
                worker3=found.states["server3"]["workers"].pop("worker3")
            ),
            "worker3 is on server4 too",
        ),
    ],
)
def test_an_address_that_cannot_go_along_is_refused_before_the_kill(change, sentence):
    found = servers()
    change(found)
    assert sentence in refusal(steps.migrate, KEEP, found)


def test_the_first_server_keeps_its_address():
    assert "initializer is on server1 too" in refusal(steps.migrate, {**KEEP, "dst": "1"}, servers())
