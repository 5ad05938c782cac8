# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The purpose of it all: one sees worker 2 die on one server and come back on another.

A real cluster of two workers under load on this machine, the playbooks that crash and move its worker, and the metrics
UI as start_cluster starts it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.browser import Browser, Page
from tests.browser.charts import rates
from tests.integration.conftest import Loopback, loopback  # noqa: F401  # a fixture

APPLICATION = "Market Spread App"
LONG = 60.0
"""Seconds, on a machine that runs the cluster, the playbooks and the browser."""


@pytest.fixture
def running(loopback: Loopback) -> Loopback:  # noqa: F811  # is the fixture
    """Market-spread on two workers with orders that come for minutes: a crash of it loses some, and it goes on."""
    loopback.metrics_ui = "true"
    loopback.bring_programs()
    loopback.play("start_cluster", "workers=2 app=market_spread checkpoint_interval=0.2")
    return loopback


@pytest.fixture
def watched(browser: Browser, running: Loopback) -> Iterator[Page]:
    with browser.tab(f"http://127.0.0.1:{running.ports['metrics_ui']}") as tab:
        yield tab
        assert tab.complaints() == []


def row(page: Page) -> dict[str, tuple[str, str]]:
    return page.table("workers-table").get("worker2") or {}


def rate(page: Page) -> float:
    return float((row(page).get("now") or ("", "0"))[1] or 0)


def until_row(page: Page, state: str, server: str, what: str) -> None:
    def seen() -> bool:
        found = row(page)
        return state in found["state"][0].lower() and found["server"][0] == server

    page.until(seen, f"{what}: {state} on {server}", LONG)


def kinds(page: Page) -> list[str]:
    return page.texts("#marks .mark-kind")


def test_one_sees_worker_2_die_on_one_server_and_come_back_on_another(
    running: Loopback, watched: Page, pictures: Path
) -> None:
    page = watched
    page.open()
    page.remember()
    running.play("start_sender", "orders=400000 quotes=100 batch=50 interval=0.05 wait=false")
    page.sees("h1", APPLICATION)
    page.until(lambda: rate(page) > 0, "orders flow through worker2", LONG)
    until_row(page, "sending", "server2", "before the crash")

    running.play("kill_worker", "worker=2 server=2")
    until_row(page, "gone", "server2", "after the crash")
    page.until(lambda: rate(page) == 0, "its throughput falls to zero", LONG)
    assert kinds(page) == ["Crash"]

    running.play("copy_resilience", "worker=2 src=2 dst=4")
    page.until(lambda: kinds(page) == ["Crash", "Copy"], "the copy is marked", LONG)
    running.play("restart_worker", "worker=2 server=4")
    until_row(page, "sending", "server4", "after the restart")
    page.until(lambda: rate(page) > 0, "orders flow through it again", LONG)
    assert kinds(page) == ["Crash", "Copy", "Start", "Resumed"]
    assert page.texts("#marks .mark-text")[0] == "worker2 on server2"
    assert page.texts("#marks .mark-text")[3] == "worker2 on server4"

    running.play("migrate", "worker=2 src=4 dst=3")
    until_row(page, "sending", "server3", "after the migration")
    page.until(lambda: len(kinds(page)) == 8, "the migration is marked", LONG)
    page.until(lambda: rate(page) > 0, "orders flow through it on server 3", LONG)

    before, dead, after = page.until(
        lambda: _phases([round(rate) for rate in rates(page, "worker2")]), "the line shows all of it", LONG
    )
    assert before > 0
    assert dead > 1, "several slots of two seconds"
    assert after > 0
    assert page.is_same(), "without a reload"
    (pictures / "migration.png").write_bytes(page.picture())


def _phases(values: list[float]) -> tuple[int, int, int] | None:
    """How many slots with orders there are before the longest time without, in it, and after it."""
    busy = [index for index, value in enumerate(values) if value]
    gaps = [(right - left - 1, left, right) for left, right in zip(busy, busy[1:])]
    if not gaps:
        return None
    longest, left, right = max(gaps)
    return sum(index <= left for index in busy), longest, sum(index >= right for index in busy)
