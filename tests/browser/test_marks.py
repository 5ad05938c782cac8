# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration did, on the time axis and in words."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.browser.browser import Page
from tests.browser.charts import drawn
from tests.browser.conftest import Join
from tests.browser.feeding import feed
from tests.browser.test_navigation import DETAILS, OVERVIEW
from tests.metrics_ui_runner import APPLICATION, Ui

MARKS = {"crash": 200, "copy": 140, "start": 80, "resumed": 20}
"""How many seconds ago."""

COLOUR = """
const probe = document.body.appendChild(document.createElement("p"));
probe.dataset.kind = arguments[0];
probe.style.color = `var(${arguments[1]})`;
const { color } = getComputedStyle(probe);
probe.remove();
return color.match(/\\d+/g).map(Number);
"""


def flags(page: Page, name: str = "total") -> dict[str, dict[str, float]]:
    """What can be seen of each mark: how large its flag is and where, the ink of its number, how long its line is."""
    chart, seen = drawn(page, name), page.pixels(f"#{name}-plot")
    top, bottom = int(chart["y"]["top"]), int(chart["y"]["bottom"])

    def near(x: int, y: int, colour: list[int], most: int) -> bool:
        return sum(abs(one - other) for one, other in zip(seen.at(x, y), colour)) <= most

    found = {}
    for kind, place in chart["marks"]:
        colour, ink = page.script(COLOUR, kind, "--mark"), page.script(COLOUR, kind, "--mark-ink")
        # The flag stands above the chart, and its number is in it.
        rows = range(top - 13)
        columns = [x for y in rows for x in range(seen.width) if near(x, y, colour, 0)]
        left, right = min(columns), max(columns)
        number = sum(near(x, y, ink, 60) for y in rows for x in range(left, right + 1))
        beside = [int(place) + aside for aside in (-1, 0, 1)]
        line = sum(any(near(x, y, colour, 120) for x in beside) for y in range(top + 1, bottom))
        found[kind] = {
            "flag": len(columns),
            "left": left,
            "right": right,
            "place": place,
            "number": number,
            "line": line / (bottom - top),
        }
    return found


def post(ui: Ui, kind: str, when: float, **more: object) -> dict[str, Any]:
    server = "server2" if kind == "crash" else "server4"
    mark = {"kind": kind, "time": when, "worker": "worker2", "server": server, **more}
    status, answer = ui.post(mark)
    assert status == 201, answer
    return answer


@pytest.mark.parametrize(("place", "chart"), [(OVERVIEW, "total"), (DETAILS["worker"][1], "throughput")])
def test_they_are_listed_below_the_chart_and_drawn_on_its_axis(
    page: Page, ui: Ui, join: Join, place: str, chart: str
) -> None:
    feed(join("worker2"))
    page.open(place)
    page.until(lambda: page.texts("#throughput"), "the chart is shown")
    assert not page.texts("#marks")
    assert flags(page, chart) == {}
    page.remember()
    now = time.time()
    for kind, seconds_ago in MARKS.items():
        post(ui, kind, now - seconds_ago)
    page.until(lambda: len(page.texts("#marks > li")) == 4, "the marks are listed")
    assert page.texts("#marks .mark-kind") == ["Crash", "Copy", "Start", "Resumed"]
    assert page.texts("#marks .mark-text") == ["worker2 on server2", *["worker2 on server4"] * 3]
    assert page.texts("#marks .mark-gap") == [
        "",
        "60 s after the crash",
        "120 s after the crash",
        "180 s after the crash",
    ]
    numbers = page.script("return [...document.querySelectorAll('#marks .flag')].map((flag) => flag.textContent)")
    assert len(set(numbers)) == 4
    # The axis moves on with the time, and a busy machine draws it late: then a line is not yet where its time is.
    page.until(lambda: all(one["line"] > 0.5 for one in flags(page, chart).values()), "each line is where its time is")
    visible = flags(page, chart)
    assert sorted(visible) == sorted(MARKS)
    for kind, seen in visible.items():
        assert seen["flag"] > 60, f"no flag of the {kind}"
        assert seen["left"] <= seen["place"] <= seen["right"], f"the flag of the {kind} is elsewhere"
        assert seen["number"] > 2, f"no number in the flag of the {kind}"
    page.until(lambda: "Mark: resumed worker2 on server4." in page.script("return announcer.textContent"), "it is said")
    assert page.is_same()


def test_flags_do_not_hide_each_other_though_all_came_in_a_second(page: Page, ui: Ui, join: Join) -> None:
    feed(join("worker2"))
    crash = time.time() - 30
    for index, kind in enumerate(MARKS):
        post(ui, kind, crash + index / 5)
    page.open(OVERVIEW)
    page.until(lambda: len(page.texts("#marks > li")) == 4, "the marks are listed")
    assert page.texts("#marks .mark-gap")[3] == "600 ms after the crash"
    found = flags(page)
    assert all(seen["flag"] > 60 for seen in found.values())
    spans = [(found[kind]["left"], found[kind]["right"]) for kind in MARKS]
    assert all(one[1] < other[0] for one, other in zip(spans, spans[1:]))


def test_a_mark_needs_the_token(page: Page, ui: Ui, join: Join) -> None:
    feed(join("worker2"))
    page.open(OVERVIEW)
    assert ui.post({"kind": "crash", "worker": "worker2"}, "wrong")[0] == 401
    post(ui, "resumed", time.time(), text="back at last")
    page.until(lambda: page.texts("#marks > li"), "the mark is listed")
    assert page.texts("#marks .mark-kind") == ["Resumed"]
    assert page.texts("#marks .mark-text") == ["worker2 on server4: back at last"]


def test_a_mark_of_another_application_is_not_shown(page: Page, ui: Ui, join: Join) -> None:
    feed(join("worker2"))
    post(ui, "crash", time.time(), application="Other")
    post(ui, "start", time.time(), application=APPLICATION)
    page.open(OVERVIEW)
    page.until(lambda: page.texts("#marks > li"), "the mark is listed")
    assert page.texts("#marks .mark-kind") == ["Start"]


def test_the_server_is_that_on_which_the_worker_is(page: Page, ui: Ui, join: Join) -> None:
    for name in ("worker2", "worker3"):
        feed(join(name))
    page.open(OVERVIEW)
    page.until_table("workers-table", ["worker2", "worker3"])

    def server() -> str:
        return page.table("workers-table")["worker2"]["server"][0]

    assert server().endswith("no data")
    ui.post({"kind": "placed", "time": time.time() - 9, "worker": "worker2", "server": "server2"})
    page.until(lambda: server() == "server2", "where it was started")
    assert not page.texts("#marks")
    post(ui, "copy", time.time() - 5)
    page.until(lambda: page.texts("#marks > li"), "the mark is listed")
    assert server() == "server2"
    post(ui, "start", time.time() - 3)
    page.until(lambda: server() == "server4", "where it was moved to")
    assert page.table("workers-table")["worker3"]["server"][0].endswith("no data")
    page.follow("worker2")
    page.sees("#worker-state", "on server4")
