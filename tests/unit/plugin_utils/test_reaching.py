# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that cannot be reached is a failure that a rescue sees, with a sentence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.wallaroo.resilience.plugins.action import (
    checkpoint_wait,
    reaching,
    server_prepare,
    waiting,
    worker_move,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _archived, _reaching
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._reaching import unreachable

from tests.module_runner import REPOSITORY

REFUSED = "Failed to connect to the host via ssh: ssh: connect to host 10.0.0.4 port 22: Connection refused"
ACTING = {
    "checkpoint_wait": checkpoint_wait,
    "ordering_verify": reaching,
    "peer_addresses": reaching,
    "resilience_copy": reaching,
    "server_address": reaching,
    "server_prepare": server_prepare,
    "server_stop": reaching,
    "worker": waiting,
    "worker_fence": reaching,
    "worker_kill": reaching,
    "worker_move": worker_move,
}
"""What acts on a server between the look at all of them and the last word of a migration."""


def action(name: str) -> Any:
    kind = ACTING[name].ActionModule
    made = kind.__new__(kind)
    made._task = SimpleNamespace(
        args={}, delegate_to="server4", check_mode=False, async_val=0, diff=False, action=f"wallaroo.resilience.{name}"
    )
    made._supports_async = False
    made._connection = SimpleNamespace(transport="ssh", become=None, _shell=SimpleNamespace(tmpdir=None))
    made._templar = SimpleNamespace(template=lambda value: value)
    return made


def test_it_is_these_actions_that_ansible_takes() -> None:
    runtime = yaml.safe_load((REPOSITORY / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    routed = runtime["plugin_routing"]["modules"]
    for name, plugin in ACTING.items():
        found = routed.get(name, {}).get("action_plugin", f"wallaroo.resilience.{name}")
        assert found.rpartition(".")[2] == plugin.__name__.rpartition(".")[2]


@pytest.mark.parametrize("name", ACTING)
@pytest.mark.parametrize("how", ["raised", "returned", "called in the archive"])
def test_a_server_that_cannot_be_reached_fails_the_task(name: str, how: str, monkeypatch: Any) -> None:
    made = action(name)

    def call(**arguments: Any) -> dict[str, Any]:
        assert arguments["module_name"] == f"wallaroo.resilience.{name}"
        if how != "returned":
            raise AnsibleConnectionFailure(REFUSED)
        return {"unreachable": True, "msg": REFUSED}

    def archived(_action: Any, module: str, *_others: Any) -> None:
        if how == "called in the archive":
            call(module_name=f"wallaroo.resilience.{module}")

    monkeypatch.setattr(made, "_execute_module", call)
    monkeypatch.setattr(_reaching._archived, "run", archived)

    answer = made.run(None, {"inventory_hostname": "server1"})

    assert answer["failed"] is True
    assert not answer.get("unreachable"), "Ansible would take the host out of the play, and no rescue would see it"
    assert answer["unreachable_server"] == "server4"
    assert answer["msg"] == ("server4 cannot be reached (ssh: connect to host 10.0.0.4 port 22: Connection refused).")


def test_a_mover_whose_server_goes_away_while_it_is_waited_for_says_how_far_it_had_come(monkeypatch: Any) -> None:
    made = action("worker_move")
    answers = [{"finished": False, "pid": 7, "killed": 1.5, "changed": True, "message": "waiting"}, None]

    def call(**arguments: Any) -> Any:
        answer = answers.pop(0)
        if answer is None:
            raise AnsibleConnectionFailure(REFUSED)
        return answer

    monkeypatch.setattr(made, "_execute_module", call)
    answer = made.run(None, {})
    assert (answer["stage"], answer["killed"], answer["unreachable_server"]) == ("start", 1.5, "server4")


def test_what_ansible_adds_for_a_module_that_is_sent_is_no_argument_of_the_next_call(monkeypatch: Any) -> None:
    made = action("server_prepare")
    given = {"base": "/srv/w", "server": "server4"}

    def call(**arguments: Any) -> Any:
        arguments["module_args"]["_ansible_version"] = "2.19"
        return {}

    monkeypatch.setattr(made, "_execute_module", call)
    made._ask("server_prepare", given, {})
    assert given == {"base": "/srv/w", "server": "server4"}


def test_programs_that_another_account_may_not_be_given_say_what_helps(monkeypatch: Any) -> None:
    made = action("server_prepare")
    monkeypatch.setattr(made, "_execute_module", lambda **_arguments: {"wants_archive": True})

    def refused() -> str:
        raise AnsibleError(
            "Failed to set permissions on the temporary files Ansible needs to create. For details see …"
        )

    monkeypatch.setattr(made, "_make_tmp_path", refused)
    answer = made._call({"base": "/srv/w", "server": "server4"}, {})
    assert answer["failed"] is True
    assert answer["msg"].startswith("The programs could not be brought to server4: Failed to set permissions")
    assert "Debian package acl on server4" in answer["msg"]


def test_only_the_program_s_own_words_are_told() -> None:
    said = "Data could not be sent to remote host\n\nssh: connection closed\n"
    assert unreachable("server2", said)["msg"] == "server2 cannot be reached (ssh: connection closed)."
    assert unreachable("server2", "")["msg"] == "server2 cannot be reached (no reason was given)."


@pytest.mark.parametrize(("given", "limits"), [(0, [0.0]), ("0", [0.0]), ("", [62.0]), (None, [62.0])])
def test_nothing_is_the_default_and_0_looks_once(given: Any, limits: list[float], monkeypatch: Any) -> None:
    patient = action("checkpoint_wait")
    patient._task.args = {} if given is None else {"wait_timeout": given}
    seen: list[float] = []

    def call(arguments: dict[str, Any], _task_vars: Any) -> dict[str, Any]:
        seen.append(round(arguments["wait_timeout"]))
        return {"finished": True}

    monkeypatch.setattr(patient, "_call", call)
    patient.run(None, {})
    assert seen == limits


def test_wrong_arguments_of_what_is_begun_fail_the_task(monkeypatch: Any) -> None:
    made = action("worker_move")
    made._task.args = {"begin": True, "worker": "worker2"}
    monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {})
    monkeypatch.setattr(made, "for_run", lambda _name, arguments, _variables: arguments)
    monkeypatch.setattr(_archived, "_programs_of", lambda *_arguments: None)
    result = made.run(None, {})
    assert result["failed"]
    assert "missing required arguments" in result["msg"]
