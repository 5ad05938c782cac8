# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines that count messages and do not time them: a real Flink's counts, as they were recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.browser.browser import DESKTOP, Browser, Page
from tests.browser.test_look import enlarge
from tests.job_manager import JobManager, rounds
from tests.metrics_ui_runner import Ui

UNTIMED = "This engine counts its messages and does not time them."
OVERVIEW, WORKER = "#/detector", "#/detector/worker/worker2"


@pytest.fixture
def manager() -> Iterator[JobManager]:
    with closing(JobManager(rounds()[0].answers)) as started:
        yield started


@pytest.fixture
def ui(start_ui: Callable[..., Ui], manager: JobManager) -> Ui:
    return start_ui("--ask", "flink", "--at", f"127.0.0.1:{manager.port}")


def told(ui: Ui, manager: JobManager) -> None:
    """Have it ask twice, so that it knows what came in between, and mark a move."""
    ui.until(lambda: ui.view("applications")["applications"])
    manager.answers = {**rounds()[1].answers}
    ui.until(lambda: ui.view("overview", application="detector")["pipelines"])
    for kind, second in (("crash", 60), ("start", 52), ("resumed", 50)):
        ui.post({"kind": kind, "time": time.time() - second, "worker": "worker2", "server": "server4"})


@pytest.mark.sampled(1)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_throughput_is_shown_and_that_there_are_no_latencies_is_said(
    page: Page, ui: Ui, manager: JobManager, pictures: Path, scheme: str
) -> None:
    told(ui, manager)
    page.size(*DESKTOP)
    page.prefer(color_scheme=scheme)
    page.open(OVERVIEW)
    page.until_table("workers-table", ["initializer", "worker2", "worker3"])
    page.until(lambda: page.table("workers-table")["worker2"]["max"][0] == "3,790", "what came has settled")
    assert "no data" in page.table("workers-table")["worker2"]["p50"][0]
    assert set(page.table("computations-table")) == {"Source: source", "windows -> sink: Writer"}
    page.sees("#no-delay", UNTIMED)
    page.hides("#delay-plot")
    assert len(page.pixels("#total-plot").colours()) > 20
    high = enlarge(page, *DESKTOP)
    (pictures / f"untimed-overview-{scheme}-{high}.png").write_bytes(page.picture())

    page.size(*DESKTOP)
    page.open(WORKER)
    page.sees("#no-latency", UNTIMED)
    page.sees("#no-delay", UNTIMED)
    enlarge(page, *DESKTOP)
    (pictures / f"untimed-worker-{scheme}-{high}.png").write_bytes(page.picture())


def test_that_nobody_tells_anything_is_said_until_somebody_does(
    browser: Browser, start_ui: Callable[..., Ui], manager: JobManager
) -> None:
    port = manager.port
    manager.close()
    ui = start_ui("--ask", "flink", "--at", f"127.0.0.1:{port}")
    with browser.tab(f"http://127.0.0.1:{ui.port}") as page:
        page.open()
        page.sees("#problems", f"The initializer tells nothing of the messages of its workers at 127.0.0.1:{port}")
        page.sees("#problems", "Connection refused.")
        with closing(JobManager(rounds()[0].answers, port)):
            page.hides("#problems")
        assert page.complaints() == []
