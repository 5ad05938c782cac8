# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One owner of a worker: what every step refuses when servers contradict one another, or say nothing."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.filter.cluster_table import cluster_table
from ansible_collections.wallaroo.resilience.plugins.filter.stale_workers import stale_workers
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _owners, _publishing
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Servers

from tests.server_states import MOVE, refusal, registered, send, servers, steps, worker

DEAD = {"worker2": worker(False)}

STEPS = {
    "migrate": lambda there: steps.migrate(MOVE, there),
    "copy": lambda there: steps.copy(MOVE, there),
    "restart": lambda there: steps.restart({"worker": 2, "server": 2}, there),
    "kill": lambda there: steps.kill({"worker": 2}, there),
    "send": lambda there: send({}, there),
}
MAY_MAKE_A_SECOND_OWNER = ("migrate", "copy", "restart", "kill")


def silent(there: Servers, name: str) -> Servers:
    del there.states[name]
    return there


def troubled(there: Servers, name: str) -> Servers:
    there.states[name] = {"problem": "the disk is broken."}
    return there


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("alive", [True, False])
def test_two_owners_stop_everything_and_the_way_out_is_named(step: str, alive: bool) -> None:
    twice = servers(server2={"worker2": worker(alive, epoch=2)}, server3={"worker2": worker(alive, epoch=2)})
    if step == "send" and not alive:
        pytest.skip("a dead worker is refused before")
    sentence = refusal(STEPS[step], twice)
    assert "server2 and server3 at once (server2: epoch 2, server3: epoch 2)" in sentence
    assert 'kill_worker.yml -e "worker=worker2 server=server2" (or server=server3)' in sentence


@pytest.mark.parametrize(("alive", "needed"), [(True, True), (False, False)])
def test_the_way_out_kills_and_fences_the_wrong_one(alive: bool, needed: bool) -> None:
    twice = servers(server2={"worker2": worker(alive, epoch=2)}, server3={"worker2": worker(alive, epoch=2)})
    plan = steps.kill({"worker": 2, "server": 3}, twice)
    assert (plan["server"], plan["needed"]) == ("server3", needed)
    assert plan["fence"] == {"moved_to": "server2", "epoch": 2}


@pytest.mark.parametrize("step", MAY_MAKE_A_SECOND_OWNER)
@pytest.mark.parametrize("name", ["server3", "server4"])
@pytest.mark.parametrize("how", [silent, troubled])
def test_who_may_have_the_worker_must_say_so(step: str, name: str, how: Any) -> None:
    sentence = refusal(STEPS[step], how(servers(server2=DEAD), name))
    assert sentence.startswith(name)
    assert "and worker2 may run there" in sentence
    assert "source_lost=true" in sentence


def test_who_is_silent_is_named_where_nobody_else_has_the_worker() -> None:
    sentence = refusal(lambda there: steps.restart({"worker": 2}, there), silent(servers(), "server2"))
    assert sentence.startswith("Where worker2 is cannot be told: server2 did not answer, and it may be there;")


def test_a_worker_that_is_seen_alive_is_killed_whoever_is_silent() -> None:
    assert steps.kill({"worker": 2}, silent(servers(), "server4"))["needed"]


def test_nothing_to_start_needs_no_answer() -> None:
    assert not steps.restart({"worker": 2, "server": 2}, silent(servers(), "server4"))["needed"]


def test_the_operators_word_lets_a_restart_go_on_in_an_epoch_beyond_what_the_lost_one_may_have() -> None:
    there = silent(servers(server2=DEAD), "server4")
    plan = steps.restart({"worker": 2, "server": 2, "source_lost": "true"}, there)
    assert (plan["needed"], plan["epoch"]) == (True, 3)
    assert steps.restart({"worker": 2, "server": 2}, servers(server2=DEAD))["epoch"] == 1, "the one that it has"


