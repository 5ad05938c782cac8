# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``run_result``: write ``runs/<time>-<name>/result.json`` on the controller and show it."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Optional

from ansible.utils.display import Display
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import (
    _gathering,
    _judging,
    _junit,
    _kept,
    _metrics_ui,
    _moves,
    _negative,
    _outline,
    _publishing,
    _results,
    _run_folder,
    _runs,
    _timeline,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._evidence import Evidence, Part
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.verified import Verified
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._reaching import ReachingAction
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._report import keeping
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._saying import conclude
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Servers
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._stalled import (
    UNTIL_THEN,
    dead,
    receiver_gone,
    stopped,
)

display = Display()


class ActionModule(ReachingAction):
    """See the documentation of the module of the same name."""

    _VALID_ARGS = frozenset(
        (
            *("name", "cluster", "verification", "migrations", "failure"),
            *("left", "started", "states", "expected", "runs", "flow", "folder", "sent", "logs"),
            "second_owner",
        )
    )

    def _call(self, arguments: dict[str, Any], task_vars: Optional[dict[str, Any]]) -> dict[str, Any]:
        return {"changed": False, **self.decide(arguments, task_vars or {})}

    def decide(self, arguments: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """``result`` and ``folder``; failed unless the verdict is ``pass``."""
        try:
            result = self._result(arguments)
        except ValueError as error:
            # What cannot be read was not verified; the run is told all the same.
            unread = {"verdict": _results.UNKNOWN, "reason": f"What the verifier said cannot be read: {error}"}
            result = self._result({**arguments, "verification": unread})
        folder = page = None
        evidence = Evidence()
        if not self._task.check_mode:
            evidence = self._evidence(result, arguments, variables)
            result = _whole(result, evidence.parts)
            folder = self._keep(result, evidence, arguments)
        if folder is not None:
            evidence = self._fill(folder, result, evidence, arguments, variables)
            page, problems = keeping.keep(folder, arguments.get("flow"))
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
        conclude("\n" + text + "\n")
        written = _results.written(result, evidence)
        answer = {
            "changed": result.changed,
            "result": written,
            "folder": result.folder,
            "verdict": result.verdict,
            "metrics_ui": self._shown(result),
            "ansible_stats": _publishing.statistics(_publishing.of_run(result)),
        }
        # A step that looked at no message is done when nothing failed.
        done = not arguments.get("failure") if result.verdict is None else _results.is_good(written)
        if not done:
            # Ansible publishes nothing of a task that failed: roles set failed_when: false, and fail with the next one.
            answer["failed"] = True
            answer["msg"] = f"{_results.outcome_of(result) or f'verdict {result.verdict}'}: {result.reason}"
        return answer

    def _shown(self, result: Verified) -> dict[str, Any]:
        """What the metrics UI is to show, and where it ran when the servers were looked at."""
        states = self._task.args.get("states") or {}
        at = Servers(list(states), dict(states)).metrics_ui()
        return {"at": at, "verdict": _metrics_ui.verdict(result)} if "verification" in self._task.args else {}

    def _result(self, arguments: Mapping[str, Any]) -> Verified:
        cluster = arguments.get("cluster") or {}
        verification = arguments.get("verification") or {}
        gaps = {float(gap["moment"]): gap["seconds"] for gap in verification.get("gaps") or []}
        times = [_moves.times_of(one) if "plan" in one else one for one in arguments.get("migrations") or []]
        migrations = [_moves.migration(one, gaps.get(_moves.seconds(one.get("killed")) or 0.0)) for one in times]
        started, finished = float(arguments.get("started") or time.time()), time.time()
        states = arguments.get("states") or {}
        crashed = _results.crashed_workers(states)
        failure = str(arguments.get("failure") or "")
        judged: dict[str, Any] = {
            "verdict": None,
            "scope": _judging.NO_MESSAGES,
            "reason": failure or str(arguments.get("left") or ""),
        }
        if "verification" in arguments:
            halted = stopped(Servers(list(states), states))
            # A run stops its cluster in the end, and nobody is advised to wake what is gone.
            over = str(arguments["name"]) in _publishing.VERIFIED_RUNS
            paused = [one.past() if over else one.sentence() for one in halted]
            if not over:
                # What a log tells of its end is told by that.
                paused += dead(Servers(list(states), states), [str(one["worker"]) for one in crashed])
            repeated = [*(one.sentence() for one in halted), *([UNTIL_THEN] if over else [])]
            sent, known = _sent(states, cluster)
            began = _began(str(arguments["name"]), states, cluster, started)
            verification = verification if began else {}
            blind = receiver_gone(states)
            case = _judging.Case(
                verification, failure, crashed, migrations, paused, repeated, sent, known, blind, began
            )
            second = arguments.get("second_owner") or {}
            judged = _judged(case, str(arguments["name"]), cluster, second)
        return _publishing.from_data(
            Verified,
            {
                "playbook": str(arguments["name"]),
                **judged,
                "engine": str(cluster.get("engine") or ""),
                "app": str(cluster.get("application") or ""),
                "workers": int(cluster.get("workers") or 0),
                "keys": int(verification.get("keys") or cluster.get("keys") or 0),
                "expected": int(verification.get("expected") or arguments.get("expected") or 0),
                "received": int(verification.get("received") or 0),
                "validator_verdict": str(verification.get("validator_verdict") or ""),
                "detector": verification.get("detector"),
                "migrations": [asdict(one) for one in migrations],
                "crashed": crashed,
                "crashes": _judging.crashes(verification),
                "started": str(_moves.moment(started)),
                "finished": str(_moves.moment(finished)),
                "seconds": round(finished - started, 3),
            },
        )

    def _evidence(self, result: Verified, arguments: Mapping[str, Any], variables: dict[str, Any]) -> Evidence:
        """With what, by whom and where; what cannot be found out never changes a verdict."""
        begun, part = str(arguments.get("folder") or ""), _gathering.part(time.time() - result.seconds)
        before = _run_folder.parts(Path(begun)) if begun else ()
        parts = (*(before or (part,))[:-1], replace((before or (part,))[-1], finished=result.finished))
        try:
            cluster = arguments.get("cluster") or {}
            found = _gathering.evidence(result.playbook, variables, self._templar, cluster, parts)
        except Exception as error:
            found = Evidence(parts=parts, notes=(f"With what the run was made is not known: {error!r}",))
        drawn = result.detector.seed if result.detector is not None else None
        return replace(found, ended=True, seed=drawn if found.seed is None else found.seed)

    def _keep(self, result: Verified, evidence: Evidence, arguments: Mapping[str, Any]) -> Optional[Path]:
        """Write the run's folder. What is in the way never changes a verdict, and never loses the result."""
        began, runs = time.time() - result.seconds, _runs.runs_path(arguments.get("runs"))
        begun = Path(str(arguments["folder"])) if arguments.get("folder") else None
        try:
            if begun is not None and begun.is_dir():
                _results.write_json(begun / _results.RESULT, _results.written(result, evidence))
                return begun
            return _results.write_run(runs, result, began, evidence)
        except OSError as error:
            elsewhere = Path(tempfile.gettempdir()) / f"wallaroo-resilience-runs-{os.geteuid()}"
            try:
                folder = _results.write_run(elsewhere, result, began, evidence)
            except OSError as other:
                if begun is not None:
                    _run_folder.give_up(begun, None)
                display.warning(
                    f"The result of this run is in no file ({error}; {other}), so here it is:\n"
                    f"{json.dumps(_results.written(result, evidence))}"
                )
                return None
            if begun is not None:
                _run_folder.give_up(begun, folder)
            display.warning(f"The run's folder could not be written ({error}); it is {folder} instead.")
            return folder

    def _fill(
        self,
        folder: Path,
        result: Verified,
        evidence: Evidence,
        arguments: Mapping[str, Any],
        variables: dict[str, Any],
    ) -> Evidence:
        """Put beside the result what it was found in; returns it with what could be kept."""
        logs = {name: state.get("logs") or {} for name, state in (arguments.get("states") or {}).items()}
        logs.update({str(one.get("server")): one.get("logs") or {} for one in arguments.get("logs") or []})
        problems, known = list(evidence.notes), []
        try:
            _results.write_logs(folder, logs)
        except OSError as error:
            problems.append(f"The logs could not be kept: {error}")
        cluster, states = arguments.get("cluster") or {}, arguments.get("states") or {}
        if arguments.get("sent") and not _began(
            result.playbook, states, cluster, float(arguments.get("started") or 0.0)
        ):
            known.append("No cluster was started, so nothing was sent or received: what lies there is an earlier run's")
        elif arguments.get("sent"):
            try:
                evidence = _kept.messages(
                    lambda asked: self._ask("run_files", dict(asked), variables),
                    folder,
                    evidence,
                    cluster,
                    states,
                    {**arguments["sent"], "crashes": _judging.noted(arguments.get("verification") or {})},
                    [asdict(one) for one in result.crashed],
                )
            except OSError as error:
                problems.append(f"What was sent and received could not be kept: {error}")
        problems += [note for note in evidence.notes if note not in problems]
        try:
            if _outline.is_needed():
                _outline.write(folder, result, result.verdict in (_results.PASS, None) and not arguments.get("failure"))
                known.append(_outline.NOTE)
        except OSError as error:
            problems.append(f"{_timeline.FILE} could not be written: {error}")
        evidence = replace(evidence, notes=(*problems, *known))
        try:
            _results.write_json(folder / _results.RESULT, _results.written(result, evidence))
            _junit.write(folder)
        except OSError as error:
            problems.append(f"The folder of this run is not complete: {error}")
        _run_folder.link_latest(folder)
        for problem in problems:
            display.warning(problem)
        return evidence


def _judged(case: _judging.Case, name: str, cluster: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict, and of a negative run whether its damage was caught."""
    negative = str(cluster.get("negative") or "")
    if not negative or name not in _publishing.VERIFIED_RUNS:
        return asdict(_judging.judge(case))
    judgement = _judging.judge(_negative.case(negative, case, second))
    judgement, found = _negative.judged(negative, str(cluster["engine"]), judgement, case.crashed, second)
    return {**asdict(judgement), "negative": asdict(found)}


def _whole(result: Verified, parts: Sequence[Part]) -> Verified:
    """A run that several calls of ansible-playbook have made began with the first one."""
    if len(parts) < 2:
        return result
    began, ended = _moves.time_of(parts[0].started), _moves.time_of(result.finished)
    return replace(result, started=parts[0].started, seconds=round(ended - began, 3))


def _began(name: str, states: Mapping[str, Any], cluster: Mapping[str, Any], started: float) -> bool:
    """Whether a run that starts a cluster of its own came so far: else what lies on the server is an earlier one's."""
    first = states.get(str(((cluster.get("servers") or [{}])[0]).get("name") or "")) or {}
    if name not in _publishing.VERIFIED_RUNS or "cluster" not in first:
        return True
    return bool(first["cluster"]) and float(first["cluster"].get("started") or 0.0) >= started


def _sent(states: Mapping[str, Any], cluster: Mapping[str, Any]) -> tuple[Optional[Mapping[str, Any]], bool]:
    """What the sender of values has sent, and whether the server on which senders run says that there was none."""
    found = [(state.get("sent") or {}).get("sender") for state in states.values()]
    first = str(((cluster.get("servers") or [{}])[0]).get("name") or "")
    return next((sent for sent in found if sent), None), (states.get(first) or {}).get("sent") == {}
