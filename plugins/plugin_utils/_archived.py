# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of a server that has the archive of programs are called in there with one command.

A module that is sent brings the whole library along and unpacks it, at each call; the archive has it already, compiled.
So only its arguments travel, on standard input, where they are seen by nobody else. It is the same code that runs.
A server without this very archive, or one that Ansible reaches in a way that is not known here, is sent the module.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from types import ModuleType
from typing import Any, Optional

from ansible import constants
from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils._called import has_ended_well
from ..module_utils._engines.command_line import archive_argv
from ..module_utils._programs.module.main import BEGUN, RESULT
from ..module_utils._server.runtime import archive_name
from . import _programs, _standing
from ._controller import Controller

# Ansible loads this before its processes for the tasks, each of which would read the whole library for it.
_programs.digest()

_MODULES = "ansible_collections.wallaroo.resilience.plugins.modules"


def run(
    action: Any, name: str, arguments: Mapping[str, Any], task_vars: Optional[Mapping[str, Any]]
) -> Optional[dict[str, Any]]:
    """What the module returns, or None when it has to be sent: then nothing was done.

    :param action: the task's ``ActionBase``.
    :raises AnsibleConnectionFailure: when the server cannot be reached.
    """
    answers = run_in_turn(action, [(name, arguments)], task_vars)
    return answers[0] if answers else None


