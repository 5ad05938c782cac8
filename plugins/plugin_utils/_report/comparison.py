# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs beside each other: a page, and a table for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from . import charts, page, plots, story, surroundings
from .plots import Axis, Format, Line, Mark, Plot
from .stored import Stored
from .words import DASH, counted, day, duration, seconds_of, size

Amount = Optional[float]


@dataclass(frozen=True)
class Row:
    """A measure of both."""

    name: str
    values: tuple[str, str]
    difference: str = ""
    """Of the second one to the first one."""


def write(runs: Path, both: Sequence[Stored]) -> Path:
    """Make the page, ``compare-A-B.html`` in the folder of all runs, and return its path.

    :raises OSError: when it cannot be written.
    """
    first, second = both
    return page.put(runs / f"compare-{first.name}-{second.name}.html", html(first, second))


def html(first: Stored, second: Stored) -> str:
    """The page."""
    values = {
        "name": f"{first.name} and {second.name}",
        "both": [(run.name, _title(run), story.headline(run)) for run in (first, second)],
        "rows": rows(first, second),
        "figures": figures(first, second),
        "others": differences(first, second),
        "known": bool(first.result and second.result),
        "notes": [f"{run.name}: {note}" for run in (first, second) for note in run.missing],
    }
    return page.rendered("comparison.html.j2", values)


def table(first: Stored, second: Stored) -> list[str]:
    """The measures as lines for a terminal."""
    found = [Row("", (first.name, second.name), "difference"), *rows(first, second), *differences(first, second)]
    cells = [(row.name, *row.values, row.difference) for row in found]
    widths = [max(len(line[number]) for line in cells) for number in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells]
    return lines + [f"{run.name}: {note}" for run in (first, second) if not run.result for note in run.missing[:1]]


def rows(first: Stored, second: Stored) -> list[Row]:
    """What can be measured of both; what neither has is left out."""
    found = [Row("verdict or outcome", (story.headline(first).word, story.headline(second).word))]
    for name, measure, told in MEASURES:
        one, other = measure(first), measure(second)
        if one is None and other is None:
            continue
        difference = ""
        if one is not None and other is not None and one != other:
            difference = ("+" if other > one else "\N{MINUS SIGN}") + told(abs(other - one))
            difference += _share(one, other)
        values = tuple(DASH if value is None else told(value) for value in (one, other))
        found.append(Row(name, (values[0], values[1]), difference))
    return found


def _share(one: float, other: float) -> str:
    if one <= 0:
        return ""
    return f" ({other / one:,.0f} times)" if other / one >= 10 else f" ({(other - one) / one:+.0%})"


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _result(name: str) -> Callable[[Stored], Amount]:
    def measure(run: Stored) -> Amount:
        value = run.result.get(name)
        return float(value) if isinstance(value, (int, float)) else None

    return measure


def _of_messages(name: str) -> Callable[[Stored], Amount]:
    """Of a run that looked at none, such as a plain move, nothing is known: that is not 0."""

    def measure(run: Stored) -> Amount:
        looked = run.result.get("expected") or run.result.get("received")
        return _result(name)(run) if looked else None

    return measure


def _of_moves(name: str, together: Callable[[list[float]], float]) -> Callable[[Stored], Amount]:
    def measure(run: Stored) -> Amount:
        values = [float(one[name]) for one in run.result.get("migrations") or [] if one.get(name) is not None]
        return together(values) if values else None

    return measure


def _latency(name: str) -> Callable[[Stored], Amount]:
    def measure(run: Stored) -> Amount:
        value = ((run.flow.get("latency") or {}).get("all") or {}).get(name)
        return None if value is None else float(value)

    return measure


def _crashes(run: Stored) -> Amount:
    return float(len(run.result.get("migrations") or [])) if run.result else None


def _outage(run: Stored) -> Amount:
    lulls = run.flow.get("lulls")
    if lulls is None:
        return None
    return max((one["end"] - one["begin"] for one in lulls if one["kind"] == "outage"), default=0.0)


