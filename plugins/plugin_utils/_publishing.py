# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing what a playbook has yielded, and reading it again."""

from __future__ import annotations

import importlib
import typing
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Optional, TypeVar, Union

from . import _judging, _moves
from ._outcomes.common import Outcome
from ._servers import sentence_of
from ._stalled import problems_of
from ._status import lines, metrics_ui_url, rows
from ._timeline import KEY

if TYPE_CHECKING:
    from ._outcomes.verified import Verified

Data = Mapping[str, Any]

SomeOutcome = TypeVar("SomeOutcome", bound=Outcome)


def statistics(outcome: Outcome) -> dict[str, Any]:
    """What an action returns as ``ansible_stats``, as ``set_stats`` does; Ansible takes it from tasks that did not
    fail.
    """
    return {"data": {KEY: to_data(outcome)}, "per_host": False, "aggregate": False}


VERIFIED_RUNS = ("demo", "verify_migration", "verify_restart")

WRITES_RUNS = (*VERIFIED_RUNS, "migrate", "verify")
"""Playbooks that leave the folder of a run, and whose result is published when that is written."""


def of_run(run: Verified) -> Outcome:
    """What ``run_result`` publishes: of a migration, or of a verified run."""
    if run.playbook != _moves.MIGRATION:
        return run
    # As in all of this: a type is loaded by the steps that yield it.
    from ._outcomes.moves import Moved

    plain = asdict(run.migrations[0]) if run.migrations else {}
    told = ("playbook", "changed", "check", "folder", "report", "summary", "reason", "scope")
    return Moved(**plain, **{name: getattr(run, name) for name in told})


class Registered:
    """What the tasks of a step have registered."""

    def __init__(self, variables: Data) -> None:
        """:param variables: of a task of the play."""
        self._variables = variables

    def __call__(self, name: str) -> dict[str, Any]:
        """What a task returned; empty when it was skipped, or was not there at all."""
        found = self._variables.get(name) or {}
        return {} if found.get("skipped") else dict(found)

    def plan(self, name: str) -> dict[str, Any]:
        """The plan of a step."""
        plan: dict[str, Any] = self(name)["plan"]
        return plan

    def everywhere(self, name: str) -> dict[str, Any]:
        """What a task returned on each server."""
        names, hosts = self._variables["groups"]["servers"], self._variables["hostvars"]
        return {server: hosts[server].get(name) or {} for server in names}


def of_step(playbook: str, registered: Registered, check: bool) -> Optional[Outcome]:
    """What ``step_result`` publishes; None where there is nothing but that the step was done, or ``run_result`` did it.

    :raises ValueError: for data that cannot be the step's own; so do other errors that a missing value makes.
    """
    if playbook not in BUILDERS:
        return None
    values = BUILDERS[playbook][1](registered, check)
    if values is None:
        return None
    own = {"playbook": playbook, "check": check, "outcome": _word(playbook, values, check), **values}
    return from_data(kind_of(playbook), own)


DONE = {
    "start_cluster": "started",
    "start_sender": "sent",
    "kill_worker": "killed",
    "copy_resilience": "copied",
    "restart_worker": "restarted",
    "stop_cluster": "stopped",
    "setup_repo": "built",
}
"""What a step did that has changed something. Those that only look, and those that say more, are not here."""


def _word(playbook: str, values: Data, check: bool) -> str:
    if playbook not in DONE or (check and values.get("changed")):
        return ""
    return DONE[playbook] if values.get("changed") else _moves.NOTHING


def _start_cluster(registered: Registered, check: bool) -> Data:
    plan, started = registered.plan("cluster_step"), registered("metrics_ui_started").get("state")
    record, metrics_ui = plan["cluster"], plan.get("metrics_ui") or {}
    shown = metrics_ui.get("state") == "started" and (started or check)
    return {
        "changed": bool(plan["needed"]),
        "cluster": record["identifier"],
        "app": record["application"],
        **{name: record[name] for name in ("engine", "workers", "keys", "journal", "checkpoint_interval")},
        "metrics_ui": f"http://{metrics_ui['address']}/" if shown else "",
        "placement": [{"worker": worker, "server": server} for worker, server in record["placement"].items()],
    }


def _start_sender(registered: Registered, _check: bool) -> Data:
    plan = registered.plan("sender_step")
    needed = bool(plan["needed"])
    return {
        "changed": needed,
        "first": plan.get("first") if needed else None,
        **{name: plan.get(name) for name in ("last", "round", "expected")},
        "keys": plan["cluster"]["keys"],
        "waited": bool(plan["wait"]),
    }


