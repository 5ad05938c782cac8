# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks publish, and the typed values that are made of it again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _publishing
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._api.console import verbs
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.clusters import Started, Status, Stopped
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.common import Outcome
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.moves import Migration, Moved
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.setting_up import Built, Checked
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.single_steps import (
    Copied,
    Killed,
    Restarted,
    Sent,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.verified import Verified, Violation
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._publishing import (
    Registered,
    from_data,
    of_run,
    of_step,
    to_data,
)

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


def everywhere(**answers: dict[str, Any]) -> dict[str, Any]:
    """What each server has registered, as the variables of a task."""
    return {"groups": {"servers": list(answers)}, "hostvars": answers}


STATUS = everywhere(
    server1={
        "cluster_server_state": {
            "cluster": RECORD,
            "problem": None,
            "processes": {"worker2": {"kind": "worker", "alive": True, "pid": 7, "log": "/log", "argv": []}},
            "workers": {"worker2": KNOWN},
        }
    },
    server2={"cluster_server_state": {"msg": "it is on fire"}},
)

STEPS: list[tuple[str, dict[str, Any], type[Outcome]]] = [
    ("start_cluster", {"cluster_step": {"plan": {"needed": True, "cluster": RECORD}}}, Started),
    (
        "start_sender",
        {
            "sender_step": {
                "plan": {"needed": True, "first": 1, "last": 9, "expected": 99, "cluster": RECORD, "wait": True}
            }
        },
        Sent,
    ),
    ("start_sender", {"sender_step": {"plan": {"needed": False, "round": 2, "cluster": RECORD, "wait": False}}}, Sent),
    (
        "kill_worker",
        {
            "worker_step": {"plan": {"worker": "worker2", "server": "server2"}},
            "worker_killed": {"changed": True, "pid": 7, "killed": 1.5, "died": "2"},
        },
        Killed,
    ),
    (
        "copy_resilience",
        {
            "migration_step": {"plan": MOVE},
            "migration_copied": {"changed": True, "copied": ["a"], "copied_bytes": 3},
        },
        Copied,
    ),
    (
        "restart_worker",
        {
            "worker_step": {"plan": {"worker": "worker2", "server": "server4", "pid": 7}},
            "worker_started": {"skipped": True, "changed": False},
        },
        Restarted,
    ),
    (
        "restart_worker",
        {
            "worker_step": {"plan": {"worker": "worker2", "server": "server4"}},
            "worker_started": {"changed": True, "pid": 7, "epoch": 2, "seconds": 1},
        },
        Restarted,
    ),
    ("migrate", {"migration_step": {"plan": {**MOVE, "needed": False}}, "migration_result": {"skipped": True}}, Moved),
    (
        "stop_cluster",
        {
            "cluster_step": {"plan": {"keep_files": False}},
            **everywhere(
                server1={"cluster_stopped": {"changed": True, "stopped": {"receiver": 7}}},
                server2={"cluster_stopped": {}},
            ),
        },
        Stopped,
    ),
    ("status", STATUS, Status),
    ("collect_logs", STATUS, Status),
    (
        "setup_repo",
        {
            "wallaroo_repo_step": {"plan": {"home": "/wallaroo", "branch": "0.5.4", "resilience": True}},
            "wallaroo_repo_cloned": {"commit": "7e2a"},
            "wallaroo_repo_built": {"changed": True, "executables": {"app": "9f"}},
            **everywhere(server1={}, server2={"wallaroo_repo_copied": {}}),
        },
        Built,
    ),
    ("preflight", {"preflight_said": {"problems": ["no rsync"], "notes": [], "table": ["server  rsync"]}}, Checked),
]


@pytest.mark.parametrize(("playbook", "registered", "kind"), STEPS)
def test_what_is_published_comes_back_through_json(
    playbook: str, registered: dict[str, Any], kind: type[Outcome]
) -> None:
    outcome = of_step(playbook, Registered(registered), check=False)

    assert type(outcome) is kind
    assert outcome.playbook == playbook
    assert from_data(kind, json.loads(json.dumps(to_data(outcome)))) == outcome


@pytest.mark.parametrize("playbook", ["migrate", "demo", "verify_restart"])
def test_what_a_run_has_published_is_not_published_again(playbook: str) -> None:
    registered = {"migration_result": {"verdict": "pass"}, "migration_step": {"plan": MOVE}}
    assert of_step(playbook, Registered(registered), check=False) is None


@pytest.mark.parametrize(
    ("changed", "check", "word"), [(True, False, "killed"), (False, False, "nothing to do"), (True, True, "")]
)
def test_a_step_has_a_word_for_what_it_did(changed: bool, check: bool, word: str) -> None:
    registered = {
        "worker_step": {"plan": {"worker": "worker2", "server": "server2"}},
        "worker_killed": {"changed": changed},
    }
    outcome = of_step("kill_worker", Registered(registered), check=check)
    assert outcome is not None
    assert outcome.outcome == word


def test_a_run_that_would_be_made_is_published_with_what_it_would_expect() -> None:
    plan = {"cluster": RECORD, "expected": 99}
    outcome = of_step("demo", Registered({"demonstration_step": {"plan": plan}}), check=True)
    assert isinstance(outcome, Verified)
    assert (outcome.expected, outcome.check, outcome.passed) == (99, True, False)


def test_the_numbers_of_a_status() -> None:
    status = of_step("status", Registered(STATUS), check=False)
    assert isinstance(status, Status)
    assert status.server_of("worker2") == "server1"
    assert status.server_of("worker3") is None
    assert status.servers[0].workers[0].moved_to is None
    assert status.servers[1].problem == "it is on fire"


@pytest.mark.parametrize(
    ("plan", "answer", "check", "url"),
    [
        ({"state": "started", "address": "10.0.0.1:4000"}, {"state": "started"}, False, "http://10.0.0.1:4000/"),
        ({"state": "started", "address": "10.0.0.1:4000"}, {}, True, "http://10.0.0.1:4000/"),
        # It could not be started.
        ({"state": "started", "address": "10.0.0.1:4000"}, {"msg": "no"}, False, ""),
        ({"state": "stopped", "address": "10.0.0.1:4000"}, {"msg": "no"}, False, ""),
        ({}, {"msg": "no"}, False, ""),
    ],
)
def test_where_the_metrics_ui_is(plan: dict[str, Any], answer: dict[str, Any], check: bool, url: str) -> None:
    registered = {
        "cluster_step": {"plan": {"needed": True, "cluster": RECORD, "metrics_ui": plan}},
        "metrics_ui_started": answer,
    }
    started = of_step("start_cluster", Registered(registered), check=check)
    assert isinstance(started, Started)
    assert started.metrics_ui == url


def test_a_status_tells_where_the_metrics_ui_is_as_long_as_it_runs() -> None:
    process = {"kind": "metrics_ui", "alive": True, "pid": 7, "log": "/log", "details": {"address": "10.0.0.1:4000"}}
    state = {"cluster": RECORD, "processes": {"metrics_ui": process}, "workers": {}}
    registered = Registered(everywhere(server1={"cluster_server_state": state}))
    status = of_step("status", registered, check=False)
    assert isinstance(status, Status)
    assert status.metrics_ui == "http://10.0.0.1:4000/"
    process["alive"] = False
    assert of_step("status", registered, check=False).metrics_ui == ""  # type: ignore[attr-defined]


def test_a_run_is_published_with_its_folder_and_its_violations() -> None:
    violation = {"sentence": "key_0: 3 is missing", "kind": "gap", "key": "key_0", "missing": [3, 3], "position": 4}
    result = from_data(Verified, {"playbook": "verify", "verdict": "fail", "violations": [violation]})
    outcome = of_run(result)
    assert isinstance(outcome, Verified)
    assert not outcome.passed
    assert outcome.violations == (Violation("key_0: 3 is missing", "gap", "key_0", 4, missing=(3, 3)),)


def test_a_migration_is_published_as_one() -> None:
    move = Migration("worker2", "server2", "server4", 0.5, epoch=2, outcome="moved")
    outcome = of_run(Verified("migrate", check=True, verdict=None, scope="no message", migrations=(move,)))
    assert isinstance(outcome, Moved)
    assert (outcome.downtime_seconds, outcome.outcome, outcome.check) == (0.5, "moved", True)
    assert outcome.scope == "no message"
    assert "verdict" not in to_data(outcome)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"expected": "many"}, "Verified.expected is no int"),
        ({"expected": True}, "Verified.expected is no int"),
        ({"violations": [{"position": None}]}, r"Verified.violations\[0\].position is no int"),
        ({"violations": {}}, "Verified.violations is no list"),
        ({"migrations": ["x"]}, r"Verified.migrations\[0\] is no mapping"),
        ({"verdict": 1}, "Verified.verdict is no str"),
        ({"scope": None}, "Verified.scope is no str"),
    ],
)
def test_data_of_another_kind_is_refused_with_its_place(data: dict[str, Any], where: str) -> None:
    with pytest.raises(ValueError, match=where):
        from_data(Verified, data)


def test_what_is_unknown_is_left_out() -> None:
    assert from_data(Outcome, {"playbook": "x", "of": "a later version"}) == Outcome("x")


def test_a_step_that_yields_nothing_publishes_nothing() -> None:
    assert of_step("dance", Registered({}), check=False) is None


def test_the_writers_of_runs_are_the_playbooks_that_yield_one() -> None:
    written = {step.playbook for step in verbs().values() if issubclass(step.kind, (Moved, Verified))}
    assert set(_publishing.WRITES_RUNS) == written


@pytest.mark.parametrize("playbook", sorted(_publishing.BUILDERS))
def test_what_each_playbook_yields_has_a_type(playbook: str) -> None:
    assert issubclass(_publishing.kind_of(playbook), Outcome)
