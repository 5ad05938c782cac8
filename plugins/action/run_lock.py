# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``run_lock``: says for the lock who runs the playbook, and whether its holder is still alive."""

from __future__ import annotations

import getpass
import os
import socket
import time
from typing import Any, Optional

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

# Loaded by Ansible itself, and not by each of its processes that takes the lock or gives it back.
from ansible_collections.wallaroo.resilience.plugins.modules import run_lock as _loaded  # noqa: F401
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._controller import (
    DEAD,
    UNKNOWN,
    Controller,
    RunIsGone,
    life,
    this_run,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._play import require_bases, require_together
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._reaching import UNREACHABLE, ReachingAction
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._saying import say
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal

display = Display()


class ActionModule(ReachingAction):
    """See the documentation of the module of the same name."""

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Take or release the lock; fail when another run holds it."""
        result: dict[str, Any] = ActionBase.run(self, tmp, task_vars)
        del tmp
        if self._task.args.get("state") != "released":
            try:
                require_together(str(self._task.get_play().strategy), task_vars or {})
                require_bases(task_vars or {})
            except Refusal as refusal:
                return {**result, "failed": True, "msg": str(refusal)}
        try:
            controller = this_run()
        except RunIsGone as gone:
            return {**result, "failed": True, "msg": f"The lock was left alone: {gone}."}
        arguments = {**self._task.args, "holder": _holder(controller, task_vars or {})}
        answer = self._ask(self.module_name, arguments, task_vars)
        if UNREACHABLE in answer:
            return self._without(answer)
        other = answer.get("held_by")
        if other and life(other) == DEAD:
            say(f"The lock of a run that is dead is taken over: {other['description']}")
            answer = self._ask(self.module_name, {**arguments, "instead_of": other["run"]}, task_vars)
            other = answer.get("held_by") if not self._task.check_mode else None
        result.update(answer)
        try:
            this_run()
        except RunIsGone as gone:
            # Killed meanwhile: nobody would ever give the lock back.
            self._ask(self.module_name, {**arguments, "state": "released"}, task_vars)
            return {**result, "failed": True, "msg": f"The lock was given back: {gone}."}
        if other:
            result["failed"] = True
            result["msg"] = _refusal(other)
        return result

    def _without(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What to say when the server that keeps the lock cannot be reached."""
        if not boolean(self._task.args.get("needed", True)):
            display.warning(
                f"{answer['msg']} Nothing is changed by this run, so it goes on without the lock of the servers."
            )
            return {"changed": False, "held_by": None, "run": ""}
        if self._task.args.get("state") == "released":
            what = "The lock of the servers was not given back; the next run takes it over"
        else:
            what = "It keeps the lock of the servers, so nothing was begun"
        return {**answer, "msg": f"{answer['msg']} {what}."}


def _holder(controller: Controller, variables: dict[str, Any]) -> dict[str, Any]:
    playbook = str(variables.get("ansible_play_name") or "a playbook")
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "run": controller.run,
        "description": f"{playbook!r} by {_user()} on {socket.gethostname()}, process {controller.pid}, since {since}",
        "controller": controller.boot,
        "pid": controller.pid,
        "start_ticks": controller.start_ticks,
        "namespace": controller.namespace,
    }


def _refusal(other: dict[str, Any]) -> str:
    said = f"Another run works on these servers: {other['description']}."
    if not other.get("controller"):
        return f"{said} Look whether a run is under way; when none is, run this again with -e take_over=true."
    if life(other) == UNKNOWN:
        # Its machine or container is not ours: what looks dead from here may send at this moment.
        return (
            f"{said} Wait for it. Whether it is alive cannot be seen from this controller, since it runs on another "
            "machine or in another container. When you know that it is gone for good, e.g. with its container, run "
            "this again with -e take_over=true."
        )
    return f"{said} Wait for it, or end it."


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.geteuid()}"
