# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A verdict names its scope and its first cause, and what was never sent is no violation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.action import run_result
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._judging import Case, judge, scope_of
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.moves import Migration
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._stalled import receiver_gone

from tests.server_states import sending, servers, worker

NO_CLUSTER = "No cluster is running: none of the 2 workers of the last one is alive."
MOVED = (Migration("worker2", "server2", "server3", killed="2026-01-01T00:00:00.000Z"),)
GAP = {
    "worker": "worker2",
    "server": "server3",
    "last_line": "Increments test failed! key_1.TraceID-1.TraceWindow-1: [4,5,6,37]",
}


def tails(*came: int, last: int = 100) -> list[dict[str, Any]]:
    """A key each that ended too early, with the highest value that came."""
    return [
        {
            "kind": "lost_tail" if value else "missing_key",
            "key": f"key_{number}",
            "missing": [value + 1, last],
            "found": "x",
            "sentence": f"key_{number}: the end is missing",
        }
        for number, value in enumerate(came)
    ]


def said(*came: int, verdict: str = "fail", last: int = 100, limit: int = 20) -> dict[str, Any]:
    """What the verifier said when each key came so far."""
    found = tails(*(value for value in came if value < last), last=last)
    return {
        "verdict": verdict,
        "mode": "exactly_once",
        "keys": len(came),
        "expected": last * len(came),
        "received": sum(came),
        "violations": found[:limit],
        "violation_count": len(found),
        "last_values": {f"key_{number}": value for number, value in enumerate(came)},
    }


def test_a_pass_names_its_scope_and_nothing_else() -> None:
    found = judge(Case(said(100, 100, verdict="pass"), migrations=MOVED, sent=sending(100), known=True))
    assert (found.verdict, found.reason, found.then, found.violations) == ("pass", "", "", ())
    assert found.scope == ("200 of 200 messages of 2 keys, each exactly once and in order, through 1 crash of worker2")


@pytest.mark.parametrize("sent", [None, sending(100, 0)])
def test_a_run_that_never_sent_anything_is_unknown_and_has_no_violations(sent: dict[str, Any] | None) -> None:
    found = judge(Case(said(0, 0), sent=sent, known=True))
    assert (found.verdict, found.violations, found.violation_count) == ("unknown", (), 0)
    assert found.reason == "Nothing was sent, so there is nothing to verify."
    failed = judge(Case(said(0, 0), failure="server1: port 7000 is taken", sent=sent, known=True))
    assert (failed.verdict, failed.reason, failed.then) == ("unknown", "server1: port 7000 is taken.", "")


def test_what_an_earlier_cluster_has_left_is_not_judged() -> None:
    found = judge(Case(said(90), "server1: port 7000 is taken", sent=sending(90), known=True, began=False))
    assert (found.verdict, found.violations, found.scope) == ("unknown", (), "no message: no cluster was started")
    assert (found.reason, found.then, found.unsent) == ("server1: port 7000 is taken.", "", "")


def test_what_came_though_nothing_was_sent_and_what_is_not_known_is_judged_all_the_same() -> None:
    assert judge(Case(said(3, 0), sent=None, known=True)).verdict == "fail"
    assert judge(Case(said(0, 0), sent=None, known=False)).verdict == "fail"
    garbage = {**said(0), "violations": [{"kind": "garbage", "key": None, "sentence": "garbage came"}]}
    assert judge(Case(garbage, sent=None, known=True)).verdict == "fail"


def test_what_was_never_sent_is_no_violation_and_no_pass() -> None:
    found = judge(Case(said(50, 50), failure="worker2 could not be moved", sent=sending(100, 50), known=True))
    assert (found.verdict, found.violation_count) == ("unknown", 0)
    assert found.reason == "worker2 could not be moved."
    assert found.unsent == "51..100 of each key were never sent."
    alone = judge(Case(said(50, 50), sent=sending(100, 50), known=True))
    assert (alone.verdict, alone.reason, alone.unsent) == ("unknown", "51..100 of each key were never sent.", "")


def test_a_pass_of_what_an_interrupted_sender_has_sent_tells_the_rest() -> None:
    found = judge(Case(said(455, 455, verdict="pass", last=455), sent=sending(500, 455), known=True))
    assert (found.verdict, found.reason) == ("pass", "")
    assert found.unsent == "456..500 of each key were never sent."


def test_what_was_perhaps_sent_is_not_lost_for_sure() -> None:
    found = judge(Case(said(50, 52), sent=sending(100, 50, 60), known=True))
    assert (found.verdict, found.violations) == ("unknown", ())
    assert found.reason.startswith("51..60 of each key were perhaps sent")


