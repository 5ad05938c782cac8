# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``in_turn``: modules of one server one after the other, with as few commands as can be."""

from __future__ import annotations

from typing import Any, Optional

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.wallaroo.resilience.plugins.module_utils._called import has_ended_well
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _archived, _here
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._reaching import ReachingAction, unreachable
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._saying import is_live, tell_progress
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._waiting import FIRST_SLICE, LIVE_SLICE, WaitingAction

Call = tuple[str, dict[str, Any]]

COLLECTION = "wallaroo.resilience"


class ActionModule(ReachingAction):
    """See the documentation of the module of the same name."""

    _VALID_ARGS = frozenset(("calls", "wait_timeout"))

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Call them until one fails."""
        result: dict[str, Any] = ActionBase.run(self, tmp, task_vars)
        del tmp
        try:
            pending = _calls(self._task.args.get("calls"))
            pending = [(name, self._with_limit(name, arguments)) for name, arguments in pending]
        except ValueError as error:
            return {**result, "failed": True, "msg": str(error)}
        answers: list[dict[str, Any]] = []
        while pending:
            found = self._together(pending, task_vars)
            unfinished = found.pop() if found and not has_ended_well(found[-1]) else {}
            answers += found
            pending = pending[len(found) :]
            if unfinished.get("failed"):
                answers.append(unfinished)
            elif pending:
                if unfinished:
                    tell_progress(self._where(task_vars), str(unfinished.get("message") or "still waiting"))
                # What lasts, or has to be sent, is left to the action of its own, which shows how far it is.
                answers.append(self._alone(pending.pop(0), unfinished, task_vars))
            if answers and answers[-1].get("failed"):
                result.update(answers[-1])
                break
        changed = any(bool(answer.get("changed")) for answer in answers)
        return {**result, "changed": changed, **_shown(answers), "answers": answers}

    def _together(self, calls: list[Call], task_vars: Optional[dict[str, Any]]) -> list[dict[str, Any]]:
        """The answers of those that were called with one command: as many as ended well, and at most one more."""
        if self._task.check_mode or (
            all(name in _here.MODULES for name, _unused in calls) and _here.is_here(self, task_vars)
        ):
            return []
        given = [(name, self.for_run(name, self._given(name, arguments), task_vars)) for name, arguments in calls]
        try:
            return _archived.run_in_turn(self, given, task_vars)
        except AnsibleConnectionFailure as error:
            return [unreachable(self._where(task_vars), str(getattr(error, "message", "") or error))]

    def _with_limit(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        limit = self._task.args.get("wait_timeout")
        if limit in (None, "") or not isinstance(self._plugin(name), WaitingAction):
            return arguments
        return {"wait_timeout": limit, **arguments}

    def _given(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the module is given: one that waits returns in time, so that a person hears of what takes long."""
        action = self._plugin(name)
        if not isinstance(action, WaitingAction):
            return action.completed(arguments) if isinstance(action, ReachingAction) else arguments
        written = {key: value for key, value in arguments.items() if value != "" or key != "wait_timeout"}
        return {**written, "return_after": LIVE_SLICE if is_live() else FIRST_SLICE}

    def _alone(self, call: Call, before: dict[str, Any], task_vars: Optional[dict[str, Any]]) -> dict[str, Any]:
        name, arguments = call
        action = self._plugin(name)
        carried = {key: before[key] for key in (action.carried if before else ()) if key in before}
        action._task.args = {**arguments, **carried}
        answer: dict[str, Any] = action.run(task_vars=task_vars)
        return {**answer, "changed": bool(answer.get("changed") or before.get("changed"))}

    def _plugin(self, name: str) -> Any:
        """The action of a module of this collection, for a task like this one."""
        # What is around it stays the same; a copy of that would be one of all tasks of the role.
        task = self._task.copy(exclude_parent=True)
        task._parent = self._task._parent
        task.action = f"{COLLECTION}.{name}"
        # As Ansible finds it: what meta/runtime.yml names, or else the one of the same name.
        found = self._shared_loader_obj.module_loader.find_plugin_with_context(task.action)
        return self._shared_loader_obj.action_loader.get(
            found.action_plugin or task.action,
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )


def _shown(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """What Ansible shows of a task, of all of them."""
    warnings = [text for answer in answers for text in answer.get("warnings") or []]
    diffs = [answer["diff"] for answer in answers if answer.get("changed") and answer.get("diff")]
    return {**({"warnings": warnings} if warnings else {}), **({"diff": diffs} if diffs else {})}


def _calls(given: Any) -> list[Call]:
    """The modules with their arguments, in their order, but for those that are not wanted.

    :raises ValueError: when that is not what was given.
    """
    if not isinstance(given, list) or not all(isinstance(one, dict) and one.get("module") for one in given):
        raise ValueError("calls is a list of dictionaries with module, arguments and when.")
    wanted = [one for one in given if boolean(one.get("when", True))]
    return [(str(one["module"]), dict(one.get("arguments") or {})) for one in wanted]
