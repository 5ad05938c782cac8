# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``preflight_report``: print the table of ``preflight.yml``, and fail when a check has failed."""

from __future__ import annotations

from typing import Any, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._preflight import report
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._saying import say


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no type information
    """See the documentation of the module of the same name."""

    TRANSFERS_FILES = False
    _supports_async = False
    _supports_check_mode = True
    _requires_connection = False
    _VALID_ARGS = frozenset(("servers", "found"))

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Return ``problems`` and ``warnings``."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        found = report(list(self._task.args["servers"]), self._task.args["found"])
        say("\n" + "\n".join(found.lines()) + "\n")
        result.update(changed=False, table=found.table, problems=found.problems, notes=found.warnings)
        if found.problems:
            result["failed"] = True
            result["msg"] = f"{len(found.problems)} problems; the first is: {found.problems[0]}"
        return result
