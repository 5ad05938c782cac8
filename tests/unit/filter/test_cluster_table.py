# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``status.yml`` shows: a table of the workers, and one of all other processes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.filter.cluster_table import cluster_table
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._status import moment, rows

from tests.server_states import servers, worker

CLUSTER = {"workers": 2, "application": "market_spread", "engine": "embedded"}

KILLED, STOPPED, STARTED = 1795000000.5, 1795000100.0, 1794999000.0


def process(alive: bool, result: Any = None) -> dict[str, Any]:
    return {"alive": alive, "pid": 7, "log": "/l", "result": result}


def row_of(lines: list[str], name: str) -> list[str]:
    (line,) = [line for line in lines if line.split()[:1] == [name]]
    return line.split()


@pytest.mark.parametrize(
    ("known", "life"),
    [
        (process(True), "running"),
        (process(False), "not running"),
        (process(False, {"exit_code": 0, "message": "1,000 records sent"}), "ended: 1,000 records sent"),
        (process(False, {"exit_code": 1, "message": "no connection"}), "failed: no connection"),
        (process(False, {}), "not running"),
    ],
)
def test_who_has_ended_is_not_called_dead(known: dict[str, Any], life: str) -> None:
    state = {"cluster": CLUSTER, "processes": {"sender_orders": known}, "workers": {}}
    first, *others = cluster_table({"server1": state})
    assert first == "2 workers of market_spread on the embedded engine"
    assert f"sender_orders  server1  {life}" in others[-1]
    assert others[-1].endswith("/l")


def test_servers_that_cannot_be_used_say_why() -> None:
    states = {"server1": {"problem": "its disk is full"}, "server2": {"msg": "no route"}, "server3": {}}
    assert cluster_table(states) == [
        "no cluster was started",
        "server1: its disk is full",
        "server2: no route",
        "server3: does not answer",
    ]


def test_where_the_metrics_are_shown_is_said() -> None:
    shown = {"alive": True, "pid": 7, "log": "/l", "details": {"address": "10.0.0.1:4000"}}
    state = {"cluster": CLUSTER, "processes": {"metrics_ui": shown}, "workers": {}}
    assert "metrics UI: http://10.0.0.1:4000/" in cluster_table({"server1": state})
    state["processes"] = {"metrics_ui": {**shown, "alive": False}}
    assert not [line for line in cluster_table({"server1": state}) if line.startswith("metrics UI")]


@pytest.mark.parametrize(
    ("known", "state", "since"),
    [
        ({"alive": True}, "running", STARTED),
        ({"alive": False, "times": {"killed": KILLED - 1, "died": KILLED}}, "crashed", KILLED),
        ({"alive": False, "times": {"started": STARTED}}, "crashed", None),
        ({"alive": False, "times": {"stopped": STOPPED}}, "stopped", STOPPED),
    ],
)
def test_running_crashed_and_stopped_are_three_words(known: dict[str, Any], state: str, since: float | None) -> None:
    there = servers(server2={"worker2": worker(**known)})
    there.states["server2"]["processes"]["worker2"].update(started=STARTED, log="/l")
    (row,) = [row for row in rows(there.states) if row["worker"] == "worker2"]
    assert (row["state"], row["since"], row["server"]) == (state, since, "server2")
    assert row["pid"] == (4711 if known["alive"] else None)
    if since:
        assert moment(since) in " ".join(row_of(cluster_table(complete(there.states)), "worker2"))


def test_a_worker_is_shown_once_and_where_it_is() -> None:
    gone = worker(False, ownership="moved", moved_to="server4", resilience="fenced")
    there = servers(server2={"worker2": gone}, server4={"worker2": worker(epoch=2)})
    assert row_of(cluster_table(complete(there.states)), "worker2")[1:3] == ["server4", "running"]


def test_a_worker_that_lives_twice_is_shown_twice_and_is_a_problem() -> None:
    there = servers(server2={"worker2": worker()}, server4={"worker2": worker(epoch=2)})
    lines = cluster_table(complete(there.states))
    assert [line.split()[1] for line in lines if line.startswith("worker2 ")] == ["server2", "server4"]
    assert any(line.startswith("PROBLEM: ") for line in lines)


def test_figures_come_from_whoever_has_them_and_what_nobody_knows_has_no_column() -> None:
    there = servers()
    without = cluster_table(complete(there.states))
    assert not any("checkpoints" in line for line in without)
    there.states["server1"]["figures"] = {"checkpoints": {"initializer": 12}, "messages": {"worker2": 5500}}  # type: ignore[index]
    there.states["server2"]["figures"] = {"checkpoints": {"worker2": 11}, "messages": {}}  # type: ignore[index]
    lines = cluster_table(complete(there.states))
    assert "checkpoints  messages out" in "\n".join(lines)
    assert row_of(lines, "worker2")[-3:] == ["11", "≥", "5,500"], "a worker tells what has come out of it now and then"
    assert row_of(lines, "initializer")[-2:] == ["12", "-"]


def test_a_cluster_that_was_stopped_is_not_one_that_was_never_started() -> None:
    there = servers(server2={"worker2": worker(False, times={"stopped": STOPPED}, ownership="none")})
    for state in there.states.values():
        state["cluster"] = None  # type: ignore[index]
    assert cluster_table(complete(there.states))[0] == "the cluster was stopped"


def test_a_cluster_that_was_stopped_after_a_crash_was_stopped_and_nobody_asks_for_its_files() -> None:
    crashed = worker(False, times={"died": KILLED}, ownership="none", resilience="unknown")
    there = servers(server2={"worker2": crashed})
    for state in there.states.values():
        state["cluster"] = None  # type: ignore[index]
    lines = cluster_table(complete(there.states))
    assert lines[0] == "the cluster was stopped"
    assert row_of(lines, "worker2")[2] == "crashed"
    assert "its files" not in "\n".join(lines)


def complete(states: Any) -> Any:
    for state in states.values():
        for known in state["processes"].values():
            known.setdefault("pid", 1)
            known.setdefault("log", "/l")
    return states
