# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of a server that is this very machine, user and Python run in the process of their task.

To send a module costs half a second of CPU, nearly all of it for starting a Python and compiling Ansible's own part of
the module, and a run on one machine has dozens of them. What runs is the module's own code with its own checks, so
what it does and returns is the same. Modules that start processes are called in a process of their own, since those
must not descend from Ansible.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Optional

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils._called import call
from ._archived import module_of, refusal, variables_of

MODULES = frozenset(
    (
        *("checkpoint_wait", "cluster_status", "metrics_mark", "ordering_verify", "peer_addresses", "preflight_look"),
        *("received_wait", "run_files", "run_flow", "run_lock", "server_info", "server_prepare", "server_stop"),
        *("worker_fence", "worker_kill", "worker_look"),
    )
)
"""Which of them. Each is loaded when it is called: all of them would be a tenth of a second for every playbook."""


def is_here(action: Any, task_vars: Optional[Mapping[str, Any]]) -> bool:
    """Whether a module of this task would run as this user, with this Python, on this machine."""
    task = action._task
    if action._connection.transport != "local" or action._connection.become is not None or any(task.environment or []):
        return False
    python = variables_of(action, task_vars).get("ansible_python_interpreter")
    return bool(action._templar.template(python) == sys.executable)


def run(name: str, arguments: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """What the module returns."""
    module = module_of(name)
    checked = ArgumentSpecValidator(**module.SPEC).validate(dict(arguments))
    return refusal(checked) or call(module, checked.validated_parameters, check_mode)
