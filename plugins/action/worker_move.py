# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module ``worker_move``: shows progress when the moved worker takes long to come back."""

from __future__ import annotations

import time
from typing import Any, Optional

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _archived
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._waiting import SLICE, WaitingAction, within

# For its arguments, before Ansible's processes for the tasks: a move has two of these.
_archived.module_of("worker_move")

STARTING = ("base", "server", "run", "worker", "cluster", "peers", "wait_for")
"""What the module ``worker`` is told, which goes on waiting for a worker that was started already."""


class ActionModule(WaitingAction):
    """See the module's documentation."""

    _moved: dict[str, Any]
    _until = 0.0

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Call the module, or let what it needs be begun."""
        if not boolean(self._task.args.get("begin", False)):
            return super().run(tmp, task_vars)
        result: dict[str, Any] = ActionBase.run(self, tmp, task_vars)
        given = self.for_run(self.module_name, self._task.args, task_vars)
        refused = _archived.begin(self, self.module_name, given, task_vars)
        return {**result, "changed": False, "finished": True, **refused}

    def _call(self, arguments: dict[str, Any], task_vars: Optional[dict[str, Any]]) -> dict[str, Any]:
        if arguments.get("pid") is None:
            self._moved = super()._call(arguments, task_vars)
            # The copy before the kill may take its time; the limit is one for the start.
            given = arguments.get("wait_timeout")
            self._until = time.monotonic() + (self.default_limit if given in (None, "") else float(given))
            return self._moved
        left = self.slice_limit = within(self._until - time.monotonic())
        waiting = {name: arguments[name] for name in STARTING if arguments.get(name) is not None}
        waiting.update(mode="recover", pid=arguments["pid"], wait_timeout=left)
        if left > SLICE:
            waiting["return_after"] = SLICE
        answer = self._ask("worker", waiting, task_vars)
        merged = {**self._moved, **answer}
        if answer.get("failed"):
            merged.update(stage="start", finished=True)
        return merged
