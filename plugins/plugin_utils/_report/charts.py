# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plots of a run, each with its legend and a sentence that says what is to be seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from . import plots, story
from .plots import FORMATS, Axis, Band, Format, Line, Mark, Plot
from .stored import Stored
from .words import DASH, counted, duration

COLOURS = ("c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8")


MARKS = 60
"""How many crashes are marked in a plot: nobody reads numbers that lie closer together. The tables have all."""


@dataclass(frozen=True)
class Figure:
    """A plot."""

    identity: str
    title: str
    summary: str
    """What is to be seen, in a sentence: whoever does not see the plot is read this."""
    legend: Sequence[tuple[str, str]]
    """Pairs of a colour and what it means."""
    drawings: Sequence[str] = ()
    """The same as SVG, in each format."""
    missing: str = ""
    """Why there is none."""
    rows: Sequence[Sequence[str]] = field(default_factory=list)
    """The numbers behind it: the first row has the headings."""


class Charts:
    """Makes the plots of a run, all with the same time, shades and marks."""

    def __init__(self, run: Stored) -> None:
        self._run, self._flow = run, run.flow
        self.begin = float(run.flow.get("begin") or 0)
        step = float(run.flow.get("step") or 1)
        self._step = step
        self._length = step * len(run.flow.get("arrivals") or [])
        self._bands = [
            Band(str(one["kind"]), one["begin"] - self.begin, one["end"] - self.begin)
            for one in run.flow.get("lulls") or []
        ]
        self._bands += [
            Band("down", move.killed - self.begin, self._length if move.resumed is None else move.resumed - self.begin)
            for move in story.moves(run)
            if move.killed is not None
        ]
        self._marks = [
            Mark(str(number), at - self.begin) for number, at in crash_moments(run) if at - self.begin <= self._length
        ][:MARKS]

    def all(self) -> list[Figure]:
        """Those for which there is something to draw."""
        made: list[Callable[[], Optional[Figure]]] = [self._total, self._workers, self._latency, self._delays]
        return [figure for make in made if (figure := make()) is not None]

    def _total(self) -> Optional[Figure]:
        arrivals: list[int] = self._flow.get("arrivals") or []
        if not any(arrivals):
            return None
        out = [count / self._step for count in arrivals]
        sent = [count / self._step for count in self._flow.get("sent") or []]
        lines = [Line(plots.stairs(0, self._step, out), "c1", filled=True)]
        legend = [("c1", "came out")]
        if sent:
            lines.append(Line(plots.stairs(0, self._step, sent), "c2", 1.2))
            legend.append(("c2", "was sent"))
        lulls = self._flow.get("lulls") or []
        quiet = {
            kind: sum(one["end"] - one["begin"] for one in lulls if one["kind"] == kind) for kind in ("outage", "idle")
        }
        most = _rate(max(out))
        # Up to the last of them: what is shown goes on a little.
        took = self._step * max(number for number, count in enumerate(arrivals, 1) if count)
        summary = f"{sum(arrivals):,} messages came out in {duration(took)}, {most} a second at most."
        if quiet["outage"]:
            summary += f" For {duration(quiet['outage'])} nothing came out though something was waited for (outage)."
        if any(one["end"] - self.begin > self._length + self._step for one in lulls):
            summary += " It went on after what is shown, until somebody looked for the last time."
        if quiet["idle"]:
            summary += f" For {duration(quiet['idle'])} nothing was to come (idle)."
        rows = [["from", "came out", "was sent"]] + [
            [f"{number * self._step:g} s", _rate(rate), _rate(sent[number]) if sent else DASH]
            for number, rate in _coarse(out)
        ]
        return self._figure(
            "total", "Messages a second", summary, legend, lines, plots.value_axis(max([*out, *sent])), rows
        )

    def _workers(self) -> Optional[Figure]:
        workers = self._flow.get("workers")
        if not workers:
            return None
        begin, step = workers["begin"] - self.begin, workers["step"]
        lines, legend = [], []
        for number, one in enumerate(workers["lines"]):
            colour = COLOURS[number % len(COLOURS)]
            lines.append(Line(plots.stairs(begin, step, one["values"]), colour))
            legend.append((colour, one["name"]))
        most = max((value or 0) for one in workers["lines"] for value in one["values"])
        peaks = ", ".join(
            f"{one['name']} {max(value or 0 for value in one['values']):,.0f}" for one in workers["lines"]
        )
        left = f" {counted(workers['left_out'], 'worker')} with less are left out." if workers.get("left_out") else ""
        summary = (
            f"What each worker told the metrics UI every {step:g} s; a second at most: {peaks}.{left} "
            "What a worker had counted and not yet told when it was killed is lost with it."
        )
        return self._figure(
            "workers", "Messages a second on each worker", summary, legend, lines, plots.value_axis(most)
        )

    def _latency(self) -> Optional[Figure]:
        latency: Mapping[str, Any] = self._flow.get("latency") or {}
        known = [value for name in ("50", "99") for value in latency.get(name) or [] if value]
        if not known:
            return None
        lines = [
            Line(plots.stairs(0, self._step, [math.log10(v) if v else None for v in latency[name]]), colour, width)
            for name, colour, width in (("99", "c2", 1.6), ("50", "c1", 1.8))
        ]
        whole = latency.get("all") or {}
        told = ", ".join(
            f"{name} % within {duration(whole[name])}" for name in ("50", "95", "99", "99.9") if whole.get(name)
        )
        summary = (
            f"From when a message was sent until it was received: {told}; the slowest {duration(whole.get('100'))}."
        )
        legend = [("c1", "half of the messages within"), ("c2", "99 % within")]
        axis = plots.logarithmic_axis(min(known), max(known))
        return self._figure("latency", "Latency from sender to receiver", summary, legend, lines, axis)

    def _delays(self) -> Optional[Figure]:
        keys: Mapping[str, Any] = self._flow.get("keys") or {}
        if not keys:
            return None
        worst = max(keys, key=lambda key: float(keys[key]["longest"]))
        lines = [
            Line(plots.stairs(0, self._step, one["delay"]), "c7", 1.0) for key, one in keys.items() if key != worst
        ]
        lines.append(Line(plots.stairs(0, self._step, keys[worst]["delay"]), "c2", 2.0))
        most = max(max(one["delay"], default=0) for one in keys.values())
        left = self._flow.get("keys_left_out")
        others = f"; {left:,} more with less are left out" if left else ""
        summary = (
            "How long the oldest message of a key had been waited for; 0 while nothing was to come, so that idle time "
            f"is no delay. The longest was {duration(keys[worst]['longest'])}, of {worst}{others}."
        )
        rows = [["key", "sent up to", "came up to", "longest delay", "at"]] + [
            [
                key,
                f"{one['sent']:,}",
                f"{one['received']:,}",
                duration(one["longest"]),
                duration(one["longest_at"] - self.begin) if one.get("longest_at") else DASH,
            ]
            for key, one in keys.items()
        ]
        legend = [("c2", f"{worst}, the longest"), ("c7", "each other key")]
        return self._figure("delay", "Delay of each key", summary, legend, lines, plots.value_axis(most, " s"), rows)

    def _figure(
        self,
        identity: str,
        title: str,
        summary: str,
        legend: Sequence[tuple[str, str]],
        lines: Sequence[Line],
        axis: Axis,
        rows: Sequence[Sequence[str]] = (),
    ) -> Figure:
        def make(style: Format) -> str:
            time = plots.time_axis(0.0, max(self._length, self._step), style.ticks)
            return plots.drawn(identity, style, Plot(self._bands, lines, self._marks, time, axis))

        shades = [(kind, text) for kind, text in _SHADES.items() if any(band.kind == kind for band in self._bands)]
        return figure(identity, title, summary, [*legend, *shades], make, rows)


