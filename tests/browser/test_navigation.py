# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From page to page, and what is there before anything is."""

from __future__ import annotations

import pytest

from tests.browser.browser import Page
from tests.browser.charts import rates
from tests.browser.conftest import Join
from tests.browser.feeding import COMPUTATION_NAME, PIPELINE, feed
from tests.metrics_ui_runner import APPLICATION, PAGE, Ui

ALL = "#/?all"
"""The list of all applications; the page without it leads past the list where there is only one."""

OVERVIEW = f"#/{APPLICATION}"
DETAILS = {
    "pipeline": (PIPELINE, f"{OVERVIEW}/pipeline/{PIPELINE}"),
    "worker": ("worker2", f"{OVERVIEW}/worker/worker2"),
    "computation": (COMPUTATION_NAME, f"{OVERVIEW}/computation/{COMPUTATION_NAME.replace(' ', '%20')}"),
}


def arrives(page: Page, place: str, shown: str) -> None:
    page.until(lambda: page.texts(shown) and page.place == place, f"{place!r} shows {shown}")


class TestBeforeAnythingCame:
    def test_the_page_says_so_and_goes_to_the_first_application_by_itself(self, page: Page, join: Join) -> None:
        page.open()
        page.sees("#empty", "Nothing has come yet")
        page.remember()
        feed(join("worker2"))
        page.sees("#overview", "Throughput by worker")
        assert page.place == OVERVIEW.replace(" ", "%20")
        assert page.focused("h1"), "a screen reader is told where one is"
        assert page.is_same()

    def test_the_list_says_so_and_shows_the_first_application_by_itself(self, page: Page, join: Join) -> None:
        page.open(ALL)
        page.sees("#empty", "Nothing has come yet")
        assert page.texts("table") == []
        page.remember()
        feed(join("worker2"))
        page.until(lambda: list(page.table("applications-table")) == [APPLICATION], "the application is listed")
        page.hides("#empty")
        row = page.table("applications-table")[APPLICATION]
        assert row["throughput"][0] == "150"
        assert [row[state][0] for state in ("sending", "idle", "gone")] == ["1", "0", "0"]
        assert page.is_same()

    @pytest.mark.parametrize("place", [OVERVIEW, *(where for _, where in DETAILS.values())])
    def test_a_deep_link_waits_for_what_it_leads_to(self, page: Page, join: Join, place: str) -> None:
        page.open(place)
        page.sees("#unknown", "Nothing has come of this")
        page.remember()
        feed(join("worker2"))
        page.hides("#unknown")
        page.until(lambda: page.texts("main table"), "tables are shown")
        assert page.is_same()


class TestTheWay:
    def test_links_lead_from_the_applications_to_the_overview_and_to_each_kind_of_detail(
        self, page: Page, join: Join
    ) -> None:
        feed(join("worker2"))
        page.open(ALL)
        page.remember()
        page.follow(APPLICATION)
        page.sees("#overview", "Throughput by worker")
        assert page.place == OVERVIEW
        for kind, (name, place) in DETAILS.items():
            page.follow(name)
            page.sees("#detail", "Latency")
            assert page.place == place
            assert page.text("h1").split("\n") == [f"{kind.capitalize()} {name}"]
            page.follow(APPLICATION, "#crumbs")
            page.sees("#overview", "Throughput by worker")
        page.follow("Applications", "#crumbs")
        page.until(lambda: page.table("applications-table"), "the applications are listed")
        assert page.is_same()

    def test_where_there_is_one_application_the_page_is_that_and_back_leads_out(self, page: Page, join: Join) -> None:
        feed(join("worker2"))
        page.open()
        page.sees("#overview", "Throughput by worker")
        assert page.place == OVERVIEW
        page.driver.back()
        page.until(lambda: page.script("return location.href") == "about:blank", "not back to a page that leads here")

    def test_where_there_are_two_one_can_choose(self, page: Page, ui: Ui, join: Join) -> None:
        for name in ("Demo", "Other"):
            feed(join("worker2", name))
        ui.until(lambda: len(ui.view("applications")["applications"]) == 2)
        page.open()
        page.until_table("applications-table", ["Demo", "Other"])
        assert page.place == ""

    def test_back_and_forward_keep_the_place_and_the_range(self, page: Page, join: Join) -> None:
        feed(join("worker2"))
        page.open(ALL)
        page.follow(APPLICATION)
        page.follow(PIPELINE)
        page.click("[data-range='1h']")
        ranged = DETAILS["pipeline"][1] + "?range=1h"
        page.until(lambda: page.place == ranged, "the range is in the address")
        way = [
            (ALL, "#applications"),
            (OVERVIEW, "#overview"),
            (DETAILS["pipeline"][1], "#detail"),
            (ranged, "#detail"),
        ]
        for place, shown in way[-2::-1]:
            page.driver.back()
            arrives(page, place, shown)
        for place, shown in way[1:]:
            page.driver.forward()
            arrives(page, place, shown)
        page.until(lambda: page.texts("[data-range='1h'][aria-pressed='true']"), "the hour is chosen")

    @pytest.mark.parametrize("place", [OVERVIEW, DETAILS["worker"][1], DETAILS["pipeline"][1] + "?range=1h"])
    def test_a_reload_keeps_the_place(self, page: Page, join: Join, place: str) -> None:
        feed(join("worker2"))
        page.open(place)
        page.until(lambda: page.texts("main table"), "tables are shown")
        title = page.text("h1")
        page.driver.refresh()
        page.until(lambda: page.texts("main table"), "tables are shown")
        assert (page.text("h1"), page.place) == (title, place)

    @pytest.mark.parametrize("place", ["#/Demo/nothing/x", "#/Demo/worker/a/b", "#/%E0%A4%A", "#//worker/x"])
    def test_an_address_that_leads_nowhere_says_so_and_leads_out(self, page: Page, place: str) -> None:
        page.open(place)
        page.sees("#page", "There is no such page")
        page.follow("All applications")
        page.sees("#empty", "Nothing has come yet")


def test_what_the_page_must_not_do_is_noticed(page: Page) -> None:
    # Else no test would show that it does not.
    page.open()
    page.sees("#empty", "Nothing has come yet")
    assert page.complaints() == []
    page.script("fetch('http://127.0.0.2:1/elsewhere').catch(() => {}); document.body.append(new Image())")
    page.script("document.body.lastChild.src = 'http://127.0.0.2:1/image'; console.warn('odd'); console.error('wrong')")
    found = []

    def all_noticed() -> bool:
        found.extend(page.complaints())
        text = "\n".join(found)
        return all(part in text for part in ("Content Security Policy", "127.0.0.2:1/elsewhere", "odd", "wrong"))

    page.until(all_noticed, "all is noticed")


def test_the_page_is_made_of_its_own_files_and_of_all_of_them(page: Page, join: Join) -> None:
    feed(join("worker2"))
    page.open(OVERVIEW)
    page.until(lambda: rates(page), "the chart is drawn")
    asked = "return performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)"
    loaded = {path for path in page.script(asked) if not path.startswith("/api/")}
    own = {f"/static/{path.name}" for path in PAGE.iterdir()} - {"/static/index.html", "/static/openapi.json"}
    assert loaded == own
