# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback ``steps``: one line for each thing that was done, and nothing else."""

from __future__ import annotations

import time
from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _timeline

DOCUMENTATION = r"""
name: steps
type: stdout
short_description: One line for each thing that was done
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Shows what was changed, with the seconds since the beginning, what roles say, and what failed, in a sentence.
    C(make demo) uses it.
  - Waiting modules of the collection show their progress in between.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible has no type information
    """See DOCUMENTATION."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "wallaroo.resilience.steps"

    def __init__(self) -> None:
        super().__init__()
        self._begin = time.monotonic()
        self._shown = ""

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Say what begins."""
        self._display.display(f"{play.get_name()}\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task without a loop has ended well."""
        if not result._result.get("results"):
            self._done(result, result._result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """One item of a loop has ended well."""
        self._done(result, result._result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task has failed."""
        if result._result.get("results"):
            return
        self._failed(result, result._result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """One item of a loop has failed."""
        self._failed(result, result._result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A server did not answer."""
        message = result._result.get("msg") or "unreachable"
        self._display.display(f"  {result._host.get_name()}: {message}", color=constants.COLOR_UNREACHABLE)

    def v2_on_file_diff(self, result: Any) -> None:
        """Diffs are shown by other callbacks."""

    def _done(self, result: Any, values: dict[str, Any]) -> None:
        if result._task.action.endswith("debug") and isinstance(values.get("msg"), str):
            # What a role says to a person.
            self._display.display(f"{time.monotonic() - self._begin:6.1f} s  {values['msg']}")
            return
        if not values.get("changed"):
            return
        if result._task.action.endswith("run_result"):
            # It has shown the result itself.
            return
        name = _timeline.step_name(str(result._task.get_name()))
        host = self._server(result, values)
        elapsed = time.monotonic() - self._begin
        self._display.display(f"{elapsed:6.1f} s  {host}: {name}", color=constants.COLOR_CHANGED)

    @staticmethod
    def _server(result: Any, values: dict[str, Any]) -> str:
        """Where it was done: on the server that the task was delegated to, or else on its own."""
        delegated = str((getattr(result, "_task_fields", None) or {}).get("delegate_to") or "")
        if "{{" in delegated:
            delegated = str(values.get("item") or "")
        return delegated or str(result._host.get_name())

    def _failed(self, result: Any, values: dict[str, Any]) -> None:
        message = str(values.get("msg") or "failed").strip()
        # The same reason is handed on from step to step; it is said once.
        if message == self._shown:
            return
        self._shown = message
        name = _timeline.step_name(str(result._task.get_name()))
        self._display.display(f"  FAILED: {name}: {message}", color=constants.COLOR_ERROR)
