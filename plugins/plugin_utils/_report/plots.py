# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plots over time as SVG, drawn by ziaplot: lines, shaded times, marks. Colours are the page's own, light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Optional
from xml.etree import ElementTree

Point = tuple[float, float]


class PlotsMissing(Exception):
    """Nothing can be drawn; the sentence says why."""


@dataclass(frozen=True)
class Format:
    """How large a plot is, in pixels."""

    name: str
    width: int
    height: int
    ticks: int
    """How many marks the axis of time has at most."""
    names: int
    """What the names of values take at least, so that the times of all plots lie below each other."""


FORMATS = (Format("wide", 860, 250, 9, 60), Format("narrow", 350, 220, 5, 46))
"""Of each plot there are two, so that its letters are as large on a telephone; the page shows one of them."""


@dataclass(frozen=True)
class Line:
    """What is drawn."""

    points: Sequence[tuple[float, Optional[float]]]
    """Seconds and values; a line is interrupted where there is no value."""
    colour: str
    """The name of one of the page's colours."""
    width: float = 1.8
    filled: bool = False


@dataclass(frozen=True)
class Band:
    """A time that is shaded."""

    kind: str
    begin: float
    end: float


@dataclass(frozen=True)
class Mark:
    """A moment with its number."""

    label: str
    at: float


@dataclass(frozen=True)
class Axis:
    """Values and what is written at them."""

    least: float
    most: float
    ticks: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Plot:
    """What one plot shows, from the back to the front, and its axes."""

    bands: Sequence[Band]
    lines: Sequence[Line]
    marks: Sequence[Mark]
    x: Axis
    y: Axis


_ROOM = 16
"""Pixels beside a plot, for what is written at its ends."""

_STYLE = """
Canvas {color: none;}
Graph {color: none; edge_color: var(--axis); edge_width: 1;}
Graph.TickX {font_size: 12; color: var(--muted); stroke_width: 1; font: inherit; height: 4; margin: 5; pad: 0;}
Graph.TickY {font_size: 12; color: var(--muted); stroke_width: 1; font: inherit; height: 4; margin: 4; pad: 0;}
Graph.GridX {color: none;}
Graph.GridY {color: var(--grid); stroke: -; stroke_width: 1;}
Text {font_size: 12; color: var(--ink); font: inherit;}
"""


def drawn(identity: str, style: Format, plot: Plot) -> str:
    """One plot as SVG.

    :param identity: begins the identities inside, which no other plot of the page may have.
    :raises PlotsMissing: when the library is not there, or cannot do it.
    """
    try:
        import ziaplot
    except ImportError as error:
        raise PlotsMissing(f"the Python package ziaplot is not installed beside ansible-core ({error})") from error
    try:
        with shallow_styles():
            return _svg(ziaplot, identity, style, plot)
    except Exception as error:
        raise PlotsMissing(f"ziaplot failed: {error!r}") from error


@contextmanager
def shallow_styles() -> Iterator[None]:
    """Let ziaplot read a style without a deep copy of it. It makes hundreds for each plot, and they were two thirds of
    the page's time; what is drawn is the same.
    """
    from ziaplot.style.style import Style

    deep = Style.values
    Style.values = lambda style: {name: value for name, value in vars(style).items() if value is not None}
    try:
        yield
    finally:
        Style.values = deep


