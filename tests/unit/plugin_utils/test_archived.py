# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules are called in the archive of programs of their server, and sent where that cannot be."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Optional

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._called import with_paths
from ansible_collections.wallaroo.resilience.plugins.modules import resilience_copy
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _archived

from tests.deploying import deploy

PYTHON = {"ansible_python_interpreter": "{{ mine }}"}


class Action(SimpleNamespace):
    """A task's action on a server that is this machine in a process of its own, but for what is given."""

    def __init__(self, environment: Optional[dict[str, str]] = None, **what: Any) -> None:
        super().__init__(
            _connection=SimpleNamespace(
                **{"has_pipelining": True, "become": None, "transport": "of this test", **what.get("connection", {})},
                _shell=SimpleNamespace(quote=shlex.quote),
            ),
            # Without a shell of its own: _standing is tested by itself.
            _play_context=SimpleNamespace(executable="", password=""),
            _task=SimpleNamespace(**{"delegate_to": None, "async_val": 0, "check_mode": False, **what.get("task", {})}),
            _templar=SimpleNamespace(template=lambda value: sys.executable if value == "{{ mine }}" else value),
        )
        self.environment = environment or {}
        self.commands: list[str] = []

    def _compute_environment_string(self) -> str:
        return " ".join(f"{name}={shlex.quote(value)}" for name, value in self.environment.items())

    def _low_level_execute_command(self, command: str, in_data: bytes) -> dict[str, Any]:
        self.commands.append(command)
        ended = subprocess.run(["/bin/sh", "-c", command], input=in_data, capture_output=True, check=False)
        return {"rc": ended.returncode, "stdout": ended.stdout.decode(), "stderr": ended.stderr.decode()}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a server with the programs."""
    base = tmp_path_factory.mktemp("it's a server")
    deploy(base)
    return base


def enter(base: Path, **others: Any) -> dict[str, Any]:
    """The arguments of a module that leaves a trace."""
    return {"base": str(base), "server": "server1", "run": "r1", "enter": True, **others}


def ask(action: Action, arguments: dict[str, Any], variables: Any = PYTHON) -> Optional[str]:
    """Call it; returns which Python has answered, and None where it had to be sent."""
    answer = _archived.run(action, "server_info", arguments, variables)
    if answer is None:
        return None
    assert (answer["changed"], answer["problem"]) == (False, None)
    return str(answer["python"])


def entered(base: Path) -> str:
    """Who has entered."""
    path = base / "run.entered"
    return path.read_text() if path.exists() else ""


def test_the_module_is_called_where_the_programs_are(deployed: Path) -> None:
    action = Action()
    assert ask(action, enter(deployed, run="r7")) == sys.executable
    assert entered(deployed) == "r7\n"
    assert "r7" not in "".join(action.commands), "arguments are seen by no other user of the server"


def test_it_answers_as_if_it_had_been_sent(deployed: Path) -> None:
    arguments = {"base": str(deployed), "server": "server1", "worker": "worker2"}
    answer = _archived.run(Action(), "worker_kill", arguments, PYTHON)
    assert answer is not None
    assert answer["failed"] is True
    assert answer["msg"].startswith("worker2 could not be killed on server1: worker2 was never started there")


def test_check_mode_reaches_it(deployed: Path) -> None:
    before = entered(deployed)
    _archived.run(Action(task={"check_mode": True}), "server_info", enter(deployed, run="r8"), PYTHON)
    assert entered(deployed) == before


def test_a_server_without_the_programs_is_sent_the_module(tmp_path: Path) -> None:
    assert _archived.run(Action(), "server_info", enter(tmp_path), PYTHON) is None
    assert entered(tmp_path) == ""


def test_a_server_with_other_programs_is_sent_the_module(deployed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = entered(deployed)
    monkeypatch.setattr(_archived._programs, "digest", lambda: "0" * 64)
    assert _archived.run(Action(), "server_info", enter(deployed, run="r9"), PYTHON) is None
    assert entered(deployed) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_an_archive_of_another_account_is_executed_by_nobody(deployed: Path) -> None:
    (archive,) = [path for path in (deployed / "runtime").glob("*.pyz") if not path.is_symlink()]
    os.chown(archive, 65534, -1)
    try:
        assert _archived.run(Action(), "server_info", enter(deployed), PYTHON) is None
    finally:
        os.chown(archive, 0, -1)


@pytest.mark.parametrize(
    ("what", "variables"),
    [
        ({"connection": {"has_pipelining": False}}, PYTHON),
        ({"connection": {"become": object()}}, PYTHON),
        ({"task": {"async_val": 30}}, PYTHON),
        ({"task": {"delegate_to": "server2"}}, PYTHON),
        ({}, {}),
        ({}, None),
        ({}, {"ansible_python_interpreter": "auto_silent"}),
        ({}, {"ansible_python_interpreter": "python3"}),
    ],
    ids=["no input", "another user", "async", "another server", "no Python", "nothing", "discovered", "PATH"],
)
def test_what_ansible_does_in_another_way_is_sent(deployed: Path, what: dict[str, Any], variables: Any) -> None:
    action = Action(**what)
    assert _archived.run(action, "server_info", enter(deployed), variables) is None
    assert action.commands == []


def test_an_interpreter_with_words_of_its_own_is_sent_and_a_path_has_blanks(deployed: Path, tmp_path: Path) -> None:
    before = entered(deployed)
    env = {"ansible_python_interpreter": f"/usr/bin/env {sys.executable}"}
    assert _archived.run(Action(), "server_info", enter(deployed, run="r11"), env) is None
    assert entered(deployed) == before
    (tmp_path / "it's a place").mkdir()
    python = tmp_path / "it's a place" / "python"
    python.symlink_to(sys.executable)
    blanks = {"ansible_python_interpreter": str(python)}
    assert ask(Action(), enter(deployed), blanks) == str(python)


def test_a_path_that_ansible_does_not_know_whole_is_sent(deployed: Path) -> None:
    assert _archived.run(Action(), "server_info", {**enter(deployed), "base": "~/there"}, PYTHON) is None


def test_a_python_that_was_discovered(deployed: Path) -> None:
    facts = {"ansible_facts": {"discovered_interpreter_python": sys.executable}}
    assert ask(Action(), enter(deployed), facts) is not None


def test_who_is_asked_in_place_of_another_has_variables_of_its_own(deployed: Path) -> None:
    variables = {"ansible_python_interpreter": "/elsewhere", "ansible_delegated_vars": {"server2": PYTHON}}
    action = Action(task={"delegate_to": "server2"})
    assert ask(action, enter(deployed), variables) is not None


def test_arguments_are_checked_before_anything_is_done(deployed: Path) -> None:
    action = Action()
    answer = _archived.run(action, "server_info", {"base": str(deployed), "acts_timeout": "soon"}, PYTHON)
    assert answer is not None
    assert answer["failed"] is True
    assert "missing required arguments: server" in answer["msg"]
    assert action.commands == []


def test_what_a_path_means_is_found_on_the_server(deployed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    action, sent = Action(), []
    monkeypatch.setattr(action, "_low_level_execute_command", lambda _command, in_data: sent.append(in_data) or {})
    ssh = {"host": "h", "user": "u", "identity": "~/.ssh/key", "known_hosts": "$HOME/known"}
    copy = {
        "base": str(deployed),
        "server": "server1",
        "worker": "worker2",
        "application": "multi_partition_detector",
        "source_server": "s2",
        "epoch": 2,
    }
    addresses = {"control": "127.0.0.1:1", "data": "127.0.0.1:2", "source_base": "~/w", "source_ssh": ssh}
    assert _archived.run(action, "resilience_copy", {**copy, **addresses}, PYTHON) is None
    (given,) = json.loads(sent[0])["calls"]
    monkeypatch.setenv("HOME", "/home/there")
    found = with_paths(resilience_copy.SPEC["argument_spec"], given)
    assert (given["source_base"], found["source_base"]) == ("~/w", "/home/there/w")
    assert found["source_ssh"]["identity"] == "/home/there/.ssh/key"
    assert found["source_ssh"]["known_hosts"] == "/home/there/known"
    assert (found["epoch"], found["source_ssh"]["port"]) == (2, 22)


def test_what_a_shell_says_first_is_no_answer(deployed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    action = Action()
    plain = action._low_level_execute_command

    def chatty(command: str, in_data: bytes) -> dict[str, Any]:
        ended = plain(command, in_data)
        return {**ended, "stdout": f'Welcome\n{{"changed": true}}\nno end{ended["stdout"]}bye\n'}

    monkeypatch.setattr(action, "_low_level_execute_command", chatty)
    assert ask(action, enter(deployed)) is not None


@pytest.mark.parametrize(
    ("code", "said"),
    [(-9, f"{_archived.BEGUN}\n"), (-9, f"no end{_archived.BEGUN}\n"), (0, "")],
    ids=["", "noisy", "lost"],
)
def test_one_that_dies_on_the_way_is_not_called_again(
    deployed: Path, monkeypatch: pytest.MonkeyPatch, code: int, said: str
) -> None:
    action = Action()
    ended = {"rc": code, "stdout": said, "stderr": "Traceback\nMemoryError: no more\n"}
    monkeypatch.setattr(action, "_low_level_execute_command", lambda _command, in_data: ended)
    answer = _archived.run(action, "server_info", enter(deployed), PYTHON)
    assert answer is not None
    assert answer["failed"] is True
    assert answer["msg"] == "server_info has ended without a result: MemoryError: no more"


@pytest.mark.parametrize("words", [[], ["../x"], ["server_info", "../x"]], ids=["none", "no name", "not all"])
def test_the_program_takes_the_names_of_modules(deployed: Path, words: list[str]) -> None:
    command = [sys.executable, str(deployed / "runtime" / "programs.pyz"), "module", *words]
    ended = subprocess.run(command, input="{}", capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("usage: module MODULE")


def test_several_are_called_with_one_command(deployed: Path) -> None:
    action = Action()
    answers = _archived.run_in_turn(
        action, [("server_info", enter(deployed)), ("server_info", enter(deployed))], PYTHON
    )
    assert [answer["server"] for answer in answers] == ["server1", "server1"]
    assert len(action.commands) == 1


def test_none_is_called_behind_one_that_fails(deployed: Path) -> None:
    dead = {"base": str(deployed), "server": "server1", "worker": "worker2"}
    before = entered(deployed)
    calls = [
        ("server_info", enter(deployed, enter=False)),
        ("worker_kill", dead),
        ("server_info", enter(deployed, run="r5")),
    ]
    answers = _archived.run_in_turn(Action(), calls, PYTHON)
    assert [bool(answer.get("failed")) for answer in answers] == [False, True]
    assert entered(deployed) == before


def test_none_is_called_behind_one_whose_event_has_not_come(deployed: Path) -> None:
    waits = {"path": str(deployed / "nothing"), "key_count": 1, "last": 1, "wait_timeout": 60, "return_after": 0.01}
    before = entered(deployed)
    answers = _archived.run_in_turn(
        Action(),
        [("received_wait", waits), ("server_info", enter(deployed, run="r5"))],
        {**PYTHON, "wallaroo_base": str(deployed)},
    )
    assert [answer["finished"] for answer in answers] == [False]
    assert entered(deployed) == before


def test_one_that_is_not_there_keeps_all_from_being_called(deployed: Path) -> None:
    command = [sys.executable, str(deployed / "runtime" / "programs.pyz"), "module", "server_info", "nothing"]
    given = {"calls": [enter(deployed, run="r5"), {}], "check_mode": False}
    before = entered(deployed)
    ended = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    assert _archived.BEGUN not in ended.stdout
    assert entered(deployed) == before


def test_who_needs_no_directory_is_found_in_that_of_the_server(deployed: Path) -> None:
    """``cluster_status`` and others are told nothing of it; the inventory knows it."""
    arguments = {"host": "127.0.0.1", "port": 9, "wait_timeout": 0}
    variables = {**PYTHON, "wallaroo_base": str(deployed)}
    answer = _archived.run(Action(), "cluster_status", arguments, variables)
    assert answer is not None
    assert "did not answer" in answer["msg"] or "127.0.0.1:9" in answer["msg"]
    assert _archived.run(Action(), "cluster_status", arguments, PYTHON) is None
