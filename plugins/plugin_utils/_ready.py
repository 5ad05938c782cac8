# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first task of a step begins the connections to all servers, which the next ones ask.

An SSH handshake and the start of a Python take longer than anything that is asked of a server while a step is planned,
and nobody needs to wait for them one after the other.
"""

from __future__ import annotations

import copy
import gc
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ansible import constants

from . import _archived, _here
from ._controller import Controller, RunIsGone, this_run


def begin(action: Any, variables: Mapping[str, Any]) -> None:
    """Begin the connection to the server of a task, and then those to the others of its play. Nobody waits for them.

    :param action: the task's ``ActionBase``.
    :param variables: of the task.
    """
    if _here.is_here(action, variables):
        return
    with suppress(RunIsGone, OSError):
        run = this_run()
        _archived.be_ready(action, variables, run)
        others = _others(variables)
        if others and os.fork() == 0:
            _begin_in_a_process_of_its_own(action, variables, others, run)


def _others(variables: Mapping[str, Any]) -> list[str]:
    """The other servers, as many as Ansible reaches at the same time."""
    names = [str(name) for name in variables.get("ansible_play_batch") or []]
    others = [name for name in names if name != variables.get("inventory_hostname")]
    return others[: max(int(variables.get("ansible_forks") or 1) - 1, 0)]


def _begin_in_a_process_of_its_own(
    action: Any, variables: Mapping[str, Any], others: Sequence[str], run: Controller
) -> None:
    """Never returns: nothing of what Ansible would do at the end of a process is done in this one."""
    try:
        gc.disable()
        hosts = variables["hostvars"]
        ours = hosts[variables["inventory_hostname"]]
        for name in others:
            # What cannot be known here finds out the task that asks this server: it makes a connection of its own.
            with suppress(Exception):
                theirs = hosts[name]
                if _is_alike(action, ours, theirs):
                    _archived.be_ready(_for_another(action, theirs), theirs, run)
    finally:
        os._exit(0)


_KINDS = (
    "ansible_connection",
    "ansible_shell_type",
    "ansible_shell_executable",
    "ansible_executable",
    "ansible_become",
)
"""By these a connection would be of another kind."""


def _is_alike(action: Any, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """Whether a server is reached in the same way as that of a task, but for where it is and who logs in."""
    alike = all(ours.get(name) == theirs.get(name) for name in _KINDS)
    return alike and action._connection.become is None and not any(action._task.environment or [])


def _for_another(action: Any, theirs: Mapping[str, Any]) -> Any:
    """The action as it would be for another server, as far as its connection goes: as Ansible itself would make it."""
    connection, context = copy.copy(action._connection), copy.copy(action._play_context)
    named = constants.config.get_plugin_vars("connection", connection._load_name)
    keywords = {**action._task.dump_attrs(), "timeout": context.timeout}
    # Those are repetitions of the task, and not of the connection.
    keywords.pop("retries", None)
    connection.set_options(task_keys=keywords, var_options={name: theirs[name] for name in named if name in theirs})
    # What was found out for the server of the task.
    connection.control_path = None
    context.remote_addr = theirs["inventory_hostname"]
    another = copy.copy(action)
    another._connection, another._play_context = connection, context
    return another
