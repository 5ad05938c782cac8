# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each step is to do, and what it refuses, from what the servers said."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines import registry
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.contract import Damageable
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._demonstration import told
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal, Servers

from tests.server_states import MOVE, demonstration, refusal, send, sending, servers, steps, verify, wanted, worker


class TestMigrate:
    def test_knows_everything_the_move_needs(self) -> None:
        plan = steps.migrate(MOVE, servers())

        assert (plan["worker"], plan["src"], plan["dst"]) == ("worker2", "server2", "server4")
        assert plan["source_directory"] == "/w/server2/resilience/worker2"
        assert plan["control"] == "10.0.0.1:13104"
        assert plan["data"] == "10.0.0.1:13105"
        assert plan["epoch"] == 2
        assert plan["needed"]
        assert plan["fence"]
        assert not plan["await_start"]
        assert plan["settle"]

    @pytest.mark.parametrize(
        "same", [{"worker": 2, "src": 2, "dst": 4}, {"worker": "worker2", "src": "server2", "dst": " 4 "}]
    )
    def test_names_numbers_and_texts_mean_the_same(self, same: dict[str, Any]) -> None:
        assert steps.migrate(same, servers()) == steps.migrate(MOVE, servers())

    def test_what_had_come_out_at_the_look_is_waited_for_where_checkpoints_begin(self) -> None:
        here = servers()
        where = {"worker": "initializer", "server": "server1", "base": "/w/server1"}
        assert steps.migrate(MOVE, here)["settling"] == where
        here.states["server1"]["workers"]["initializer"]["settling"] = {"since": 7, "checkpoints": 1}
        assert steps.migrate(MOVE, here)["settling"] == {**where, "since": 7, "checkpoints": 1}

    def test_only_servers_with_other_workers_are_told_where_it_is_now(self) -> None:
        here = servers()
        assert steps.migrate(MOVE, here)["mending"] == ["server1"], "the initializer's"
        here.states["server3"]["damaged"] = [{"record": "cluster", "name": "", "path": "/w", "what": "?", "do": "-"}]
        assert steps.migrate(MOVE, here)["mending"] == ["server1", "server3"], "who is there is not known"

    def test_once_it_works_the_others_are_told_and_its_old_server_is_fenced(self) -> None:
        plan = steps.migrate(MOVE, servers())
        told, fence = plan["behind"]
        assert (told["server"], told["module"]) == ("server1", "peer_addresses")
        assert told["arguments"] == {"server": "server1", "base": "/w/server1", "peers": plan["peers"]}
        assert (fence["server"], fence["module"]) == ("server2", "worker_fence")
        wanted = {"server": "server2", "base": "/w/server2", "worker": "worker2", "moved_to": "server4", "epoch": 2}
        assert fence["arguments"] == wanted

    def test_of_the_two_servers_the_logs_are_kept_and_what_came_out_on_the_first(self) -> None:
        asked = [(call["module"], call["server"]) for call in steps.migrate(MOVE, servers())["kept"]]
        assert asked == [("run_flow", "server1"), ("server_info", "server2"), ("server_info", "server4")]

    def test_programs_are_brought_to_who_lacks_them(self) -> None:
        here = servers()
        assert steps.migrate(MOVE, here)["deploy"] == ["server2", "server4"]
        here.states["server2"]["prepared"] = True
        assert steps.migrate(MOVE, here)["deploy"] == ["server4"]
        here.states["server4"]["prepared"] = True
        assert steps.migrate(MOVE, here)["deploy"] == []
        assert steps.migrate(MOVE, here)["reached"] == ["server2", "server4"]

    def test_nothing_to_do_when_it_was_done(self) -> None:
        there = servers(
            server2={"worker2": worker(False, ownership="moved", moved_to="server4", epoch=2)},
            server4={"worker2": worker(epoch=2, copied_from="server2")},
        )
        plan = steps.migrate(MOVE, there)
        assert not plan["needed"]
        assert not plan["fence"]
        assert not plan["await_start"]

    def test_only_the_fence_is_left_when_it_was_interrupted_before_it(self) -> None:
        there = servers(server2={"worker2": worker(False)}, server4={"worker2": worker(epoch=2, copied_from="server2")})
        plan = steps.migrate(MOVE, there)
        assert not plan["needed"]
        assert plan["fence"]
        assert plan["await_start"]
        assert plan["epoch"] == 2

    def test_a_dead_worker_is_moved_without_waiting_for_a_checkpoint(self) -> None:
        plan = steps.migrate(MOVE, servers(server2={"worker2": worker(False)}))
        assert plan["needed"]
        assert not plan["settle"]

    def test_interrupted_between_copy_and_start_it_goes_on_under_the_same_epoch(self) -> None:
        there = servers(
            server2={"worker2": worker(False)}, server4={"worker2": worker(False, epoch=2, copied_from="server2")}
        )
        assert steps.migrate(MOVE, there)["epoch"] == 2

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ({"worker": 9}, "There is no worker 9: this cluster has 2 (initializer, worker2)."),
            ({"worker": "x"}, "'x' is no worker"),
            ({"worker": ""}, "worker is missing"),
            ({"src": 3}, "server3 does not hold worker2: it runs on server2. Use src=server2."),
            ({"dst": 2}, "src and dst are both server2"),
            ({"dst": 5}, "There is no server 5: the inventory's group has 4"),
            ({"dst": "mars"}, "'mars' is no server"),
            ({"worker": 1, "src": 1}, "The initializer (worker 1) cannot be moved"),
            ({"settle": "perhaps"}, "settle=perhaps is neither true nor false"),
        ],
    )
    def test_wrong_arguments(self, arguments: dict[str, Any], sentence: str) -> None:
        assert sentence in refusal(steps.migrate, {**MOVE, **arguments}, servers())

    def test_a_worker_that_came_from_elsewhere(self) -> None:
        there = servers(server2={}, server4={"worker2": worker(epoch=3, copied_from="server3")})
        assert "server2 does not hold worker2: it runs on server4 already" in refusal(steps.migrate, MOVE, there)

    def test_without_a_source_it_is_where_the_worker_is(self) -> None:
        given = {"worker": "2", "dst": "4"}
        assert steps.migrate(given, servers()) == steps.migrate(MOVE, servers())
        dead = servers(server2={"worker2": worker(False)})
        for step in (steps.migrate, steps.copy):
            assert step({**given, "src": ""}, dead) == step(MOVE, dead)

    def test_without_a_source_what_was_interrupted_is_completed_and_what_is_done_stays_done(self) -> None:
        given = {"worker": "2", "dst": "4"}
        for left in ({"alive": False}, {"ownership": "moved", "moved_to": "server4", "epoch": 2, "alive": False}):
            there = servers(
                server2={"worker2": worker(**left)}, server4={"worker2": worker(epoch=2, copied_from="server2")}
            )
            assert steps.migrate(given, there) == steps.migrate(MOVE, there)

    def test_without_a_source_it_cannot_go_where_it_is_nor_come_from_nowhere(self) -> None:
        assert "src and dst are both server2" in refusal(steps.migrate, {"worker": 2, "dst": 2}, servers())
        both = refusal(steps.migrate, {"worker": 2, "src": 3, "dst": 3}, servers())
        assert 'where it is, on server2, use restart_worker.yml -e "worker=worker2 server=server2"' in both
        nowhere = servers(server2={})
        assert "worker2 is on no server" in refusal(steps.migrate, {"worker": 2, "dst": 4}, nowhere)

    def test_half_a_set_of_files_of_a_dead_worker(self) -> None:
        half = worker(False, resilience="incomplete", missing=["multi_partition_detector-worker2.evlog"])
        sentence = refusal(steps.migrate, MOVE, servers(server2={"worker2": half}))
        assert "missing: multi_partition_detector-worker2.evlog" in sentence

    def test_no_space_on_the_target(self) -> None:
        there = servers()
        there.states["server4"]["free_bytes"] = 1500  # type: ignore[index]
        assert "server4 has 1,500 bytes free" in refusal(steps.migrate, MOVE, there)

    def test_a_dead_initializer(self) -> None:
        there = servers(server1={"initializer": worker(False)})
        assert "The initializer does not run" in refusal(steps.migrate, MOVE, there)

    def test_a_server_that_does_not_answer(self) -> None:
        there = servers()
        del there.states["server3"]
        assert "server3 did not answer" in refusal(steps.migrate, MOVE, there)

    def test_where_all_are_dead_they_come_back_one_after_the_other_if_what_came_in_is_read_again(self) -> None:
        there = servers(server1={"initializer": worker(False)}, server2={"worker2": worker(False)})
        for state in there.states.values():
            state["cluster"].update(engine="bytewax", version="0.21.1", source="replayable", engine_home="/b")
        alive = {"source_log": {"alive": True}, "receiver": {"alive": True}}
        there.states["server1"]["processes"].update(alive)
        assert "restart_worker.yml -e worker=1" in refusal(steps.migrate, MOVE, there)
        assert steps.restart({"worker": 1, "server": None, "crash": False}, there)["needed"]

    def test_no_cluster(self) -> None:
        there = servers(server1={"initializer": worker(False)}, server2={"worker2": worker(False)})
        assert "No cluster is running: none of the 2 workers" in refusal(steps.migrate, MOVE, there)
        for state in there.states.values():
            state["cluster"] = None  # type: ignore[index]
        assert "No cluster is running on these servers" in refusal(steps.migrate, MOVE, there)


