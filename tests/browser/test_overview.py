# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The overview of an application: its numbers are those that were sent, and they change while somebody looks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.metrics import (
    COMPUTATION,
    START_TO_END,
    TOPIC_PREFIX,
    MetricsStream,
    Payload,
    encode,
)

from tests.browser.browser import Page
from tests.browser.charts import axis
from tests.browser.conftest import Join
from tests.browser.feeding import COMPUTATION_NAME, PERCENTILES, PIPELINE, THROUGHPUT, even, feed, metric, moved
from tests.browser.test_navigation import OVERVIEW
from tests.metrics_ui_runner import APPLICATION, Ui

TABLES = {"pipelines": PIPELINE, "workers": "worker2", "computations": COMPUTATION_NAME}


class TestNumbers:
    @pytest.mark.parametrize(("table", "name"), TABLES.items())
    def test_throughput_and_percentiles_are_those_that_were_sent_and_those_of_the_interface(
        self, page: Page, ui: Ui, join: Join, table: str, name: str
    ) -> None:
        feed(join("worker2"))
        page.open(OVERVIEW)
        row = page.until_table(f"{table}-table", [name])[name]
        shown = {which: f"{value:,}" for which, value in THROUGHPUT.items()}
        assert {which: row[which][0] for which in THROUGHPUT} == shown
        assert {which: row[f"p{which}"][0] for which in PERCENTILES} == {
            which: text for which, (text, _value) in PERCENTILES.items()
        }
        (answer,) = ui.view("overview", application=APPLICATION)[table]
        assert answer["throughput"] == THROUGHPUT
        assert {which: float(row[which][1]) for which in THROUGHPUT} == answer["throughput"]
        assert {which: int(row[f"p{which}"][1]) for which in PERCENTILES} == answer["percentiles"]
        assert answer["percentiles"] == {which: value for which, (_text, value) in PERCENTILES.items()}

    def test_a_worker_that_has_sent_nothing_has_no_percentiles_and_no_throughput(self, page: Page, join: Join) -> None:
        join("worker2")
        page.open(OVERVIEW)
        row = page.until_table("workers-table", ["worker2"])["worker2"]
        assert row["now"][0] == "0"
        assert row["p50"][0].endswith("no data")
        assert row["state"][0].startswith("idle since ")
        assert page.texts("#pipelines .none, #computations .none") == ["None yet."] * 2

    @pytest.mark.parametrize("folder", ["multi_partition_detector", "market_spread"])
    def test_a_recorded_stream_of_a_real_engine_is_shown(
        self, page: Page, ui: Ui, join: Join, shared_data: Path, folder: str
    ) -> None:
        recorded = (shared_data / "wallaroo-0.5.4" / folder / "metrics-worker2.bin").read_bytes()
        messages = MetricsStream().feed(recorded)
        payloads = [message for message in messages if isinstance(message, Payload)]
        application = payloads[0].topic.removeprefix(TOPIC_PREFIX)
        worker = join("worker2", application)
        worker.socket.sendall(b"".join(map(encode, moved(payloads, even(time.time()) - 10))))
        page.open()
        page.sees("h1", application)
        for table, kind in (("pipelines", START_TO_END), ("computations", COMPUTATION)):
            names = {payload.metric.name for payload in payloads if payload.metric.category == kind}
            rows = page.until_table(f"{table}-table", names)
            counts = {row["name"]: row["count"] for row in ui.view("overview", application=application)[table]}
            for name, row in rows.items():
                sent = [
                    payload.metric
                    for payload in payloads
                    if (payload.metric.category, payload.metric.name) == (kind, name)
                ]
                assert counts[name] == sum(metric.count for metric in sent)
                assert bool(row["p50"][1]) == bool(counts[name])


