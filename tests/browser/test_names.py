# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names come from whoever connects: they are text, never markup, and the links to them lead to them."""

from __future__ import annotations

import time

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.metrics import (
    COMPUTATION,
    NODE_INGRESS_EGRESS,
    START_TO_END,
)

from tests.browser.browser import Page
from tests.browser.conftest import Join
from tests.browser.feeding import even, metric
from tests.browser.test_navigation import ALL
from tests.metrics_ui_runner import Ui

MARKUP = [
    "<img src=x onerror=\"window.ran='image'\">",
    "\"><script>window.ran='script'</script>",
    "javascript:window.ran='address'",
    "&lt;b&gt;&amp;",
]
PROPERTIES = ["__proto__", "constructor", "toString"]
CHARACTERS = ["a/b?c#d%2Fe", "..", "x" * 256, "\u202eright to left", "名前, naïve 🦘"]
BLANK = [" ", "\u200b"]


def send(join: Join, name: str) -> None:
    """A worker of that name, with a pipeline and a computation of that name, in an application of that name."""
    worker = join(name, name)
    for category in (NODE_INGRESS_EGRESS, START_TO_END, COMPUTATION):
        worker.socket.sendall(metric(worker, even(time.time()) - 10, {20: 77}, category, name, name))


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "names", [MARKUP, PROPERTIES, CHARACTERS, BLANK], ids=["markup", "properties", "text", "blank"]
)
def test_every_page_shows_the_name_and_every_link_to_it_works(page: Page, ui: Ui, join: Join, names: list[str]) -> None:
    for name in names:
        ui.post({"kind": "crash", "worker": name[:200], "server": name[:200], "text": name[:200]})
        send(join, name)
    page.open(ALL)
    page.until_table("applications-table", names)
    page.remember()
    for name in names:
        page.follow_row("applications-table", name)
        for table in ("pipelines", "workers", "computations"):
            page.until_table(f"{table}-table", [name])
        overview = page.place
        for table in ("pipelines", "workers", "computations"):
            page.follow_row(f"{table}-table", name)
            page.sees("#stat-latency", "77")
            page.until_table("part-1-table", [name])
            page.script("location.hash = arguments[0]", overview)
            page.until_table(f"{table}-table", [name])
        page.follow("Applications", "#crumbs")
        page.until_table("applications-table", names)
    assert page.is_same()
    assert page.script("return window.ran ?? null") is None
    # What is in the page beside the script and the image that it has itself would have come from a name.
    assert page.script("return document.querySelectorAll('script, img, svg[onload], b').length") == 2


def test_a_name_that_cannot_be_seen_can_be_found_and_clicked(page: Page, join: Join) -> None:
    send(join, "\u200b")
    page.open(ALL)
    page.sees("#applications-table a", "(blank)")
    page.click("#applications-table a")
    page.sees("#workers-table a", "(blank)")
    page.click("#workers-table a")
    page.sees("h1", "Worker (blank)")


def test_a_name_that_turns_the_direction_turns_only_itself(page: Page, join: Join) -> None:
    page.open("#/%E2%80%AEabc/worker/%E2%80%AEdef")
    page.sees("#unknown p", "are known")
    places = page.script(
        """
        const text = document.querySelector("#unknown p").firstChild;
        const place = (words) => {
          const range = document.createRange();
          range.setStart(text, text.data.indexOf(words));
          range.setEnd(text, text.data.indexOf(words) + words.length);
          return range.getBoundingClientRect().left;
        };
        return ["No metrics", "def", "” of “", "abc", "are known"].map(place);
        """
    )
    assert places == sorted(places)


def test_names_of_properties_stand_beside_each_other(page: Page, join: Join) -> None:
    workers = [join(name) for name in PROPERTIES]
    for worker in workers:
        worker.socket.sendall(metric(worker, even(time.time()) - 10, {20: 77}))
    page.open("#/Demo")
    page.until_table("workers-table", PROPERTIES)
    assert sorted(page.texts("#throughput .key-name")) == sorted(PROPERTIES)
    workers[0].close()
    page.until(lambda: page.texts("#workers-table [data-state='gone'] th") == ["__proto__"], "it is gone")