def test_the_crash_is_the_reason_and_the_cluster_that_is_down_follows_from_it() -> None:
    found = judge(Case(said(30, 40, 30), NO_CLUSTER, [GAP], MOVED, sent=sending(100, 44, 46), known=True))
    assert found.verdict == "fail"
    assert found.reason == (
        "Sent and never came out: 31..44 of key_0, key_2; 41..44 of key_1. After the crash of worker2 state was rolled "
        "back behind values that had been sent: worker2 on server3 died when 37 of key_1 came, for its state was at 6."
    )
    assert found.then == NO_CLUSTER
    assert found.unsent == "45..46 of each key were perhaps sent, and 47..100 of each key were never sent."


def test_a_worker_that_died_of_something_else_comes_before_what_is_lost() -> None:
    other = {"worker": "worker3", "server": "server3", "last_line": "Error: out of memory"}
    found = judge(Case(said(30, 100), crashed=[other, GAP], sent=sending(100), known=True))
    died = "worker3 on server3 died of itself: Error: out of memory."
    assert found.reason.startswith(f"{died} Sent and never came out: 31..100 of key_0. State was rolled back ")


def test_what_a_worker_died_of_was_sent_for_sure() -> None:
    """All that was surely sent had come out before the crash; the value that came after it shows what that took."""
    found = judge(Case(said(36, 36), NO_CLUSTER, [GAP], MOVED, sent=sending(100, 36, 38), known=True))
    assert (found.verdict, found.violation_count) == ("fail", 1)
    assert found.reason.startswith("Sent and never came out: 37 of key_1. After the crash of worker2 ")


def test_what_a_signal_has_stopped_comes_before_all() -> None:
    found = judge(Case(said(30), "Nothing came.", paused=["worker2 is paused."], sent=sending(100), known=True))
    assert found.reason == "worker2 is paused. Sent and never came out: 31..100 of key_0."
    assert found.then == "Nothing came."


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("demo", "worker2 (pid 4711 on server2) was stopped by a signal."),
        ("verify", "worker2 (pid 4711 on server2) is stopped by a signal; kill -CONT 4711 there lets it go on."),
    ],
)
def test_only_while_the_cluster_goes_on_one_is_told_how_to_wake_who_is_stopped(name: str, cause: str) -> None:
    process = {"alive": True, "stopped": True, "kind": "worker", "pid": 4711}
    advice = "worker2 (pid 4711 on server2) is stopped by a signal; kill -CONT 4711 there lets it go on."
    result = run_result.ActionModule._result(
        SimpleNamespace(),  # type: ignore[arg-type]
        {
            "name": name,
            "verification": said(30),
            "failure": f"{advice} Not everything was received.",
            "states": {"server2": {"processes": {"worker2": process}}},
        },
    )
    assert result.reason == f"{cause} Sent and never came out: 31..100 of key_0."
    assert result.then == "Not everything was received."


def test_of_a_cluster_that_goes_on_a_worker_that_is_dead_is_the_cause() -> None:
    there = servers(server2={"worker2": worker(False)})
    asked = {
        "verification": said(30),
        "states": there.states,
        "cluster": there.states["server1"]["cluster"],
    }
    reasons = {
        name: run_result.ActionModule._result(SimpleNamespace(), {"name": name, **asked}).reason  # type: ignore[arg-type]
        for name in ("verify", "demo")
    }
    assert reasons["verify"] == "worker2 is dead on server2. Sent and never came out: 31..100 of key_0."
    assert "is dead" not in reasons["demo"], "whom a run has stopped with its cluster lives no more, too"


BLIND = "The receiver on server1 is dead, so what came out since is not known."


def test_of_an_end_that_nobody_was_there_to_receive_nothing_is_known() -> None:
    found = judge(Case(said(30), "Nothing came.", sent=sending(100), known=True, blind=BLIND))
    assert (found.verdict, found.reason, found.then) == ("unknown", BLIND, "Nothing came.")
    assert (found.violations, found.violation_count) == ((), 0)


def test_what_is_wrong_in_what_did_come_is_wrong_whoever_died_afterwards() -> None:
    wrong = said(30)
    wrong["violations"].insert(0, {"kind": "duplicate", "key": "key_0", "sentence": "key_0: 4 came twice"})
    assert judge(Case(wrong, sent=sending(100), known=True, blind=BLIND)).verdict == "fail"