def run_in_turn(
    action: Any, calls: Sequence[tuple[str, Mapping[str, Any]]], task_vars: Optional[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What modules return that are called one after the other with one command; empty when they have to be sent.

    The last answer is of the first that failed, or whose event has not come yet.

    :param calls: the name of each module, and its arguments.
    :raises AnsibleConnectionFailure: when the server cannot be reached.
    """
    programs = _programs_of(action, task_vars, calls[0][1].get("base"))
    if programs is None:
        return []
    given = []
    for name, arguments in calls:
        validated = _validated(name, arguments)
        refused = refusal(validated)
        if refused:
            return [refused]
        given.append(validated.validated_parameters)
    names = [name for name, _arguments in calls]
    wanted = {"calls": given, "check_mode": bool(action._task.check_mode)}
    ended = _standing.ask(action, programs(*_STANDING), {**wanted, "modules": names})
    if ended is None:
        said = json.dumps(wanted, default=str).encode()
        ended = action._low_level_execute_command(programs("module", *names), in_data=said)
    return _answers(names, ended)


def begin(
    action: Any, name: str, arguments: Mapping[str, Any], task_vars: Optional[Mapping[str, Any]]
) -> dict[str, Any]:
    """Let a module begin what its next call on this server needs, where a connection stands. Nobody waits for it.

    :returns: the failure of the task, when these are no arguments of the module; empty else.
    """
    programs, validated = _programs_of(action, task_vars, arguments.get("base")), _validated(name, arguments)
    refused = refusal(validated)
    if programs is not None and not refused:
        wanted = {"modules": [name], "calls": [validated.validated_parameters], "begin": True}
        # Whether the server can be reached says the call itself.
        with suppress(AnsibleConnectionFailure):
            _standing.ask(action, programs(*_STANDING), wanted)
    return refused


def be_ready(action: Any, task_vars: Optional[Mapping[str, Any]], run: Controller) -> None:
    """Let the connection to the server of a task be made while something else is done.

    :param run: the one that this process belongs to.
    """
    programs = _programs_of(action, task_vars, None)
    if programs is not None:
        _standing.begin(action, programs(*_STANDING), run)


_STANDING = ("standing", "run_lock", "server_info")
"""The program that answers as long as a run, and what it loads at once, since nearly every step begins with these."""


def _programs_of(
    action: Any, task_vars: Optional[Mapping[str, Any]], base: Optional[str]
) -> Optional[Callable[..., str]]:
    """What makes the command that starts a program of the server's archive; None where that cannot be."""
    variables = variables_of(action, task_vars)
    python = _python(action, variables)
    # Some modules need no directory of a server; the archive is there all the same.
    base = str(base or action._templar.template(variables.get("wallaroo_base")) or "")
    if not python or not base.startswith("/") or not _takes_input(action):
        return None
    archive = str(PurePosixPath(base) / "runtime" / archive_name(_programs.digest()))
    shell, environment = action._connection._shell, action._compute_environment_string()
    # Nobody executes what another account can write, be it that Ansible logs in as root. An interpreter may have words
    # of its own behind it, as env has, which only the server can tell from a path with blanks.
    own = f"[ -O {shell.quote(archive)} ] && [ -x {shell.quote(python)} ] && "

    def command(program: str, *arguments: str) -> str:
        # Without the libraries of that Python: each call would wait until it has looked for them.
        words = [python, "-S", *archive_argv(python, archive, program, *arguments)[1:]]
        return own + " ".join([*([environment] if environment else []), *map(shell.quote, words)])

    return command


def _validated(name: str, arguments: Mapping[str, Any]) -> Any:
    """What Ansible's own check of a module's arguments has found."""
    specification = module_of(name).SPEC
    checked = ArgumentSpecValidator(**{**specification, "argument_spec": _as_text(specification["argument_spec"])})
    return checked.validate(dict(arguments))


def refusal(validated: Any) -> dict[str, Any]:
    """What a module returns whose arguments are wrong; empty when they are not."""
    messages = validated.error_messages
    return {"failed": True, "msg": "; ".join(messages)} if messages else {}


def module_of(name: str) -> ModuleType:
    """A module of this collection: ``SPEC`` has the arguments of ``AnsibleModule``, and ``run`` takes one."""
    return importlib.import_module(f"{_MODULES}.{name}")


def _takes_input(action: Any) -> bool:
    """Whether a command on the server is its account's own, and can be given something to read."""
    # What root executes must not be a file that the account of the server can write.
    own = action._connection.become is None
    return bool(own and action._connection.has_pipelining and not action._task.async_val)


def variables_of(action: Any, task_vars: Optional[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The variables of the server that a task is for."""
    variables = dict(task_vars or {})
    if action._task.delegate_to:
        return (variables.get("ansible_delegated_vars") or {}).get(action._task.delegate_to) or {}
    return variables


def _python(action: Any, variables: Mapping[str, Any]) -> str:
    """The server's Python, where Ansible knows its path."""
    configured = constants.config.get_config_value("INTERPRETER_PYTHON", variables=dict(variables))
    named = str(action._templar.template(configured) or "auto")
    if named.startswith("auto"):
        named = str((variables.get("ansible_facts") or {}).get("discovered_interpreter_python") or "")
    return named if named.startswith("/") else ""


def _as_text(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same arguments with every path as it was written: what ``~`` means the server knows."""
    found = {}
    for name, one in options.items():
        plain = {**one, "type": "str"} if one.get("type") == "path" else dict(one)
        found[name] = {**plain, "options": _as_text(one["options"])} if one.get("options") else plain
    return found


def _answers(names: Sequence[str], ended: Mapping[str, Any]) -> list[dict[str, Any]]:
    # What a login shell says is before the modules' own lines, or behind.
    lines = str(ended.get("stdout") or "").splitlines()
    answers: list[dict[str, Any]] = [json.loads(line[len(RESULT) :]) for line in lines if line.startswith(RESULT)]
    if answers and (len(answers) == len(names) or not has_ended_well(answers[-1])):
        return answers
    # One that ends well has begun, even where its connection has lost what it said.
    if not answers and ended.get("rc") != 0 and not any(line.endswith(BEGUN) for line in lines):
        return []
    last = str(ended.get("stderr") or "").strip().rpartition("\n")[2] or f"exit code {ended.get('rc')}"
    sentence = f"{names[len(answers)]} has ended without a result: {last}"
    return [*answers, {"failed": True, "msg": sentence, "module_stderr": ended.get("stderr")}]