def _kill_worker(registered: Registered, _check: bool) -> Data:
    plan, answer = registered.plan("worker_step"), registered("worker_killed")
    return {
        "changed": bool(answer.get("changed")),
        "worker": plan["worker"],
        "server": plan["server"],
        "pid": answer.get("pid"),
        "killed": _moves.moment(_moves.seconds(answer.get("killed"))),
        "died": _moves.moment(_moves.seconds(answer.get("died"))),
    }


def _copy_resilience(registered: Registered, _check: bool) -> Data:
    plan, answer = registered.plan("migration_step"), registered("migration_copied")
    return {
        **{name: plan[name] for name in ("worker", "src", "dst", "via", "epoch")},
        "changed": bool(answer.get("changed")),
        "files": answer.get("copied") or [],
        "copied_bytes": answer.get("copied_bytes") or 0,
    }


def _restart_worker(registered: Registered, _check: bool) -> Data:
    plan, answer = registered.plan("worker_step"), registered("worker_started")
    changed = bool(answer.get("changed"))
    return {
        "changed": changed,
        "worker": plan["worker"],
        "server": plan["server"],
        "pid": answer.get("pid") if answer else plan.get("pid"),
        "epoch": answer.get("epoch") or plan.get("epoch") or 0,
        "seconds": answer.get("seconds") if changed else None,
    }


def _migrate(registered: Registered, _check: bool) -> Optional[Data]:
    if registered("migration_result"):
        return None
    plan = registered.plan("migration_step")
    known = asdict(_moves.migration(_moves.times_of({"plan": plan, "outcome": _moves.NOTHING})))
    if plan["needed"]:
        # Nothing has happened yet: what would be done is told.
        known = {name: plan[name] for name in ("worker", "src", "dst", "via", "epoch")}
    return {**known, "changed": bool(plan["needed"]), "scope": _judging.NO_MESSAGES}


def _stop_cluster(registered: Registered, _check: bool) -> Data:
    plan, answer = registered.plan("cluster_step"), registered.everywhere("cluster_stopped")
    stopped = [f"{server}: {name}" for server, found in answer.items() for name in found.get("stopped") or {}]
    return {
        "changed": any(bool(found.get("changed")) for found in answer.values()),
        "processes": sorted(stopped),
        "kept_files": bool(plan["keep_files"]),
    }


def _status(registered: Registered, _check: bool) -> Data:
    answer = registered.everywhere("cluster_server_state")
    record = next((state["cluster"] for state in answer.values() if state.get("cluster")), None) or {}
    figures: dict[str, dict[str, Data]] = {}
    for row in rows(answer):
        figures.setdefault(row["server"], {})[row["worker"]] = row
    return {
        "app": record.get("application") or "",
        "engine": record.get("engine") or "",
        "workers": record.get("workers") or 0,
        "metrics_ui": metrics_ui_url(answer),
        "servers": [_server(name, state, figures.get(name, {})) for name, state in answer.items()],
        "problems": problems_of(answer),
        "table": lines(answer),
    }


def _server(name: str, state: Data, figures: Mapping[str, Data]) -> dict[str, Any]:
    if "processes" not in state:
        return {"name": name, "problem": str(state.get("problem") or state.get("msg") or "does not answer")}
    processes = [{**known, "name": process} for process, known in sorted(state["processes"].items())]
    workers = [
        {
            **known,
            "worker": worker,
            "moved_to": known.get("moved_to") or None,
            "resilience_bytes": known.get("bytes") or 0,
            **_figures(figures.get(worker) or {}),
        }
        for worker, known in sorted((state.get("workers") or {}).items())
    ]
    return {
        "name": name,
        "problem": state.get("problem") or "",
        "damaged": [sentence_of(damage) for damage in state.get("damaged") or []],
        "processes": processes,
        "workers": workers,
    }


def _figures(row: Data) -> dict[str, Any]:
    """What becomes of a worker, where it is."""
    return {
        "state": row.get("state") or "",
        "since": _moves.moment(row.get("since")),
        "pid": row.get("pid"),
        "checkpoints": row.get("checkpoints"),
        "messages_out": row.get("messages"),
    }


