# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever points at a place of a chart is told what is there, and it goes away again."""

from __future__ import annotations

import re
import time
from pathlib import Path

from selenium.webdriver.common.keys import Keys

from tests.browser.browser import DESKTOP, TELEPHONE, Page
from tests.browser.charts import drawn
from tests.browser.conftest import Join
from tests.browser.feeding import even, feed
from tests.browser.test_navigation import DETAILS, OVERVIEW

TIP = "#throughput .tip"
BURST = 112
"""So many seconds ago there were 1,000 messages a second."""


def place_of(page: Page, when: float) -> float:
    """Where a time is, in pixels from the left."""
    axis = drawn(page, "throughput")["x"]
    return axis["left"] + (when - axis["min"]) / (axis["max"] - axis["min"]) * (axis["right"] - axis["left"])


def clock(when: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(when))


def test_it_tells_the_seconds_and_every_line(page: Page, join: Join) -> None:
    now = time.time()
    feed(join("worker2"), now=now)
    feed(join("worker3"), now=now)
    burst = even(now) - BURST
    page.open(OVERVIEW)
    page.until_table("workers-table", ["worker2", "worker3"])
    assert not page.texts(TIP)
    # The axis goes on meanwhile, two seconds at a time.
    page.until(
        lambda: page.hover("#throughput-plot", place_of(page, burst - 1)) or "1,000" in page.text(TIP), "it is told"
    )
    said = page.texts(f"{TIP} p")
    begin, end = re.fullmatch(r"(.*) to (.*)", said[0]).groups()  # type: ignore[union-attr]
    assert (begin, end) == (clock(burst - 2), clock(burst))
    assert said[1:] == ["worker2: 1,000 messages/s", "worker3: 1,000 messages/s"]
    spots = "return [...document.querySelectorAll('#throughput-plot .spot')].map((spot) => spot.getAttribute('cy'))"
    high = drawn(page, "throughput")["y"]
    assert {float(y) for y in page.script(spots)} == {high["top"]}, "where the lines are highest"


def test_it_goes_with_the_mouse_and_with_escape_and_stays_while_things_change(page: Page, join: Join) -> None:
    feed(join("worker2"))
    page.open(OVERVIEW)
    page.until_table("workers-table", ["worker2"])
    page.hover("#throughput-plot", 300)
    page.until(lambda: page.texts(TIP), "it is shown")
    first = page.text(f"{TIP} .tip-title")
    page.until(lambda: page.text(f"{TIP} .tip-title") != first, "it tells of what has come there")
    page.press(Keys.ESCAPE)
    page.hides(TIP)
    page.hover("#throughput-plot", 320)
    page.until(lambda: page.texts(TIP), "it is shown again")
    page.hover("h1", 5, 5)
    page.hides(TIP)


def test_the_latency_is_told_bar_by_bar(page: Page, join: Join) -> None:
    feed(join("worker2"))
    page.open(DETAILS["worker"][1])
    page.sees("#stat-latency", "messages")
    left, width = page.script(
        "const bar = document.querySelectorAll('#latency-plot .bar')[1];"
        "return [Number(bar.getAttribute('x')), Number(bar.getAttribute('width'))]"
    )
    page.hover("#latency-plot", left + width / 2)
    page.until(lambda: page.texts("#latency .tip"), "it is shown")
    assert page.texts("#latency .tip p") == ["1.02 µs to 2.05 µs", "cumulative: 52 %", "share: 0 %, 0 messages"]
    page.hover("#latency-plot", left - width / 2)
    said = ["512 ns to 1.02 µs", "cumulative: 52 %", "share: 52 %, 9,000 messages"]
    page.until(lambda: page.texts("#latency .tip p") == said, "the bar beside it is told")


def test_a_finger_shows_it_until_it_touches_elsewhere(page: Page, join: Join, pictures: Path) -> None:
    feed(join("worker2"))
    page.size(*TELEPHONE)
    page.command("Emulation.setTouchEmulationEnabled", enabled=True)
    try:
        page.open(OVERVIEW)
        page.until(lambda: page.texts("#throughput"), "the chart is shown")
        tap(page, "#throughput-plot", 330)
        page.until(lambda: page.texts(TIP), "it is shown")
        left, right = page.script(
            f"const box = document.querySelector({TIP!r}).getBoundingClientRect(); return [box.left, box.right]"
        )
        assert 0 <= left < right <= TELEPHONE[0]
        (pictures / "readout-390.png").write_bytes(page.picture())
        tap(page, "h1", 5)
        page.hides(TIP)
    finally:
        page.command("Emulation.setTouchEmulationEnabled", enabled=False)
        page.size(*DESKTOP)


def tap(page: Page, selector: str, x: float) -> None:
    """Touch a place of an element."""
    left, top = page.script(
        "const node = document.querySelector(arguments[0]); node.scrollIntoView({ block: 'nearest' });"
        "const box = node.getBoundingClientRect(); return [box.left, box.top]",
        selector,
    )
    page.command("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": left + x, "y": top + 15}])
    page.command("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
