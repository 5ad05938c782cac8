# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback ``steps``: what is being done and waited for now, and one line for each thing that was done."""

from __future__ import annotations

DOCUMENTATION = r"""
name: steps
type: stdout
short_description: What is being done now, and one line for each thing that was done
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Shows what was changed, one line for all servers that did the same, with the seconds since the beginning, and what
    roles say, tables among it. What failed is shown in a sentence, each once, and so are warnings and deprecations.
    The summary of a run comes last.
  - On a terminal a line at the bottom says what is being done on which server, since when, and how far a wait is.
    Elsewhere the progress of waits comes in lines of their own, from the third second on.
  - With C(--check) it shows what would be done, with C(--diff) the differences as well.
  - Colours are used as Ansible uses them, and never when the environment variable E(NO_COLOR) is set.
  - After Ctrl-C it says what was under way, and what to run next.
  - The C(ansible.cfg) of the collection's checkout makes it the default. Ansible's own is shown with
    E(ANSIBLE_STDOUT_CALLBACK=default).
extends_documentation_fragment:
  - result_format_callback
"""

import os
import re
import sys
import time
from collections.abc import Iterator
from typing import Any, Optional

from ansible import constants, context
from ansible.plugins.callback import CallbackBase
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _timeline
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._interruption import Interruption
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._showing import Showing
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._together import SaidOnce, names, without_failures

_ANSI = re.compile(r"\x1b\[[0-9;]*m")

IMPLICIT = (*constants._ACTION_ALL_INCLUDES, "ansible.builtin.validate_argument_spec")
"""What does nothing itself."""

