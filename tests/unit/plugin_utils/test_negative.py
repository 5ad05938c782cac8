# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A negative run succeeds when its damage was caught: by verdict, classes of violation, and a worker's words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.action import run_result, step_plan
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import NEGATIVE
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import move
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import negative as damaging
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _negative, _starting
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._judging import Case, Judgement
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.verified import Negative
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._status import headline

from tests.server_states import sending, servers, worker

NO_CHECKPOINT = {"worker": "worker2", "server": "server2", "last_line": "evlog holds no checkpoint 30"}


def died(first: int, came: int) -> dict[str, str]:
    """A worker whose state ended before ``first`` when ``came`` came."""
    line = f"Increments test failed! key_1: [{max(first - 3, 0)},{max(first - 2, 0)},{first - 1},{came}]"
    return {"worker": "worker2", "server": "server3", "last_line": line}


def judgement(verdict: str = "fail", *kinds: str) -> Judgement:
    return Judgement(verdict, "all", "why", "more", tuple({"kind": kind} for kind in kinds), len(kinds))


SECOND = {"refused": "worker2 moved.", "ended": "worker2 did not get ready on server2 within 15 s"}
NO_SECOND = "there was no second owner that was refused first, and then came to nothing"
TAILS = judgement("fail", "lost_tail", "lost_tail")


@pytest.mark.parametrize(
    ("wanted", "crashed", "before"),
    [
        ("dropped_state", died(1, 201), ""),
        ("old_copy", died(201, 401), ""),
        ("two_owners", NO_CHECKPOINT, "refused by the fence, and when that was lifted "),
    ],
)
def test_what_has_the_classes_and_the_words_of_its_damage_is_caught(
    wanted: str, crashed: dict[str, str], before: str
) -> None:
    found, told = _negative.judged(wanted, "embedded", TAILS, [crashed], SECOND)
    assert found == TAILS
    sentence = f"negative run: {wanted} was caught: {before}2 violations (lost_tail), as this damage must give"
    assert told == Negative(wanted, True, sentence)


@pytest.mark.parametrize(
    ("wanted", "given", "crashed", "why"),
    [
        ("dropped_state", judgement("pass"), [died(1, 201)], "the verdict was pass"),
        ("dropped_state", judgement("unknown", "lost_tail"), [died(1, 201)], "the verdict was unknown"),
        ("dropped_state", judgement("fail"), [died(1, 201)], "it was called nothing, and has to be called lost_tail"),
        (
            "dropped_state",
            judgement("fail", "lost_tail", "gap"),
            [died(1, 201)],
            "it was called gap, lost_tail, and has to be called lost_tail",
        ),
        ("dropped_state", TAILS, [], "no worker said that it knew nothing of what it had seen"),
        ("dropped_state", TAILS, [died(2, 201)], "no worker said that it knew nothing of what it had seen"),
        ("old_copy", TAILS, [died(1, 401)], "no worker said that it knew an older state"),
        ("two_owners", TAILS, [died(201, 401)], NO_SECOND),
    ],
)
def test_everything_else_was_not_caught_and_makes_the_verdict_unknown(
    wanted: str, given: Judgement, crashed: list[Any], why: str
) -> None:
    found, told = _negative.judged(wanted, "embedded", given, crashed, SECOND)
    assert told == Negative(wanted, False, f"negative run: {wanted} was not caught: {why}")
    # Of a run that was not judged its own reason is the first cause.
    if given.verdict == "unknown":
        assert found == given
        return
    assert (found.verdict, found.reason) == ("unknown", f"Negative run: {wanted} was not caught: {why}.")
    assert found.then == "why more"
    assert found.violations == given.violations


@pytest.mark.parametrize("second", [{}, {**SECOND, "refused": ""}, {**SECOND, "ended": ""}, {"msg": "No fence"}])
def test_a_second_owner_that_nobody_refused_or_that_lives_was_not_caught(second: dict[str, str]) -> None:
    assert _negative.judged("two_owners", "embedded", TAILS, [], second)[1].sentence.endswith(NO_SECOND)
    assert not _negative.judged("two_owners", "embedded", TAILS, [NO_CHECKPOINT], second)[1].caught
    assert _negative.judged("two_owners", "embedded", TAILS, [], SECOND)[1].caught, "it may stand still and not end"


def test_one_violation_is_told_as_one() -> None:
    _, told = _negative.judged("old_copy", "embedded", judgement("fail", "lost_tail"), [died(5, 9)], {})
    assert "caught: 1 violation (lost_tail)" in told.sentence