@pytest.mark.parametrize(
    ("receiver", "workers", "said_of_it"),
    [(False, True, BLIND), (True, True, ""), (False, False, "")],
    ids=["it died", "it lives", "it was stopped with the cluster"],
)
def test_a_receiver_is_missed_while_workers_go_on(receiver: bool, workers: bool, said_of_it: str) -> None:
    there = servers(server2={"worker2": worker(workers)}, server1={"initializer": worker(workers)})
    there.states["server1"]["processes"]["receiver"] = {"kind": "receiver", "alive": receiver}
    assert receiver_gone(there.states) == said_of_it


def test_an_end_that_is_missing_is_told_once() -> None:
    assert judge(Case(said(30), sent=sending(100), known=True)).reason == "Sent and never came out: 31..100 of key_0."


def test_a_step_that_failed_is_the_reason_where_only_the_end_is_missing() -> None:
    found = judge(Case(said(30, 100), "worker2 did not start.", sent=sending(100), known=True))
    assert (found.verdict, found.then) == ("fail", "")
    assert found.reason == "worker2 did not start. Sent and never came out: 31..100 of key_0."


def test_a_wrong_message_is_the_reason_before_what_a_step_said() -> None:
    wrong = {"kind": "reset_state", "key": "key_0", "missing": None, "sentence": "key_0: the state was lost"}
    verification = {**said(100), "violations": [wrong], "violation_count": 1}
    found = judge(Case(verification, "worker2 did not start.", sent=sending(100), known=True))
    assert (found.reason, found.then) == ("key_0: the state was lost.", "worker2 did not start.")


def test_where_the_next_sender_has_sent_nothing_yet_an_earlier_one_has() -> None:
    gone = judge(Case(said(0, 0), sent=sending(200, 100, first=101), known=True))
    assert (gone.verdict, gone.violation_count) == ("fail", 2)
    none = judge(Case(said(0, 0), sent=sending(100, 0), known=True))
    assert (none.verdict, none.scope) == ("unknown", "no message: nothing was sent")


def test_violations_that_are_only_counted_are_told_apart_too() -> None:
    found = judge(Case(said(*[50] * 40, 30, limit=20), sent=sending(100, 50), known=True))
    assert (found.verdict, found.violation_count) == ("fail", 1)
    none = judge(Case(said(*[50] * 40, limit=20), sent=sending(100, 50), known=True))
    assert (none.verdict, none.violation_count) == ("unknown", 0)


def test_a_verifier_that_did_not_answer_has_no_scope() -> None:
    found = judge(Case({"msg": "boom"}, known=True))
    assert (found.verdict, found.scope) == ("unknown", "no message was checked")
    assert found.reason == "The verification failed: boom."


def test_a_scope_speaks_of_one_key_and_of_several_crashes() -> None:
    verification = {"received": 5, "expected": 4, "keys": 1, "mode": "at_least_once"}
    assert scope_of(verification, (*MOVED, *MOVED), "pass") == (
        "5 of 4 messages of 1 key, each at least once and in order, through 2 crashes of worker2"
    )


def test_a_scope_says_that_what_was_lost_is_named() -> None:
    verification = {"received": 3, "expected": 4, "keys": 1, "mode": "none"}
    how = "each at most once, in order, with what was lost named"
    assert scope_of(verification, MOVED, "pass") == f"3 of 4 messages of 1 key, {how}, through 1 crash of worker2"
    assert scope_of(verification, MOVED, "fail").endswith(f"; asked was: {how}")


@pytest.mark.parametrize(("verdict", "received"), [("fail", 201), ("unknown", 0)])
def test_only_a_pass_says_how_the_messages_came(verdict: str, received: int) -> None:
    wrong = {"kind": "repeated", "key": "key_0", "sentence": "key_0: repeated"}
    verification = {**said(100, 100, verdict=verdict), "received": received, "violations": [wrong]}
    asked = "asked was: each exactly once and in order"
    of = f"{received} of 200 messages of 2 keys came"
    assert judge(Case(verification, migrations=MOVED)).scope == f"{of} through 1 crash of worker2; {asked}"
    assert judge(Case(verification)).scope == f"{of}; {asked}"


@pytest.mark.parametrize(
    ("name", "state", "began"),
    [
        ("demo", {"cluster": {"started": 99.0}}, False),
        ("demo", {"cluster": None}, False),
        ("demo", {"cluster": {"started": 100.5}}, True),
        ("demo", {"problem": "it does not answer"}, True),
        ("verify", {"cluster": {"started": 99.0}}, True),
    ],
)
def test_a_run_that_has_not_come_to_its_own_cluster_is_known_by_the_time(name: str, state: Any, began: bool) -> None:
    cluster = {"servers": [{"name": "server1"}]}
    assert run_result._began(name, {"server1": state}, cluster, 100.0) == began
