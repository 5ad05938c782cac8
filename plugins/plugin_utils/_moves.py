# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When what of a move happened, whichever run did it: what this run's steps returned, and what servers noted before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from ._outcomes.moves import Migration

Data = Mapping[str, Any]

MIGRATION = "migrate"
"""The playbook whose run is of one."""

MOVED, ROLLED_BACK, NOTHING, UNFINISHED = "moved", "rolled back", "nothing to do", "unfinished"
"""Outcomes of a migration. ``unfinished``: the worker is down, or it is not known whether it is."""


_KEPT = {"started": "started", "resumed": "ready"}
"""Times of a start, and what the record of a process calls them."""


def known_times(source: Data, target: Data, running_on_source: bool) -> dict[str, Any]:
    """What an earlier run has noted on the servers, in seconds since the epoch; what is not known is left out.

    :param source: what the source says of the worker.
    :param target: what the target says of it.
    """
    found: dict[str, Any] = {}
    left, came = source.get("times") or {}, target.get("times") or {}
    # A worker that was started there again since has had another end.
    if not running_on_source and _number(left, "killed") and left["killed"] >= (_number(left, "started") or 0.0):
        found.update({name: left[name] for name in ("killed", "died") if _number(left, name)})
    if came.get("epoch") == target.get("epoch"):
        found.update({name: came[name] for name in ("copied", "copied_bytes") if _number(came, name)})
        if target.get("alive") and came.get("pid") == target.get("pid"):
            found.update({name: came[kept] for name, kept in _KEPT.items() if _number(came, kept)})
    return found


def times_of(move: Data) -> dict[str, Any]:
    """The times of a crash and what became of the worker, in seconds since the epoch, for :func:`migration`.

    :param move: ``plan``, with the worker and its servers, and what was returned by the move or the restart in place
        (``moved``), the wait for a worker that an interrupted run had started (``awaited``), what is to be done behind
        a move (``left``), and the start on the source after a failure (``returned``); ``outcome``, of a failure;
        ``moves``, whether it is a move (by default it is); ``note``, what went wrong.
    """
    plan, known, moved = move["plan"], move["plan"].get("known") or {}, move.get("moved") or {}
    outcome = _became(move)
    back = next((step for step in (move.get("awaited") or {}, moved) if step.get("resumed")), {})
    back = (move.get("returned") or {}) if outcome == ROLLED_BACK else back
    return {
        **{name: plan[name] for name in ("worker", "src", "dst")},
        **{name: moved.get(name) or known.get(name) for name in ("killed", "died")},
        # Of what a copy returns, "copied" are the names of the files.
        "copied": moved.get("finished_at") or known.get("copied"),
        "copied_bytes": moved.get("copied_bytes") or known.get("copied_bytes") or 0,
        **{name: back.get(name) or known.get(name) for name in ("started", "resumed")},
        "late": bool(back.get("late")),
        "epoch": plan.get("epoch") or back.get("epoch") or 0,
        "via": plan.get("via") or "",
        "source_lost": bool(plan.get("source_lost")),
        "outcome": outcome,
        "note": str(move.get("note") or ""),
        **{name: str(back.get(name) or "") for name in ("retried", "foreign_state")},
    }


def _became(move: Data) -> str:
    if not move.get("moves", True):
        return ""
    # What is left to be done tells that it moved, whatever of the rest fails.
    left = (move.get("left") or {}).get("plan") or {}
    return str(left.get("outcome") or move.get("outcome", MOVED) or UNFINISHED)


def crashes(arguments: Data, _servers: object = None) -> dict[str, Any]:
    """What the crashes of a run took, one more among them if its worker was killed: ``so_far``, and a move."""
    found = times_of(arguments)
    return {"migrations": [*arguments["so_far"], *([found] if seconds(found["killed"]) else [])]}


def migration(times: Data, gap: Optional[float] = None) -> Migration:
    """A migration, from what :func:`times_of` returned.

    There is no downtime when the worker was not killed, and when it was back before somebody looked (``late``).

    :param gap: seconds from the last message out before the kill to the first one out after it.
    """
    # Loaded by the steps that yield one.
    from ._outcomes.moves import Migration

    killed, resumed = (seconds(times.get(name)) for name in ("killed", "resumed"))
    retried, foreign = (str(times.get(name) or "") for name in ("retried", "foreign_state"))
    late = bool(times.get("late")) or bool(killed and resumed and resumed < killed)
    moments: dict[str, Any] = {
        name: moment(seconds(times.get(name))) for name in ("killed", "died", "copied", "started", "resumed")
    }
    return Migration(
        **{name: str(times.get(name) or "") for name in ("worker", "src", "dst", "via", "outcome")},
        **moments,
        downtime_seconds=round(resumed - killed, 3) if killed and resumed and not late else None,
        output_gap_seconds=round(gap, 3) if gap is not None else None,
        copied_bytes=int(times.get("copied_bytes") or 0),
        epoch=int(times.get("epoch") or 0),
        note=str(times.get("note") or "") or (f"second start; the first one failed: {retried}" if retried else foreign),
        source_lost=bool(times.get("source_lost")),
    )


def marks(move: Data, back: str = "") -> list[dict[str, Any]]:
    """What the metrics UI shows of a move; what has no time is left out there.

    :param back: what to say where the worker was started on its source again.
    """
    # What this run has not done itself was shown when it happened.
    times = times_of({**move, "plan": {**move["plan"], "known": {}}})
    worker, src, dst = times["worker"], times["src"], times["dst"]
    shown = [("crash", src, "killed", "")]
    if not back:
        shown.append(("copy", dst, "copied", f"{times['copied_bytes']:,} bytes"))
    shown += [("start", src if back else dst, "started", back), ("resumed", src if back else dst, "resumed", "")]
    return [
        {
            "kind": kind,
            "worker": worker,
            "server": server,
            "time": times[name] or "",
            **({"text": text} if text else {}),
        }
        for kind, server, name, text in shown
    ]


def moment(seconds: Optional[float]) -> Optional[str]:
    """A point in time as ISO 8601 in UTC with milliseconds."""
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_of(text: str) -> float:
    """The reverse of :func:`moment`.

    :raises ValueError: when it is none.
    """
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def seconds(value: Any) -> Optional[float]:
    """A time that a template may have made a text, as it does before ansible-core 2.19; None when there is none."""
    try:
        found: float = float(value)
    except (TypeError, ValueError):
        return None
    return found


def _number(data: Data, name: str) -> Optional[float]:
    value = data.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
