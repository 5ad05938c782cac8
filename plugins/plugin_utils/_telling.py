# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step did, would do, or had no need to do, in one sentence for people.

Pure functions over what it registered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ._publishing import Registered
from ._together import names

Data = Mapping[str, Any]

STATE = "cluster_server_state"
"""What the role ``cluster`` registers of each server."""


class Act(NamedTuple):
    """One thing that a step does."""

    would: str
    did: str
    what: str


class Nothing(str):
    """Why there is nothing to do."""


def told(playbook: str, registered: Registered, check: bool) -> str:
    """The sentence; empty for playbooks that tell it otherwise, such as those that leave a run.

    :raises KeyError: when something is not there that the step registers; so do other errors of a missing value.
    """
    if playbook not in _TELLERS:
        return ""
    acts = _TELLERS[playbook](registered, check)
    if isinstance(acts, Nothing):
        return f"nothing to do: {acts}" if acts else ""
    found = list(acts)
    if not found:
        return ""
    if check:
        return f"would {', '.join(f'{act.would} {act.what}' for act in found)}"
    return ", ".join(f"{act.did} {act.what}" for act in found)


def _kill_worker(registered: Registered, check: bool) -> Iterable[Act] | Nothing:
    plan, answer = registered.plan("worker_step"), registered("worker_killed")
    worker, server = plan["worker"], plan["server"]
    pid = answer.get("pid") or _worker(registered, worker, server).get("pid")
    if not (plan["needed"] if check else answer.get("changed")):
        return Nothing(f"{worker} is dead already on {server}")
    return [_kill(worker, server, pid)]


def _copy_resilience(registered: Registered, check: bool) -> Iterable[Act] | Nothing:
    plan, answer = registered.plan("migration_step"), registered("migration_copied")
    worker, src, dst = plan["worker"], plan["src"], plan["dst"]
    if not check and not answer.get("changed"):
        return Nothing(f"{dst} holds the resilience files of {worker} already")
    files = len(answer["copied"]) if "copied" in answer else None
    told_of = _files(registered, worker, src, files, answer.get("copied_bytes"))
    if plan["via"] == "journal":
        return [Act("restore", "restored", f"the files of {worker} on {dst} from the journal server")]
    return [Act("copy", "copied", f"{told_of} of {worker} from {src} to {dst}")]


def _restart_worker(registered: Registered, check: bool) -> Iterable[Act] | Nothing:
    plan, answer = registered.plan("worker_step"), registered("worker_started")
    worker, server = plan["worker"], plan["server"]
    if not (plan["needed"] if check else answer.get("changed")):
        return Nothing(f"{worker} already runs on {server}")
    acts = [_kill(worker, server, _worker(registered, worker, server).get("pid"))] if plan["crash"] else []
    pid = f" (pid {answer['pid']})" if answer.get("pid") and not check else ""
    return [*acts, Act("start", "started", f"{'it' if acts else worker}{pid} on {server}")]


def _migrate(registered: Registered, check: bool) -> Iterable[Act] | Nothing:
    plan = registered.plan("migration_step")
    worker, src, dst = plan["worker"], plan["src"], plan["dst"]
    if not plan["needed"]:
        if not plan["completes"]:
            return Nothing(f"{worker} already runs on {dst}")
        fence = f", and fence it on {src}" if plan["fence"] else ""
        what = f"the move that an interrupted run began: wait for {worker} on {dst}{fence}"
        return [Act("complete", "completed", what)] if check else []
    if not check:
        # The result of the run has said it.
        return []
    known = _worker(registered, worker, src)
    acts = [_kill(worker, src, known.get("pid"))] if known.get("alive") and plan["kill"] else []
    of_it = "" if acts else f" of {worker}"
    if plan["via"] == "journal":
        acts.append(
            Act("restore", "restored", f"{'its files' if acts else 'the files'}{of_it} from the journal server")
        )
    else:
        acts.append(Act("copy", "copied", f"{_files(registered, worker, src)}{of_it}"))
    if plan.get("address"):
        acts.append(Act("take", "took", f"its address {plan['address']} along"))
    return [*acts, Act("start", "started", f"it on {dst}")]


def _start_cluster(registered: Registered, check: bool) -> Iterable[Act] | Nothing:
    del check
    plan = registered.plan("cluster_step")
    record = plan["cluster"]
    cluster = f"{_count(record['workers'], 'worker')} of {record['application']} on the {record['engine']} engine"
    if not plan["needed"]:
        return Nothing(f"a cluster of {cluster} runs already")
    acts = [Act("stop", "stopped", "what an interrupted start has left")] if plan["replace"] else []
    shown = f" (its own page is {plan['page']})" if plan.get("page") else ""
    return [*acts, Act("start", "started", f"{cluster}, on {names(record['placement'].values())}{shown}")]


def _start_sender(registered: Registered, check: bool) -> Iterable[Act] | Nothing:
    del check
    plan = registered.plan("sender_step")
    if not plan["needed"]:
        what = f"the values up to {plan['last']}" if plan.get("last") is not None else f"round {plan.get('round')}"
        return Nothing(f"{what} {'were' if plan.get('last') is not None else 'was'} sent already")
    if plan.get("last") is not None:
        keys = plan["key_count"]
        number = (plan["last"] - plan["first"] + 1) * keys
        # Each key goes on from where it came to, so how many these are is known to the sender alone.
        count = f" ({_count(number, 'message')})" if plan["first"] <= plan["last"] else ""
        what = f"the values {plan['first']} to {plan['last']} of {_count(keys, 'key')}{count}"
    else:
        what = " and ".join(str(one["what"]) for one in plan["sends"])
    # The sender goes on by itself where nobody waits for it.
    return [Act("send", "sent", what) if plan["wait"] else Act("begin to send", "began to send", what)]


def _stop_cluster(registered: Registered, check: bool) -> Iterable[Act] | Nothing:
    del check
    answers = registered.everywhere("cluster_stopped")
    running = [
        f"{name} on {server}" for server, found in answers.items() for name in sorted(found.get("stopped") or {})
    ]
    if not any(found.get("changed") for found in answers.values()):
        return Nothing("nothing of the collection runs on these servers")
    acts = [Act("stop", "stopped", ", ".join(running))] if running else []
    removed = [server for server, found in answers.items() if found.get("removed")]
    return [*acts, *([Act("remove", "removed", f"the resilience files on {names(removed)}")] if removed else [])]


_TELLERS: Mapping[str, Callable[[Registered, bool], Iterable[Act] | Nothing]] = {
    "kill_worker": _kill_worker,
    "copy_resilience": _copy_resilience,
    "restart_worker": _restart_worker,
    "migrate": _migrate,
    "start_cluster": _start_cluster,
    "start_sender": _start_sender,
    "stop_cluster": _stop_cluster,
}


def _kill(worker: str, server: str, pid: Any) -> Act:
    return Act("kill", "killed", f"{worker}{f' (pid {pid})' if pid else ''} on {server}")


def _files(registered: Registered, worker: str, server: str, files: Any = None, size: Any = None) -> str:
    """How many, and how large; as the server says that has them when nobody has counted."""
    known = _worker(registered, worker, server)
    number = known.get("files") if files is None else files
    return f"{_count(number or 0, 'file')} ({(known.get('bytes') if size is None else size) or 0:,} bytes)"


def _worker(registered: Registered, worker: str, server: str) -> Data:
    state = registered.everywhere(STATE).get(server) or {}
    found: Data = (state.get("workers") or {}).get(worker) or {}
    return found


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