def journalling(**changes: dict[str, Any]) -> Servers:
    """A cluster that journals, with its journal server on server1."""
    there = servers(**changes)
    for state in there.states.values():
        state["cluster"]["journal"] = True
    there.states["server1"]["processes"]["journal_server"] = {"alive": True, "kind": "journal_server"}
    return there


class TestMovesThroughTheJournalServer:
    MOVE = {**MOVE, "via": "journal"}

    def test_the_plan_says_where_the_journals_are(self) -> None:
        plan = steps.migrate(self.MOVE, journalling())
        assert (plan["via"], plan["journal_server"]) == ("journal", "10.0.0.1:9999")
        assert (plan["kill"], plan["fence"], plan["epoch"]) == (True, True, 2)
        assert steps.migrate(MOVE, journalling())["journal_server"] == ""

    def test_the_source_is_asked_nothing_when_there_is_nobody_to_kill(self) -> None:
        assert steps.migrate(self.MOVE, journalling())["kill"]
        dead = {"worker2": worker(False)}
        assert not steps.migrate(self.MOVE, journalling(server2=dead))["kill"]
        assert steps.migrate(MOVE, journalling(server2=dead))["kill"], "its files are on that server"

    def test_without_a_source_the_lost_one_is_the_one_that_is_silent(self) -> None:
        there = journalling()
        del there.states["server2"]
        lost = {"source_lost": "true", "via": "journal"}
        assert steps.migrate({"worker": 2, "dst": 4, **lost}, there) == steps.migrate({**MOVE, **lost}, there)
        del there.states["server3"]
        assert "server2 and server3 do not answer" in refusal(steps.migrate, {"worker": 2, "dst": 4, **lost}, there)

    def test_what_the_source_server_holds_does_not_matter(self) -> None:
        half = worker(False, resilience="incomplete", missing=["multi_partition_detector-worker2.evlog"])
        for step in (steps.copy, steps.migrate):
            assert step(self.MOVE, journalling(server2={"worker2": half}))["epoch"] == 2

    def test_a_source_whose_directory_is_gone_was_at_least_in_the_first_epoch(self) -> None:
        for step in (steps.copy, steps.migrate):
            assert step(self.MOVE, journalling(server2={}))["epoch"] == 2

    def test_the_owner_is_known_where_somebody_knows_it(self) -> None:
        there = journalling(server2={}, server3={"worker2": worker(False, epoch=4)})
        for step in (steps.copy, steps.migrate):
            assert "server2 does not hold worker2: it ran on server3 last" in refusal(step, self.MOVE, there)

    def test_a_running_worker_is_not_copied(self) -> None:
        assert "worker2 still runs on server2 (pid 4711)" in refusal(steps.copy, self.MOVE, journalling())

    def test_a_cluster_that_does_not_journal(self) -> None:
        assert "This cluster does not journal" in refusal(steps.migrate, self.MOVE, servers())

    def test_a_journal_server_that_is_dead(self) -> None:
        there = journalling()
        there.states["server1"]["processes"]["journal_server"]["alive"] = False
        sentence = refusal(steps.migrate, self.MOVE, there)
        assert "The journal server does not run on server1" in sentence
        assert "/w/server1/journals" in sentence

    def test_a_source_server_that_is_gone_for_good(self) -> None:
        there = journalling()
        del there.states["server2"]
        for step in (steps.copy, steps.migrate):
            sentence = refusal(step, self.MOVE, there)
            assert "server2 did not answer. Where it is switched off" in sentence
            assert "source_lost=true" in sentence
        plan = steps.migrate({**self.MOVE, "source_lost": "true"}, there)
        assert plan["deploy"] == ["server4"], "nothing is brought to a server that is gone"
        assert plan["reached"] == ["server4"], "nor is it asked for its logs"
        assert (plan["kill"], plan["fence"], plan["settle"], plan["epoch"]) == (False, False, False, 3)
        assert steps.copy({**self.MOVE, "source_lost": "true"}, there)["epoch"] == 3

    def test_a_server_that_answers_is_not_lost(self) -> None:
        assert "but server2 answers" in refusal(steps.migrate, {**self.MOVE, "source_lost": "yes"}, journalling())

    def test_files_cannot_be_copied_from_a_server_that_is_gone(self) -> None:
        there = journalling()
        del there.states["server2"]
        assert "needs via=journal" in refusal(steps.migrate, {**MOVE, "source_lost": "yes"}, there)
        assert "server2 did not answer" in refusal(steps.migrate, MOVE, there)

    def test_only_the_source_may_be_silent(self) -> None:
        there = journalling()
        del there.states["server2"], there.states["server3"]
        sentence = refusal(steps.migrate, {**self.MOVE, "source_lost": "yes"}, there)
        assert sentence.startswith("server3 did not answer")

    def test_there_are_two_ways(self) -> None:
        sentence = refusal(steps.migrate, {**MOVE, "via": "pigeon"}, servers())
        assert sentence == "via=pigeon is not known: choose one of files, journal."


