# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store and its views: against what a real engine sent, computed again here from the bins, and at their limits."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.metrics import (
    BINS,
    Metric,
    MetricsStream,
    Payload,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui import verdict
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.posted import PostRefused
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.store import (
    Client,
    Limits,
    Refused,
    Store,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.views import (
    Views,
    WrongQuery,
)

NOW = 1_800_000_000.0
APPLICATION = "Demo"
RECORDED = {
    "multi_partition_detector": ["metrics-initializer.bin", "metrics-worker2.bin", "metrics-worker2-restarted.bin"],
    "market_spread": ["metrics-initializer.bin", "metrics-worker2.bin"],
}


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Ui:
    """A store with a clock that the test moves."""

    def __init__(self, limits: Optional[Limits] = None) -> None:
        self.clock = Clock()
        self.store = Store(limits, self.clock)
        self.views = Views(self.store, list)
        self.client = Client(APPLICATION, "worker2")
        self.store.join(self.client)

    def add(self, second: float = NOW, bin: int = 10, count: int = 200, **changes: Any) -> None:
        bins = tuple(count if number == bin else 0 for number in range(BINS))
        metric = Metric("worker2", "node-ingress-egress", "worker2", "P", 0, bins, 512, 1023, 2 * 10**9, 0)
        metric = replace(metric, period_end=int(second * 1e9), **changes)
        self.store.add(self.client, APPLICATION, metric)

    def overview(self, **query: str) -> dict[str, Any]:
        return self.views.view("overview", {"application": APPLICATION, **query})

    def detail(self, kind: str, name: str, **query: str) -> dict[str, Any]:
        return self.views.view("detail", {"application": APPLICATION, "kind": kind, "name": name, **query})


@pytest.fixture
def ui() -> Ui:
    return Ui()


def recorded(directory: Path, application: str) -> list[Payload]:
    found = []
    for name in RECORDED[application]:
        messages = MetricsStream().feed((directory / application / name).read_bytes())
        found += [message for message in messages if isinstance(message, Payload)]
    assert len(found) > 50
    return found


def percentile(bins: list[int], share: str) -> Optional[int]:
    """As wallaroo.md, E.5 defines it, but not as the code does: the smallest end below which enough values lie."""
    total = sum(bins)
    enough = [k for k in range(BINS) if total and Fraction(sum(bins[: k + 1]), total) * 100 >= Fraction(share)]
    return 2 ** min(enough) if enough else None


@pytest.mark.parametrize("application", sorted(RECORDED))
class TestARealEnginesStreams:
    def test_throughput_and_percentiles_are_those_of_the_bins(self, shared_data: Path, application: str) -> None:
        payloads = recorded(shared_data / "wallaroo-0.5.4", application)
        ui = Ui()
        ends = [payload.metric.period_end // 10**9 for payload in payloads]
        # The recording is older than an hour: the clock is turned back to when it ended.
        ui.clock.now = max(ends) + 5.0
        for payload in payloads:
            ui.store.add(ui.client, payload.topic.partition(":")[2], payload.metric)
        name = payloads[0].topic.partition(":")[2]
        window = [payload.metric for payload in payloads if payload.metric.period_end // 10**9 > max(ends) - 300]
        kinds = {
            "pipelines": ("start-to-end", "name"),
            "workers": ("node-ingress-egress", "worker"),
            "computations": ("computation", "name"),
        }
        overview = ui.views.view("overview", {"application": name})
        for table, (category, key) in kinds.items():
            by_name: dict[str, list[Metric]] = defaultdict(list)
            for metric in window:
                if metric.category == category:
                    by_name[getattr(metric, key)].append(metric)
            assert {row["name"] for row in overview[table]} == set(by_name)
            for row in overview[table]:
                metrics = by_name[row["name"]]
                bins = [sum(metric.bins[number] for metric in metrics) for number in range(BINS)]
                assert row["count"] == sum(bins)
                assert row["percentiles"] == {share: percentile(bins, share) for share in row["percentiles"]}
                by_end: dict[int, int] = defaultdict(int)
                for metric in metrics:
                    by_end[metric.period_end] += metric.count
                rates = sorted(count / 2 for count in by_end.values())
                assert (row["throughput"]["min"], row["throughput"]["max"]) == (rates[0], rates[-1])
                middle = (rates[(len(rates) - 1) // 2] + rates[len(rates) // 2]) / 2
                assert row["throughput"]["median"] == middle

    def test_the_line_of_a_worker_is_its_throughput_second_by_second(self, shared_data: Path, application: str) -> None:
        payloads = recorded(shared_data / "wallaroo-0.5.4", application)
        ui = Ui()
        newest = max(payload.metric.period_end // 10**9 for payload in payloads)
        ui.clock.now = newest + 5.0
        name = payloads[0].topic.partition(":")[2]
        for payload in payloads:
            ui.store.add(ui.client, name, payload.metric)
        for worker in ("initializer", "worker2"):
            detail = ui.views.view("detail", {"application": name, "kind": "worker", "name": worker})["throughput"]
            expected: dict[int, float] = defaultdict(float)
            for payload in payloads:
                metric = payload.metric
                if metric.category == "node-ingress-egress" and metric.worker == worker:
                    for second in (metric.period_end // 10**9, metric.period_end // 10**9 - 1):
                        expected[second] += metric.count / 2
            for number, rate in enumerate(detail["values"]):
                begin = detail["begin"] + number * detail["step"]
                assert (expected[begin + 1], expected[begin + 2]) == (rate, rate)

    def test_every_message_that_was_taken_in_is_counted_once(self, shared_data: Path, application: str) -> None:
        payloads = recorded(shared_data / "wallaroo-0.5.4", application)
        ui = Ui()
        ui.clock.now = max(payload.metric.period_end // 10**9 for payload in payloads) + 5.0
        sent: dict[str, int] = defaultdict(int)
        for payload in payloads:
            ui.store.add(ui.client, APPLICATION, payload.metric)
            if payload.metric.category == "pipeline-ingestion":
                sent[payload.metric.pipeline] += payload.metric.count
        for pipeline, messages in sent.items():
            parts = ui.detail("pipeline", pipeline)["parts"]
            (taken_in,) = [part for part in parts if part["title"] == "Taken in"]
            assert sum(row["count"] for row in taken_in["rows"]) == messages > 0


class TestTime:
    def test_parts_of_one_period_are_added_up(self, ui: Ui) -> None:
        ui.add(NOW - 10, count=100)
        ui.add(NOW - 10, count=60, bin=12)
        (row,) = ui.overview()["workers"]
        assert row["throughput"] == {"now": 0, "min": 80, "median": 80, "max": 80}
        assert row["count"] == 160

    def test_now_is_the_newest_period_that_has_settled(self, ui: Ui) -> None:
        ui.add(NOW - 4, count=10)
        ui.add(NOW - 2, count=1000)
        overview = ui.overview()
        assert overview["settled"] == NOW - 4
        assert overview["workers"][0]["throughput"]["now"] == 5
        assert overview["chart"]["lines"][0]["values"][-2:] == [5, 500]

    def test_a_late_period_is_put_where_it_belongs(self, ui: Ui) -> None:
        """The last period before a pause comes when messages flow again (wallaroo.md, E.4)."""
        ui.add(NOW - 100, count=10)
        ui.clock.now += 120
        ui.add(NOW - 98, count=40)
        throughput = ui.detail("worker", "worker2")["throughput"]
        place = int((NOW - 100 - throughput["begin"]) // 2)
        assert throughput["values"][place - 1 : place + 1] == [5, 20]

    def test_a_moment_can_be_looked_at_closely_as_long_as_anything_is_kept(self, ui: Ui) -> None:
        crash = NOW - 1200
        for second in range(int(crash) - 40, int(crash) + 41, 2):
            ui.add(second, bin=10 if second < crash else 20, count=20)
        ui.add(NOW, bin=30)
        detail = ui.detail("worker", "worker2", at=str(crash))
        throughput, latency = detail["throughput"], detail["latency"]
        assert (detail["range"], throughput["from"], throughput["to"]) == ("around", crash - 30, crash + 30)
        assert (throughput["begin"], throughput["step"]) == (crash - 30, 2)
        assert throughput["values"] == [10] * 30
        # Slots are known by their ends: that which ends with the crash has come after it.
        assert [(bar["up_to"], bar["count"]) for bar in latency["bars"] if bar["count"]] == [
            (1 << 10, 14 * 20),
            (1 << 20, 16 * 20),
        ]
        (half, most) = detail["delay"]["lines"]
        assert half["values"] == most["values"] == [1 << 10] * 14 + [1 << 20] * 16

    def test_of_a_moment_that_has_hardly_been_what_comes_is_shown_as_it_comes(self, ui: Ui) -> None:
        for second in range(int(NOW) - 40, int(NOW) + 1, 2):
            ui.add(second)
        throughput = ui.detail("worker", "worker2", at=str(NOW))["throughput"]
        assert (throughput["to"], throughput["values"]) == (NOW + 30, [100] * 15)
        ui.clock.now += 60
        assert ui.detail("worker", "worker2", at=str(NOW))["throughput"]["values"] == [100] * 15 + [0] * 15

    def test_after_five_minutes_it_is_gone_from_the_short_range_and_in_the_long_one(self, ui: Ui) -> None:
        ui.add(NOW - 10)
        ui.clock.now += 400
        assert ui.overview()["workers"][0]["count"] == 0
        detail = ui.detail("worker", "worker2", range="1h")
        assert detail["latency"]["count"] == 200
        assert sum(detail["throughput"]["values"]) * 30 == 200

    def test_after_an_hour_everything_is_forgotten(self, ui: Ui) -> None:
        ui.add(NOW)
        ui.store.leave(ui.client)
        ui.clock.now += 3700
        ui.store.sweep()
        assert (ui.store.applications, ui.store.series, ui.store.budget.used) == ({}, 0, 0)

    def test_a_clock_that_is_ahead_is_named(self, ui: Ui) -> None:
        ui.add(NOW + 90)
        assert ui.overview()["workers"][0]["count"] == 0
        (problem,) = ui.overview()["problems"]
        assert problem.startswith("The clock of worker2 (Demo) is 90 s ahead")


class TestWorkers:
    def test_one_that_sends_then_says_nothing_then_goes_and_comes_back(self, ui: Ui) -> None:
        def state() -> tuple[str, Optional[float]]:
            (worker,) = ui.overview()["workers"]
            return worker["state"], worker["since"]

        assert state() == ("idle", NOW)
        ui.add()
        assert state() == ("sending", None)
        ui.clock.now += 11
        assert state() == ("idle", NOW)
        ui.store.leave(ui.client)
        assert state() == ("gone", NOW + 11)
        ui.store.join(ui.client)
        assert state() == ("idle", NOW + 11)

    def test_the_server_is_the_one_that_the_last_mark_names(self, ui: Ui) -> None:
        assert ui.overview()["workers"][0]["server"] is None
        for number, (kind, server) in enumerate(
            [("placed", "server2"), ("crash", "server2"), ("copy", "server4"), ("start", "server4")]
        ):
            ui.store.marks.post({"kind": kind, "worker": "worker2", "server": server, "time": NOW + number}, NOW)
        assert ui.overview()["workers"][0]["server"] == "server4"
        assert [mark["kind"] for mark in ui.overview()["marks"]] == ["crash", "copy", "start"]


class TestTotals:
    def test_throughput_and_latency_of_all_pipelines_over_time(self, ui: Ui) -> None:
        for name, number, count in (("Orders", 10, 99), ("Nbbo", 20, 101)):
            ui.add(NOW - 10, bin=number, count=count, category="start-to-end", name=name, pipeline=name)
        ui.add(NOW - 8, bin=12, count=40, category="start-to-end", name="Nbbo", pipeline="Nbbo")
        # What a worker has had is in no total: a message may pass through two of them.
        ui.add(NOW - 10, count=5000)
        overview = ui.overview()
        total, delay = overview["total"], overview["delay"]
        place = int((NOW - 12 - total["begin"]) // 2)
        assert total["values"][place : place + 2] == [100, 20]
        assert sum(total["values"]) == 120
        assert [line["name"] for line in delay["lines"]] == ["50", "99"]
        assert [line["values"][place : place + 2] for line in delay["lines"]] == [[1 << 20, 1 << 12]] * 2
        assert {line["values"][place - 1] for line in delay["lines"]} == {None}, "nothing came, which is no latency"


class TestVerdict:
    def test_before_the_first_there_is_none(self, ui: Ui) -> None:
        ui.add()
        assert [ui.overview()["verdict"], ui.detail("worker", "worker2")["verdict"]] == [None, None]
        assert ui.overview()["workers"][0]["crashed"] is None

    def test_it_is_shown_everywhere_and_at_the_workers_that_the_run_has_crashed(self, ui: Ui) -> None:
        ui.add()
        ui.add(worker="worker3", name="worker3")
        given = {
            "verdict": "fail",
            "run": "demo",
            "received": 9,
            "expected": 11,
            "violations": 1,
            "workers": ["worker2"],
        }
        ui.store.verdict = verdict.read({**given, "reason": "two are missing"}, NOW)
        overview, detail = ui.overview(), ui.detail("worker", "worker2")
        shown = {**given, "reason": "two are missing", "time": NOW, "crashed_since": []}
        assert [overview["verdict"], detail["verdict"], ui.views.view("applications", {})["verdict"]] == [shown] * 3
        assert {row["name"]: row["crashed"] for row in overview["workers"]} == {"worker2": "fail", "worker3": None}
        assert detail["crashed"] == "fail"

    def test_what_has_crashed_since_was_not_verified(self, ui: Ui) -> None:
        for kind, worker, when in (("crash", "worker2", -5), ("crash", "worker3", 5), ("start", "worker3", 6)):
            ui.store.marks.post({"kind": kind, "worker": worker, "server": "server2", "time": NOW + when}, NOW)
        ui.store.verdict = verdict.read({"verdict": "pass"}, NOW)
        assert ui.overview()["verdict"]["crashed_since"] == ["worker3"]

    def test_one_of_another_application_is_not_shown(self, ui: Ui) -> None:
        ui.store.verdict = verdict.read({"verdict": "pass", "application": "Other"}, NOW)
        assert ui.overview()["verdict"] is None

    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            ([], "a verdict is a JSON object"),
            ({}, "verdict is one of pass, fail, unknown"),
            ({"verdict": "moved"}, "verdict is one of"),
            ({"verdict": ["pass"]}, "verdict is one of"),
            ({"verdict": "pass", "sent": 1}, "a verdict has no sent"),
            ({"verdict": "pass", "time": 1}, "time is in seconds"),
            ({"verdict": "pass", "received": -1}, "received is a whole number"),
            ({"verdict": "pass", "expected": 1.5}, "expected is a whole number"),
            ({"verdict": "pass", "expected": 1 << 53}, "expected is a whole number"),
            ({"verdict": "pass", "violations": True}, "violations is a whole number"),
            ({"verdict": "fail", "reason": "x" * 1001}, "reason is a text of 1 to 1000"),
            ({"verdict": "fail", "workers": "worker2"}, "workers is a list"),
            ({"verdict": "fail", "workers": ["worker2", None]}, "workers is a list"),
            ({"verdict": "fail", "workers": [2]}, "workers is a text"),
            ({"verdict": "fail", "workers": ["worker2"] * 65}, "64 names at most"),
        ],
    )
    def test_what_is_none(self, given: object, sentence: str) -> None:
        with pytest.raises(PostRefused, match=sentence):
            verdict.read(given, NOW)


class TestLimits:
    def test_a_client_with_too_many_series_is_refused_and_others_are_not(self) -> None:
        ui = Ui(Limits(series_per_client=5))
        for number in range(5):
            ui.add(pipeline=f"P{number}")
        with pytest.raises(Refused, match="began 5 series"):
            ui.add(pipeline="another")
        ui.client = Client(APPLICATION, "worker3")
        ui.add(worker="worker3", name="worker3")
        assert {row["name"] for row in ui.overview()["workers"]} == {"worker2", "worker3"}

    def test_what_does_not_fit_is_left_out_and_said(self) -> None:
        ui = Ui(Limits(series=4))
        for number in range(8):
            ui.add(pipeline=f"P{number}")
        assert ui.store.series == 4
        assert ui.overview()["problems"][0].startswith("5 metrics were left out: 4 series fill")

    def test_histograms_never_take_more_memory_than_allowed(self) -> None:
        ui = Ui(Limits(memory=100_000))
        for number in range(500):
            ui.add(pipeline=f"P{number % 60}", bin=number % 65)
        assert ui.store.budget.used <= 100_000

    @pytest.mark.parametrize("field", ["worker", "name", "pipeline"])
    def test_long_names(self, ui: Ui, field: str) -> None:
        with pytest.raises(Refused, match="300 characters"):
            ui.add(**{field: "x" * 300})

    def test_applications_and_workers(self) -> None:
        ui = Ui(Limits(applications=2, workers=2))
        ui.store.join(Client("Other", None))
        with pytest.raises(Refused, match="2 applications"):
            ui.store.join(Client("Third", None))
        ui.add(worker="worker3")
        with pytest.raises(Refused, match="2 workers"):
            ui.add(worker="worker4")

    def test_an_unknown_category_is_counted(self, ui: Ui) -> None:
        ui.add(category="start-to-end-ts")
        assert ui.store.counts["unknown"] == 1


@pytest.mark.parametrize(
    ("view", "query", "sentence"),
    [
        ("nothing", {}, "view is one of"),
        ("overview", {}, "application is missing"),
        ("overview", {"application": "A", "range": "2h"}, "range is one of"),
        ("overview", {"application": "A", "at": "noon"}, "at is in seconds since the epoch"),
        ("overview", {"application": "A", "at": "nan"}, "at is in seconds since the epoch"),
        ("overview", {"application": "A", "at": "-1"}, "at is in seconds since the epoch"),
        ("overview", {"application": "A", "at": "1e300"}, "and not in the future"),
        ("detail", {"application": "A", "kind": "source", "name": "x"}, "kind is one of"),
        ("detail", {"application": "A", "kind": "worker"}, "name is missing"),
    ],
)
def test_wrong_queries(ui: Ui, view: str, query: dict[str, str], sentence: str) -> None:
    with pytest.raises(WrongQuery, match=sentence):
        ui.views.view(view, query)


def test_what_nobody_has_heard_of_is_not_known(ui: Ui) -> None:
    overview = ui.views.view("overview", {"application": "Other"})
    assert (overview["known"], overview["workers"]) == (False, [])
    assert not ui.detail("pipeline", "Nothing")["known"]
    assert ui.detail("worker", "worker2")["known"]
