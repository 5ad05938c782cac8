# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``step_result``: publish on the controller what a step has yielded."""

from __future__ import annotations

from typing import Any, Optional

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _publishing

display = Display()


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no type information
    """See the documentation of the module of the same name."""

    TRANSFERS_FILES = False
    _supports_async = False
    _supports_check_mode = True
    _requires_connection = False
    _VALID_ARGS = frozenset(("playbook",))

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Return ``result``, published under ``wallaroo_resilience`` when there is one."""
        answer: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        playbook = str(self._task.args["playbook"])
        answer["changed"] = False
        try:
            registered = _publishing.Registered(task_vars or {})
            outcome = _publishing.of_step(playbook, registered, bool(self._task.check_mode))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # The step is done: that its result cannot be told must not make it fail.
            display.warning(f"The result of {playbook} could not be published: {error!r}")
            return answer
        if outcome is None:
            return answer
        answer["result"] = _publishing.to_data(outcome)
        answer["ansible_stats"] = _publishing.statistics(outcome)
        return answer
