# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module ``preflight_look``: measures the server's clock against the controller's."""

from __future__ import annotations

import time
from typing import Any, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._reaching import ReachingAction


class ActionModule(ReachingAction):
    """See the module's documentation."""

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Ask for the time alone, which is quick, and then for everything."""
        result: dict[str, Any] = ActionBase.run(self, tmp, task_vars)
        del tmp
        arguments = dict(self._task.args)
        if arguments.get("reach") is not None or arguments.get("only_time"):
            result.update(self._call(arguments, task_vars))
            return result
        clock: dict[str, Any] = {}
        # The first connection takes longer than the next ones, and the shortest way says most.
        for _unused in range(2):
            before = time.time()
            answer = self._call({**arguments, "only_time": True}, task_vars)
            after = time.time()
            if answer.get("failed") or "now" not in answer:
                result.update(answer)
                return result
            uncertainty = (after - before) / 2
            if not clock or uncertainty < clock["clock_uncertainty"]:
                offset = float(answer["now"]) - (before + after) / 2
                clock = {"clock_offset": round(offset, 3), "clock_uncertainty": round(uncertainty, 3)}
        result.update(self._call(arguments, task_vars))
        result.update(clock)
        return result

    def _call(self, arguments: dict[str, Any], task_vars: Optional[dict[str, Any]]) -> dict[str, Any]:
        # Each host for itself: ``unreachable`` is what the table shows.
        return self._run(self.module_name, arguments, task_vars)
