# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything can be done without a mouse, and where the focus is can be seen."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from tests.browser.browser import Page
from tests.browser.conftest import Join
from tests.browser.feeding import COMPUTATION_NAME, PIPELINE, feed
from tests.browser.test_navigation import ALL, DETAILS, OVERVIEW
from tests.metrics_ui_runner import APPLICATION

OUTLINE = (
    "const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(document.activeElement);"
    "return [outlineStyle, parseFloat(outlineWidth) > 1, outlineColor !== 'rgba(0, 0, 0, 0)']"
)
FOCUSED = "return document.activeElement.textContent"


def walk(page: Page, most: int = 60) -> list[str]:
    """The texts of all that Tab reaches, each of which has to show that it has the focus."""
    found: list[str] = []
    for _ in range(most):
        page.press(Keys.TAB)
        if page.focused("body"):
            break
        text = str(
            page.script("return document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText")
        )
        style, wide, coloured = page.script(OUTLINE)
        assert style != "none", f"{text!r} does not show that it has the focus"
        assert wide
        assert coloured
        found.append(text.replace("\xa0", " ").strip())
    return found


def test_tab_reaches_everything_in_the_order_in_which_it_stands(page: Page, join: Join) -> None:
    feed(join("worker2"))
    page.open(DETAILS["pipeline"][1])
    page.sees("#parts", "Computations")
    found = walk(page)
    first = ["Skip to the content", "Wallaroo metrics", "Applications", APPLICATION, f"Pipeline {PIPELINE}"]
    rest = ["5 minutes", "1 hour", *["Numbers as a table"] * 3, "worker2", "worker2", COMPUTATION_NAME]
    assert found[: len(first) + len(rest)] == [*first, *rest]
    assert found[-2:] == ["HTTP interface", "Prometheus metrics"]


def test_enter_follows_links_and_the_focus_goes_to_the_heading(page: Page, join: Join) -> None:
    feed(join("worker2"))
    page.open(ALL)
    page.until_table("applications-table", [APPLICATION])
    page.tab_to("#applications-table a")
    page.press(Keys.ENTER)
    page.sees("#overview", "Workers")
    assert page.focused("h1")
    page.tab_to("#workers-table a")
    page.press(Keys.ENTER)
    page.sees("#detail", "Latency")
    assert page.focused("h1")
    assert page.place == DETAILS["worker"][1]
    page.driver.back()
    page.until(lambda: page.texts("#overview"), "back")
    assert page.focused("h1")


def test_the_skip_link_can_be_seen_when_it_has_the_focus_and_skips(page: Page, join: Join) -> None:
    feed(join("worker2"))
    page.open(OVERVIEW)
    page.until_table("workers-table", ["worker2"])
    top = "return document.getElementById('skip').getBoundingClientRect().top"
    assert page.script(top) < -20
    page.tab_to("#skip", 1)
    assert page.script(top) >= 0
    page.press(Keys.ENTER)
    assert page.focused("main")
    assert page.place == OVERVIEW
    page.press(Keys.TAB)
    assert page.script("return document.querySelector('main').contains(document.activeElement)")


def test_the_range_and_the_numbers_by_keyboard(page: Page, join: Join) -> None:
    feed(join("worker2"))
    page.open(DETAILS["worker"][1])
    page.sees("#detail", "Latency")
    page.tab_to("[data-range='1h']")
    page.press(Keys.SPACE)
    page.until(lambda: page.texts("[data-range='1h'][aria-pressed='true']"), "the hour is chosen")
    assert page.focused("[data-range='1h']")
    page.tab_to("#throughput-numbers summary")
    page.press(Keys.ENTER)
    page.until(lambda: page.texts("#throughput-numbers .scroll[tabindex='0']"), "the numbers are there, and too long")
    # What is longer than its box can be scrolled with the arrows.
    page.tab_to("#throughput-numbers .scroll", 1)
    page.press(Keys.ARROW_DOWN)
    page.until(
        lambda: page.script("return document.querySelector('#throughput-numbers .scroll').scrollTop"), "it scrolls"
    )
