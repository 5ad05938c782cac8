# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the metrics UI goes away, the page says so, and goes on by itself when it is back."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable

from tests.browser.browser import Page
from tests.browser.conftest import Join
from tests.browser.feeding import feed
from tests.browser.test_navigation import DETAILS, OVERVIEW
from tests.metrics_ui_runner import Ui, events

LOST = "Connection lost, trying again"


def live(page: Page) -> None:
    page.until(lambda: not page.text("#status"), "nothing is lost")
    page.sees("#clock", "Live, ")
    page.until(lambda: page.script("return !document.getElementById('page').dataset.stale"), "it is not stale")


def test_it_goes_on_after_a_kill_and_a_new_start_on_the_same_ports(
    page: Page, ui: Ui, join: Join, start_ui: Callable[..., Ui]
) -> None:
    page.expect("ERR_CONNECTION_REFUSED")
    page.expect("ERR_INCOMPLETE_CHUNKED_ENCODING")
    page.expect("ERR_CONNECTION_RESET")
    feed(join("worker2"))
    page.open(OVERVIEW)
    page.until_table("workers-table", ["worker2"])
    live(page)
    page.remember()
    ui.process.kill()
    ui.process.wait()
    page.sees("#status", LOST)
    assert page.texts("#clock") == []
    # What was shown last can still be read, and that it is old can be seen.
    assert page.table("workers-table")["worker2"]["max"][0] == "1,000"
    assert page.script("return document.getElementById('page').dataset.stale") == "true"
    start_ui("--listen", f"127.0.0.1:{ui.port}", "--metrics", f"127.0.0.1:{ui.metrics}")
    live(page)
    page.sees("#unknown", "Nothing has come of this application")
    feed(join("worker3"))
    page.until_table("workers-table", ["worker3"])
    assert page.is_same()


def test_it_notices_that_nothing_comes_any_more_from_the_metrics_ui_or_from_a_worker(
    page: Page, ui: Ui, join: Join
) -> None:
    feed(join("worker2"))
    page.open(DETAILS["worker"][1])
    page.sees("#stat-throughput", "1,000")
    page.sees("#worker-state", "sending")
    page.remember()
    os.kill(ui.process.pid, signal.SIGSTOP)
    try:
        page.sees("#status", LOST)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(ui.process.pid, signal.SIGCONT)
    live(page)
    page.sees("#stat-throughput", "1,000")
    page.sees("#worker-state", "idle since ")
    assert page.is_same()


def test_a_page_too_many_says_what_the_server_answered_and_comes_in_when_there_is_room(
    start_ui: Callable[..., Ui], page: Page
) -> None:
    few = start_ui("--browsers", 4)
    streams = [events(few.port, view="applications") for _ in range(4)]
    for stream in streams:
        next(stream)
    page.origin = f"http://127.0.0.1:{few.port}"
    page.expect("503")
    page.open()
    page.sees("#refusal", "The server answered: 4 pages are open already; close some, or raise --browsers")
    streams[0].close()  # type: ignore[attr-defined]
    page.sees("#empty", "Nothing has come yet")
    page.hides("#refusal")