def test_one_word_does_not_stand_for_two_servers() -> None:
    there = silent(silent(servers(server2=DEAD), "server4"), "server3")
    sentence = refusal(steps.restart, {"worker": 2, "server": 2, "source_lost": "true"}, there)
    assert sentence.startswith("source_lost=true, but server3 and server4 do not answer")


def test_who_said_nothing_has_no_state_and_who_failed_has_a_problem() -> None:
    said = {"server1": {"processes": {}}, "server2": {"unreachable": True, "msg": "x"}, "server3": {"msg": "it broke"}}
    there = Servers.that_said(["server1", "server2", "server3", "server4", "server5"], {**said, "server4": {}})
    assert there.states == {"server1": said["server1"], "server3": {"problem": "it broke"}}


class TestAServerThatWasLostAndIsBack:
    def back(self, alive: bool, **there: Any) -> Servers:
        found = servers(
            server2={"worker2": worker(alive, epoch=1, pid=4711)},
            server4={"worker2": worker(epoch=3, copied_from="server2", **there)},
        )
        for name, state in found.states.items():
            state["base"] = f"/w/{name}"  # type: ignore[index]
        return found

    @pytest.mark.parametrize("alive", [True, False])
    def test_it_is_fenced_at_the_first_look(self, alive: bool) -> None:
        plan = _owners.fences({}, self.back(alive))
        wanted = {"server": "server2", "base": "/w/server2", "worker": "worker2", "moved_to": "server4", "epoch": 3}
        assert plan["fences"] == [wanted]
        (sentence,) = plan["warnings"]
        assert sentence.startswith("server2 has worker2 of epoch 1")
        assert ("still runs it (pid 4711)" in sentence) is alive

    def test_status_shows_it_and_says_who_will_fence_it(self) -> None:
        states = self.back(True).states
        (line,) = [line for line in cluster_table(_complete(states)) if line.startswith("PROBLEM: ")]
        assert "the next step that changes the cluster sees to it" in line
        # The role asks this before it asks for more.
        silent_ones = {"server1": {"unreachable": True}, "server3": {"msg": "it broke"}, "server0": {}}
        assert [f"PROBLEM: {one}" for one in stale_workers({**_complete(states), **silent_ones})] == [line]
        assert _publishing.of_step("status", registered(_complete(states)), False).problems == (
            line[len("PROBLEM: ") :],
        )

    def test_a_move_that_was_interrupted_before_its_fence_is_left_to_who_completes_it(self) -> None:
        there = servers(server2=DEAD, server4={"worker2": worker(epoch=2, copied_from="server2")})
        assert _owners.fences({}, there)["fences"] == []

    def test_a_worker_that_went_back_after_a_failed_move_is_nobodys_leftover(self) -> None:
        there = servers(
            server2={"worker2": worker()},
            server4={"worker2": worker(False, ownership="moved", moved_to="server2", epoch=2)},
        )
        assert _owners.fences({}, there)["fences"] == []
        assert _owners.problems(there) == []

    def test_a_copy_that_was_never_started_kills_nobody(self) -> None:
        there = servers(
            server2={"worker2": worker()}, server4={"worker2": worker(False, epoch=2, copied_from="server2", pid=None)}
        )
        assert _owners.fences({}, there)["fences"] == []


def _complete(states: Any) -> Any:
    for state in states.values():
        for process in state["processes"].values():
            process.update(pid=4711, log="/log", started=1.0, argv=[], details={})
    return states


def test_a_move_in_single_steps_ends_with_the_fence_of_its_source() -> None:
    there = servers(server2=DEAD, server4={"worker2": worker(False, epoch=2, copied_from="server2")})
    plan = steps.restart({"worker": 2, "server": 4}, there)
    assert plan["fence"] == {"server": "server2", "base": "/w/server2", "epoch": 2}
    assert steps.restart({"worker": 2}, servers(server2=DEAD))["fence"] == {}
