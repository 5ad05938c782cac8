# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wait that comes to its limit names the cause, and no step begins to wait for who is stopped by a signal."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.filter.cluster_table import cluster_table
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Servers
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._stalled import dead as dead_workers
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._stalled import problems_of, stalled

from tests.server_states import MOVE, refusal, send, sending, servers, start, steps, verify, wanted, worker

PAUSED = "worker2 (pid 4711 on server2) is stopped by a signal; kill -CONT 4711 there lets it go on."
SAID = "waited 60 s for 2 checkpoints"


def paused(name: str = "worker2", server: str = "server2", kind: str = "worker", workers: int = 3) -> Servers:
    there = servers(workers=workers)
    for state in there.states.values():
        for other in state["processes"].values():
            other.update(pid=1, log="/l")
    there.states[server]["base"] = "/w"
    process = {"alive": True, "stopped": True, "kind": kind, "pid": 4711, "log": "/l"}
    there.states[server]["processes"][name] = process
    return there


def test_the_cause_stands_before_what_the_wait_saw() -> None:
    assert stalled({"said": SAID}, paused())["sentence"] == f"{PAUSED} {SAID}"
    dead = servers(workers=3, server3={"worker3": worker(False)})
    assert stalled({"said": SAID}, dead)["sentence"] == f"worker3 is dead on server3. {SAID}"
    assert stalled({"said": SAID, "worker": "worker3"}, dead)["sentence"] == SAID
    assert stalled({"said": SAID, "worker": "worker2"}, dead)["sentence"] == f"worker3 is dead on server3. {SAID}"
    assert dead_workers(dead, ["worker3"]) == [], "of whom more is known"


def test_nobody_is_called_dead_who_lives_or_of_whom_nothing_is_known() -> None:
    assert stalled({"said": SAID}, servers())["sentence"] == SAID
    there = servers(workers=3)
    del there.states["server3"]
    sentence = stalled({"said": SAID}, there)["sentence"]
    assert sentence == f"server3 does not answer, and what runs there is not known. {SAID}"


def test_a_process_that_has_ended_is_not_stopped_by_a_signal() -> None:
    there = paused()
    there.states["server2"]["processes"]["worker2"]["alive"] = False
    assert not problems_of(there.states)


@pytest.mark.parametrize("name", ["worker2", "receiver", "sender"])
def test_status_shows_who_is_stopped_and_the_way_out(name: str) -> None:
    there = paused(name, kind=name.rstrip("2"))
    lines = cluster_table(there.states)
    assert f"PROBLEM: {PAUSED.replace('worker2', name)}" in lines
    assert any(line.split()[:3] == [name, "server2", "paused"] for line in lines)


MOVE_3 = {"worker": "3", "src": "3", "dst": "4"}


@pytest.mark.parametrize(
    ("step", "arguments"),
    [
        (send, {"last": 10}),
        (steps.migrate, MOVE_3),
        (steps.migrate, {**MOVE_3, "settle": "false"}),
    ],
)
def test_nothing_is_begun_that_would_wait_for_who_is_stopped(step: Any, arguments: dict[str, Any]) -> None:
    assert refusal(step, arguments, paused()).startswith(PAUSED)


def test_a_worker_is_not_restarted_while_another_one_is_stopped() -> None:
    there = paused()
    there.states["server3"]["workers"]["worker3"]["alive"] = False
    assert refusal(steps.restart, {"worker": 3}, there).startswith(PAUSED)


def test_a_worker_that_is_stopped_itself_is_killed_and_moved_but_no_checkpoint_of_it_is_waited_for() -> None:
    sentence = refusal(steps.migrate, MOVE, paused())
    assert sentence.startswith(PAUSED)
    assert "settle=false moves it as it is" in sentence
    assert steps.migrate({**MOVE, "settle": "false"}, paused())["kill"]
    assert steps.kill({"worker": 2}, paused())["needed"]


def test_who_is_found_running_is_not_said_to_be_well_when_it_is_stopped() -> None:
    assert steps.restart({"worker": 2}, paused())["warnings"] == [PAUSED]
    there = paused()
    assert start(there, wanted(workers=3), {})["warnings"] == [PAUSED]
    there.states["server1"]["sent"] = {"sender": sending(500)}
    assert verify({}, there)["warnings"] == [PAUSED]


def test_what_no_message_needs_keeps_nobody_from_anything() -> None:
    there = paused("metrics_ui", "server1", "metrics_ui")
    assert send({"last": 10}, there)["needed"]
    assert steps.migrate(MOVE, there)["needed"]