def test_every_damage_has_an_effect() -> None:
    assert set(_negative.EFFECTS) == {*NEGATIVE} - {""}


LOST = {
    "verdict": "fail",
    "keys": 1,
    "expected": 400,
    "received": 200,
    "violations": [
        {"kind": "lost_tail", "key": "key_1", "missing": [201, 400], "sentence": "key_1: the end is missing"}
    ],
    "violation_count": 1,
}


def test_the_damage_is_the_cause_that_comes_first() -> None:
    case = Case(LOST, "worker2 is dead on server3.", [died(1, 201)], sent=sending(400), known=True)
    found = run_result._judged(case, "verify_migration", {"engine": "embedded", "negative": "dropped_state"}, {})
    assert found["verdict"] == "fail"
    assert found["negative"]["caught"]
    assert found["reason"] == (
        "The state that was dropped left state behind values that had been sent: "
        "worker2 on server3 died when 201 of key_1 came, for its state was at 0. "
        "Sent and never came out: 201..400 of key_1."
    )
    known = Case(LOST, "", [NO_CHECKPOINT], sent=sending(400), known=True)
    owner = run_result._judged(known, "demo", {"engine": "embedded", "negative": "two_owners"}, SECOND)
    assert owner["negative"]["caught"]
    assert owner["reason"].startswith(
        "The second owner, worker2 on server2, died of itself: evlog holds no checkpoint 30."
    )


def test_a_second_owner_that_only_stands_still_is_the_cause_too() -> None:
    known = Case(LOST, "Not all came out.", paused=["sender is stopped."], sent=sending(400), known=True)
    found = run_result._judged(known, "demo", {"engine": "embedded", "negative": "two_owners"}, SECOND)
    assert found["negative"]["caught"]
    assert found["reason"] == (
        "sender is stopped. The second owner came to nothing: worker2 did not get ready on server2 within 15 s. "
        "Sent and never came out: 201..400 of key_1."
    )
    assert found["then"] == "Not all came out."


@pytest.mark.parametrize(("name", "negative"), [("verify", "dropped_state"), ("demo", "")])
def test_other_runs_are_judged_as_ever(name: str, negative: str) -> None:
    case = Case(LOST, "", [died(1, 201)], sent=sending(400), known=True)
    found = run_result._judged(case, name, {"engine": "embedded", "negative": negative}, SECOND)
    assert "negative" not in found
    assert found["reason"].startswith(
        "Sent and never came out: 201..400 of key_1. State was rolled back behind values "
    )


def written(**state: Any) -> dict[str, Any]:
    """What ``run_result`` answers of a run in which a state was dropped, in check mode, which writes nothing."""
    first = {"cluster": {"started": 5.0}, "processes": {}, "sent": {"sender": sending(400)}}
    arguments = {
        "name": "verify_migration",
        "started": 1.0,
        "cluster": {"engine": "embedded", "negative": "dropped_state", "servers": [{"name": "server1"}]},
        "verification": LOST,
        "states": {"server1": first, "server3": {"processes": {}, **state}},
    }
    action = run_result.ActionModule.__new__(run_result.ActionModule)
    action._task = SimpleNamespace(check_mode=True, args=arguments)
    return action.decide(arguments, {})


def test_a_run_whose_damage_was_caught_has_not_failed() -> None:
    log = "Increments test failed! key_1.TraceID-1.TraceWindow-1: [0,0,0,201]\nThis should never happen: failure in x"
    known = {"workers": {"worker2": {"ownership": "owner", "alive": False}}, "logs": {"worker2": log}}
    caught = written(**known)
    assert caught["result"]["negative"]["caught"]
    assert ("failed" in caught, "msg" in caught, caught["verdict"]) == (False, False, "fail")
    missed = written()
    assert (missed["failed"], missed["verdict"]) == (True, "unknown")
    assert missed["msg"].startswith("verdict unknown: Negative run: dropped_state was not caught: no worker said")


