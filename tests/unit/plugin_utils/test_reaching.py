# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that cannot be reached is a failure that a rescue sees, with a sentence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.wallaroo.resilience.plugins.action import (
    checkpoint_wait,
    ordering_verify,
    peer_addresses,
    resilience_copy,
    server_address,
    server_prepare,
    server_stop,
    worker,
    worker_fence,
    worker_kill,
    worker_move,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._reaching import unreachable

REFUSED = "Failed to connect to the host via ssh: ssh: connect to host 10.0.0.4 port 22: Connection refused"
ACTING = [
    checkpoint_wait,
    ordering_verify,
    peer_addresses,
    resilience_copy,
    server_address,
    server_prepare,
    server_stop,
    worker,
    worker_fence,
    worker_kill,
    worker_move,
]
"""What acts on a server between the look at all of them and the last word of a migration."""


def action(module: Any) -> Any:
    task = SimpleNamespace(args={}, delegate_to="server4", check_mode=False, async_val=0, diff=False, action="x")
    made = module.ActionModule.__new__(module.ActionModule)
    made._task = task
    made._supports_async = False
    made._connection = SimpleNamespace(transport="ssh", become=None, _shell=SimpleNamespace(tmpdir=None))
    return made


@pytest.mark.parametrize("module", ACTING)
@pytest.mark.parametrize("how", ["raised", "returned"])
def test_a_server_that_cannot_be_reached_fails_the_task(module: Any, how: str, monkeypatch: Any) -> None:
    made = action(module)

    def call(**arguments: Any) -> dict[str, Any]:
        if how == "raised":
            raise AnsibleConnectionFailure(REFUSED)
        return {"unreachable": True, "msg": REFUSED}

    monkeypatch.setattr(made, "_execute_module", call)

    answer = made.run(None, {"inventory_hostname": "server1"})

    assert answer["failed"] is True
    assert not answer.get("unreachable"), "Ansible would take the host out of the play, and no rescue would see it"
    assert answer["unreachable_server"] == "server4"
    assert answer["msg"] == ("server4 cannot be reached (ssh: connect to host 10.0.0.4 port 22: Connection refused).")


def test_a_mover_whose_server_goes_away_while_it_is_waited_for_says_how_far_it_had_come(monkeypatch: Any) -> None:
    made = action(worker_move)
    answers = [{"finished": False, "pid": 7, "killed": 1.5, "changed": True, "message": "waiting"}, None]

    def call(**arguments: Any) -> Any:
        answer = answers.pop(0)
        if answer is None:
            raise AnsibleConnectionFailure(REFUSED)
        return answer

    monkeypatch.setattr(made, "_execute_module", call)
    answer = made.run(None, {})
    assert (answer["stage"], answer["killed"], answer["unreachable_server"]) == ("start", 1.5, "server4")


def test_only_the_program_s_own_words_are_told() -> None:
    said = "Data could not be sent to remote host\n\nssh: connection closed\n"
    assert unreachable("server2", said)["msg"] == "server2 cannot be reached (ssh: connection closed)."
    assert unreachable("server2", "")["msg"] == "server2 cannot be reached (no reason was given)."


@pytest.mark.parametrize(("given", "limits"), [(0, [0.0]), ("0", [0.0]), ("", [62.0]), (None, [62.0])])
def test_nothing_is_the_default_and_0_looks_once(given: Any, limits: list[float], monkeypatch: Any) -> None:
    waiting = action(checkpoint_wait)
    waiting._task.args = {} if given is None else {"wait_timeout": given}
    seen: list[float] = []

    def call(arguments: dict[str, Any], _task_vars: Any) -> dict[str, Any]:
        seen.append(round(arguments["wait_timeout"]))
        return {"finished": True}

    monkeypatch.setattr(waiting, "_call", call)
    waiting.run(None, {})
    assert seen == limits
