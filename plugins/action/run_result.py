# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``run_result``: write ``runs/<time>-<name>/result.json`` on the controller and show it."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Optional

from ansible.utils.display import Display
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _losses, _moves, _publishing, _results
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._deciding import DecidingAction
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes import Verified
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._report import keeping
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._saying import say
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Servers
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._stalled import told_of_stopped

display = Display()


class ActionModule(DecidingAction):
    """See the documentation of the module of the same name."""

    _VALID_ARGS = frozenset(
        (
            *("name", "cluster", "verification", "migrations", "failure"),
            *("left", "started", "states", "expected", "runs", "flow"),
        )
    )

    def decide(self, variables: dict[str, Any]) -> dict[str, Any]:
        """``result`` and ``folder``; failed unless the verdict is ``pass``."""
        del variables
        try:
            result = self._result(self._task.args)
        except ValueError as error:
            # What cannot be read was not verified; the run is told all the same.
            unread = {"verdict": _results.UNKNOWN, "reason": f"What the verifier said cannot be read: {error}"}
            result = self._result({**self._task.args, "verification": unread})
        folder = page = None
        if not self._task.check_mode:
            folder = self._keep(result, self._task.args)
        if folder is not None:
            page, problems = keeping.keep(folder, self._task.args.get("flow"))
            for problem in problems:
                display.warning(problem)
        result = replace(
            result,
            changed=folder is not None,
            check=bool(self._task.check_mode),
            folder=str(folder) if folder else None,
            report=str(page) if page else None,
        )
        text = _results.summary(result, folder, page)
        result = replace(result, summary=text)
        say("\n" + text + "\n")
        answer = {
            "changed": result.changed,
            "result": _results.written(result),
            "folder": result.folder,
            "verdict": result.verdict,
            "ansible_stats": _publishing.statistics(_publishing.of_run(result)),
        }
        if result.verdict != _results.PASS:
            # Ansible publishes nothing of a task that failed: roles set failed_when: false, and fail with the next one.
            answer["failed"] = True
            answer["msg"] = f"{_results.outcome_of(result) or f'verdict {result.verdict}'}: {result.reason}"
        return answer

    def _result(self, arguments: Mapping[str, Any]) -> Verified:
        cluster = arguments.get("cluster") or {}
        verification = arguments.get("verification") or {}
        gaps = {float(gap["moment"]): gap["seconds"] for gap in verification.get("gaps") or []}
        times = [_moves.times_of(one) if "plan" in one else one for one in arguments.get("migrations") or []]
        migrations = [_moves.migration(one, gaps.get(_moves.seconds(one.get("killed")) or 0.0)) for one in times]
        started, finished = float(arguments.get("started") or time.time()), time.time()
        states = arguments.get("states") or {}
        crashed = _results.crashed_workers(states)
        if "verification" in arguments:
            failure = str(arguments.get("failure") or "")
            verdict, reason = _results.verdict_of(verification, failure)
            if verdict != _results.PASS:
                reason = _losses.first_cause(crashed, migrations, reason)
                # What is paused sends nothing, and loses nothing: a cause that no log tells.
                paused = [one for one in told_of_stopped(Servers(list(states), states)) if one not in reason]
                reason = " ".join([*paused, reason])
        else:
            failure = str(arguments.get("failure") or "")
            verdict, reason = (_results.FAIL, failure) if failure else (_results.PASS, str(arguments.get("left") or ""))
        return _publishing.from_data(
            Verified,
            {
                "playbook": str(arguments["name"]),
                "verdict": verdict,
                "reason": reason,
                "engine": str(cluster.get("engine") or ""),
                "app": str(cluster.get("application") or ""),
                "workers": int(cluster.get("workers") or 0),
                "keys": int(cluster.get("keys") or 0),
                "expected": int(verification.get("expected") or arguments.get("expected") or 0),
                "received": int(verification.get("received") or 0),
                "violations": _losses.with_sending(verification.get("violations") or [], _sent(states)),
                "violation_count": int(verification.get("violation_count") or 0),
                "validator_verdict": str(verification.get("validator_verdict") or ""),
                "migrations": [asdict(one) for one in migrations],
                "crashed": crashed,
                "started": str(_moves.moment(started)),
                "finished": str(_moves.moment(finished)),
                "seconds": round(finished - started, 3),
            },
        )

    def _keep(self, result: Verified, arguments: Mapping[str, Any]) -> Optional[Path]:
        """Write the run's folder. What is in the way never changes a verdict, and never loses the result."""
        began, runs = time.time() - result.seconds, _results.runs_path(arguments.get("runs"))
        logs = {name: state.get("logs") or {} for name, state in (arguments.get("states") or {}).items()}
        try:
            folder = _results.write_run(runs, result, began)
        except OSError as error:
            elsewhere = Path(tempfile.gettempdir()) / f"wallaroo-resilience-runs-{os.geteuid()}"
            try:
                folder = _results.write_run(elsewhere, result, began)
            except OSError as other:
                display.warning(
                    f"The result of this run is in no file ({error}; {other}), so here it is:\n"
                    f"{json.dumps(_results.written(result))}"
                )
                return None
            display.warning(f"The run's folder could not be written ({error}); it is {folder} instead.")
        try:
            _results.write_logs(folder, logs)
        except OSError as error:
            display.warning(f"The logs of this run could not be kept in {folder}: {error}")
        return folder


def _sent(states: Mapping[str, Any]) -> Optional[Mapping[str, Any]]:
    """What was sent, from the server on which the sender ran."""
    found = [(state.get("sent") or {}).get("sender") for state in states.values()]
    return next((sent for sent in found if sent), None)
