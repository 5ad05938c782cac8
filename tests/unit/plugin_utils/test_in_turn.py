# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules one after the other, with one command where that can be."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.playbook.block import Block
from ansible.playbook.task import Task
from ansible.plugins.action import ActionBase
from ansible_collections.wallaroo.resilience.plugins.action import in_turn
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _archived

from tests.unit.plugin_utils.test_reaching import REFUSED, action

Answers = list[dict[str, Any]]

SENDS = {"module": "program", "arguments": {"base": "/w", "name": "sender"}}
WAITS = {"module": "received_wait", "arguments": {"last": 10, "wait_timeout": ""}}
LOOKS = {"module": "server_info", "arguments": {"base": "/w"}}


class Alone:
    """The action of one module, called for itself."""

    carried = ("pid",)

    def __init__(self, name: str, log: list[Any], answers: dict[str, dict[str, Any]]) -> None:
        self._name, self._log, self._answers = name, log, answers
        self._task = type("Task", (), {"args": {}})()

    def run(self, task_vars: Any = None) -> dict[str, Any]:
        self._log.append((self._name, self._task.args))
        return self._answers[self._name]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[dict[str, Any], list[Any]]]:
    """Run a task; returns its result, and what was called."""

    def called(
        calls: Any, commands: list[Any], alone: dict[str, dict[str, Any]] | None = None
    ) -> tuple[dict[str, Any], list[Any]]:
        log: list[Any] = []
        made = action("server_stop")
        made.__class__ = in_turn.ActionModule
        made._task.args = {"calls": calls}
        monkeypatch.setattr(made, "_plugin", lambda name: Alone(name, log, alone or {}))
        monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {})

        def together(_action: Any, given: list[tuple[str, Any]], _variables: Any) -> Answers:
            log.append([name for name, _arguments in given])
            answers = commands.pop(0)
            if isinstance(answers, Exception):
                raise answers
            return list(answers)

        monkeypatch.setattr(_archived, "run_in_turn", together)
        return made.run(None, {"inventory_hostname": "server1"}), log

    return called


def test_all_are_called_with_one_command(run: Any) -> None:
    answers = [{"changed": True, "finished": True}, {"finished": True}, {"server": "server1"}]
    result, log = run([SENDS, WAITS, LOOKS], [answers])
    assert log == [["program", "received_wait", "server_info"]]
    assert (result["changed"], result["answers"]) == (True, answers)


def test_those_that_are_not_wanted_are_left_out(run: Any) -> None:
    result, log = run([SENDS, {**WAITS, "when": False}, {**LOOKS, "when": "no"}], [[{"finished": True}]])
    assert (log, len(result["answers"])) == ([["program"]], 1)


def test_what_lasts_goes_on_in_its_own_action_and_the_rest_behind_it(run: Any) -> None:
    result, log = run(
        [SENDS, WAITS, LOOKS],
        [[{"finished": False, "changed": True, "pid": 7}], [{"finished": True}, {"server": "server1"}]],
        {"program": {"changed": False, "finished": True}},
    )
    own = ("program", {"base": "/w", "name": "sender", "pid": 7})
    assert log == [["program", "received_wait", "server_info"], own, ["received_wait", "server_info"]]
    assert [answer.get("changed") for answer in result["answers"]] == [True, None, None]
    assert result["changed"] is True


def test_where_nothing_can_be_called_together_each_has_its_own_action(run: Any) -> None:
    alone = {"program": {"changed": True}, "server_info": {"server": "server1"}}
    result, log = run([SENDS, LOOKS], [[], []], alone)
    assert [entry[0] for entry in log if isinstance(entry, tuple)] == ["program", "server_info"]
    assert result["answers"] == [{"changed": True}, {"server": "server1", "changed": False}]


def test_the_failure_of_one_is_the_failure_of_the_task(run: Any) -> None:
    failure = {"failed": True, "msg": "sender failed: no room", "changed": False}
    result, log = run([SENDS, WAITS], [[failure]])
    assert (result["failed"], result["msg"], len(result["answers"]), len(log)) == (True, failure["msg"], 1, 1)
    result, log = run([SENDS, WAITS], [[]], {"program": failure})
    assert (result["failed"], result["msg"], len(log)) == (True, failure["msg"], 2)


def test_a_server_that_cannot_be_reached_is_named(run: Any) -> None:
    result, _log = run([SENDS, WAITS], [AnsibleConnectionFailure(REFUSED)])
    assert (result["failed"], result["unreachable_server"]) == (True, "server4")


def test_the_action_of_a_call_is_one_of_a_task_in_the_same_block() -> None:
    block = Block()
    task = Task(block=block)
    task.action = "wallaroo.resilience.in_turn"
    made = in_turn.ActionModule.__new__(in_turn.ActionModule)
    made._task = task
    made._connection = made._play_context = made._loader = made._templar = None
    made._shared_loader_obj = SimpleNamespace(
        module_loader=SimpleNamespace(
            find_plugin_with_context=lambda name: SimpleNamespace(action_plugin=f"{name}'s action")
        ),
        action_loader=SimpleNamespace(get=lambda name, **given: (name, given["task"])),
    )
    name, found = made._plugin("received_wait")
    assert name == "wallaroo.resilience.received_wait's action"
    assert found.action == "wallaroo.resilience.received_wait"
    # What is said of the whole block, such as vars and become, is said of it.
    assert found._parent is block
    assert task.action == "wallaroo.resilience.in_turn"


@pytest.mark.parametrize("calls", [None, "program", ["program"], [{"arguments": {}}]])
def test_what_are_no_calls_is_refused(run: Any, calls: Any) -> None:
    result, log = run(calls, [])
    assert (result["failed"], log) == (True, [])
    assert "calls is a list" in result["msg"]


def test_warnings_and_differences_of_all_of_them_are_shown(run: Any) -> None:
    first = {"changed": True, "diff": {"before": "a", "after": "b"}, "warnings": ["it is late"], "finished": True}
    unchanged = {"changed": False, "diff": {"before": "c", "after": "c"}, "warnings": ["it is later"], "finished": True}
    result, _log = run([SENDS, LOOKS], [[first, unchanged]])
    assert result["diff"] == [first["diff"]]
    assert result["warnings"] == ["it is late", "it is later"]
    result, _log = run([SENDS], [[{"changed": False, "finished": True}]])
    assert not {"diff", "warnings"} & result.keys()
