# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of the engine that ``ENGINE`` names: ours, unless a real Wallaroo tree is at hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import Engine, chosen
from tests.worker_runner import Cluster


def pytest_configure(config: pytest.Config) -> None:
    """Say in one sentence what is missing, before anything is started."""
    problem = chosen(os.environ).problem()
    if problem:
        raise pytest.UsageError(problem)


@pytest.fixture(scope="session")
def engine() -> Engine:
    return chosen(os.environ)


@pytest.fixture
def cluster(tmp_path: Path, engine: Engine) -> Iterator[Cluster]:
    """Ports and directories for the detector; whatever is started in it has ended after the test."""
    found = Cluster(tmp_path, engine=engine)
    try:
        yield found
    finally:
        found.close()
