# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback ``timeline``: what a run did and when, as JSON lines for programs."""

from __future__ import annotations

DOCUMENTATION = r"""
name: timeline
type: notification
short_description: What a run did and when, as JSON lines for programs
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Appends one JSON object a line to a file for each beginning and each end of a step on a host, with its outcome, and
    at the end what the playbook has published with C(set_stats) under V(wallaroo_resilience). The Python API of the
    collection reads it.
  - Every record has C(record) (V(run), V(play), V(folder), V(start), V(end), V(results) or V(finish)) and C(at), the
    time in UTC. C(folder) is where a run that has begun keeps what it leaves.
    Steps have C(id), C(play), C(role), C(step), C(module) and C(host), and at their end C(server) (where it was done),
    C(outcome) (V(ok), V(changed), V(skipped), V(failed), V(unreachable) or V(ignored)), C(seconds), and C(message) when
    they failed.
  - Arguments and results of tasks are not written, and nothing but the outcome of a task that says C(no_log).
  - The same goes to C(timeline.jsonl) in the folder of a run, once M(wallaroo.resilience.run_begin) has made it.
  - A file that cannot be written is a warning, once, and never breaks the run.
requirements:
  - enabled in C(callbacks_enabled), as the C(ansible.cfg) of the collection's checkout does
options:
  path:
    description:
      - A file of your own that the records are appended to. It is made with mode 0600 when it is not there.
    type: path
    env:
      - name: WALLAROO_TIMELINE
    ini:
      - section: callback_timeline
        key: path
"""

import contextlib
import os
import time
from pathlib import Path
from typing import Any, Optional

from ansible import constants, context
from ansible.plugins.callback import CallbackBase
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _timeline

FOLDERS = ("wallaroo.resilience.run_begin", "wallaroo.resilience.run_result")
"""What says where the folder of the run is; the second one only where that could not be written to."""