def _delay(run: Stored) -> Amount:
    keys: Mapping[str, Any] = run.flow.get("keys") or {}
    return max((float(one["longest"]) for one in keys.values()), default=None)


def _rate(run: Stored) -> Amount:
    arrivals = run.flow.get("arrivals") or []
    return max(arrivals) / float(run.flow["step"]) if any(arrivals) else None


MEASURES: tuple[tuple[str, Callable[[Stored], Amount], Callable[[float], str]], ...] = (
    ("messages expected", _of_messages("expected"), _number),
    ("messages received", _of_messages("received"), _number),
    ("violations", _of_messages("violation_count"), _number),
    ("crashes", _crashes, _number),
    ("longest downtime", _of_moves("downtime_seconds", max), duration),
    ("longest outage", _outage, duration),
    ("longest delay of a key", _delay, duration),
    ("latency of half of the messages", _latency("50"), duration),
    ("latency of 99 %", _latency("99"), duration),
    ("messages a second at most", _rate, _number),
    ("resilience files moved", _of_moves("copied_bytes", sum), lambda value: size(int(value))),
    ("the run took", _result("seconds"), duration),
)


def differences(first: Stored, second: Stored) -> list[Row]:
    """What else is not the same: with what they were made, and their variables, where both are known."""
    if not first.result or not second.result:
        return []
    told = [_surroundings(run.result) for run in (first, second)]
    names = dict.fromkeys([*told[0], *told[1]])
    found = [Row(name, (told[0].get(name, DASH), told[1].get(name, DASH))) for name in names]
    return [row for row in found if row.values[0] != row.values[1]]


def _surroundings(result: Mapping[str, Any]) -> dict[str, str]:
    variables = result.get("variables")
    given = {f"variable {name}": str(value) for name, value in (variables or {}).items()}
    return {**dict(surroundings.made_with(result)), **given}


def figures(first: Stored, second: Stored) -> list[charts.Figure]:
    """Both runs in one plot each, with the first crash of both at the same place."""
    found = []
    flows = [run.flow for run in (first, second)]
    if all(any(flow.get("arrivals") or []) for flow in flows):
        rates = [[count / flow["step"] for count in flow["arrivals"]] for flow in flows]
        summary = "Messages that came out a second; 0 is the first crash of each run, or its first message."
        found.append(_figure("rates", "Messages a second", summary, (first, second), rates, ""))
    delays = [_delays(flow) for flow in flows]
    if all(delays):
        summary = "The longest delay of any key: how long the oldest message had been waited for."
        found.append(_figure("delays", "Longest delay", summary, (first, second), delays, " s"))
    return found


def _delays(flow: Mapping[str, Any]) -> list[float]:
    return [max(values) for values in zip(*(one["delay"] for one in (flow.get("keys") or {}).values()))]


def _figure(
    identity: str, title: str, summary: str, both: Sequence[Stored], values: Sequence[Sequence[float]], unit: str
) -> charts.Figure:
    lines, ends = [], []
    for run, found, colour in zip(both, values, ("c1", "c2")):
        begin = _origin(run)
        lines.append(Line(plots.stairs(begin, run.flow["step"], found), colour, 1.6))
        ends += [begin, begin + run.flow["step"] * len(found)]
    axis = plots.value_axis(max(max(found) for found in values), unit)

    def make(style: Format) -> str:
        time = plots.time_axis(min(ends), max(ends), style.ticks)
        return plots.drawn(
            identity, style, Plot([], lines, [Mark("crash", 0.0)], time, Axis(0.0, axis.most, axis.ticks))
        )

    legend = [(colour, run.name) for run, colour in zip(both, ("c1", "c2"))]
    return charts.figure(identity, title, summary, legend, make)


def _origin(run: Stored) -> float:
    """Where the plot of a run begins, when its first crash is 0."""
    crashes = charts.crash_moments(run)
    return float(run.flow["begin"]) - crashes[0][1] if crashes else 0.0


def _title(run: Stored) -> str:
    migrations = counted(len(run.result.get("migrations") or []), "crash", "crashes")
    return f"{run.result.get('name') or run.name} · {day(seconds_of(run.result.get('started')))} · {migrations}"
