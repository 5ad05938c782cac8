# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a run, ``report.html``: one file that needs nothing else, and asks nobody for anything."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import charts, story, surroundings
from .stored import FLOW, PAGE, RESULT, Stored, read
from .words import DASH, clock, counted, day, duration, seconds_of, size

HERE = Path(__file__).parent

DOWNTIMES = 8
"""So many crashes have a plot of their own."""


def write(folder: Path) -> Path:
    """Make the page of the run in this folder, and return its path.

    :raises NoRun: when there is no such folder.
    :raises OSError: when it cannot be written.
    """
    return put(folder / PAGE, html(read(folder)))


def put(path: Path, text: str) -> Path:
    """Write a page as a whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def html(run: Stored) -> str:
    """The page. What cannot be shown, since a file holds something else than a run writes, is left out and told."""
    try:
        return rendered("report.html.j2", _values(run))
    except Exception as error:
        # The verdict is never given up.
        word = {name: run.result[name] for name in _WORD if isinstance(run.result.get(name), str)}
        for files, less in (
            (FLOW, replace(run, flow={})),
            (RESULT, replace(run, result=word)),
            (f"{FLOW} and {RESULT}", replace(run, flow={}, result=word)),
        ):
            told = f"{files} could not be shown as a whole, so only what is left: {error!r}."
            with contextlib.suppress(Exception):
                return rendered("report.html.j2", _values(replace(less, missing=(*run.missing, told))))
        raise


_WORD = ("name", "verdict", "outcome", "scope", "reason")


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """A page from its template, in which whatever a run has said is text and nothing else."""
    import jinja2

    from .compiled import Compiled

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.bytecode_cache = Compiled(HERE / "__pycache__", environment)
    css = (HERE / "page.css").read_text(encoding="utf-8")
    return environment.get_template(template).render(css=css, policy=_policy(css), **values)


def _policy(css: str) -> str:
    """Nothing may be loaded or run; the one style sheet is known by its digest."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _values(run: Stored) -> dict[str, Any]:
    result, flow = run.result, run.flow
    moves = story.moves(run)
    started = seconds_of(result.get("started"))
    return {
        "name": run.name,
        "title": " · ".join(
            [
                str(result.get("name") or run.name),
                day(started),
                *([f"took {duration(float(result['seconds']))}"] if result.get("seconds") else []),
            ]
        ),
        "headline": story.headline(run),
        "facts": facts(run),
        "losses": [[key, values, f"{count:,}"] for key, values, count in story.losses(run)],
        "happenings": _happenings(run),
        "where": charts.whereabouts(run),
        "figures": charts.Charts(run).all(),
        "crashes": charts.crash_moments(run),
        "notes": [*run.missing, *(flow.get("notes") or []), *(result.get("notes") or [])],
        "moves": [_move(move, str(result.get("reason") or "")) for move in moves],
        "witnesses": [_witness(run, one) for one in story.witnesses(run)],
        "violation_count": int(result.get("violation_count") or 0),
        "validator": str(result.get("validator_verdict") or ""),
        "crashed": result.get("crashed") or [],
        **surroundings.of(result),
        "folder": str(run.folder),
        "made": f"Made of {run.name} by wallaroo.resilience {surroundings.collection(result)}".strip() + ".",
    }


def facts(run: Stored) -> list[tuple[str, str, str]]:
    """The numbers that matter: what, how much, and a word on it."""
    result, flow = run.result, run.flow
    found: list[tuple[str, str, str]] = []
    expected, received = int(result.get("expected") or 0), int(result.get("received") or 0)
    if expected or received:
        violations = counted(int(result.get("violation_count") or 0), "violation")
        found.append(("Messages", f"{received:,}", f"of {expected:,}; {violations}"))
    moves = story.moves(run)
    downtimes = [float(one.data["downtime_seconds"]) for one in moves if one.data.get("downtime_seconds") is not None]
    if moves:
        more = (
            f"longest of {len(moves)} crashes" if len(moves) > 1 else f"{moves[0].data.get('worker')}, {moves[0].route}"
        )
        found.append(("Downtime", duration(max(downtimes, default=None)), more))
    outage = max(
        (one["end"] - one["begin"] for one in flow.get("lulls") or [] if one["kind"] == "outage"), default=None
    )
    if outage is not None:
        found.append(("Longest outage", duration(outage), "something was waited for, nothing came"))
    keys = flow.get("keys") or {}
    if keys:
        worst = max(keys, key=lambda key: float(keys[key]["longest"]))
        found.append(("Longest delay", duration(keys[worst]["longest"]), f"of {worst}"))
    latency = (flow.get("latency") or {}).get("all") or {}
    if latency.get("99"):
        found.append(("Latency", duration(latency["99"]), "99 % of all messages within"))
    copied = sum(int(one.data.get("copied_bytes") or 0) for one in moves)
    if copied:
        found.append(("Moved", size(copied), "resilience files"))
    return found


def _happenings(run: Stored) -> list[dict[str, Any]]:
    rows, killed = [], {move.number: move.killed for move in story.moves(run)}
    for one in story.happenings(run):
        since = killed.get(one.number)
        more = "" if since is None else f"+{duration(one.at - since)}" if one.at > since else "0"
        rows.append({**one.__dict__, "clock": clock(one.at), "since": more})
    return rows


def _move(move: story.Move, reason: str) -> dict[str, Any]:
    data, note = move.data, str(move.data.get("note") or "")
    return {
        "number": move.number,
        "worker": data.get("worker"),
        "route": move.route,
        "outcome": move.outcome,
        "tone": story.tone(move.outcome),
        "downtime": duration(data.get("downtime_seconds")),
        "gap": duration(data.get("output_gap_seconds")),
        "copied": size(int(data.get("copied_bytes") or 0)) if not move.in_place else DASH,
        "epoch": data.get("epoch") or DASH,
        # What stands on top is not said twice.
        "note": "" if note in reason else note,
        "figure": charts.downtime(move) if move.number <= DOWNTIMES else None,
    }


def _witness(run: Stored, one: story.Witness) -> dict[str, Any]:
    data, begin = one.data, float(run.flow.get("begin") or 0)
    at_end = data.get("position") == -1
    where = f"message {int(data.get('position') or 0):,} of what came, byte {int(data.get('offset') or 0):,}"
    came = f"{clock(one.came)}, {duration(one.came - begin)} after the first message" if one.came else ""
    return {
        **{name: str(data.get(name) or "") for name in ("kind", "expected")},
        "found": str(data.get("found") or data.get("got") or ""),
        "sentence": str(data.get("sentence") or data.get("message") or ""),
        "where": "at the end of what came" if at_end else where,
        "came": came,
        "meanwhile": one.meanwhile,
        "around": one.around,
    }
