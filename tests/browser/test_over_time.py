# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throughput and latency of a whole application through a crash, and a close look at it."""

from __future__ import annotations

import math
import re
import time

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.metrics import START_TO_END
from selenium.webdriver.common.keys import Keys

from tests.browser.browser import Page
from tests.browser.charts import axis, drawn, rates
from tests.browser.conftest import Join
from tests.browser.feeding import PIPELINE, even, metric
from tests.browser.test_marks import post
from tests.browser.test_navigation import DETAILS, OVERVIEW
from tests.metrics_ui_runner import APPLICATION, Ui

AGO = 90
"""Seconds since the crash."""


def crashed(ui: Ui, join: Join, ago: int = AGO) -> int:
    """Half a minute of quick messages, six seconds without any, and half a minute of slow ones; returns the crash."""
    crash = even(time.time()) - ago
    worker = join("worker2")
    for after in range(-30, 31, 2):
        if not 0 < after <= 6:
            bins = {12: 180, 15: 20} if after <= 0 else {20: 40, 25: 10}
            for category in ("node-ingress-egress", START_TO_END):
                worker.socket.sendall(metric(worker, crash + after, bins, category))
    for kind, after in (("crash", 0.1), ("copy", 2.0), ("start", 4.0), ("resumed", 5.5)):
        post(ui, kind, crash + after)
    about = {"application": APPLICATION, "kind": "pipeline", "name": PIPELINE, "range": "1h"}
    ui.until(lambda: ui.view("detail", **about)["latency"]["count"] == 16 * 200 + 12 * 50)
    return crash


def delays(page: Page, share: str) -> set[str]:
    """The latencies where a line goes, as powers of two of nanoseconds."""
    found = drawn(page, "delay")
    low, high, top, bottom = (found["y"][name] for name in ("min", "max", "top", "bottom"))
    (settled, unsettled) = next(rest for name, *rest in found["lines"] if name == share)
    values = [low * (high / low) ** ((bottom - y) / (bottom - top)) for _x, y in [*settled, *unsettled]]
    return {f"2^{round(math.log2(value), 1):g}" for value in values}


def test_both_are_drawn_with_the_marks(page: Page, ui: Ui, join: Join) -> None:
    crashed(ui, join)
    page.open(OVERVIEW)
    page.until(lambda: drawn(page, "delay")["y"], "the charts are drawn")
    total = {round(rate) for rate in rates(page, chart="total")}
    assert total == {0, 25, 100}
    # Where nothing came there is no latency, and the line has a gap.
    assert delays(page, "50") == {"2^12", "2^20"}
    assert delays(page, "99") == {"2^15", "2^25"}
    assert page.texts("#delay .key-name") == ["50 % of messages", "99 % of messages"]
    for name in ("total", "delay", "throughput"):
        assert [kind for kind, _place in drawn(page, name)["marks"]] == ["crash", "copy", "start", "resumed"], name
    label = page.script("return document.getElementById('delay-plot').getAttribute('aria-label')").replace("\xa0", " ")
    assert "99 % of messages: last ≤ 33.6 ms, between ≤ 32.8 µs and ≤ 33.6 ms." in label
    page.click("#delay-numbers summary")
    rows = page.until(lambda: page.table("delay-table"), "the numbers are there")
    assert {cells["line-1"][0] for cells in rows.values()} >= {"≤ 32.8 µs", "≤ 33.6 ms"}
    assert any(cells["line-1"][0].endswith("no data") for cells in rows.values())


@pytest.mark.parametrize("place", [OVERVIEW, DETAILS["worker"][1]])
def test_a_link_at_a_mark_leads_to_a_close_look_which_stays_there(page: Page, ui: Ui, join: Join, place: str) -> None:
    crash = crashed(ui, join, 600)
    page.open(f"{place}?range=1h")
    page.until(lambda: page.texts("#marks > li"), "the marks are listed")
    page.remember()
    page.tab_to(".mark-closer")
    assert page.script("return document.activeElement.textContent") == "Look closely at mark 1"
    page.press(Keys.ENTER)
    # The slots of two seconds within which half a minute before and after the crash lies.
    page.until(lambda: axis(page) == (crash - 30, crash + 30), "the axis is that around the crash")
    assert re.fullmatch(re.escape(place) + r"\?at=\d+\.1", page.place)
    assert page.texts("#ranges [aria-pressed='true']") == [time.strftime("Around %H:%M:%S.1", time.localtime(crash))]
    assert page.texts(".mark-closer[aria-current]") == page.texts(".mark-closer")[:1]
    found = [round(rate) for rate in rates(page)]
    assert found == [100] * 15 + [0] * 3 + [25] * 12, "ten minutes later still every two seconds"
    clocks = page.texts("#clock-text")
    page.until(lambda: page.texts("#clock-text") != clocks, "time goes on")
    assert axis(page) == (crash - 30, crash + 30)
    if "worker" in place:
        assert page.text("[data-stat='count']") == "3,600", "percentiles and bars tell of the same minute"
    page.driver.refresh()
    page.until(lambda: drawn(page, "throughput")["x"] and axis(page) == (crash - 30, crash + 30), "a reload keeps it")
    page.click("[data-range='5m']")
    page.until(lambda: round(axis(page)[1] - axis(page)[0]) == 300, "the last five minutes again")
    assert page.place == place


def test_so_does_a_click_on_its_flag(page: Page, ui: Ui, join: Join) -> None:
    crash = crashed(ui, join)
    page.open(OVERVIEW)
    page.until(lambda: drawn(page, "total")["marks"], "the marks are drawn")
    flag = (
        "const flag = document.querySelector('#total-plot [data-kind=resumed] .mark-flag');"
        "const box = flag?.getBoundingClientRect();"
        "return box ? [box.x + box.width / 2, box.y + box.height / 2] : [0, 0]"
    )

    def clicked() -> bool:
        # The axis goes on meanwhile.
        x, y = page.script(flag)
        for kind in ("mousePressed", "mouseReleased"):
            page.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        return page.place == f"{OVERVIEW}?at={crash + 5.5}"

    page.until(clicked, "the place is that of the mark")
    page.until(lambda: axis(page)[1] - axis(page)[0] == 60, "a minute around it is shown")


def test_of_a_moment_long_ago_nothing_is_left_and_the_page_says_so(page: Page, ui: Ui, join: Join) -> None:
    crashed(ui, join)
    page.open(f"{DETAILS['worker'][1]}?at={int(time.time()) - 90_000}")
    page.sees("#no-latency", "No latencies in this stretch of time.")
    assert {round(rate) for rate in rates(page)} == {0}