TOLD = ("run_result", "run_report", "run_comparison")
"""What says in its own words, at the end, what it has done."""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible has no type information
    """See DOCUMENTATION."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "wallaroo.resilience.steps"

    def __init__(self) -> None:
        super().__init__()
        self._begin = time.monotonic()
        self._plain = bool(os.environ.get("NO_COLOR"))
        self._showing: Optional[Showing] = None
        self._interruption = Interruption()
        self._told = SaidOnce()
        self._names: dict[str, str] = {}
        """Of tasks, by id, as they were when they began: with what their variables meant then."""
        self._done: dict[str, list[str]] = {}
        """Task -> the servers on which it has changed something, of the task that runs."""
        self._failures: dict[tuple[str, str, bool], list[str]] = {}
        """Step, reason and whether that was expected -> the servers."""
        self._shown: list[str] = []
        """Why something failed, as it was shown."""
        self._diffs: dict[str, list[str]] = {}
        """Task -> what it has changed in detail."""
        self._messages: set[tuple[str, str]] = set()

    # The run.

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """The run begins."""
        del playbook
        self._interruption.watch(self._under_way)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Say what begins."""
        self._flush()
        if self._showing is None:
            self._showing = Showing(
                self._display, sys.stdout, self._stamp, lambda text: without_failures(text, list(self._shown))
            )
        self._showing.play(play)
        check = "  (check: nothing is changed)" if context.CLIARGS.get("check") else ""
        self._print(f"{play.get_name()}{check}\n")

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """The play has no hosts."""
        self._print("  no hosts matched", constants.COLOR_SKIP)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The run has ended."""
        del stats
        self._flush()
        self._interruption.over()
        if self._showing is not None:
            self._showing.end()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """A task begins: whatever the one before has done is known."""
        del is_conditional
        self._flush()
        self._names[str(task._uuid)] = str(task.get_name())

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """The same for a handler."""
        self.v2_playbook_on_task_start(task, False)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """A task begins on a server."""
        if self._showing is None or str(task.action) in IMPLICIT:
            return
        delegated = str(task.delegate_to or "")
        server = str(host.get_name()) if not delegated or "{{" in delegated else delegated
        key = f"{task._uuid}:{host.get_name()}"
        asks = str(task.action).rpartition(".")[2] == "pause"
        self._showing.begin(key, self._name_of(task), server, quiet=asks or self._showing.may_be_asked(host, server))

    def v2_playbook_on_vars_prompt(self, *_arguments: Any, **_named: Any) -> None:
        """Somebody is asked."""
        if self._showing is not None:
            self._showing.clear()

    # Its tasks.

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task has ended well, or the last item of its loop."""
        values = self._ended(result)
        if not values.get("results"):
            self._well(result, values)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """One item of a loop has ended well."""
        values = _of(result, "result")
        self._warn(values)
        self._well(result, values)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A task had nothing to do."""
        self._ended(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task has failed."""
        values = self._ended(result)
        if not values.get("results"):
            self._failed(result, values, ignore_errors)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """One item of a loop has failed."""
        values = _of(result, "result")
        self._warn(values)
        self._failed(result, values, bool(_of(result, "task").ignore_errors))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A server did not answer."""
        values = self._ended(result)
        message = str(values.get("msg") or "unreachable").strip()
        self._print(f"  UNREACHABLE: {self._server(result, values)}: {message}", constants.COLOR_UNREACHABLE)

    def v2_runner_retry(self, result: Any) -> None:
        """A task is tried again."""
        values = _of(result, "result")
        if self._showing is not None:
            left = f"{values.get('attempts')} of {values.get('retries')} attempts: {values.get('msg') or 'again'}"
            self._showing.progress(self._server(result, values), left)

    def v2_on_file_diff(self, result: Any) -> None:
        """What has changed, or would, with C(--diff)."""
        values = _of(result, "result")
        for one in values.get("results") or [values]:
            # Already censored where a task says no_log.
            found = one.get("diff") if one.get("changed") else None
            text = self._get_diff(found) if found else ""
            if text.strip():
                task = str(_of(result, "task")._uuid)
                self._diffs.setdefault(task, []).append((_ANSI.sub("", text) if self._plain else text).rstrip())

    # What is shown.

    def _ended(self, result: Any) -> dict[str, Any]:
        task, host, values = _of(result, "task"), _of(result, "host"), _of(result, "result")
        if self._showing is not None:
            self._showing.done(f"{task._uuid}:{host.get_name()}", self._server(result, values))
        self._warn(values)
        return dict(values)

    def _warn(self, values: dict[str, Any]) -> None:
        if values.get("warnings") or values.get("deprecations"):
            self._flush()
            # What it shows once it does not show again; it takes it out of what it is given.
            self._handle_warnings(values)

    def _well(self, result: Any, values: dict[str, Any]) -> None:
        task = _of(result, "task")
        if str(task.action).rpartition(".")[2] == "debug":
            self._said(result, values)
        elif values.get("changed") and str(task.action).rpartition(".")[2] not in TOLD:
            self._done.setdefault(str(task._uuid), []).append(self._server(result, values))

    def _said(self, result: Any, values: dict[str, Any]) -> None:
        """What a role says to people; when all servers say the same, once."""
        lines = list(_lines(values))
        if not any(lines):
            return
        key = (str(_of(result, "task")._uuid), "\n".join(lines))
        if key in self._messages:
            return
        self._messages.add(key)
        self._flush()
        label = values.get("_ansible_item_label")
        if label is not None and len(lines) > 1:
            self._print(f"\n{label}")
        self._told.note("\n".join(lines))
        if len(lines) == 1:
            self._print(f"{self._stamp()}  {lines[0]}")
        else:
            self._print("\n".join(["", *lines, ""]))

    def _failed(self, result: Any, values: dict[str, Any], ignored: bool) -> None:
        message = _message(values)
        name = _timeline.step_name(self._name_of(_of(result, "task")))
        # What is done once for all servers is no matter of the one that Ansible chose for it.
        server = "" if _of(result, "task").run_once else self._server(result, values)
        self._failures.setdefault((name, message, ignored), []).append(server)

    def _show_failures(self) -> None:
        failures, self._failures = self._failures, {}
        for (name, message, ignored), servers in failures.items():
            new = self._told.new_of(message)
            if new:
                self._told.note(message)
                self._shown.append(message)
                kind, color = ("PROBLEM", constants.COLOR_WARN) if ignored else ("FAILED", constants.COLOR_ERROR)
                where = f"{names(servers)}: " if any(servers) else ""
                self._print(f"  {kind}: {where}{name}: {new}", color)

    def _flush(self) -> None:
        """Show what the task that has ended did, and what was said meanwhile."""
        if self._showing is not None:
            for said in self._showing.said():
                self._told.note(said)
        done, self._done, diffs, self._diffs = self._done, {}, self._diffs, {}
        would = "would: " if context.CLIARGS.get("check") else ""
        for task, servers in done.items():
            name = _timeline.step_name(self._names.get(task, ""))
            self._print(f"{self._stamp()}  {would}{names(servers)}: {name}", constants.COLOR_CHANGED)
            for text in dict.fromkeys(diffs.pop(task, [])):
                self._print(text)
        for texts in diffs.values():
            self._print("\n".join(texts))
        self._show_failures()

    def _print(self, text: str, color: Optional[str] = None) -> None:
        if self._showing is not None:
            self._showing.clear()
        self._display.display(text, color=None if self._plain else color)

    def _stamp(self) -> str:
        return f"{time.monotonic() - self._begin:6.1f} s"

    def _under_way(self) -> list[str]:
        return self._showing.under_way() if self._showing is not None else []

    def _name_of(self, task: Any) -> str:
        return self._names.get(str(task._uuid)) or str(task.get_name())

    @staticmethod
    def _server(result: Any, values: dict[str, Any]) -> str:
        """Where it was done: on the server that the task was delegated to, or else on its own."""
        # What is public of the fields Ansible calls deprecated.
        return _timeline.delegated_to(getattr(result, "_task_fields", None), values) or str(
            _of(result, "host").get_name()
        )


def _of(result: Any, name: str) -> Any:
    """A part of a result: public since ansible-core 2.19, and nearly so before."""
    return getattr(result, name) if hasattr(type(result), name) else getattr(result, f"_{name}", None)


def _message(values: dict[str, Any]) -> str:
    if values.get("_ansible_no_log") or values.get("censored"):
        return _timeline.HIDDEN
    return str(values.get("msg") or values.get("stderr") or "failed").strip()


def _lines(values: dict[str, Any]) -> Iterator[str]:
    """What a debug task shows: its message, or a variable with its name."""
    if "msg" in values:
        shown = values["msg"]
        yield from (str(line) for line in (shown if isinstance(shown, list) else [shown]))
        return
    for name, value in values.items():
        if not name.startswith("_") and name not in ("changed", "failed", "item", "invocation"):
            yield f"{name}: {value}"