class TestCopy:
    DEAD = {"worker2": worker(False)}

    def test_raises_the_epoch(self) -> None:
        assert steps.copy(MOVE, servers(server2=self.DEAD))["epoch"] == 2

    def test_again_under_the_same_epoch(self) -> None:
        there = servers(server2=self.DEAD, server4={"worker2": worker(False, epoch=2, copied_from="server2")})
        assert steps.copy(MOVE, there)["epoch"] == 2

    def test_a_running_worker_is_not_copied(self) -> None:
        assert "worker2 still runs on server2 (pid 4711)" in refusal(steps.copy, MOVE, servers())

    def test_a_worker_that_runs_elsewhere_is_not_copied(self) -> None:
        there = servers(server2=self.DEAD, server3={"worker2": worker(epoch=2)})
        assert "worker2 runs on server3" in refusal(steps.copy, MOVE, there)


class TestRestart:
    ARGUMENTS = {"worker": "2", "server": "4"}

    def test_where_it_was_when_no_server_is_named(self) -> None:
        plan = steps.restart({"worker": 2}, servers(server2={"worker2": worker(False)}))
        assert plan["server"] == "server2"
        assert plan["needed"]

    def test_nothing_to_do_when_it_runs_there(self) -> None:
        assert not steps.restart({"worker": 2, "server": 2}, servers())["needed"]

    def test_one_that_runs_is_crashed_when_that_is_wanted_and_could_come_back(self) -> None:
        crash = {"worker": 2, "crash": "true"}
        plan = steps.restart(crash, servers())
        assert (plan["needed"], plan["crash"], plan["server"], plan["epoch"]) == (True, True, "server2", 1)
        dead = steps.restart(crash, servers(server2={"worker2": worker(False)}))
        assert (dead["needed"], dead["crash"]) == (True, False)
        assert "worker2 runs on server2 already" in refusal(steps.restart, {**crash, "server": 4}, servers())
        assert "The initializer does not run" in refusal(
            steps.restart, crash, servers(server1={"initializer": worker(False)})
        )
        half = worker(resilience="incomplete", missing=["x.evlog"])
        assert "no complete set" in refusal(steps.restart, crash, servers(server2={"worker2": half}))

    def test_files_from_which_nobody_comes_back_are_refused_before_anything_is_done(self) -> None:
        unsound = servers(server2={"worker2": worker(False, unsound="part-1.sqlite3 is no recovery partition")})
        for step, arguments in ((steps.restart, {"worker": 2, "server": 2}), (steps.migrate, MOVE), (steps.copy, MOVE)):
            said = refusal(step, {**self.ARGUMENTS, **arguments}, unsound)
            assert "would not come back from its files on server2: part-1.sqlite3 is no recovery partition" in said

    def test_never_two_owners(self) -> None:
        assert "worker2 runs on server2 already" in refusal(steps.restart, self.ARGUMENTS, servers())

    def test_no_files_there(self) -> None:
        there = servers(server2={"worker2": worker(False)})
        assert "server4 holds no resilience files of worker2; they are on server2" in refusal(
            steps.restart, self.ARGUMENTS, there
        )

    def test_the_fence(self) -> None:
        there = servers(
            server2={"worker2": worker(False, ownership="moved", moved_to="server4", epoch=2)},
            server4={"worker2": worker(False, epoch=2)},
        )
        sentence = refusal(steps.restart, {"worker": 2, "server": 2}, there)
        assert "worker2 moved to server4 at 2026-01-01T00:00:00Z, epoch 2; migrate it back instead" in sentence

    def test_an_older_epoch_that_was_not_fenced_yet(self) -> None:
        there = servers(server2={"worker2": worker(False)}, server4={"worker2": worker(False, epoch=2)})
        sentence = refusal(steps.restart, {"worker": 2, "server": 2}, there)
        assert "worker2 belongs to server4 since epoch 2, and server2 still has epoch 1" in sentence

    def test_one_that_runs_where_it_does_not_belong_any_more_is_not_crashed_into_its_owners_epoch(self) -> None:
        there = servers(server2={"worker2": worker()}, server4={"worker2": worker(False, epoch=3)})
        sentence = refusal(steps.restart, {"worker": 2, "crash": "true"}, there)
        assert "worker2 belongs to server4 since epoch 3, and server2 still has epoch 1" in sentence

    def test_it_keeps_its_epoch(self) -> None:
        there = servers(
            server2={"worker2": worker(False)},
            server4={"worker2": worker(False, ownership="moved", moved_to="server2", epoch=2)},
        )
        assert steps.restart({"worker": 2}, there)["epoch"] == 1


