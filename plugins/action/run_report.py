# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``run_report``: make ``report.html`` of a run that was kept again."""

from __future__ import annotations

from typing import Any

from ansible_collections.wallaroo.resilience.plugins.plugin_utils._deciding import DecidingAction
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._report import page, stored, story
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._saying import conclude, say
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal


class ActionModule(DecidingAction):
    """See the documentation of the module of the same name."""

    _VALID_ARGS = frozenset(("run", "runs"))

    def decide(self, variables: dict[str, Any]) -> dict[str, Any]:
        """``page``, ``folder``, ``verdict`` and ``reason``."""
        del variables
        run = stored.wanted(self._task.args.get("run"), self._task.args.get("runs"))
        folder = run.folder
        headline = story.headline(run)
        found = {"folder": str(folder), "verdict": headline.word, "reason": headline.reason, "missing": run.missing}
        if self._task.check_mode:
            say(f"\nWould make {folder / stored.PAGE}.\n")
            return {**found, "page": None}
        try:
            made = page.write(folder)
        except OSError as error:
            raise Refusal(f"{folder / stored.PAGE} cannot be written: {error.strerror or error}.") from error
        reason = f"\n  reason: {headline.reason}" if headline.reason else ""
        conclude(f"\n{run.name}: {headline.word}\n  {headline.scope}{reason}\n  report: {made}\n")
        return {**found, "page": str(made), "changed": True}
