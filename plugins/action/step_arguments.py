# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``step_arguments``: refuse on the controller what makes no sense, before a playbook does anything."""

from __future__ import annotations

from typing import Any, Optional

from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _publishing, _results, _variables
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._play import given, require_bases
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal

WITHOUT_BASE = ("configure_awx", "setup_dev_env")
"""Playbooks that put nothing below ``wallaroo_base``."""


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no type information
    """See the documentation of the module of the same name."""

    TRANSFERS_FILES = False
    _supports_async = False
    _supports_check_mode = True
    _requires_connection = False
    _VALID_ARGS = frozenset(("playbook",))

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Return the arguments, or fail with the sentence of the refusal."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        variables, playbook = task_vars or {}, str(self._task.args["playbook"])
        result["changed"] = False
        try:
            values = given(self._templar, variables, _variables.wanted(playbook))
            result["arguments"] = _variables.check(
                playbook,
                load_extra_vars(self._loader),
                values,
                list((variables.get("groups") or {}).get("servers") or []),
                lambda name: _mentioned(name, variables),
            )
            if playbook not in WITHOUT_BASE:
                require_bases(variables)
            if playbook in _publishing.WRITES_RUNS:
                _results.refuse_unwritable(values.get("wallaroo_runs"))
        except Refusal as refusal:
            result["failed"] = True
            result["msg"] = str(refusal)
        return result


def _mentioned(name: str, variables: dict[str, Any]) -> bool:
    """Whether a variable of any host refers to another one."""
    hostvars = variables["hostvars"]
    return any(_variables.mentions(name, hostvars.raw_get(host)) for host in hostvars)