class TestKill:
    def test_finds_the_worker_by_itself(self) -> None:
        assert steps.kill({"worker": 2}, servers())["server"] == "server2"

    def test_dead_already(self) -> None:
        assert not steps.kill({"worker": 2, "server": 2}, servers(server2={"worker2": worker(False)}))["needed"]

    def test_on_the_wrong_server(self) -> None:
        assert "worker2 is not on server3: it runs on server2" in refusal(
            steps.kill, {"worker": 2, "server": 3}, servers()
        )


class TestSend:
    def after(self, **left: Any) -> Servers:
        there = servers()
        there.states["server1"]["sent"] = {"sender": sending(**left)}  # type: ignore[index]
        return there

    def test_goes_on_where_the_last_sender_ended(self) -> None:
        assert (send({}, servers())["first"], send({}, servers())["last"]) == (1, 1000)
        there = self.after(last=1000)
        assert not send({"last": "1000"}, there)["needed"]
        plan = send({"last": "2000"}, there)
        assert (plan["first"], plan["last"], plan["needed"]) == (1001, 2000, True)
        assert "--go-on" not in plan["sends"][0]["argv"]

    def test_goes_on_behind_what_a_killed_sender_has_sent_when_that_is_known(self) -> None:
        plan = send({}, self.after(last=1000, sure=640))
        assert (plan["first"], plan["last"]) == (641, 1000)
        assert plan["sends"][0]["argv"][-1] == "--go-on"
        assert plan["warnings"] == [
            "The last sender (1 to 1000) was interrupted: it was killed, or its server went down. Values up to 640 of "
            "each key were sent; what follows is sent."
        ]
        # Connections are at their own pace: each key goes on where it is.
        apart = self.after(last=1000, sure=640, perhaps=740, exact=True)
        assert send({}, apart)["first"] == 641
        assert "of some keys values up to 740 were sent already" in refusal(send, {"last": "700"}, apart)

    @pytest.mark.parametrize(
        ("left", "sentence"),
        [
            ({"sure": 640, "perhaps": 740}, "values up to 640 of each key were sent, and those up to 740 perhaps"),
            ({"sure": 0, "perhaps": 100}, "values up to 100 of each key were sent perhaps"),
            (
                {"sure": 640, "exact": False, "exit_code": 1, "message": "the connection broke"},
                "was interrupted: the connection broke. values up to 640",
            ),
        ],
    )
    def test_where_that_is_not_known_nothing_is_sent(self, left: dict[str, Any], sentence: str) -> None:
        said = refusal(send, {}, self.after(last=1000, **left))
        assert sentence in said.replace("Values", "values")
        assert "Start a fresh cluster" in said

    def test_a_sender_that_was_killed_at_its_end_has_sent_everything(self) -> None:
        there = self.after(last=1000, exit_code=None)
        assert not send({}, there)["needed"]
        assert "warnings" not in send({}, there)

    def test_a_sender_that_never_reached_the_source_has_sent_nothing(self) -> None:
        there = self.after(last=2000, first=1001, sure=1000, exit_code=1, message="no connection")
        assert (send({"last": "1500"}, there)["first"], send({"last": "1500"}, there)["last"]) == (1001, 1500)

    def test_a_damaged_record_is_not_nothing(self) -> None:
        there = servers()
        damage = {"record": "sent", "name": "sender", "path": "/p", "what": "it is empty", "do": "start afresh"}
        there.states["server1"]["damaged"] = [damage]  # type: ignore[index]
        assert refusal(send, {}, there) == "server1: /p cannot be read (it is empty); start afresh."
        assert refusal(verify, {}, there) == "server1: /p cannot be read (it is empty); start afresh."

    def test_the_program_gets_what_was_asked_for(self) -> None:
        (one,) = send({"last": "20", "batch": "7", "interval": "0"}, servers())["sends"]
        said = dict(zip(one["argv"][::2], one["argv"][1::2]))
        assert said == {
            "--to": "10.0.0.1:7000",
            "--first": "1",
            "--last": "20",
            "--keys": "11",
            "--batch": "7",
            "--interval": "0.0",
            "--progress": "/w/server1/run/sender/progress",
            "--result": "/w/server1/run/sender/result.json",
        }
        assert (one["name"], one["program"]) == ("sender", "sender")

    def test_not_into_a_cluster_with_a_dead_worker(self) -> None:
        assert "worker2 does not run" in refusal(send, {}, servers(server2={"worker2": worker(False)}))


