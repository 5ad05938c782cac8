# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""axe-core finds no barrier on any page, light or dark, wide or narrow."""

from __future__ import annotations

import importlib.util
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.browser.browser import DESKTOP, TELEPHONE, Page
from tests.browser.conftest import Join
from tests.browser.feeding import even, feed, metric
from tests.browser.test_marks import MARKS, post
from tests.browser.test_navigation import ALL, DETAILS, OVERVIEW
from tests.metrics_ui_runner import APPLICATION, Ui

looks = pytest.mark.parametrize(
    ("scheme", "size"),
    [("light", DESKTOP), ("dark", DESKTOP), ("dark", TELEPHONE)],
    ids=["light", "dark", "dark on a telephone"],
)


@cache
def axe() -> str:
    """The script; the rest of the package, which drives another browser, is never imported."""
    found = importlib.util.find_spec("axe_playwright_python")
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0], "axe.min.js").read_text(encoding="utf-8")


def look(page: Page, within: str = "html") -> dict[str, Any]:
    """What axe-core finds."""
    if not page.script("return Boolean(window.axe)"):
        page.script(axe())
    page.driver.set_script_timeout(30)
    found: dict[str, Any] = page.driver.execute_async_script(
        # Not before what has just come is laid out.
        "const [within, done] = arguments;"
        "const run = () => axe.run(within, { preload: false, resultTypes: ['violations'] })"
        ".then(done, (error) => done({ error: String(error) }));"
        "requestAnimationFrame(() => requestAnimationFrame(run))",
        within,
    )
    assert "error" not in found, found
    return found


def assert_no_barrier(page: Page) -> None:
    found = look(page)
    # The same colours and names are looked at on every page: that it has looked is shown too.
    passed = {rule["id"] for rule in found["passes"]}
    assert {"color-contrast", "document-title", "html-has-lang", "page-has-heading-one", "link-name"} <= passed
    seen = [
        f"{rule['impact']}: {rule['id']}: {rule['help']}: {node['html'][:200]}: {node.get('failureSummary', '')}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
    assert seen == []


FAILED = {
    "verdict": "fail",
    "run": "demo",
    "reason": "key 3: 7 is missing after 6, which the crash of worker2 has lost.",
    "received": 21_990,
    "expected": 22_000,
    "violations": 3,
    "workers": ["worker2", "worker3"],
}


def everything(ui: Ui, join: Join) -> None:
    """A cluster with a worker that sends, one that is idle, one that is gone, marks, problems, and a verdict."""
    feed(join("worker3"))
    gone = join("worker2")
    feed(gone)
    join("worker4")
    now = time.time()
    for kind, seconds_ago in MARKS.items():
        post(ui, kind, now - seconds_ago)
    assert ui.post(FAILED, None, "verdict")[0] == 201
    post(ui, "crash", now + 1, worker="worker3")
    fast = join("worker5")
    fast.socket.sendall(metric(fast, even(now) + 600, {10: 1}))
    with ui.worker("worker6").socket as wrong:
        wrong.sendall(b"not metrics at all")
    gone.close()
    ui.until(lambda: len(ui.view("overview", application=APPLICATION)["problems"]) == 2)
    ui.until(lambda: "gone" in {row["state"] for row in ui.view("overview", application=APPLICATION)["workers"]})


@pytest.mark.sampled(2)
@looks
class TestNoBarrier:
    def test_without_anything(self, page: Page, scheme: str, size: tuple[int, int]) -> None:
        page.size(*size)
        page.prefer(color_scheme=scheme)
        page.open()
        page.sees("#empty", "Nothing has come yet")
        assert_no_barrier(page)

    def test_on_the_applications_and_the_overview(
        self, page: Page, ui: Ui, join: Join, scheme: str, size: tuple[int, int]
    ) -> None:
        everything(ui, join)
        page.size(*size)
        page.prefer(color_scheme=scheme)
        page.open(ALL)
        page.sees("#problems", "cut off")
        page.until_table("applications-table", [APPLICATION])
        assert_no_barrier(page)
        page.follow(APPLICATION)
        page.sees("#marks", "Resumed")
        page.until(lambda: "gone" in page.text("#workers"), "a worker is gone")
        assert_no_barrier(page)

    def test_on_each_kind_of_detail(self, page: Page, ui: Ui, join: Join, scheme: str, size: tuple[int, int]) -> None:
        everything(ui, join)
        page.size(*size)
        page.prefer(color_scheme=scheme)
        page.open()
        for name, place in DETAILS.values():
            page.script("location.hash = arguments[0]", place)
            page.sees("h1", name)
            page.sees("#marks", "Resumed")
            page.click("#latency-numbers summary")
            page.until(lambda: page.table("latency-table"), "the numbers are there")
            assert_no_barrier(page)


def test_the_numbers_as_a_table_are_no_barrier(page: Page, join: Join) -> None:
    feed(join("worker2"))
    page.open(OVERVIEW)
    page.click("#throughput-numbers summary")
    page.until(lambda: page.texts("#throughput-table tbody tr"), "the numbers are there")
    found = look(page, "#throughput-numbers")
    assert "scrollable-region-focusable" in {rule["id"] for rule in found["passes"]}
    assert found["violations"] == []


def test_a_barrier_would_be_found(page: Page) -> None:
    page.open()
    page.sees("#empty", "Nothing has come yet")
    page.script(
        "const link = document.querySelector('.foot a'); link.style.color = '#eee'; link.nextElementSibling.text = ''"
    )
    assert {"color-contrast", "link-name"} <= {rule["id"] for rule in look(page)["violations"]}


def test_a_blank_name_is_no_barrier(page: Page, join: Join) -> None:
    feed(join("\u200b", "\u200b"))
    page.open("#/%E2%80%8B")
    page.until(lambda: page.texts("#workers-table a"), "the worker is shown")
    assert_no_barrier(page)
