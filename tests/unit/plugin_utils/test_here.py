# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of a server that is this machine run in the process of their task, and answer as if they had been sent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _here


def action(**what: Any) -> SimpleNamespace:
    """A task's action on a server that is this machine, but for what is given."""
    connection = {"transport": "local", "become": None, **what.get("connection", {})}
    task = {"environment": [], "delegate_to": None, **what.get("task", {})}
    return SimpleNamespace(
        _connection=SimpleNamespace(**connection),
        _task=SimpleNamespace(**task),
        _templar=SimpleNamespace(template=lambda value: sys.executable if value == "{{ mine }}" else value),
    )


HERE = {"ansible_python_interpreter": "{{ mine }}"}


def test_this_machine_user_and_python() -> None:
    assert _here.is_here(action(), HERE)


@pytest.mark.parametrize(
    ("what", "variables"),
    [
        ({"connection": {"transport": "ssh"}}, HERE),
        ({"connection": {"become": object()}}, HERE),
        ({"task": {"environment": [{"LANG": "C"}]}}, HERE),
        ({"task": {"delegate_to": "server2"}}, HERE),
        ({}, {"ansible_python_interpreter": "/usr/bin/python3.9"}),
        ({}, {}),
        ({}, None),
    ],
    ids=["SSH", "another user", "another environment", "another server", "another Python", "no Python", "nothing"],
)
def test_all_else_is_sent(what: dict[str, Any], variables: Any) -> None:
    assert not _here.is_here(action(**what), variables)


def test_who_is_asked_in_place_of_another_is_looked_at_itself() -> None:
    variables = {"ansible_python_interpreter": "/elsewhere", "ansible_delegated_vars": {"server2": HERE}}
    assert _here.is_here(action(task={"delegate_to": "server2"}), variables)


def test_arguments_are_checked_and_converted_as_the_module_does(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "there").mkdir()
    arguments = {"base": "~/there", "server": "server1", "run": "r1", "enter": "yes", "acts_timeout": "5"}
    assert _here.run("server_info", arguments, check_mode=False)["base"] == str(tmp_path / "there")
    assert (tmp_path / "there" / "run.entered").read_text() == "r1\n"
    failed = _here.run("server_info", {"base": "/nowhere"}, check_mode=False)
    assert failed["failed"]
    assert "missing required arguments: server" in failed["msg"]


def test_check_mode_reaches_the_module(tmp_path: Path) -> None:
    arguments = {"base": str(tmp_path), "server": "server1", "run": "r1", "enter": True}
    assert _here.run("server_info", arguments, check_mode=True)["problem"] is None
    assert list(tmp_path.iterdir()) == []


def test_what_comes_back_is_what_json_can_carry(tmp_path: Path) -> None:
    state = _here.run("server_info", {"base": str(tmp_path), "server": "server1"}, check_mode=False)
    assert state["server"] == "server1"
    assert state["problem"] is None
    assert isinstance(state["ports_taken"], list)


def test_a_failure_and_its_warnings_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    holder = {"run": "r1", "description": "", "controller": "here", "pid": 1, "start_ticks": 1}
    given = {"base": str(tmp_path / "file"), "server": "server1", "holder": holder}
    failed = _here.run("run_lock", given, check_mode=False)
    assert failed["failed"]
    assert "cannot be used" in failed["msg"]
    unknown = _here.run("run_lock", {**given, "holder": {**holder, "unknown": 1}}, check_mode=False)
    assert "unknown" in unknown["msg"]


@pytest.mark.parametrize(
    ("loaded", "never"),
    [
        ("plugin_utils._reaching", ("plugins.modules.",)),
        ("action.server_info", ("http.client", "modules.ordering_verify", "modules.preflight_look")),
        ("modules.server_info", ("http.client", "ssl")),
        ("callback.timeline", ("plugin_utils._results", "xml.etree.ElementTree")),
    ],
)
def test_nothing_is_loaded_that_is_not_called(loaded: str, never: tuple[str, ...]) -> None:
    """Every playbook, and every look at a server, would wait for it."""
    program = (
        "import ansible.plugins.action, importlib, sys\n"
        "known = set(sys.modules)\n"
        f"importlib.import_module('ansible_collections.wallaroo.resilience.plugins.{loaded}')\n"
        "print(*sorted(set(sys.modules) - known), sep='\\n')\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    found = [name for name in ended.stdout.split() if any(one in name for one in never)]
    assert found == []
