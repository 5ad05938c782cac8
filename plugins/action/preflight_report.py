# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``preflight_report``: print the table of ``preflight.yml``, and fail when a check has failed."""

from __future__ import annotations

from typing import Any

from ansible_collections.wallaroo.resilience.plugins.plugin_utils._deciding import DecidingAction
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._preflight import report
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._saying import say


class ActionModule(DecidingAction):
    """See the documentation of the module of the same name."""

    _VALID_ARGS = frozenset(("servers", "found"))

    def decide(self, variables: dict[str, Any]) -> dict[str, Any]:
        """The table, ``problems`` and ``notes``."""
        del variables
        found = report(list(self._task.args["servers"]), self._task.args["found"])
        say("\n" + "\n".join(found.lines()) + "\n")
        result = {"table": found.table, "problems": found.problems, "notes": found.warnings}
        if found.problems:
            failure = f"{len(found.problems)} problems; the first is: {found.problems[0]}"
            return {**result, "failed": True, "msg": failure}
        return result
