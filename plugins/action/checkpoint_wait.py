# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module ``checkpoint_wait``: shows progress while the module waits, as long as its checkpoints need."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import checkpoints
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._waiting import SLICE, WaitingAction


class ActionModule(WaitingAction):
    """See the module's documentation."""

    carried = ("since", "checkpoints")

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Say so when the limit was too short for that many checkpoints."""
        result = super().run(tmp, task_vars)
        given = self._task.args.get("wait_timeout")
        if not result.get("failed") or given in (None, ""):
            return result
        try:
            count, interval = _wanted(self._task.args)
            short = float(str(given)) < count * interval
        except ValueError:
            # The module has said what is wrong with its argument.
            return result
        if short:
            result["msg"] = (
                f"{result.get('msg')} {count} checkpoints with {interval:g} s between them take longer than {given} s: "
                "raise wallaroo_checkpoint_timeout, or leave it out."
            )
        return result

    def limit_of(self, arguments: Mapping[str, Any]) -> float:
        """As long as that many checkpoints take, and some time besides."""
        return checkpoints.limit(*_wanted(arguments))

    def begun(self, arguments: Mapping[str, Any], limit: float) -> str:
        """What is waited for and until when, where one could think that nothing goes on."""
        count, interval = _wanted(arguments)
        if interval < SLICE:
            return ""
        until = time.strftime("%H:%M:%S", time.localtime(time.time() + limit))
        return f"waiting for {count} checkpoints, one every {interval:g} s, until {until} at the latest"


def _wanted(arguments: Mapping[str, Any]) -> tuple[int, float]:
    """How many checkpoints, and how many seconds between two.

    :raises ValueError: when these are no numbers.
    """
    count, interval = arguments.get("checkpoints"), arguments.get("interval")
    return (
        checkpoints.COUNT if count in (None, "") else int(str(count)),
        checkpoints.INTERVAL if interval in (None, "") else float(str(interval)),
    )
