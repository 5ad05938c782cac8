# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``run_lock``: says for the lock who runs the playbook, and whether its holder is still alive."""

from __future__ import annotations

import getpass
import os
import socket
import time
from typing import Any, Optional

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import boot_id, identify

display = Display()


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no type information
    """See the documentation of the module of the same name."""

    TRANSFERS_FILES = False
    _supports_async = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Take or release the lock; fail when another run holds it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        variables = task_vars or {}
        arguments = {**self._task.args, "holder": self._holder(variables)}
        answer = self._call(arguments, task_vars)
        other = answer.get("held_by")
        if other and not self._alive(other):
            display.display(f"The lock of a run that is dead is taken over: {other['description']}")
            answer = self._call({**arguments, "instead_of": other["run"]}, task_vars)
            other = answer.get("held_by") if not self._task.check_mode else None
        result.update(answer)
        if other:
            result["failed"] = True
            result["msg"] = (
                f"Another run works on these servers: {other['description']}. Wait for it. "
                "If it is gone for good, e.g. with its controller, run this again with -e take_over=true."
            )
        return result

    def _call(self, arguments: dict[str, Any], task_vars: Optional[dict[str, Any]]) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name="wallaroo.resilience.run_lock", module_args=arguments, task_vars=task_vars
        )
        return answer

    @staticmethod
    def _holder(variables: dict[str, Any]) -> dict[str, Any]:
        # Tasks run in children of the process that runs the playbook.
        pid = os.getppid()
        process = identify(pid)
        ticks = process.start_ticks if process else 0
        boot = boot_id()
        playbook = str(variables.get("ansible_play_name") or "a playbook")
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return {
            "run": f"{boot}-{pid}-{ticks}",
            "description": f"{playbook!r} by {_user()} on {socket.gethostname()}, process {pid}, since {since}",
            "controller": boot,
            "pid": pid,
            "start_ticks": ticks,
        }

    @staticmethod
    def _alive(other: dict[str, Any]) -> bool:
        """Whether the holder may still be at work; only a process of this very machine can be known to be dead."""
        if other.get("controller") != boot_id():
            return True
        process = identify(int(other.get("pid") or 0))
        return process is not None and process.start_ticks == other.get("start_ticks")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.geteuid()}"