_SHADES = {
    "outage": "outage: something was waited for, nothing came",
    "idle": "idle: nothing was to come",
    "down": "down: from the kill until the worker was back",
}


def figure(
    identity: str,
    title: str,
    summary: str,
    legend: Sequence[tuple[str, str]],
    make: Callable[[Format], str],
    rows: Sequence[Sequence[str]] = (),
) -> Figure:
    """A plot in all formats, or why there is none."""
    try:
        drawings = [make(style) for style in FORMATS]
    except plots.PlotsMissing as error:
        return Figure(identity, title, summary, (), (), str(error), rows)
    return Figure(identity, title, summary, legend, drawings, "", rows)


def crash_moments(run: Stored) -> list[tuple[int, float]]:
    """The number of each crash, and when it was."""
    found = [(move.number, move.killed) for move in story.moves(run) if move.killed is not None]
    if found:
        return found
    crashes = [one for one in story.happenings(run) if one.kind == "crash"]
    return [(number, one.at) for number, one in enumerate(crashes, 1)]


def downtime(move: story.Move) -> Optional[Figure]:
    """Where the downtime of a crash went; None where it is not known when it began, as of a worker found dead."""
    total = sum(part.seconds for part in move.parts)
    if move.killed is None or not total:
        return None
    colours = COLOURS[: len(move.parts)]

    def make(style: Format) -> str:
        flat = replace(style, height=80)
        begin, bars = 0.0, []
        for part, colour in zip(move.parts, colours):
            # A thick line is drawn around its middle; what is too short to be seen gets a pixel.
            end = begin + max(part.seconds, total / style.width)
            bars.append(Line([(begin, 0.5), (end, 0.5)], colour, 26.0))
            begin += part.seconds
        milliseconds = total < 1
        unit, name = (0.001, " ms") if milliseconds else (1.0, " s")
        axis = plots.time_axis(0.0, total / unit, style.ticks)
        time = Axis(0.0, total, [(at * unit, f"{at:g}{name}") for at, _unused in axis.ticks])
        return plots.drawn(f"downtime-{move.number}", flat, Plot([], bars, [], time, Axis(0.0, 1.0, [(0.0, "")])))

    whole = "in all" if move.resumed is not None else "until the last moment that is known"
    told = ", ".join(f"{duration(part.seconds)} {part.what}" for part in move.parts)
    summary = f"{duration(total)} {whole}: {told}."
    legend = [(colour, f"{duration(part.seconds)} {part.what}") for part, colour in zip(move.parts, colours)]
    return figure(f"downtime-{move.number}", "Where the downtime went", summary, legend, make)


