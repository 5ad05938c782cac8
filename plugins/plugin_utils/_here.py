# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of a server that is this very machine, user and Python run in the process of their task.

To send a module costs half a second of CPU, nearly all of it for starting a Python and compiling Ansible's own part of
the module, and a run on one machine has dozens of them. What runs is the module's own code with its own checks, so
what it does and returns is the same. Modules that start processes are always sent, since those must not descend from
Ansible.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Optional

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..modules import (
    cluster_status,
    ordering_verify,
    received_wait,
    run_lock,
    server_enter,
    server_info,
    server_prepare,
    server_stop,
    worker_fence,
)

MODULES: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        *(cluster_status, ordering_verify, received_wait, run_lock, server_enter, server_info),
        *(server_prepare, server_stop, worker_fence),
    )
}
"""They have ``SPEC``, the arguments of ``AnsibleModule``, and ``run``, which takes one."""


class _Ended(SystemExit):
    """As Ansible's own, so that the module's code does not take it for an error of its own."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        super().__init__(0)
        self.result = dict(result)


class _Module:
    """What a module's code needs of ``AnsibleModule``."""

    def __init__(self, params: Mapping[str, Any], check_mode: bool) -> None:
        self.params = dict(params)
        self.check_mode = check_mode
        self._warnings: list[str] = []

    def warn(self, warning: str) -> None:
        self._warnings.append(warning)

    def exit_json(self, **result: Any) -> None:
        if self._warnings:
            result["warnings"] = self._warnings
        raise _Ended({"changed": False, **result})

    def fail_json(self, msg: str, **result: Any) -> None:
        self.exit_json(**{**result, "failed": True, "msg": msg})


def is_here(action: Any, task_vars: Optional[Mapping[str, Any]]) -> bool:
    """Whether a module of this task would run as this user, with this Python, on this machine."""
    task = action._task
    if action._connection.transport != "local" or action._connection.become is not None or any(task.environment or []):
        return False
    variables = dict(task_vars or {})
    if task.delegate_to:
        variables = (variables.get("ansible_delegated_vars") or {}).get(task.delegate_to) or {}
    return bool(action._templar.template(variables.get("ansible_python_interpreter")) == sys.executable)


def run(name: str, arguments: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """What the module returns."""
    module = MODULES[name]
    checked = ArgumentSpecValidator(**module.SPEC).validate(dict(arguments))
    if checked.error_messages:
        return {"failed": True, "msg": "; ".join(checked.error_messages)}
    try:
        module.run(_Module(checked.validated_parameters, check_mode))
    except _Ended as ended:
        # As it would have come back from a server.
        result: dict[str, Any] = json.loads(json.dumps(ended.result))
        return result
    raise AssertionError(f"{name} has ended without a result")