def market_spread(**senders: dict[str, Any]) -> Servers:
    """A cluster of market-spread, with what is known of its senders."""
    there = servers()
    for state in there.states.values():
        state["cluster"]["application"] = "market_spread"
    first = there.states["server1"]
    first["processes"].update({name: known["process"] for name, known in senders.items()})
    first["sent"].update({name: known["sent"] for name, known in senders.items()})
    return there


def sent(number: int, sure: int = 1000, alive: bool = False, **others: Any) -> dict[str, Any]:
    """A sender of a file of 1000 records."""
    process = {"alive": alive, "kind": "sender", "details": {"round": number}, "result": None}
    return {"process": process, "sent": sending(1000, sure, round=number, **others)}


class TestSendingMarketData:
    ALL = {"initial_nbbo_file": "/d/initial", "orders_file": "/d/orders", "nbbo_file": "/d/quotes"}

    def names(self, plan: dict[str, Any]) -> list[str]:
        return [one["name"] for one in plan["sends"]]

    def test_files_go_to_their_sources_the_first_quotes_first(self) -> None:
        plan = send(self.ALL, market_spread())
        assert self.names(plan) == ["sender_initial_nbbo", "sender_orders", "sender_nbbo"]
        assert plan["generate"] == []
        assert [one["argv"][:6] for one in plan["sends"]] == [
            ["--to", "10.0.0.1:7001", "--file", "/d/initial", "--msg-size", "46"],
            ["--to", "10.0.0.1:7000", "--file", "/d/orders", "--msg-size", "57"],
            ["--to", "10.0.0.1:7001", "--file", "/d/quotes", "--msg-size", "46"],
        ]

    def test_without_files_they_are_made(self) -> None:
        plan = send({"symbols": "20", "seed": "7", "rejecting": "0.5"}, market_spread())
        said = dict(zip(plan["generate"][::2], plan["generate"][1::2]))
        assert said == {
            "--directory": "/w/server1/market_data",
            "--seed": "7",
            "--symbols": "20",
            "--orders": "1000",
            "--quotes": "1000",
            "--rejecting": "0.5",
        }
        assert plan["sends"][0]["argv"][3] == "/w/server1/market_data/initial-nbbo.msg"

    def test_some_of_the_files_are_enough(self) -> None:
        assert self.names(send({"orders_file": "/d/orders"}, market_spread())) == ["sender_orders"]

    def test_a_round_is_sent_once(self) -> None:
        there = market_spread(sender_initial_nbbo=sent(1), sender_orders=sent(1), sender_nbbo=sent(1))
        assert not send(self.ALL, there)["needed"]
        assert self.names(send({**self.ALL, "round": "2"}, there)) == ["sender_orders", "sender_nbbo"]

    def test_a_file_that_was_refused_may_be_sent_after_all(self) -> None:
        # Its process is the last one that was started; what it has sent is what it left before.
        refused = {**sent(1), "process": sent(2)["process"]}
        there = market_spread(sender_initial_nbbo=sent(1), sender_orders=refused, sender_nbbo=sent(1))
        assert self.names(send({**self.ALL, "round": "2"}, there)) == ["sender_orders", "sender_nbbo"]

    def test_a_round_that_was_interrupted_goes_on(self) -> None:
        there = market_spread(sender_initial_nbbo=sent(1), sender_orders=sent(1, alive=True))
        assert self.names(send(self.ALL, there)) == ["sender_orders", "sender_nbbo"]

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ({"round": 4}, "round=4 does not follow: orders were sent 2 times, so the next is round=3"),
            (
                {"round": 3},
                "The last sender of nbbo (round 2) was interrupted: it was killed, or its server went down. Of its "
                "1000 records those up to 400 were sent, and those up to 500 perhaps",
            ),
            ({"orders_file": "orders.msg"}, "orders_file=orders.msg is no absolute path on the servers"),
            ({"rejecting": 2, **dict.fromkeys(ALL)}, "rejecting=2 is no share"),
        ],
    )
    def test_what_makes_no_sense(self, arguments: dict[str, Any], sentence: str) -> None:
        there = market_spread(sender_initial_nbbo=sent(1), sender_orders=sent(2), sender_nbbo=sent(2, 400, perhaps=500))
        assert sentence in refusal(send, {**self.ALL, **arguments}, there)

    def test_a_sender_of_another_round_is_under_way(self) -> None:
        there = market_spread(sender_initial_nbbo=sent(1), sender_orders=sent(2, alive=True))
        assert "A sender of orders is still running on server1, in round 2" in refusal(send, self.ALL, there)


