# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the metrics UI is to run, when it is stopped, and who is told where it is."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui import mark_client
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.verdict import read
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._metrics_ui import metrics_ui, verdict
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.moves import Migration
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.verified import Verified
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Servers

from tests.server_states import MOVE, RUNNING_INITIALIZER, refusal, servers, start, steps, wanted, worker

RUNS = {"server": "server1", "base": "/w/server1", "address": "10.0.0.1:4000"}


def with_metrics_ui(there: Servers, alive: bool = True) -> Servers:
    process = {"alive": alive, "kind": "metrics_ui", "details": {"address": "10.0.0.1:4000"}}
    there.states["server1"]["processes"]["metrics_ui"] = process
    there.states["server1"]["base"] = "/w/server1"  # type: ignore[index]
    return there


def plan(there: Servers, **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = start(there, wanted(**arguments), arguments)["metrics_ui"]
    return found


class TestStart:
    def test_it_runs_on_server_1_and_is_bound_to_its_internal_address(self) -> None:
        assert plan(servers()) == {
            "state": "started",
            "required": False,
            "server": "server1",
            "base": "/w/server1",
            "listen": "10.0.0.1:4000",
            "address": "10.0.0.1:4000",
            "metrics": "10.0.0.1:5001",
            "asks": [],
            "names": ["server1"],
            "placement": {"initializer": "server1", "worker2": "server2"},
        }

    def test_the_coordinator_is_asked_where_workers_send_no_metrics(self) -> None:
        flink = wanted(engine="flink", flink_home="/opt/flink")
        arguments = {"metrics_ui_listen": "0.0.0.0"}
        assert metrics_ui(servers(), flink, {**arguments, "metrics_ui": ""}, flink.placement)["metrics_ui"]["asks"] == [
            *("--ask", "flink"),
            *("--at", "10.0.0.1:5050"),
        ]

    def test_it_can_listen_everywhere_while_metrics_come_to_the_internal_address(self) -> None:
        found = plan(servers(), metrics_ui_listen="0.0.0.0")
        assert (found["listen"], found["address"], found["metrics"]) == (
            "0.0.0.0:4000",
            "10.0.0.1:4000",
            "10.0.0.1:5001",
        )

    @pytest.mark.parametrize("host", ["0.0.0.0:80", "a b", "http://x", "::"])
    def test_what_is_no_address_is_refused(self, host: str) -> None:
        sentence = refusal(start, servers(), wanted(), {"metrics_ui_listen": host})
        assert sentence.startswith(f"metrics_ui_listen={host} is no address of server 1")

    @pytest.mark.parametrize(("value", "required"), [("true", True), (True, True), ("", False), (None, False)])
    def test_who_asks_for_it_wants_no_cluster_without(self, value: Any, required: bool) -> None:
        assert plan(servers(), metrics_ui=value)["required"] is required

    def test_of_a_cluster_that_runs_it_is_told_where_the_workers_are_now(self) -> None:
        moved = servers(
            server2={"worker2": worker(False, ownership="moved", moved_to="server4", epoch=2)},
            server4={"worker2": worker(epoch=2)},
        )
        assert plan(moved)["placement"] == {"initializer": "server1", "worker2": "server4"}

    def test_whether_it_runs_makes_no_other_cluster(self) -> None:
        assert start(servers(), wanted(metrics_ui=False), {})["needed"] is False

    def test_where_it_is_not_wanted_it_is_stopped(self) -> None:
        assert plan(servers(), metrics_ui="false") == {}
        assert plan(with_metrics_ui(servers(), alive=False), metrics_ui="false") == {}
        assert plan(with_metrics_ui(servers()), metrics_ui="false") == {"state": "stopped", **RUNS}


@pytest.mark.parametrize(
    ("step", "arguments", "there"),
    [
        (steps.kill, {"worker": 2}, servers()),
        (steps.migrate, MOVE, servers()),
        (steps.copy, MOVE, servers(server1=RUNNING_INITIALIZER, server2={"worker2": worker(False)})),
        (steps.restart, {"worker": 2}, servers(server1=RUNNING_INITIALIZER, server2={"worker2": worker(False)})),
    ],
)
def test_steps_know_where_to_post_their_marks(step: Any, arguments: dict[str, Any], there: Servers) -> None:
    assert step(arguments, there)["metrics_ui"] == {}
    assert step(arguments, with_metrics_ui(there))["metrics_ui"] == RUNS


def test_a_run_tells_the_metrics_ui_what_it_has_found_and_whom_it_has_crashed() -> None:
    moves = tuple(Migration(worker=worker) for worker in ("worker3", "worker2", "worker3", ""))
    found = {"verdict": "fail", "reason": "lost", "received": 9, "expected": 11}
    told = verdict(Verified(playbook="demo", violation_count=2, migrations=moves, **found))  # type: ignore[arg-type]
    assert told == {**found, "run": "demo", "violations": 2, "workers": ["worker2", "worker3"]}
    # What is told is what the page takes.
    assert read(mark_client.told(told), 1.0).to_dict() == {**told, "time": 1.0}