class TestChange:
    def test_what_comes_is_shown_in_the_same_document(self, page: Page, join: Join) -> None:
        worker = join("worker2")
        feed(worker)
        page.open(OVERVIEW)
        page.until_table("workers-table", ["worker2"])
        page.remember()
        # Half of it comes in a second piece of the same period.
        second = even(time.time()) - 60
        for _ in range(2):
            worker.socket.sendall(metric(worker, second, {10: 3000}))
        page.until(
            lambda: page.table("workers-table")["worker2"]["max"][0] == "3,100", "what came is added to what is shown"
        )
        feed(join("worker10"))
        page.until_table("workers-table", ["worker2", "worker10"])
        assert list(page.table("workers-table")) == ["worker2", "worker10"]
        assert page.texts("#throughput .key-name") == ["worker2", "worker10"]
        assert page.is_same()

    def test_time_alone_moves_the_chart(self, page: Page, join: Join) -> None:
        join("worker2")
        page.open(OVERVIEW)
        page.until_table("workers-table", ["worker2"])
        first = axis(page)[1]
        page.until(lambda: axis(page)[1] >= first + 1, "the axis goes on")

    def test_scroll_position_focus_and_what_was_opened_survive(self, page: Page, join: Join) -> None:
        page.size(1280, 600)
        worker = join("worker2")
        feed(worker)
        page.open(OVERVIEW)
        page.until_table("workers-table", ["worker2"])
        page.click("#throughput-numbers summary")
        page.until(lambda: page.texts("#throughput-table tbody tr"), "the numbers are there")
        page.script(
            "document.querySelector('#throughput-numbers .scroll').scrollTop = 200;"
            "document.querySelector('#workers a').focus(); scrollTo(0, 350)"
        )
        place = (
            "return [scrollY, document.querySelector('#throughput-numbers .scroll').scrollTop,"
            " document.activeElement.textContent]"
        )
        before = page.script(place)
        assert before == [350, 200, "worker2"]
        worker.socket.sendall(metric(worker, even(time.time()) - 60, {10: 6000}))
        feed(join("worker10"))
        page.until_table("workers-table", ["worker2", "worker10"])
        page.until(lambda: page.table("workers-table")["worker2"]["max"][0] == "3,100", "the row changes")
        page_at, table_at, focused = page.script(place)
        # Its newest rows are added above those that are read.
        assert (page_at, focused) == (350, "worker2")
        assert table_at >= 200


class TestState:
    def test_a_worker_that_goes_is_marked_as_gone_and_as_sending_once_it_is_back(self, page: Page, join: Join) -> None:
        feed(join("worker3"))
        worker = join("worker2")
        feed(worker)
        page.open(OVERVIEW)
        page.until_table("workers-table", ["worker2", "worker3"])
        states = "return [...document.querySelectorAll('#workers-table tbody tr')].map((row) => row.dataset.state)"
        assert page.script(states) == ["sending", "sending"]
        page.remember()
        worker.close()
        page.until(lambda: page.script(states) == ["gone", "sending"], "worker2 is gone")
        assert page.table("workers-table")["worker2"]["state"][0].startswith("gone since ")
        page.until(lambda: "worker2 is gone." in page.script("return announcer.textContent"), "it is said aloud")
        feed(join("worker2"))
        page.until(lambda: page.script(states) == ["sending", "sending"], "worker2 is back")
        assert page.table("workers-table")["worker2"]["state"][0] == "sending"
        page.until(lambda: "worker2 is back." in page.script("return announcer.textContent"), "it is said aloud")
        assert page.is_same()


class TestProblems:
    def test_who_was_cut_off_is_told(self, page: Page, ui: Ui, join: Join) -> None:
        feed(join("worker2"))
        page.open(OVERVIEW)
        page.until_table("workers-table", ["worker2"])
        assert not page.texts("#problems")
        page.remember()
        with ui.worker("worker3").socket as wrong:
            wrong.sendall(b"GET / HTTP/1.1\r\n\r\n")
            page.sees("#problems", "1 client was cut off. The last: 127.0.0.1:")
        assert page.is_same()

    def test_a_clock_that_is_far_ahead_is_told_until_it_is_right(self, page: Page, join: Join) -> None:
        worker = join("worker2")
        worker.socket.sendall(metric(worker, even(time.time()) + 600, {10: 1}))
        page.open()
        page.sees("#problems", "The clock of worker2 (Demo) is ")
        worker.socket.sendall(metric(worker, even(time.time()), {10: 1}))
        page.hides("#problems")