def whereabouts(run: Stored) -> Optional[Figure]:
    """On which server each worker that was crashed has run."""
    known = [move for move in story.moves(run) if move.killed is not None]
    begin, length = (
        float(run.flow.get("begin") or 0),
        float(run.flow.get("step") or 0) * len(run.flow.get("arrivals") or []),
    )
    if not known or not length:
        return None
    servers = sorted({str(move.data.get(end)) for move in known for end in ("src", "dst")})
    places = {server: len(servers) - number for number, server in enumerate(servers)}
    workers = sorted({str(move.data.get("worker")) for move in known})
    lines = []
    for worker in workers:
        colour, since, here = COLOURS[workers.index(worker) % len(COLOURS)], 0.0, ""
        for move in [move for move in known if move.data.get("worker") == worker]:
            here = here or str(move.data.get("src"))
            lines.append(Line([(since, places[here]), ((move.killed or 0) - begin, places[here])], colour, 12.0))
            if move.resumed is None:
                here = ""
                break
            since = move.resumed - begin
            here = str(move.data.get("src") if move.data.get("outcome") == "rolled back" else move.data.get("dst"))
        if here:
            lines.append(Line([(since, places[here]), (length, places[here])], colour, 12.0))

    def make(style: Format) -> str:
        flat = replace(style, height=60 + 34 * len(servers))
        values = Axis(0.4, len(servers) + 0.9, [(place, server) for server, place in places.items()])
        marks = [Mark(str(move.number), (move.killed or 0) - begin) for move in known[:MARKS]]
        time = plots.time_axis(0.0, length, style.ticks)
        return plots.drawn("where", flat, Plot([], lines, marks, time, values))

    summary = " ".join(
        f"Crash {move.number} at {duration((move.killed or 0) - begin)}: {move.data.get('worker')} {move.route}, "
        f"{move.outcome}, away for {duration(move.data.get('downtime_seconds'))}."
        for move in known
    )
    legend = [(COLOURS[number % len(COLOURS)], f"{worker} runs") for number, worker in enumerate(workers)]
    return figure("where", "Where the worker ran", summary, legend, make)


def _rate(value: float) -> str:
    """Messages a second; a few in a long time are not none."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _coarse(values: Sequence[float]) -> list[tuple[int, float]]:
    """So many rows that somebody may read them: pieces of time in which anything was."""
    return [(number, value) for number, value in enumerate(values) if value][:300]
