# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``step_result``: publish on the controller what a step has yielded."""

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _publishing, _telling
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._deciding import DecidingAction
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._saying import say

display = Display()


class ActionModule(DecidingAction):
    """See the documentation of the module of the same name."""

    _VALID_ARGS = frozenset(("playbook",))

    def decide(self, variables: dict[str, Any]) -> dict[str, Any]:
        """``result``, published under ``wallaroo_resilience`` when there is one."""
        playbook = str(self._task.args["playbook"])
        try:
            registered = _publishing.Registered(variables)
            outcome = _publishing.of_step(playbook, registered, bool(self._task.check_mode))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # The step is done: that its result cannot be told must not make it fail.
            display.warning(f"The result of {playbook} could not be published: {error!r}")
            return {}
        told = self._told(playbook, registered)
        answer = {"msg": told} if told else {}
        if told:
            say(told)
        if outcome is None:
            return answer
        return {**answer, "result": _publishing.to_data(outcome), "ansible_stats": _publishing.statistics(outcome)}

    def _told(self, playbook: str, registered: _publishing.Registered) -> str:
        try:
            return _telling.told(playbook, registered, bool(self._task.check_mode))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            display.warning(f"What {playbook} did could not be told: {error!r}")
            return ""