def _setup_repo(registered: Registered, _check: bool) -> Data:
    plan, cloned, built = (
        registered.plan("wallaroo_repo_step"),
        registered("wallaroo_repo_cloned"),
        registered("wallaroo_repo_built"),
    )
    parts = [cloned, built, *registered.everywhere("wallaroo_repo_copied").values()]
    executables = built.get("executables") or {}
    return {
        **{name: plan[name] for name in ("home", "branch", "resilience")},
        "changed": any(bool(part.get("changed")) for part in parts),
        "commit": cloned.get("commit") or "",
        "executables": [{"path": path, "sha256": digest or ""} for path, digest in sorted(executables.items())],
    }


def _preflight(registered: Registered, _check: bool) -> Data:
    answer = registered("preflight_said")
    return {name: answer.get(name) or [] for name in ("problems", "notes", "table")}


def _report(registered: Registered, _check: bool) -> Data:
    answer = registered("report_made")
    return {
        **{name: answer.get(name) or "" for name in ("verdict", "reason")},
        "changed": bool(answer.get("changed")),
        "folder": answer.get("folder"),
        "report": answer.get("page"),
        "missing": answer.get("missing") or [],
    }


def _compare(registered: Registered, _check: bool) -> Data:
    answer = registered("report_compared")
    return {
        "changed": bool(answer.get("changed")),
        "report": answer.get("page"),
        "runs": answer.get("runs") or [],
        "measures": answer.get("rows") or [],
    }


def _verified_run(registered: Registered, check: bool) -> Optional[Data]:
    if not check:
        return None
    plan = registered.plan("demonstration_step")
    record = plan["cluster"]
    return {
        "reason": "--check: nothing was done, and so nothing was verified",
        "app": record["application"],
        **{name: record[name] for name in ("engine", "workers", "keys")},
        "expected": plan["expected"],
    }


BUILDERS: dict[str, tuple[str, Callable[[Registered, bool], Optional[Data]]]] = {
    "start_cluster": ("clusters.Started", _start_cluster),
    "start_sender": ("single_steps.Sent", _start_sender),
    "kill_worker": ("single_steps.Killed", _kill_worker),
    "copy_resilience": ("single_steps.Copied", _copy_resilience),
    "restart_worker": ("single_steps.Restarted", _restart_worker),
    "migrate": ("moves.Moved", _migrate),
    "stop_cluster": ("clusters.Stopped", _stop_cluster),
    "status": ("clusters.Status", _status),
    "preflight": ("setting_up.Checked", _preflight),
    "setup_repo": ("setting_up.Built", _setup_repo),
    "collect_logs": ("clusters.Status", _status),
    "report": ("reports.Reported", _report),
    "compare": ("reports.Compared", _compare),
    **dict.fromkeys(VERIFIED_RUNS, ("verified.Verified", _verified_run)),
}
"""What a playbook yields, below ``_outcomes``, and the values of it that are its own; None where nothing is to be
published."""


def kind_of(playbook: str) -> type[Outcome]:
    """The type of what a playbook yields."""
    module, _dot, name = BUILDERS[playbook][0].partition(".")
    kind: type[Outcome] = getattr(importlib.import_module(f"{__package__}._outcomes.{module}"), name)
    return kind


def to_data(outcome: Outcome) -> dict[str, Any]:
    """Plain data, for JSON and for Ansible."""
    return asdict(outcome)


def from_data(kind: type[SomeOutcome], data: Data) -> SomeOutcome:
    """The reverse of :func:`to_data`. What is unknown is left out, and what is missing has its default.

    :raises ValueError: when a value is of another type than it must be.
    """
    made: SomeOutcome = _made(kind, data, kind.__name__)
    return made


def _made(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, Mapping):
            raise ValueError(f"{where} is no mapping: {value!r}")
        hints = typing.get_type_hints(kind)
        names = [known.name for known in fields(kind) if known.name in value]
        return kind(**{name: _made(hints[name], value[name], f"{where}.{name}") for name in names})
    if typing.get_origin(kind) is Union:
        if value is None:
            return None
        return _made(next(one for one in typing.get_args(kind) if one is not type(None)), value, where)
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{where} is no list: {value!r}")
        element = typing.get_args(kind)[0]
        return tuple(_made(element, item, f"{where}[{number}]") for number, item in enumerate(value))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind in (int, float) and isinstance(value, bool)):
        raise ValueError(f"{where} is no {kind.__name__}: {value!r}")
    # Ansible's own kinds of text and number become Python's.
    return kind(value)
