# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a step waits for checkpoints, and what it says meanwhile."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Optional

import pytest
from ansible_collections.wallaroo.resilience.plugins.action import checkpoint_wait, worker_move
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _waiting

LIMIT_REACHED = "waited 1 s for 2 checkpoints."


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the action, whose module is called with the arguments of each slice: ``calls``; and what was said."""
    said: list[str] = []
    monkeypatch.setattr(_waiting, "say", said.append)

    def run(answers: list[dict[str, Any]], **arguments: Any) -> tuple[dict[str, Any], list[dict[str, Any]], list[str]]:
        made = checkpoint_wait.ActionModule.__new__(checkpoint_wait.ActionModule)
        made._task = SimpleNamespace(args=arguments, delegate_to="server2", check_mode=False, async_val=0, action="x")
        made._supports_async = False
        made._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
        calls: list[dict[str, Any]] = []

        def call(arguments: dict[str, Any], _variables: Optional[dict[str, Any]]) -> dict[str, Any]:
            calls.append(dict(arguments))
            return answers[min(len(calls), len(answers)) - 1]

        monkeypatch.setattr(made, "_call", call)
        return made.run(None, {}), calls, said

    return run


DONE = {"finished": True, "message": "2 of 2 checkpoints after 17 are committed"}
GOING_ON = {"finished": False, "since": 17, "message": "0 of 2 checkpoints after 17 are committed"}


def test_a_cluster_with_a_long_interval_is_waited_for_as_long_as_it_takes(wait: Any) -> None:
    answer, calls, said = wait([GOING_ON, DONE], interval=300.0)
    assert answer["finished"]
    assert 650 < calls[0]["wait_timeout"] <= 660
    assert said[0].startswith("server2: waiting for 2 checkpoints, one every 300 s, until ")
    assert said[0].endswith(" at the latest")
    # The first word comes early, the others seldom.
    assert [call["return_after"] for call in calls] == [3.0, 11.0]
    assert calls[1]["since"] == 17


@pytest.mark.parametrize("interval", [None, "", 0.2, 1])
def test_of_a_short_interval_nothing_is_said(wait: Any, interval: Any) -> None:
    _answer, calls, said = wait([DONE], interval=interval)
    assert 60 < calls[0]["wait_timeout"] <= 62 if interval != 0.2 else 60 < calls[0]["wait_timeout"] <= 60.4
    assert said == []


def test_a_limit_that_is_shorter_than_the_interval_is_the_cause(wait: Any) -> None:
    answer, calls, _said = wait([{"failed": True, "msg": LIMIT_REACHED}], interval=300, wait_timeout=1)
    assert calls[0]["wait_timeout"] <= 1
    assert answer["msg"] == (
        f"{LIMIT_REACHED} 2 checkpoints with 300 s between them take longer than 1 s: raise "
        "wallaroo_checkpoint_timeout, or leave it out."
    )
    answer, _calls, _said = wait([{"failed": True, "msg": LIMIT_REACHED}], interval=0.2, wait_timeout=1)
    assert answer["msg"] == LIMIT_REACHED


def test_a_moved_worker_that_does_not_come_back_was_waited_for_as_long_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In parts; a sentence has the whole of it, and no seven figures of the last one."""
    made = worker_move.ActionModule.__new__(worker_move.ActionModule)
    task = SimpleNamespace(
        args={"wait_timeout": "0.25"}, delegate_to="server4", check_mode=False, async_val=0, action="x"
    )
    made._task, made._supports_async = task, False
    made._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    monkeypatch.setattr(_waiting, "tell_progress", lambda *_said: None)
    monkeypatch.setattr(
        _waiting.ReachingAction,
        "_call",
        lambda *_given: {"finished": False, "pid": 7, "changed": True, "stage": "start"},
    )

    def ask(_module: str, asked: dict[str, Any], _variables: Any) -> dict[str, Any]:
        return {"failed": True, "msg": f"worker2: waited {asked['wait_timeout']:g} s for its log."}

    monkeypatch.setattr(made, "_ask", ask)
    assert made.run(None, {})["msg"] == "worker2: waited 0.25 s for its log."
