# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a pipeline, a worker, a computation."""

from __future__ import annotations

import time
from itertools import accumulate

import pytest

from tests.browser.browser import Page
from tests.browser.charts import axis, rates, shares
from tests.browser.conftest import Join
from tests.browser.feeding import BARS, COMPUTATION_NAME, COUNT, PERCENTILES, PIPELINE, THROUGHPUT, even, feed, metric
from tests.browser.test_navigation import DETAILS
from tests.metrics_ui_runner import APPLICATION, Ui

ENDS = [
    *("1.02 µs", "2.05 µs", "4.10 µs", "8.19 µs", "16.4 µs", "32.8 µs", "65.5 µs", "131 µs", "262 µs", "524 µs"),
    *("1.05 ms", "2.10 ms", "4.19 ms", "8.39 ms", "16.8 ms", "33.6 ms", "67.1 ms", "134 ms", "268 ms"),
]
"""Where the bins 10 to 28 end: from the first in which there is something to the last."""

kinds = pytest.mark.parametrize(("kind", "name", "place"), [(kind, *where) for kind, where in DETAILS.items()])


def stats(page: Page) -> dict[str, str]:
    script = "return [...document.querySelectorAll('[data-stat]')].map((node) => [node.dataset.stat, node.innerText])"
    return {name: text.replace("\xa0", " ") for name, text in page.script(script)}


@kinds
class TestEachKind:
    def test_its_throughput_is_that_which_was_sent(
        self, page: Page, ui: Ui, join: Join, kind: str, name: str, place: str
    ) -> None:
        feed(join("worker2"))
        page.open(place)
        page.sees("#stat-throughput", "median")
        found = stats(page)
        assert {which: found[which] for which in THROUGHPUT} == {name: f"{rate:,}" for name, rate in THROUGHPUT.items()}
        assert {10, 100, 1000, 150} <= {round(rate, 0) for rate in rates(page)}
        answer = ui.view("detail", application=APPLICATION, kind=kind, name=name)
        assert {which: answer["throughput"][which] for which in THROUGHPUT} == THROUGHPUT

    def test_its_latency_has_percentiles_bars_by_power_of_two_and_a_percentile_line(
        self, page: Page, join: Join, kind: str, name: str, place: str
    ) -> None:
        feed(join("worker2"))
        page.open(place)
        page.sees("#stat-latency", "messages")
        found = stats(page)
        assert {which: found[f"p{which}"] for which in PERCENTILES} == {
            which: text for which, (text, _value) in PERCENTILES.items()
        }
        assert (found["minimum"], found["maximum"], found["count"]) == ("512 ns", "268 ms", f"{COUNT:,}")
        by_bar = [(label, BARS.get(number, 0)) for number, label in enumerate(ENDS, 10)]
        assert shares(page, "bars") == [(label, round(100 * count / COUNT, 4)) for label, count in by_bar]
        sums = [round(100 * count / COUNT, 4) for count in accumulate(count for _label, count in by_bar)]
        assert shares(page, "sums") == list(zip(ENDS, sums))

    def test_the_same_is_there_as_a_table(self, page: Page, join: Join, kind: str, name: str, place: str) -> None:
        feed(join("worker2"))
        page.open(place)
        page.click("#latency-numbers summary")
        rows = page.until(lambda: page.table("latency-table"), "the numbers are there")
        shares = {name: cells["share"][0] for name, cells in rows.items()}
        assert list(shares) == [f"{one} to {other}" for one, other in zip(["512 ns", *ENDS], ENDS)]
        assert shares["512 ns to 1.02 µs"] == "52 %"
        assert shares["524 µs to 1.05 ms"] == "10.6 %"
        assert shares["134 ms to 268 ms"] == "0.01 %"
        assert rows["134 ms to 268 ms"]["count"][0] == "2"
        sums = {name: cells["sum"][0] for name, cells in rows.items()}
        assert [sums["512 ns to 1.02 µs"], sums["1.02 µs to 2.05 µs"], sums["134 ms to 268 ms"]] == [
            "52 %",
            "52 %",
            "100 %",
        ]
        page.click("#throughput-numbers summary")
        page.until(lambda: page.texts("#throughput-table tbody tr"), "the numbers are there")
        numbers = [float(cells["line-0"][1]) for cells in page.table("throughput-table").values()]
        assert {10, 100, 1000, 150} <= set(numbers)

    def test_it_shows_five_minutes_or_an_hour(self, page: Page, join: Join, kind: str, name: str, place: str) -> None:
        worker = join("worker2")
        feed(worker)
        categories = {"pipeline": "start-to-end", "worker": "node-ingress-egress", "computation": "computation"}
        worker.socket.sendall(metric(worker, even(time.time()) - 1800, {30: 90_000}, categories[kind]))
        page.open(place)
        page.sees("#stat-latency", f"{COUNT:,}")

        def seconds() -> int:
            begin, end = axis(page)
            return round(end - begin)

        assert seconds() == 300
        assert page.texts("#ranges [aria-pressed='true']") == ["5 minutes"]
        page.remember()
        page.click("[data-range='1h']")
        page.until(lambda: stats(page)["count"] == f"{COUNT + 90_000:,}", "the hour has what came half an hour ago")
        assert seconds() == 3600
        assert stats(page)["max"] == "3,000"
        assert page.place == f"{place}?range=1h"
        page.click("[data-range='5m']")
        page.until(lambda: stats(page)["count"] == f"{COUNT:,}", "the five minutes have not")
        assert seconds() == 300
        assert page.is_same()


class TestParts:
    def test_a_pipeline_is_made_of_workers_and_computations(self, page: Page, join: Join) -> None:
        for worker in ("worker2", "worker3"):
            feed(join(worker))
        page.open(DETAILS["pipeline"][1])
        page.sees("#parts", "On each worker")
        assert page.texts("#parts h2") == ["From source to sink, by worker", "On each worker", "Computations"]
        page.until_table("part-2-table", ["worker2", "worker3"])
        both = page.until_table("part-3-table", [COMPUTATION_NAME])[COMPUTATION_NAME]
        assert both["max"][0] == "2,000"
        page.follow("worker3")
        page.sees("h1", "worker3")
        page.until(lambda: page.texts("#parts h2"), "its parts are shown")
        assert page.texts("#parts h2")[0] == "From source to sink, by pipeline"
        page.until_table("part-1-table", [PIPELINE])

    def test_a_computation_by_worker_and_by_pipeline(self, page: Page, join: Join) -> None:
        feed(join("worker2"))
        page.open(DETAILS["computation"][1])
        page.sees("#parts", "By worker")
        page.until_table("part-1-table", ["worker2"])
        assert page.until_table("part-2-table", [PIPELINE])[PIPELINE]["median"][0] == "100"
