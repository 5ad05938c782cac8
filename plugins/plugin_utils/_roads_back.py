# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done when a move failed: whether the worker may be started where it was, and what is said.

The source still has all its files. They are the newest as long as the target's worker was never started. Once it was,
they can be gone back to only while nobody has taken a checkpoint or journalled since (design.md, "Life of a
migration"), and only when the target can no longer start the worker itself. Where one of that is not known nothing is
started: a worker that is down can be started later, two that run destroy its state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..module_utils._cluster.record import ClusterRecord
from ._moves import MOVED, NOTHING, ROLLED_BACK, UNFINISHED, marks
from ._reaching import UNREACHABLE

Data = Mapping[str, Any]

NEVER_STARTED = ("kill", "copy")
"""Stages of a move in which the target had no claim on the worker yet."""

TARGET, SOURCE, LEADING = "target", "source", "leading"


def road_back(arguments: Data, _servers: object = None) -> dict[str, Any]:
    """Whether the worker is started where it was.

    :param arguments: ``plan`` (of the migration), ``moved`` (what the move returned), ``failure`` (the reason),
        ``looks`` (what ``worker_look`` returned, in the order of ``look``).
    :returns: ``look``: the servers to be asked first, with the arguments of ``worker_look``; empty when all is known.
        ``start``: start it on the source, ``fence``: after the target was fenced. ``sentence``: else, what is said, and
        ``outcome``. ``source_sound`` and ``reason``: whether the source's files are those to start from, and why.
    """
    plan, moved = arguments["plan"], arguments.get("moved") or {}
    failure = _sentence(arguments.get("failure") or "The move failed.")
    worker, src, dst = plan["worker"], plan["src"], plan["dst"]
    again = f'migrate.yml -e "{_arguments(plan)}"'
    stage = str(moved.get("stage") or "unknown")
    answer: dict[str, Any] = {"look": [], "start": False, "fence": False, "source_sound": True, "reason": ""}

    def stopped(sentence: str, outcome: str = UNFINISHED, sound: bool = False, reason: str = "") -> dict[str, Any]:
        said = f"{failure} {sentence}".strip()
        return {**answer, "source_sound": sound, "reason": reason, "sentence": said, "outcome": outcome}

    if stage == "before":
        return stopped("", NOTHING, sound=True)
    if moved.get(UNREACHABLE):
        return stopped(
            f"{dst} may still be starting {worker}, or have started it, so nothing was started on {src}: two would "
            f"destroy its state. When {dst} can be reached again, run the same command again, which completes what is "
            f"left: {again}."
        )
    if stage in NEVER_STARTED:
        if plan["source_lost"]:
            return stopped(_lost(src, worker, again))
        return {**answer, "start": True, "reason": f"{worker} was never started on {dst}"}
    looks = arguments.get("looks")
    if looks is None:
        return {**answer, "look": _to_look_at(plan)}
    return _after_looks(plan, looks, answer, stopped, again)


def _lost(src: str, worker: str, again: str) -> str:
    return f"{src} is lost, so {worker} runs nowhere; mend that and run the same command again: {again}."


def _after_looks(
    plan: Data, looks: Any, answer: dict[str, Any], stopped: Callable[..., dict[str, Any]], again: str
) -> dict[str, Any]:
    worker, src, dst = plan["worker"], plan["src"], plan["dst"]
    found = dict(zip((one["role"] for one in _to_look_at(plan)), looks))
    target = found.get(TARGET) or {}
    if "written" in target and target.get("alive"):
        return stopped(
            f"It runs on {dst} meanwhile all the same; run the same command again, which completes it: {again}."
        )
    if "written" in target and (target.get("ownership"), target.get("epoch")) != ("owner", plan["epoch"]):
        if plan["source_lost"]:
            return stopped(_lost(src, worker, again))
        return {**answer, "start": True, "reason": f"{worker} was never started on {dst}"}
    sound, reason = (False, f"{src} is lost") if plan["source_lost"] else source_sound(plan, found)
    if sound:
        return {**answer, "start": True, "fence": True, "reason": reason}
    return stopped(
        f"{worker} runs nowhere. It was not started again on {src}: {reason}. Its newest files are on {dst}, in "
        f"{plan['target_directory']}. Mend what failed there, then start it: {_restart(worker, dst)} (or run the same "
        f"command again, {again}). If {dst} cannot be mended, start a fresh cluster.",
        reason=reason,
    )


def source_sound(plan: Data, found: Data) -> tuple[bool, str]:
    """Whether the worker can be started from the source's files although it was started on the target since.

    :param found: role -> what ``worker_look`` returned there.
    :returns: and why, as the end of a sentence.
    """
    worker, src, dst = plan["worker"], plan["src"], plan["dst"]
    target, source, first = (found.get(role) or {} for role in (TARGET, SOURCE, LEADING))
    for role, look in ((TARGET, target), (SOURCE, source), (LEADING, first)):
        if "written" not in look:
            said = str(look.get("msg") or "it was not asked").rstrip(".")
            what = "whether the cluster has taken a checkpoint since" if role != SOURCE else "what its files hold"
            return False, f"it is not known {what} ({said})"
    if target["written"] > source["written"] or target["checkpoints"] > source["checkpoints"]:
        return (
            False,
            f"{worker} has written checkpoint {target['written']} on {dst} since, which the files on {src} lack",
        )
    if first["committed"] > source["written"]:
        return False, f"the cluster has committed checkpoint {first['committed']} since, which the files on {src} lack"
    for name, size in sorted((source.get("journalled") or {}).items()):
        have = int((source.get("journals") or {}).get(name, 0))
        if size > have:
            return (
                False,
                f"it has journalled on {dst} since ({name}: {size:,} bytes on the journal server, {have:,} on {src})",
            )
    return True, f"nobody has taken a checkpoint or journalled since {worker} was killed on {src}"


def after_road_back(arguments: Data, _servers: object = None) -> dict[str, Any]:
    """What is said after the road back was taken.

    :param arguments: those of :func:`road_back`, and ``back`` (what it returned), ``fenced`` and ``returned`` (what the
        fence of the target and the start on the source returned).
    """
    plan, back = arguments["plan"], arguments["back"]
    failure = _sentence(arguments.get("failure") or "The move failed.")
    fenced, returned = arguments.get("fenced") or {}, arguments.get("returned") or {}
    worker, src, dst = plan["worker"], plan["src"], plan["dst"]
    again = f'migrate.yml -e "{_arguments(plan)}"'
    shown = marks({**arguments, "outcome": ROLLED_BACK}, "back where it was: the move failed")
    if fence_failed(back, fenced):
        return {
            "outcome": UNFINISHED,
            "marks": shown,
            "sentence": f"{failure} {worker} runs nowhere. Its files on {src} are sound, but {dst} could not "
            f"be kept from starting it too: {_sentence(fenced.get('msg') or 'it did not answer')} Mend that, then run "
            f"the same command again: {again}.",
        }
    if returned.get("resumed"):
        return {
            "outcome": ROLLED_BACK,
            "marks": shown,
            "sentence": f"{failure} {worker} was started again on {src}, where it was: {back['reason']}.",
        }
    return {
        "outcome": UNFINISHED,
        "marks": shown,
        "sentence": f"{failure} {worker} runs nowhere: it could not be started again on {src} either: "
        f"{_sentence(returned.get('msg') or 'it did not answer')} Mend that, then start it there: "
        f"{_restart(worker, src)}.",
    }


def fence_failed(back: Data, fenced: Data) -> bool:
    """Whether the target could not be kept from starting the worker, so that the source must not start it either."""
    return bool(back.get("fence")) and "epoch" not in fenced


def left(arguments: Data, _servers: object = None) -> dict[str, Any]:
    """What is still to be done after a worker has moved.

    :param arguments: ``plan``, and ``behind``: what was returned by each of the calls that it has under this name.
    :returns: ``outcome``; ``left``: a sentence each; ``sentence``: all of it; ``marks``: what the metrics UI shows of
        the move.
    """
    plan = arguments["plan"]
    worker, src, dst = plan["worker"], plan["src"], plan["dst"]
    found = []
    for call, ended in zip(plan["behind"], arguments["behind"]):
        # Of a failure before any of them was called there is nothing else.
        answer = (ended.get("answers") or [ended])[-1]
        if call["module"] == "peer_addresses" and "mended" not in answer:
            found.append(
                f"the workers on {call['server']} must learn where {worker} is now ({_bare(answer.get('msg'))})"
            )
        if call["module"] == "worker_fence" and "epoch" not in answer:
            found.append(f"{src} must be kept from starting {worker} too ({_bare(answer.get('msg'))})")
    sentence = ""
    if found:
        sentence = (
            f"{worker} moved to {dst} and runs there. Still to be done: {'; '.join(found)}. Mend that, then run the "
            f'same command again, which completes it: migrate.yml -e "{_arguments(plan)}".'
        )
    return {"outcome": MOVED, "left": found, "sentence": sentence, "marks": marks(arguments)}


def _to_look_at(plan: Data) -> list[dict[str, Any]]:
    record = ClusterRecord.from_dict(plan["cluster"])
    leading = record.worker_names()[0]
    first = record.server(record.placement[leading])
    common = {"application": record.application, "version": record.version, "engine": record.engine}
    looks = [{"role": TARGET, "server": plan["dst"], "base": plan["target_base"], "worker": plan["worker"], **common}]
    if not plan["source_lost"]:
        journal = f"{record.first_server.address}:{record.port_numbers.journal}" if record.journal else ""
        looks.append(
            {
                "role": SOURCE,
                "server": plan["src"],
                "base": plan["source_base"],
                "worker": plan["worker"],
                "journal_server": journal,
                **common,
            }
        )
    looks.append({"role": LEADING, "server": first.name, "base": first.base, "worker": leading, **common})
    return looks


def _arguments(plan: Data) -> str:
    words = [f"{name}={plan[name]}" for name in ("worker", "src", "dst")]
    if plan.get("via") == "journal":
        words.append("via=journal")
    if plan.get("source_lost"):
        words.append("source_lost=true")
    if plan.get("address"):
        words.append("keep_address=true")
    return " ".join(words)


def _restart(worker: str, server: str) -> str:
    return f'restart_worker.yml -e "worker={worker} server={server}"'


def _sentence(text: str) -> str:
    text = " ".join(str(text).split())
    return text if text.endswith((".", "!", "?", "'")) else f"{text}."


def _bare(text: Any) -> str:
    return _sentence(text or "it did not answer").rstrip(".")
