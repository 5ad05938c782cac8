# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A metrics UI for each test, and a tab that looks at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.browser import Browser, Page
from tests.metrics_ui_runner import APPLICATION, Ui, WorkerClient
from tests.program_runner import Programs

Join = Callable[..., WorkerClient]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Skips with the reason where there is no Chromium, and fails instead when ``CI`` is set."""
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        reason = f"{' and '.join(missing)} not found: install the packages chromium and chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    started = Browser(str(programs["chromium"]), str(programs["chromedriver"]), tmp_path_factory.mktemp("browser"))
    yield started
    started.end()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures of the page are kept: ``SCREENSHOTS`` names another directory."""
    directory = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture
def start_ui(tmp_path: Path) -> Iterator[Callable[..., Ui]]:
    """Starts metrics UIs, with further arguments; all are ended."""
    programs = Programs()

    def start(*arguments: object) -> Ui:
        return Ui(programs, tmp_path, *arguments)

    yield start
    programs.end()


@pytest.fixture
def ui(start_ui: Callable[..., Ui]) -> Ui:
    return start_ui()


@pytest.fixture
def join(ui: Ui) -> Iterator[Join]:
    """Connects workers, which stay until the test ends, or closes them."""
    workers: list[WorkerClient] = []

    def connect(name: str, application: str = APPLICATION) -> WorkerClient:
        workers.append(ui.worker(name, application))
        return workers[-1]

    yield connect
    for worker in workers:
        worker.close()


@pytest.fixture
def page(browser: Browser, ui: Ui) -> Iterator[Page]:
    """A tab. In no test may the browser complain, or the page ask anybody but the metrics UI for anything."""
    with browser.tab(f"http://127.0.0.1:{ui.port}") as tab:
        yield tab
        assert tab.complaints() == []