class TestDemonstration:
    def plan(self, name: str = "demo", **arguments: Any) -> dict[str, Any]:
        record = wanted(**{key: value for key, value in arguments.items() if key == "workers"})
        there = servers(server1={}, server2={})
        return demonstration(name, arguments, there, record)

    def test_a_path_is_one_move_after_the_other(self) -> None:
        plan = self.plan(path="2,4,2,3")
        assert [(act["src"], act["dst"], act["last"]) for act in plan["rounds"]] == [
            ("server2", "server4", 2000),
            ("server4", "server2", 3000),
            ("server2", "server3", 4000),
        ]
        assert plan["expected"] == 44000

    @pytest.mark.parametrize(
        ("left", "stops"),
        [
            ({"cluster": None}, False),
            ({}, True),
            ({"cluster": None, "moved_addresses": {"10.0.0.2": "taken"}}, True),
            ({"cluster": None, "damaged": [{"record": "process"}]}, True),
            ({"cluster": None, "processes": {"receiver": {"alive": True, "kind": "receiver"}}}, True),
            ({"cluster": None, "processes": {"receiver": {"alive": False, "kind": "receiver"}}}, False),
        ],
        ids=["nothing", "a record", "an address", "damage", "a process", "a dead process"],
    )
    def test_what_an_earlier_run_has_left_is_stopped_first(self, left: dict[str, Any], stops: bool) -> None:
        there = servers(server1={}, server2={})
        for state in there.states.values():
            state.update({"cluster": None, "processes": {}, "damaged": [], "moved_addresses": {}})
        there.states["server3"].update({"cluster": wanted().to_dict(), **left})
        assert demonstration("demo", {}, there, wanted())["stop_first"] is stops

    def test_restarts_come_at_the_end_of_the_path(self) -> None:
        plan = self.plan(path="2,4", restarts="2")
        assert [act["act"] for act in plan["rounds"]] == ["migrate", "restart", "restart"]
        assert {act["dst"] for act in plan["rounds"]} == {"server4"}

    def test_every_move_can_go_through_the_journal_server(self) -> None:
        assert {act["via"] for act in self.plan(path="2,4,2", via="journal")["rounds"]} == {"journal"}
        assert {act["via"] for act in self.plan(path="2,4,2")["rounds"]} == {"files"}

    @pytest.mark.parametrize(
        ("name", "arguments", "path"),
        [
            ("verify_restart", {}, ["server2"]),
            ("verify_restart", {"worker": "3", "workers": "3"}, ["server3"]),
            ("demo", {}, ["server2", "server3"]),
            ("demo", {"worker": 3, "workers": 3}, ["server3", "server4"]),
            ("demo", {"dst": 4}, ["server2", "server4"]),
            ("verify_migration", {}, ["server2", "server3"]),
            ("verify_migration", {"workers": "3"}, ["server2", "server4"]),
            ("verify_migration", {"workers": 3, "dst": "4"}, ["server2", "server4"]),
            ("verify_migration", {"path": [2, "server4", 2]}, ["server2", "server4", "server2"]),
        ],
    )
    def test_what_is_not_said_has_a_default(self, name: str, arguments: dict[str, Any], path: list[str]) -> None:
        assert self.plan(name, **arguments)["path"] == path

    @pytest.mark.parametrize("name", ["demo", "verify_migration", "verify_restart"])
    def test_what_a_survey_left_empty_changes_nothing(self, name: str) -> None:
        names = ["worker", "workers", "path", "dst", "restarts", "values", "drain", "batch", "interval", "mode", "via"]
        assert self.plan(name, **dict.fromkeys(names, "")) == self.plan(name)

    def test_a_run_tells_what_it_would_do(self) -> None:
        plan = {**self.plan(path="2,4", restarts=1, values=10), "cluster": wanted().to_dict()}
        there = servers()
        assert told(plan, there) == [
            "Would stop what runs: initializer on server1, worker2 on server2.",
            "Would start 2 workers of multi_partition_detector on the embedded engine.",
            "Would send the values 1 to 10 for 11 keys.",
            "Would kill worker2, move it from server2 to server4, and send up to 20.",
            "Would kill worker2, restart it on server4, and send up to 30.",
            "Would verify 330 messages (exactly_once), prove the detector, and stop the cluster.",
        ]

    def negative(self, negative: str, engine: str = "embedded", **arguments: Any) -> dict[str, Any]:
        record = replace(wanted(), negative=negative, engine=engine)
        return demonstration("verify_migration", {"negative": negative, **arguments}, servers(server1={}), record)

    @pytest.mark.parametrize(
        ("negative", "acts", "lasts"),
        [
            ("dropped_state", ["migrate"], [20]),
            # A checkpoint of the round before is older for sure.
            ("old_copy", ["restart", "migrate"], [20, 30]),
            ("two_owners", ["migrate", "second_owner"], [20, 30]),
        ],
    )
    def test_a_negative_run_moves_once_and_is_impatient_where_nothing_is_to_come(
        self, negative: str, acts: list[str], lasts: list[int]
    ) -> None:
        plan = self.negative(negative, values=10)
        assert [act["act"] for act in plan["rounds"]] == acts
        assert [act["last"] for act in plan["rounds"]] == lasts
        assert [act.get("patience") for act in plan["rounds"]] == [*[None] * (len(acts) - 1), 5]
        assert (plan["last"], plan["expected"]) == (lasts[-1], 11 * lasts[-1])
        assert plan["formation"]["negative"] == negative
        moves = [(act["src"], act["dst"]) for act in plan["rounds"]]
        assert moves[-1] == ("server2", "server3")
        assert moves[0] == (("server2", "server2") if negative == "old_copy" else ("server2", "server3"))

    def test_a_second_owner_is_sent_no_more_than_a_batch(self) -> None:
        assert [act["last"] for act in self.negative("two_owners")["rounds"]] == [2000, 2100]

    def test_other_runs_wait_as_ever_and_damage_nothing(self) -> None:
        plan = self.plan()
        assert not any("patience" in act for act in plan["rounds"])
        assert not plan["formation"]["negative"]

    def test_a_negative_run_tells_what_it_would_do(self) -> None:
        record = replace(wanted(), negative="two_owners")
        plan = {**self.negative("two_owners", values=10), "cluster": record.to_dict()}
        said = told(plan, servers())
        assert said[-3:-1] == [
            "Would start worker2 on server2 a second time, and send up to 30.",
            "All that on a cluster that is damaged on purpose (two_owners): the verdict has to be fail.",
        ]
        assert not any("on purpose" in one for one in told({**self.plan(), "cluster": wanted().to_dict()}, servers()))

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ({"restarts": 1}, "negative=old_copy moves the worker once: leave restarts out"),
            ({"path": "2,3,2"}, "negative=old_copy moves the worker once: leave restarts out"),
            ({"drain": "false"}, "negative=old_copy with drain=false would lose messages by the crash, too"),
            ({"keep_running": "true"}, "negative=old_copy leaves a damaged cluster, which is stopped"),
        ],
    )
    def test_in_a_negative_run_nothing_but_the_damage_may_be_a_cause(
        self, arguments: dict[str, Any], sentence: str
    ) -> None:
        with pytest.raises(Refusal, match=sentence):
            self.negative("old_copy", **arguments)

    def test_an_engine_whose_files_cannot_be_damaged_unnoticed_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(registry, "_CAPABILITIES", {Damageable: "is solid"})
        monkeypatch.setattr(registry, "engine", lambda name: object())
        with pytest.raises(Refusal, match=r"The engine embedded is solid. Leave negative=old_copy out."):
            self.negative("old_copy")
        assert self.negative("two_owners")["rounds"], "whose fence is not the engine's"

    def test_a_worker_beyond_the_servers_starts_on_the_first_again(self) -> None:
        assert self.plan(workers=5, worker=5, dst=3)["path"] == ["server1", "server3"]

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ({"path": "2,2"}, "a migration needs two servers"),
            ({"path": "3,2"}, "must begin where worker2 is started, on server2"),
            ({"path": "2,9"}, "There is no server 9"),
            ({"worker": 9}, "There is no worker 9: this cluster has 2"),
            ({"worker": 1}, "The initializer .* cannot be moved"),
            ({"restarts": "many"}, "restarts=many is no whole number"),
            ({"mode": "once"}, "mode=once is not known"),
            ({"negative": "fire"}, "negative=fire is not known: choose one of dropped_state, old_copy, two_owners"),
            ({"path": "2,3", "dst": 4}, "dst=4 is short for path=server2,4, but path=server2,server3 was given too"),
            ({"name": "verify_migration", "workers": 4}, "dst is missing: with 4 workers on 4 servers"),
        ],
    )
    def test_a_run_that_makes_no_sense(self, arguments: dict[str, Any], sentence: str) -> None:
        with pytest.raises(Refusal, match=sentence):
            self.plan(**arguments)

    def test_a_run_that_crashes_nothing_proves_nothing(self) -> None:
        with pytest.raises(Refusal, match="proves nothing"):
            self.plan("verify_restart", restarts=0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"workers": "0"}, "workers=0 is too small"),
        ({"workers": "two"}, "workers=two is no whole number"),
        ({"workers": 30000}, "workers=30000 is too large: it must be at most 1000"),
        ({"app": "wordcount"}, "app=wordcount is not known"),
        ({"engine": "wallaroo"}, "engine=wallaroo needs wallaroo_home"),
        ({"wallaroo_version": "9"}, "wallaroo_version=9 is not known"),
        ({"wallaroo_ports": {"zink": 1}}, "wallaroo_ports knows no zink"),
        ({"checkpoint_interval": "soon"}, "checkpoint_interval=soon is no number"),
        ({"journal": "perhaps"}, "journal=perhaps is neither true nor false"),
        ({"journal": "false", "via": "journal"}, "via=journal needs a journal to restore from"),
        ({"workers": 900, "wallaroo_ports": {"workers": 64000}}, "workers=900 is too many"),
        ({"wallaroo_ports": {"orders": 5555}}, "orders and sink are both 5555"),
        ({"workers": 3, "wallaroo_ports": {"orders": 13106}}, "orders is 13106, and workers 2 to 3 have the ports"),
        ({"symbols_file": "/s"}, "symbols_file=/s cannot be used: it is for app=market_spread"),
        ({"app": "market-spread", "symbols_file": "s"}, "symbols_file=s is no absolute path on the servers"),
    ],
)
def test_a_cluster_that_makes_no_sense(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        wanted(**arguments)


def test_empty_answers_of_a_survey_are_defaults() -> None:
    record = wanted(workers="", app="", engine="", keys="", wallaroo_ports="")
    assert (record.workers, record.application, record.engine, record.keys) == (
        2,
        "multi_partition_detector",
        "embedded",
        11,
    )


def test_a_run_through_the_journal_server_starts_a_cluster_that_journals() -> None:
    assert wanted(via="journal").journal
    assert wanted(journal="yes").journal
    assert not wanted().journal


def test_plans_change_nothing_of_what_the_servers_said() -> None:
    there = servers()
    before = copy.deepcopy(there.states)
    steps.migrate(MOVE, there)
    send({}, there)
    assert there.states == before
