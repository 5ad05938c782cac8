# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that cannot be reached is a failure like any other.

Ansible takes a host that it cannot reach out of the play, and no ``rescue`` sees it. While a worker is down that would
be the end of the run without a sentence, without a result, and without the road back. So modules that act in there are
called by an action plugin of their own, which makes a failure of it that says which server is meant.
"""

from __future__ import annotations

from typing import Any, Optional

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from . import _archived, _here

ACTING = frozenset(
    (
        "peer_addresses",
        "resilience_copy",
        "server_address",
        "server_prepare",
        "worker",
        "worker_fence",
        "worker_kill",
        "worker_move",
    )
)
"""Modules that are told for which run they act: a server that another run has entered since refuses them."""

LOCK_VARIABLE = "cluster_lock"
"""The name under which the role ``cluster`` registers what ``run_lock`` returned."""

UNREACHABLE = "unreachable_server"
"""What such a failure returns beside its sentence: the server's name. What the module did there is not known."""


class ReachingAction(ActionBase):  # type: ignore[misc]  # Ansible has no type information
    """Runs the module that the task names."""

    TRANSFERS_FILES = False
    _supports_async = False
    _supports_check_mode = True

    @property
    def module_name(self) -> str:
        """The module that the task names."""
        return str(self._task.action).rpartition(".")[2]

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Call the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        result.update(self._call(dict(self._task.args), task_vars))
        return result

    def completed(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments of the module, with what only the controller knows."""
        return arguments

    def _call(self, arguments: dict[str, Any], task_vars: Optional[dict[str, Any]]) -> dict[str, Any]:
        return self._ask(self.module_name, arguments, task_vars)

    def _run(self, module: str, arguments: dict[str, Any], task_vars: Optional[dict[str, Any]]) -> dict[str, Any]:
        """Run a module of this collection on the server, and let Ansible say of one that cannot be reached."""
        if module in _here.MODULES and _here.is_here(self, task_vars):
            return _here.run(module, arguments, bool(self._task.check_mode))
        archived = _archived.run(self, module, arguments, task_vars)
        if archived is not None:
            return archived
        # A copy, since Ansible adds what only a module that is sent understands.
        answer: dict[str, Any] = self._execute_module(
            module_name=f"wallaroo.resilience.{module}", module_args=dict(arguments), task_vars=task_vars
        )
        return answer

    def _ask(self, module: str, arguments: dict[str, Any], task_vars: Optional[dict[str, Any]]) -> dict[str, Any]:
        """Run a module of this collection on the server."""
        try:
            answer = self._run(module, self.for_run(module, arguments, task_vars), task_vars)
        except AnsibleConnectionFailure as error:
            return unreachable(self._where(task_vars), str(getattr(error, "message", "") or error))
        if answer.get("unreachable"):
            return unreachable(self._where(task_vars), str(answer.get("msg") or ""))
        return answer

    @staticmethod
    def for_run(module: str, arguments: dict[str, Any], task_vars: Optional[dict[str, Any]]) -> dict[str, Any]:
        """The arguments of a module, with the run that has entered the servers where it acts for one."""
        lock = (task_vars or {}).get(LOCK_VARIABLE) or {}
        return {"run": lock["run"], **arguments} if module in ACTING and lock.get("run") else arguments

    def _where(self, task_vars: Optional[dict[str, Any]]) -> str:
        delegated = self._task.delegate_to
        return str(delegated or (task_vars or {}).get("inventory_hostname") or "server")


def unreachable(server: str, message: str) -> dict[str, Any]:
    """What is returned of a server that cannot be reached.

    :param message: what Ansible said: its own words, and then those of the program that it used.
    """
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    why = lines[-1].rpartition("via ssh: ")[2] if lines else "no reason was given"
    return {"failed": True, "changed": False, UNREACHABLE: server, "msg": f"{server} cannot be reached ({why})."}
