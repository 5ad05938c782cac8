# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the charts of the page show, read from what is drawn: places on the screen, and the axes beside them."""

from __future__ import annotations

from typing import Any

from tests.browser.browser import Page

DRAWN = """
const plot = document.getElementById(`${arguments[0]}-plot`);
const all = (selector, tell, within = plot) => [...within.querySelectorAll(selector)].map(tell);
const axis = (name) => {
  const entries = Object.entries(plot.querySelector(`.axis-${name}`)?.dataset ?? {});
  return Object.fromEntries(entries.map(([key, text]) => [key, Number(text)]));
};
const points = (path) =>
  [...path.getAttribute("d").matchAll(/[ML]([-\\d.]+) ([-\\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
const valued = (place) => (node) => [node.dataset.label, Number(node.dataset.value), Number(node.getAttribute(place))];
return {
  x: axis("x"),
  y: axis("y"),
  lines: all(".line", (line) => [line.dataset.line, ...all(".settled, .unsettled", points, line)]),
  marks: all(".axis-mark", (mark) => [mark.dataset.kind, Number(mark.dataset.place)]),
  bars: all(".bar", valued("height")),
  sums: all(".sum-point", valued("cy")),
};
"""


def drawn(page: Page, name: str) -> dict[str, Any]:
    """All of a chart.

    :param name: ``throughput``, ``total``, ``delay`` or ``latency``.
    """
    found: dict[str, Any] = page.script(DRAWN, name)
    return found


def axis(page: Page) -> tuple[float, float]:
    """When the time axis begins and ends."""
    found = drawn(page, "throughput")["x"]
    return found["min"], found["max"]


def rates(page: Page, line: str = "", chart: str = "throughput") -> list[float]:
    """Messages per second where a line goes; by default the first line.

    A pixel is much more than a message per second: what is drawn to a hundredth of one is known to half a message.
    """
    found = drawn(page, chart)
    if not found["y"]:
        # The page is there before its first drawing.
        return []
    settled, unsettled = next((rest for name, *rest in found["lines"] if not line or name == line), ([], []))
    high, top, bottom = (found["y"][name] for name in ("max", "top", "bottom"))
    # The line that is not settled begins where the other ends.
    return [(bottom - y) / (bottom - top) * high for _x, y in [*settled, *unsettled[bool(settled) :]]]


def shares(page: Page, name: str) -> list[tuple[str, float]]:
    """The bars, or the line, of the latency chart with the values behind them, which are where they are drawn."""
    found = drawn(page, "latency")
    high, top, bottom = (found["y"][name] for name in ("max", "top", "bottom"))
    answer = []
    for label, value, place in found[name]:
        percent = (place if name == "bars" else bottom - place) / (bottom - top) * high
        assert abs(percent - value) < 0.01, f"{label} is drawn at {percent}"
        answer.append((label.replace("\xa0", " "), value))
    return answer
