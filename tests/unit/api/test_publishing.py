# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks publish, and the typed values that are made of it again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _publishing, _results
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes import (
    Built,
    Checked,
    Copied,
    Killed,
    Moved,
    Outcome,
    Restarted,
    Sent,
    Started,
    Status,
    Stopped,
    Verified,
    Violation,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._publishing import from_data, of_run, of_step, to_data

RECORD = {
    "identifier": "cluster-1",
    "application": "multi_partition_detector",
    "engine": "embedded",
    "workers": 2,
    "keys": 11,
    "journal": False,
    "checkpoint_interval": 1.0,
    "placement": {"initializer": "server1", "worker2": "server2"},
}
MOVE = {"worker": "worker2", "src": "server2", "dst": "server4", "via": "files", "epoch": 2}
KNOWN = {"alive": True, "ownership": "owner", "epoch": 2, "moved_to": "", "resilience": "complete", "bytes": 7}

STEPS: list[tuple[str, dict[str, Any], dict[str, Any], type[Outcome]]] = [
    ("start_cluster", {"needed": True, "cluster": RECORD}, {}, Started),
    (
        "start_sender",
        {"needed": True, "first": 1, "last": 9, "expected": 99, "cluster": RECORD},
        {"waited": True},
        Sent,
    ),
    ("start_sender", {"needed": False, "round": 2, "cluster": RECORD}, {}, Sent),
    (
        "kill_worker",
        {"worker": "worker2", "server": "server2"},
        {"changed": True, "pid": 7, "killed": 1.5, "died": "2"},
        Killed,
    ),
    ("copy_resilience", MOVE, {"changed": True, "copied": ["a"], "copied_bytes": 3}, Copied),
    (
        "restart_worker",
        {"worker": "worker2", "server": "server4", "pid": 7},
        {"skipped": True, "changed": False},
        Restarted,
    ),
    (
        "restart_worker",
        {"worker": "worker2", "server": "server4"},
        {"changed": True, "pid": 7, "epoch": 2, "seconds": 1},
        Restarted,
    ),
    ("migrate", {**MOVE, "needed": False}, {}, Moved),
    (
        "stop_cluster",
        {"keep_files": False},
        {"server1": {"changed": True, "stopped": {"receiver": 7}}, "server2": {}},
        Stopped,
    ),
    (
        "status",
        {},
        {
            "server1": {
                "cluster": RECORD,
                "problem": None,
                "processes": {"worker2": {"kind": "worker", "alive": True, "pid": 7, "log": "/log", "argv": []}},
                "workers": {"worker2": KNOWN},
            },
            "server2": {"msg": "it is on fire"},
        },
        Status,
    ),
    (
        "setup_repo",
        {"home": "/wallaroo", "branch": "0.5.4", "resilience": True},
        {"cloned": {"commit": "7e2a"}, "built": {"changed": True, "executables": {"app": "9f"}}, "copied": [{}]},
        Built,
    ),
    ("preflight", {}, {"problems": ["no rsync"], "notes": [], "table": ["server  rsync"]}, Checked),
]


@pytest.mark.parametrize(("playbook", "plan", "answer", "kind"), STEPS)
def test_what_is_published_comes_back_through_json(
    playbook: str, plan: dict[str, Any], answer: dict[str, Any], kind: type[Outcome]
) -> None:
    outcome = of_step(playbook, plan, answer, check=False)

    assert type(outcome) is kind
    assert outcome.playbook == playbook
    assert from_data(kind, json.loads(json.dumps(to_data(outcome)))) == outcome


def test_the_numbers_of_a_status() -> None:
    (playbook, plan, answer, _kind) = next(step for step in STEPS if step[0] == "status")
    status = of_step(playbook, plan, answer, check=False)
    assert isinstance(status, Status)
    assert status.server_of("worker2") == "server1"
    assert status.server_of("worker3") is None
    assert status.servers[0].workers[0].moved_to is None
    assert status.servers[1].problem == "it is on fire"


@pytest.mark.parametrize(
    ("plan", "answer", "check", "url"),
    [
        ({"state": "started", "address": "10.0.0.1:4000"}, {"metrics_ui": True}, False, "http://10.0.0.1:4000/"),
        ({"state": "started", "address": "10.0.0.1:4000"}, {}, True, "http://10.0.0.1:4000/"),
        # Its libraries could not be had.
        ({"state": "started", "address": "10.0.0.1:4000"}, {"metrics_ui": False}, False, ""),
        ({"state": "stopped", "address": "10.0.0.1:4000"}, {"metrics_ui": False}, False, ""),
        ({}, {"metrics_ui": False}, False, ""),
    ],
)
def test_where_the_metrics_ui_is(plan: dict[str, Any], answer: dict[str, Any], check: bool, url: str) -> None:
    started = of_step("start_cluster", {"needed": True, "cluster": RECORD, "metrics_ui": plan}, answer, check=check)
    assert isinstance(started, Started)
    assert started.metrics_ui == url


def test_a_status_tells_where_the_metrics_ui_is_as_long_as_it_runs() -> None:
    process = {"kind": "metrics_ui", "alive": True, "pid": 7, "log": "/log", "details": {"address": "10.0.0.1:4000"}}
    state = {"cluster": RECORD, "processes": {"metrics_ui": process}, "workers": {}}
    status = of_step("status", {}, {"server1": state}, check=False)
    assert isinstance(status, Status)
    assert status.metrics_ui == "http://10.0.0.1:4000/"
    process["alive"] = False
    assert of_step("status", {}, {"server1": state}, check=False).metrics_ui == ""  # type: ignore[attr-defined]


def test_a_run_is_published_with_its_folder_and_its_violations() -> None:
    violation = {"sentence": "key_0: 3 is missing", "kind": "gap", "key": "key_0", "missing": [3, 3], "position": 4}
    result = _results.Result(
        "verify",
        "fail",
        "embedded",
        "multi_partition_detector",
        2,
        11,
        99,
        98,
        [violation],
        [],
        "then",
        "now",
        1.0,
        "gap",
    )
    outcome = of_run(result, None, check=False)
    assert isinstance(outcome, Verified)
    assert not outcome.passed
    assert outcome.violations == (Violation("key_0: 3 is missing", "gap", "key_0", 4, missing=(3, 3)),)


def test_a_migration_is_published_as_one() -> None:
    move = _results.Migration("worker2", "server2", "server4", 0.5, epoch=2)
    result = _results.Result("migrate", "pass", "e", "a", 2, 11, 0, 0, [], [move], "then", "now", 1.0)
    outcome = of_run(result, None, check=True)
    assert isinstance(outcome, Moved)
    assert (outcome.downtime_seconds, outcome.verdict, outcome.check) == (0.5, "pass", True)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"expected": "many"}, "Verified.expected is no int"),
        ({"expected": True}, "Verified.expected is no int"),
        ({"violations": [{"position": None}]}, r"Verified.violations\[0\].position is no int"),
        ({"violations": {}}, "Verified.violations is no list"),
        ({"migrations": ["x"]}, r"Verified.migrations\[0\] is no mapping"),
        ({"verdict": None}, "Verified.verdict is no str"),
    ],
)
def test_data_of_another_kind_is_refused_with_its_place(data: dict[str, Any], where: str) -> None:
    with pytest.raises(ValueError, match=where):
        from_data(Verified, data)


def test_what_is_unknown_is_left_out() -> None:
    assert from_data(Outcome, {"playbook": "x", "of": "a later version"}) == Outcome("x")


def test_an_unknown_playbook_publishes_nothing() -> None:
    with pytest.raises(ValueError, match="dance is none of start_cluster"):
        _publishing.of_step("dance", {}, {}, check=False)
