# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of steps that take long.

A module runs on a server and cannot speak before it ends. So a module that waits can be told to
return early with what it has seen (``return_after``), and its action plugin calls it again and again
and shows how far it is, until the event has come or the module's own limit has passed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Optional

from ansible.plugins.action import ActionBase

from ._reaching import ReachingAction
from ._saying import is_live, say, tell_progress

FIRST_SLICE = 3.0
"""Seconds until the first word of progress: most waits are over before."""

SLICE = 5.0
"""Seconds between two words of progress."""

LIVE_SLICE = 1.0
"""The same where a word replaces the one before."""


def within(left: float) -> float:
    """The limit of a slice, with no more figures than a sentence should have."""
    return max(round(left, 1), 0.1)


class WaitingAction(ReachingAction):
    """Runs the module that the task names in slices."""

    default_limit = 60.0
    carried: tuple[str, ...] = ("pid", "violation_told")
    """Returned values that become arguments of the next slice: where the wait began."""
    slice_limit = 0.0
    """How long the newest slice was to last at most."""

    def limit_of(self, _arguments: Mapping[str, Any]) -> float:
        """The limit when none is given."""
        return self.default_limit

    def begun(self, _arguments: Mapping[str, Any], _limit: float) -> str:
        """What to say before the wait: for one that may last long."""
        return ""

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Call the module until it has finished, failed, or used up its limit."""
        result: dict[str, Any] = ActionBase.run(self, tmp, task_vars)
        del tmp
        arguments = dict(self._task.args)
        if arguments.get("wait_timeout") == "":
            del arguments["wait_timeout"]
        if self._task.check_mode or arguments.get("return_after") not in (None, ""):
            result.update(self._call(arguments, task_vars))
            return result
        try:
            # 0 means to look once.
            given = arguments.get("wait_timeout")
            limit = self.limit_of(arguments) if given is None else float(given)
        except (TypeError, ValueError):
            # The module says what is wrong with its argument better than this could.
            result.update(self._call(arguments, task_vars))
            return result
        begin = time.monotonic()
        announced = self.begun(arguments, limit)
        if announced:
            say(f"{self._where(task_vars)}: {announced}")
        live = is_live()
        changed, pause = False, LIVE_SLICE if live else FIRST_SLICE
        firsts: dict[str, Any] = {}
        while True:
            left = limit - (time.monotonic() - begin)
            arguments["wait_timeout"] = self.slice_limit = within(left) if limit > 0 else 0.0
            if left > pause:
                arguments["return_after"] = pause
            else:
                arguments.pop("return_after", None)
            answer = self._call(arguments, task_vars)
            changed = changed or bool(answer.get("changed"))
            if "diff" in answer:
                firsts.setdefault("diff", answer["diff"])
            if answer.get("failed") or answer.get("unreachable") or answer.get("finished", True):
                break
            for key in self.carried:
                if key in answer:
                    arguments[key] = answer[key]
            tell_progress(self._where(task_vars), str(answer.get("message") or "still waiting"))
            # Of a wait that lasts an hour nobody reads seven hundred lines.
            pause = max(LIVE_SLICE, limit / 600) if live else max(SLICE, limit / 60)
        if answer.get("failed") and isinstance(answer.get("msg"), str):
            # The module knows its last slice only; a person wants to know how long was waited in all.
            answer["msg"] = answer["msg"].replace(f"{self.slice_limit:g} s", f"{limit:g} s")
        result.update(answer)
        result.update(firsts)
        result["changed"] = changed
        if "seconds" in answer:
            result["seconds"] = round(time.monotonic() - begin, 3)
        return result
