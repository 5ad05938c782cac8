# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions that do their work on the controller, and ask no server."""

from __future__ import annotations

from typing import Any, Optional

from ansible.plugins.action import ActionBase

from ._servers import Refusal


class DecidingAction(ActionBase):  # type: ignore[misc]  # Ansible has no type information
    """What they have in common; the module of the same name is their documentation."""

    TRANSFERS_FILES = False
    _supports_async = False
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Return what was decided, or fail with the sentence of the refusal."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        try:
            return {**result, "changed": False, **self.decide(task_vars or {})}
        except Refusal as refusal:
            return {**result, "changed": False, "failed": True, "msg": str(refusal)}

    def decide(self, variables: dict[str, Any]) -> dict[str, Any]:
        """What is returned.

        :param variables: those of the host that the task runs for.
        :raises Refusal: when that makes no sense.
        """
        raise NotImplementedError