VALIDATION = "ansible.builtin.validate_argument_spec"
"""What Ansible itself does before a role; of interest only when it fails."""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible has no type information
    """See DOCUMENTATION."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "wallaroo.resilience.timeline"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._writers: list[_timeline.Writer] = []
        self._folder = ""
        """Of the run; empty until it is made."""
        self._before: list[tuple[str, dict[str, Any]]] = []
        """Records of the time before that."""
        self._play = ""
        self._begun: dict[str, float] = {}
        self._reasons: dict[str, list[str]] = {}
        """Why items of a loop failed, of each step. What is told of the whole loop does not say which items failed
        in each version of Ansible."""
        self._places: dict[str, set[str]] = {}
        """To which servers the items of a loop were delegated, of each step."""

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        """Open the file."""
        super().set_options(task_keys=task_keys, var_options=var_options, direct=direct)
        path = self.get_option("path")
        if path:
            self._open(str(path))

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """The run begins."""
        check = bool(context.CLIARGS.get("check", False))
        name = os.path.basename(str(playbook._file_name))
        self._write(_timeline.RUN, version=_timeline.VERSION, playbook=name, check=check)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """A play begins."""
        self._play = str(play.get_name())
        self._write(_timeline.PLAY, play=self._play)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """A step begins on a host."""
        if _is_silent(task):
            return
        step = self._step(host, task)
        self._begun[step["id"]] = time.monotonic()
        self._write(_timeline.START, **step)

    def v2_runner_on_ok(self, result: Any) -> None:
        """A step has ended well."""
        if str(result._task.action) in FOLDERS:
            self._keep(str(result._result.get("folder") or ""))
        self._end(result, _timeline.CHANGED if result._result.get("changed") else _timeline.OK)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A step had nothing to do."""
        self._end(result, _timeline.SKIPPED)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A step has failed."""
        self._end(result, _timeline.IGNORED if ignore_errors else _timeline.FAILED)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """One item of a loop has ended well."""
        self._places.setdefault(self._step(result._host, result._task)["id"], set()).add(
            _timeline.delegated_to(getattr(result, "_task_fields", None), result._result)
        )

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        """One item of a loop had nothing to do."""
        self.v2_runner_item_on_ok(result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """One item of a loop has failed, or its server did not answer."""
        self.v2_runner_item_on_ok(result)
        step = self._step(result._host, result._task)
        self._reasons.setdefault(step["id"], []).append(_message(result._task, result._result, []))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host did not answer."""
        ignored = bool(getattr(result._task, "ignore_unreachable", False))
        self._end(result, _timeline.IGNORED if ignored else _timeline.UNREACHABLE)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The run has ended."""
        published = (stats.custom.get("_run") or {}).get(_timeline.KEY)
        if published is not None:
            self._write(_timeline.RESULTS, results=published)
        hosts = {str(host): dict(stats.summarize(host)) for host in sorted(stats.processed)}
        failed = any(numbers["failures"] or numbers["unreachable"] for numbers in hosts.values())
        self._write(_timeline.FINISH, outcome=_timeline.FAILED if failed else _timeline.OK, hosts=hosts)
        if self._folder:
            # Whoever made the folder has loaded most of it; a step without one need not wait for that.
            from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _junit

            # With the steps that came after the result, too.
            with contextlib.suppress(OSError):
                _junit.write(Path(self._folder))

    def _step(self, host: Any, task: Any) -> dict[str, str]:
        role = getattr(task, "_role", None)
        return {
            "id": f"{task._uuid}:{host.get_name()}",
            "play": self._play,
            "role": str(role.get_name()) if role is not None else "",
            "step": _timeline.step_name(str(task.get_name())),
            "module": str(task.action),
            "host": str(host.get_name()),
        }

    def _end(self, result: Any, outcome: str) -> None:
        task, values = result._task, result._result
        step = self._step(result._host, task)
        begun = self._begun.pop(step["id"], None)
        reasons = self._reasons.pop(step["id"], [])
        if _is_silent(task) and outcome not in (_timeline.FAILED, _timeline.UNREACHABLE):
            return
        places = self._places.pop(step["id"], None) or {
            _timeline.delegated_to(getattr(result, "_task_fields", None), result._result)
        }
        message = ""
        if outcome in (_timeline.FAILED, _timeline.UNREACHABLE, _timeline.IGNORED):
            message = _message(task, values, reasons)
        self._write(
            _timeline.END,
            **step,
            server=(places.pop() if len(places) == 1 else "") or step["host"],
            outcome=outcome,
            seconds=round(time.monotonic() - begun, 3) if begun is not None else None,
            message=message,
        )

    def _write(self, record: str, **fields: Any) -> None:
        fields = {"at": _timeline.now(), **fields}
        if not self._folder:
            self._before.append((record, fields))
        for writer in self._writers:
            self._put(writer, record, fields)

    def _keep(self, folder: str) -> None:
        """Write what was and what comes to the folder of the run."""
        if folder == self._folder or not os.path.isdir(folder):
            return
        known = bool(self._folder)
        self._folder = folder
        writer = self._open(os.path.join(folder, _timeline.FILE))
        if writer is not None and not known:
            for record, fields in self._before:
                self._put(writer, record, fields)
        self._before = []
        self._write(_timeline.FOLDER, folder=folder)

    def _open(self, path: str) -> Optional[_timeline.Writer]:
        try:
            self._writers.append(_timeline.Writer(path))
        except OSError as error:
            self._give_up(error, path)
            return None
        return self._writers[-1]

    def _put(self, writer: _timeline.Writer, record: str, fields: dict[str, Any]) -> None:
        try:
            writer.write(record, **fields)
        except (OSError, ValueError) as error:
            self._give_up(error, str(writer.path))
            self._writers = [one for one in self._writers if one is not writer]

    def _give_up(self, error: Exception, path: str) -> None:
        self._display.warning(
            f"The timeline of this run cannot be written to {path}: {error}. The run goes on without it."
        )


def _is_silent(task: Any) -> bool:
    return task.action in constants._ACTION_ALL_INCLUDES or task.action == VALIDATION


def _message(task: Any, values: dict[str, Any], reasons: list[str]) -> str:
    if getattr(task, "no_log", False) or values.get("_ansible_no_log") or values.get("censored"):
        return _timeline.HIDDEN
    # Of a loop Ansible says no more than that one or more items failed.
    message = "; ".join(dict.fromkeys(reasons)) or str(values.get("msg") or "").strip()
    return message or str(values.get("stderr") or "").strip() or "failed"
