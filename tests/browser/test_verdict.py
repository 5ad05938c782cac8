# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker that is busy may have lost messages: the page says what the last run has found."""

from __future__ import annotations

import time
from typing import Any

from tests.browser.browser import Page
from tests.browser.conftest import Join
from tests.browser.feeding import feed
from tests.browser.test_accessibility import FAILED
from tests.browser.test_marks import post
from tests.browser.test_navigation import ALL, DETAILS, OVERVIEW
from tests.metrics_ui_runner import Ui

PASSED = {"verdict": "pass", "run": "verify", "received": 22_000, "expected": 22_000, "violations": 0}
COLOUR = "return getComputedStyle(document.querySelector(arguments[0])).color"


def say(ui: Ui, verdict: dict[str, Any]) -> None:
    assert ui.post(verdict, None, "verdict")[0] == 201


def test_before_a_run_nothing_is_said_to_be_well(page: Page, join: Join) -> None:
    feed(join("worker2"))
    for place in (ALL, OVERVIEW, DETAILS["worker"][1]):
        page.open(place)
        page.sees("#verdict", "Not verified yet")
        assert "does not show that nothing was lost" in page.text("#verdict")


def test_who_was_crashed_in_a_run_that_failed_does_not_look_healthy(page: Page, ui: Ui, join: Join) -> None:
    for worker in ("worker2", "worker4"):
        feed(join(worker))
    page.open(OVERVIEW)
    page.until_table("workers-table", ["worker2", "worker4"])
    page.remember()
    say(ui, FAILED)
    page.sees("#verdict h2", "Verdict: fail")
    assert page.texts("#verdict p")[:2] == ["21,990 of 22,000 messages came out, 3 violations", FAILED["reason"]]
    assert page.texts("#verdict p")[2].startswith("demo, ")
    page.until(lambda: "Verdict: fail. key 3: " in page.script("return announcer.textContent"), "it is said aloud")
    states = {name: row["state"][0] for name, row in page.table("workers-table").items()}
    assert states == {"worker2": "sending, verdict fail", "worker4": "sending"}
    bad, good = (page.script(COLOUR, f"#workers-table [data-name='{name}'] .state") for name in ("worker2", "worker4"))
    assert bad == page.script(COLOUR, "#verdict h2") != good
    page.follow("worker2")
    page.sees("#worker-state", "sending, verdict fail")
    assert page.text("#verdict h2") == "Verdict: fail"
    # Another run that verifies all of it takes its place.
    say(ui, PASSED)
    page.sees("#verdict h2", "Verdict: pass")
    page.until(lambda: page.text("#worker-state") == "sending", "nothing is said against it")
    assert page.texts("#verdict p")[0] == "22,000 of 22,000 messages came out"
    assert page.is_same()


def test_a_crash_after_it_is_said_since_nothing_has_verified_what_came_out_then(page: Page, ui: Ui, join: Join) -> None:
    feed(join("worker2"))
    say(ui, PASSED)
    page.open(OVERVIEW)
    page.sees("#verdict h2", "Verdict: pass")
    well = page.script(COLOUR, "#verdict h2")
    assert "Since then" not in page.text("#verdict")
    post(ui, "crash", time.time() + 0.5)
    post(ui, "crash", time.time() + 1, worker="worker3")
    page.sees("#verdict", "Since then worker2 and worker3 have crashed, and nothing was verified.")
    assert page.script(COLOUR, "#verdict h2") != well, "it is not green any more"


def test_what_could_not_be_checked_is_unknown(page: Page, ui: Ui, join: Join) -> None:
    feed(join("worker2"))
    say(ui, {"verdict": "unknown", "run": "verify", "reason": "server1 does not answer.", "workers": ["worker2"]})
    page.open(OVERVIEW)
    page.sees("#verdict h2", "Verdict: unknown")
    assert page.texts("#verdict p")[0] == "server1 does not answer."
    assert page.table("workers-table")["worker2"]["state"][0] == "sending, verdict unknown"