def _svg(zp: Any, identity: str, style: Format, plot: Plot) -> str:
    x, y = plot.x, plot.y
    # A tenth of a pixel is enough.
    zp.config.precision = 1
    graph = zp.Graph().css(_STYLE).size(style.width, style.height)
    graph.legend("none").xrange(x.least, x.most).yrange(y.least, y.most)
    # Without any it would choose some.
    graph.xticks([at for at, _unused in x.ticks], [text for _unused, text in x.ticks])
    graph.yticks([at for at, _unused in y.ticks], [_wide(zp, text, style.names) for _unused, text in y.ticks])
    for band in plot.bands:
        begin, end = max(band.begin, x.least), min(band.end, x.most)
        if end > begin:
            graph.add(_filled(zp, [(begin, y.most), (end, y.most)], y.least, f"var(--{band.kind})"))
    for line in plot.lines:
        for part in _parts(line.points):
            if line.filled:
                graph.add(_filled(zp, part, y.least, f"var(--{line.colour}-soft)"))
            one = zp.PolyLine([at for at, _unused in part], [value for _unused, value in part])
            graph.add(one.color(f"var(--{line.colour})").strokewidth(line.width))
    for mark in plot.marks:
        if x.least <= mark.at <= x.most:
            graph.add(zp.VLine(mark.at).color("var(--mark)").strokewidth(1.5))
            right = mark.at > (x.least + x.most) / 2
            shift = (x.most - x.least) * 5 / style.width
            label = zp.Text(
                mark.at - shift if right else mark.at + shift,
                y.most,
                mark.label,
                halign="right" if right else "left",
                valign="top",
            )
            graph.add(label.color("var(--mark)"))
    root = graph.svgxml()
    # The page says how wide it is; letters of some fonts are wider than the library thinks.
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    root.set("viewBox", f"{-_ROOM} 0 {style.width + 2 * _ROOM} {style.height}")
    root.set("class", f"plot {style.name}")
    # The figure around it is what is read out.
    root.set("aria-hidden", "true")
    root.set("focusable", "false")
    return ElementTree.tostring(root, encoding="unicode").replace("zclip", f"{identity}-{style.name}-clip")


def _wide(zp: Any, text: str, pixels: int) -> str:
    """A name of a value, with blanks before it."""
    while zp.text.text_size(text, 12, "sans-serif").width < pixels:
        text = f"\N{NO-BREAK SPACE}{text}"
    return text


def _filled(zp: Any, points: Sequence[Point], least: float, colour: str) -> Any:
    one = zp.LineFill([at for at, _unused in points], [value for _unused, value in points], [least] * len(points))
    one.color("none").fill(colour)
    return one


def _parts(points: Sequence[tuple[float, Optional[float]]]) -> list[list[Point]]:
    """The points between interruptions; one alone is drawn as a short line."""
    found: list[list[Point]] = [[]]
    for at, value in points:
        if value is None:
            found.append([])
        else:
            found[-1].append((at, value))
    return [[*part, part[0]] if len(part) == 1 else part for part in found if part]


def stairs(begin: float, step: float, values: Sequence[Optional[float]]) -> list[tuple[float, Optional[float]]]:
    """Values of equal pieces of time as points: each is level for its piece."""
    points: list[tuple[float, Optional[float]]] = []
    for number, value in enumerate(values):
        # What does not change needs no corner.
        if points and points[-1][1] == value:
            points[-1] = (begin + (number + 1) * step, value)
            continue
        points += [(begin + number * step, value), (begin + (number + 1) * step, value)]
    return points


def time_axis(least: float, most: float, count: int) -> Axis:
    """Seconds since the beginning, minutes where they are many."""
    unit, name = (60.0, " min") if most - least > 300 else (1.0, " s")
    step = _step((most - least) / unit / count) * unit
    first = math.ceil(least / step - 1e-9)
    last = math.floor(most / step + 1e-9)
    return Axis(least, most, [(number * step, f"{number * step / unit:g}{name}") for number in range(first, last + 1)])


def value_axis(most: float, unit: str = "") -> Axis:
    """From 0 to a round number above all values, with room for the numbers of the marks."""
    step = _step(max(most, 1e-9) / 4)
    top = max(1, math.ceil(most / step + 1e-9))
    ticks = [
        (number * step, f"{number * step:,g}{unit}" if step < 1 else f"{number * step:,.0f}{unit}")
        for number in range(top + 1)
    ]
    return Axis(0.0, top * step * 1.12, ticks)


def logarithmic_axis(least: float, most: float) -> Axis:
    """Seconds, in powers of ten: values are their logarithms."""
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
    last = max(last, first + 1)
    names = {
        -6: "1 µs",
        -5: "10 µs",
        -4: "0.1 ms",
        -3: "1 ms",
        -2: "10 ms",
        -1: "0.1 s",
        0: "1 s",
        1: "10 s",
        2: "100 s",
    }
    return Axis(first, last + 0.12 * (last - first), [(n, names.get(n, f"1e{n} s")) for n in range(first, last + 1)])


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(max(rough, 1e-9)))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
