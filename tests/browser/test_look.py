# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the page looks: light and dark, without motion, on a telephone; with pictures for whoever wants to look.

``SCREENSHOTS=directory`` keeps the pictures there.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from tests.browser.browser import DESKTOP, TELEPHONE, Page
from tests.browser.conftest import Join
from tests.browser.feeding import feed
from tests.browser.test_accessibility import everything
from tests.browser.test_navigation import ALL, DETAILS, OVERVIEW
from tests.metrics_ui_runner import APPLICATION, Ui

PAGES = {"applications": ALL, "overview": OVERVIEW, "worker": DETAILS["worker"][1]}

LUMINANCE = """
const [red, green, blue] = getComputedStyle(document.querySelector(arguments[0]))[arguments[1]].match(/[\\d.]+/g);
return (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
"""

WIDE = """
const wide = document.documentElement.clientWidth;
const parts = [...document.querySelectorAll("body *")]
  .filter((node) => node.getBoundingClientRect().right > wide + 1 && !node.closest(".scroll, .vh"));
return [document.documentElement.scrollWidth <= wide, parts.map((node) => node.outerHTML.slice(0, 100))];
"""


def visit(page: Page, place: str) -> None:
    page.open(place)
    page.until(lambda: page.texts("main tbody"), f"{place} shows something")


def enlarge(page: Page, width: int, least: int) -> int:
    """Have a screen so high that all of the page can be seen, on which the charts are drawn anew; returns how high."""
    high = max(least, int(page.script("return document.documentElement.scrollHeight")))
    page.size(width, high)
    page.until(lambda: page.script("return innerHeight") == high, "the screen is high")
    return high


@pytest.mark.sampled(2)
@pytest.mark.parametrize("size", [DESKTOP, TELEPHONE], ids=["desktop", "telephone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures(page: Page, ui: Ui, join: Join, pictures: Path, scheme: str, size: tuple[int, int]) -> None:
    everything(ui, join)
    page.size(*size)
    page.prefer(color_scheme=scheme)
    width, height = size
    for name, place in PAGES.items():
        page.size(width, height)
        visit(page, place)
        high = enlarge(page, width, height)
        picture = page.picture()
        for plot in page.script("return [...document.querySelectorAll('.plot')].map((node) => `#${node.id}`)"):
            assert len(page.pixels(plot).colours()) > 20, f"{plot} is blank"
        (pictures / f"{name}-{scheme}-{width}.png").write_bytes(picture)
        assert picture.startswith(b"\x89PNG")
        assert struct.unpack(">II", picture[16:24]) == (width, high)


def test_dark_is_dark_and_light_is_light_and_the_chart_follows_without_a_reload(page: Page, join: Join) -> None:
    feed(join("worker2"))
    page.prefer(color_scheme="light")
    visit(page, OVERVIEW)
    page.remember()
    axis = "return getComputedStyle(document.querySelector('#throughput-plot .axis-x .tick')).fill"
    line = "return getComputedStyle(document.querySelector('#throughput-plot .settled')).stroke"
    light = [page.script(axis), page.script(line)]
    assert page.script(LUMINANCE, "body", "backgroundColor") > 0.9
    assert page.script(LUMINANCE, "body", "color") < 0.3
    page.prefer(color_scheme="dark")
    page.until(lambda: page.script(axis) != light[0], "the axis has another colour")
    page.until(lambda: page.script(line) != light[1], "the line has another colour")
    assert page.script(LUMINANCE, "body", "backgroundColor") < 0.2
    assert page.script(LUMINANCE, "body", "color") > 0.8
    assert page.is_same()


def test_nothing_moves_for_whoever_does_not_want_that(page: Page, join: Join) -> None:
    feed(join("worker2"))
    moving: dict[str, Any] = {}
    for wish in ("no-preference", "reduce"):
        page.prefer(reduced_motion=wish)
        visit(page, OVERVIEW)
        moving[wish] = page.script(
            "return [...document.querySelectorAll('*')].map((node) => getComputedStyle(node)).some((style) => "
            "parseFloat(style.transitionDuration) > 0 || style.animationName !== 'none')"
        )
        assert page.script("return document.getElementById('throughput-plot').getAnimations({ subtree: true })") == []
    assert moving == {"no-preference": True, "reduce": False}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("width", [800, 390, 320])
def test_nothing_is_wider_than_the_screen(page: Page, ui: Ui, join: Join, width: int) -> None:
    everything(ui, join)
    feed(join("a_worker_with_quite_a_long_name_that_has_no_place_to_break_" + "x" * 100))
    page.size(width, 844)
    page.open(ALL)
    page.sees("#applications-table", APPLICATION)
    assert page.script(WIDE) == [True, []]
    for place in (OVERVIEW, *(where for _name, where in DETAILS.values())):
        visit(page, place)
        for summary in ("#throughput-numbers", "#latency-numbers")[: 1 if place == OVERVIEW else 2]:
            page.click(f"{summary} summary")
        page.until(lambda: page.texts("#throughput-table tbody tr"), "the numbers are there")
        assert page.script(WIDE) == [True, []], place


def test_the_empty_page_is_not_wider_either(page: Page) -> None:
    page.size(320, 600)
    page.open()
    page.sees("#empty", "Nothing has come yet")
    assert page.script(WIDE) == [True, []]
