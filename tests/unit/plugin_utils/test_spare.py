# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a spare is started, ended and started again."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Servers

from tests.server_states import refusal, servers, start, steps, wanted, worker

FLINK = {"engine": "flink", "flink_home": "/opt/flink", "spare": "true"}


def running(**changes: dict[str, Any]) -> Servers:
    """Two workers, and a spare on the server that a third would have."""
    there = servers(**changes)
    for state in there.states.values():
        state["cluster"] = wanted(**FLINK).to_dict()  # type: ignore[index]  # plans only read them
        state["executable"] = {"sha256": "a"}  # type: ignore[index]  # plans only read them
    there.states["server3"]["processes"]["spare"] = {"alive": True, "kind": "spare"}
    return there


@pytest.mark.parametrize("engine", ["embedded", "bytewax", "wallaroo"])
def test_engines_without_one_say_so(engine: str) -> None:
    homes = {"bytewax_home": "/b", "wallaroo_home": "/w"}
    assert refusal(lambda: wanted(engine=engine, spare="true", **homes)) == (
        f"The engine {engine} has no process that could stand by and take over the work of a worker. "
        "Leave spare=true out."
    )


def test_it_starts_behind_all_others_so_that_the_work_is_theirs() -> None:
    there = servers()
    for state in there.states.values():
        state.update(cluster=None, workers={}, processes={})  # type: ignore[attr-defined]  # plans only read them
    waves = start(there, wanted(**FLINK), {})["waves"]
    assert waves[-1]["what"] == "the spare"
    ((server, (call,)),) = waves[-1]["calls"].items()
    assert (server, call["module"], call["arguments"]["name"]) == ("server3", "program", "spare")


def test_a_cluster_that_runs_and_has_lost_it_gets_another() -> None:
    there = running()
    assert start(there, wanted(**FLINK), {})["again"] == []
    there.states["server3"]["processes"]["spare"]["alive"] = False
    (lost,) = start(there, wanted(**FLINK), {})["again"]
    assert (lost["server"], lost["calls"][0]["arguments"]["name"]) == ("server3", "spare")


def test_a_worker_that_is_there_again_gets_its_work_back() -> None:
    there = running()
    for plan in (
        steps.migrate({"worker": "2", "src": "2", "dst": "4"}, there),
        steps.restart({"worker": "2", "crash": "true"}, there),
    ):
        # It finds no work while the spare has it.
        assert plan["wait_for"] == "listening"
        spare = plan["spare"]
        assert (spare["server"], spare["before"], spare["waits"]) == ("server3", False, True)
        assert spare["end"][0]["arguments"]["state"] == "stopped"
        assert spare["begin"][0]["arguments"]["ready_pattern"]


def test_the_leader_gives_all_work_away_anew_and_finds_no_spare() -> None:
    plan = steps.restart({"worker": "1", "crash": "true"}, running())
    assert (plan["wait_for"], plan["spare"]["before"]) == ("ready", True)


def test_nothing_is_done_where_there_is_none_or_nobody_came_back() -> None:
    assert steps.migrate({"worker": "2", "src": "2", "dst": "4"}, servers())["spare"] == {}
    assert steps.restart({"worker": "2"}, running())["spare"] == {}


def test_a_move_that_was_interrupted_is_completed_with_it() -> None:
    left, came = worker(False, ownership="owner"), worker(epoch=2, copied_from="server2")
    there = running(server2={"worker2": left}, server4={"worker2": came})
    plan = steps.migrate({"worker": "2", "src": "2", "dst": "4"}, there)
    assert (plan["needed"], plan["await_start"]) == (False, True)
    assert plan["spare"]["server"] == "server3"


def test_its_ports_are_those_of_one_more_worker() -> None:
    said = refusal(lambda: wanted(**FLINK, wallaroo_ports={"workers": 65530}))
    assert said.startswith("workers=2 is too many")
    assert wanted(**{**FLINK, "spare": "false"}, wallaroo_ports={"workers": 65530}).workers == 2
