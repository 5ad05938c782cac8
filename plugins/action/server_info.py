# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module ``server_info``: asked on behalf of others, a server that cannot be reached ends nothing."""

from __future__ import annotations

from typing import Any, Optional

# Loaded by Ansible itself, and not by each of its processes that asks a server.
from ansible_collections.wallaroo.resilience.plugins.modules import server_info as _loaded  # noqa: F401
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _programs
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._reaching import ReachingAction


class ActionModule(ReachingAction):
    """See the module's documentation."""

    def completed(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """With the programs that the server should have."""
        return {**arguments, "programs": _programs.digest()}

    def _call(self, arguments: dict[str, Any], task_vars: Optional[dict[str, Any]]) -> dict[str, Any]:
        arguments = self.completed(arguments)
        if self._task.run_once:
            # Ansible ends the play for all hosts when it cannot reach one that is asked once, ignored or not.
            return super()._call(arguments, task_vars)
        # Each host for itself: ``unreachable`` is what the plans read, and the roles ignore it.
        return self._run(self.module_name, arguments, task_vars)
