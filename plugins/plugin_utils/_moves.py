# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When what of a move happened, whichever run did it: what this run's steps returned, and what servers noted before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

Data = Mapping[str, Any]

MOVED, ROLLED_BACK, NOTHING, UNFINISHED = "moved", "rolled back", "nothing to do", "unfinished"
"""Outcomes of a migration. ``unfinished``: the worker is down, or it is not known whether it is."""


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
            found.update({name: came[name] for name in ("started", "ready") if _number(came, name)})
    return found


def steps_of(move: Data) -> dict[str, Any]:
    """The times of a move, for :meth:`._results.Migration.from_steps`.

    :param move: ``plan``, and what was returned by the kill (``killed``), the move (``moved``), the wait for a worker
        that an interrupted run had started (``awaited``), and the start on the source after a failure (``returned``);
        ``outcome``; ``note``, what went wrong.
    """
    plan, known = move["plan"], move["plan"].get("known") or {}
    killed, moved = move.get("killed") or {}, move.get("moved") or {}
    outcome = str(move.get("outcome") or MOVED)
    back = next((step for step in (move.get("awaited") or {}, moved) if step.get("ready")), {})
    back = (move.get("returned") or {}) if outcome == ROLLED_BACK else back
    return {
        "worker": plan["worker"],
        "src": plan["src"],
        "dst": plan["dst"],
        "killed": killed.get("killed") or moved.get("killed") or known.get("killed"),
        "died": killed.get("died") or moved.get("died") or known.get("died"),
        "copied": moved.get("finished_at") or known.get("copied"),
        "copied_bytes": moved.get("copied_bytes") or known.get("copied_bytes") or 0,
        "started": back.get("started") or known.get("started"),
        "resumed": back.get("ready") or known.get("ready"),
        "late": bool(back.get("late")),
        "epoch": plan.get("epoch") or 0,
        "via": plan.get("via") or "",
        "source_lost": bool(plan.get("source_lost")),
        "outcome": outcome,
        "note": str(move.get("note") or ""),
        "retried": str(back.get("retried") or ""),
    }


def _number(data: Data, name: str) -> Optional[float]:
    value = data.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