@pytest.mark.parametrize("step", sorted(step_plan.STEPS.keys() - {"setup_repo", "setup_flink"}))
def test_what_a_negative_run_has_left_is_stopped_or_looked_at_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    decided = step_plan._decision
    plans = {step_plan.STEPS[step]: lambda arguments, servers: {"worker": arguments.get("worker")}}
    monkeypatch.setattr(step_plan, "_decision", lambda place: plans.get(place) or decided(place))
    there = servers(server2={"worker2": worker()})
    for state in there.states.values():
        state["cluster"] = {**state["cluster"], "negative": "old_copy"}  # type: ignore[index]
    hosts = {name: {"wallaroo_base": "/w", step_plan.STATE_VARIABLE: state} for name, state in there.states.items()}
    variables = {"groups": {"servers": list(hosts)}, "hostvars": hosts, "worker": 2, "dst": 4, "server": 2, "src": 2}
    action = step_plan.ActionModule.__new__(step_plan.ActionModule)
    action._templar = SimpleNamespace(template=lambda value: value)

    def decide(**arguments: Any) -> Any:
        action._task = SimpleNamespace(args=arguments)
        return action._decide(step, "servers", variables)["plan"]

    if step in ("stop_cluster", "verify"):
        assert decide().keys() == {"worker"}
    else:
        with pytest.raises(Refusal, match=r"for a negative run \(old_copy\).*stop_cluster.yml ends it"):
            decide()
        # The run itself tells each of its steps what to do.
        assert decide(arguments={"worker": 2, "dst": 4, "server": 2}).keys() == {"worker"}
    assert headline(there.states).endswith("on the embedded engine, for a negative run (old_copy)")


@pytest.mark.parametrize(
    ("given", "negative", "mode"),
    [
        ({"negative": "old_copy", "mode": "exactly_once"}, "old_copy", "exactly_once"),
        ({"mode": "at_least_once"}, "", "at_least_once"),
        ({}, "", None),
        (None, "", None),
    ],
)
def test_a_verified_run_alone_says_what_its_cluster_is_for(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str] | None, negative: str, mode: str | None
) -> None:
    """What is done to it, and within which guarantee its receiver verifies."""
    started: list[Any] = []

    def start(servers: object, wanted: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        started.append((wanted.negative, arguments["mode"]))
        return {}

    monkeypatch.setattr(_starting, "start", start)
    action = step_plan.ActionModule.__new__(step_plan.ActionModule)
    action._task = SimpleNamespace(args={} if given is None else {"arguments": given})
    action._templar = SimpleNamespace(template=lambda value: value)
    hosts = {"server1": {"wallaroo_base": "/w"}}
    # A variable of that name is none of start_cluster.yml.
    variables = {"groups": {"servers": ["server1"]}, "hostvars": hosts, "negative": "two_owners", "mode": "none"}
    hosts["server1"][step_plan.STATE_VARIABLE] = {"processes": {}}  # type: ignore[assignment]
    action._decide("start_cluster", "servers", variables)
    assert started == [(negative, mode)]


@pytest.mark.parametrize(
    ("negative", "place", "check", "acts"),
    [
        ("old_copy", "", False, ["bring", "damage", "start"]),
        ("", "", False, ["bring", "start"]),
        ("old_copy", "in place", False, ["start"]),
        ("old_copy", "here", False, ["start"]),
        ("old_copy", "", True, ["bring"]),
    ],
)
def test_a_move_does_its_damage_behind_the_proof_and_before_the_start(
    monkeypatch: pytest.MonkeyPatch, negative: str, place: str, check: bool, acts: list[str]
) -> None:
    done: list[str] = []

    def noting(name: str) -> Callable[..., Any]:
        return lambda *_arguments, **_named: done.append(name) or {}

    for name in ("_check_owner", "_get_ready", "_crash", "_claim", "_refuse_alive_at_source"):
        monkeypatch.setattr(move, name, lambda *_arguments: None)
    monkeypatch.setattr(move, "_is_here", lambda _move: place == "here")
    monkeypatch.setattr(move.times, "read", lambda *_arguments: {})
    monkeypatch.setattr(move.copying, "rewrite_addresses", lambda *_arguments: True)
    monkeypatch.setattr(move, "_bring", noting("bring"))
    monkeypatch.setattr(move, "_start", noting("start"))
    monkeypatch.setattr(damaging, "damage", lambda _worker: done.append("damage") or "It was damaged.")
    worker = SimpleNamespace(cluster=SimpleNamespace(negative=negative), files=None, base="/w", worker="worker2")
    worker.check_place = lambda **_named: None
    given = {"kill": False, "journals": True, "address": False, "still": lambda: None, "addresses": ("", "")}
    act: Any = SimpleNamespace(worker=worker, in_place=place == "in place", result={"warnings": ["One."]}, **given)
    with ExitStack() as stack:
        move._run(act, stack, 1.0, None, check)
    assert done == acts
    assert act.result["warnings"] == ["One.", *(["It was damaged."] if "damage" in acts else [])]
