# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``run_comparison``: put two runs that were kept beside each other."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _runs
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._arguments import two_runs
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._deciding import DecidingAction
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._report import comparison, stored
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._saying import conclude, say
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal


class ActionModule(DecidingAction):
    """See the documentation of the module of the same name."""

    _VALID_ARGS = frozenset(("compared", "runs"))

    def decide(self, variables: dict[str, Any]) -> dict[str, Any]:
        """``page``, ``runs`` and ``rows``."""
        del variables
        place = _runs.runs_path(self._task.args.get("runs"))
        wanted = two_runs("runs", self._task.args.get("compared") or [])
        first, second = (stored.wanted(one, place) for one in wanted)
        table = comparison.table(first, second)
        rows = [asdict(row) for row in comparison.rows(first, second)]
        found = {"runs": [str(run.folder) for run in (first, second)], "rows": rows, "table": table}
        if self._task.check_mode:
            say("\n" + "\n".join(table) + "\n")
            return {**found, "page": None}
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = comparison.write(place, (first, second))
        except OSError as error:
            raise Refusal(f"No page can be written below {place}: {error.strerror or error}.") from error
        conclude("\n" + "\n".join([*table, f"report: {made}"]) + "\n")
        return {**found, "page": str(made), "changed": True}
