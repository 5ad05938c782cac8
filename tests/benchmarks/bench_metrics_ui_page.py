# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes until a person sees a period: 50 workers with 100 series each, and the page in a real Chromium.

Run: ``make bench``, or ``PYTHONPATH=.collections python3 tests/benchmarks/bench_metrics_ui_page.py [seconds]``

From the last byte of a period's metrics until its number stands in the page of a pipeline, the one that is made of most
series. Sender, metrics UI and
browser share the machine. Without the packages chromium and chromium-driver it says so and measures nothing; exits
with 1 when the target is missed.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))


from tests.benchmarks.bench_metrics_ui import (  # noqa: E402  # found through the line above
    APPLICATION,
    COUNT,
    DELAY_TARGET,
    PERIOD,
    PIPELINES,
    WORKERS,
    Targets,
    send_live,
)
from tests.browser.browser import Browser  # noqa: E402
from tests.metrics_ui_runner import Ui  # noqa: E402
from tests.program_runner import Programs  # noqa: E402

WATCH = """
window.seen = [];
const count = document.querySelector("#stat-latency [data-stat=count]");
// After the frame in which it is drawn.
const now = () => window.seen.push([Date.now() / 1000, Number(count.dataset.value)]);
const note = () => requestAnimationFrame(() => setTimeout(now));
new MutationObserver(note).observe(count, { subtree: true, characterData: true, attributes: true });
note();
"""
"""Notes how many messages a pipeline has had, and when that stood there."""


def measure(chromium: str, chromedriver: str, periods: int) -> list[float]:
    """Seconds from the arrival of each period until it stands in the page."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        programs = Programs()
        stack.callback(programs.end)
        ui = Ui(programs, directory)
        (directory / "browser").mkdir()
        browser = Browser(chromium, chromedriver, directory / "browser")
        stack.callback(browser.end)
        page = stack.enter_context(browser.tab(f"http://127.0.0.1:{ui.port}"))
        page.open(f"#/{quote(APPLICATION)}/pipeline/{PIPELINES[0]}")
        here, there = multiprocessing.Pipe()
        sending = multiprocessing.get_context("spawn").Process(target=send_live, args=(ui.metrics, periods, there))
        sending.start()
        arrivals = []
        for number in range(periods):
            # The sender tells the time since this machine started, the page the time of day.
            arrivals.append(here.recv() - time.monotonic() + time.time())
            if number == 0:
                page.until(lambda: page.texts("#stat-latency"), "the pipeline is shown")
                page.script(WATCH)
        sending.join()
        seen = page.script("return window.seen")
    delays = []
    # The first period makes the page; from the second on only numbers change.
    for number, arrival in list(enumerate(arrivals, 1))[1:]:
        wanted = number * WORKERS * COUNT
        delays.append(next((when - arrival for when, count in seen if count >= wanted), float("inf")))
    return delays


def main() -> int:
    """Measure and print."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in programs:
        print("not measured: install the packages chromium and chromium-driver")
        return 0
    targets = Targets()
    print(f"load of the machine beforehand: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    delays = measure(str(programs[0]), str(programs[1]), seconds // PERIOD)
    targets.show("until a period stands in the page, median", statistics.median(delays), "s")
    targets.show("until a period stands in the page, longest", max(delays), "s", DELAY_TARGET)
    for what in targets.missed:
        print(f"missed: {what}")
    return 1 if targets.missed else 0


if __name__ == "__main__":
    sys.exit(main())
