# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that interrupt what the collection does at moments of chance; one that takes ``seed`` runs once for each seed.

``make test`` tries a few seeds, always the same; ``make soak-trust`` tries many (``TRIES=100``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.conftest import Loopback, start_directly
from tests.port_block import PortBlock

TRIES = int(os.environ.get("TRUST_TRIES", "2"))
"""How many seeds each test gets."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(1, TRIES + 1))


@pytest.fixture(scope="module")
def shared(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """A cluster of two workers that serves all seeds of a file: each leaves it as it found it."""
    with closing(PortBlock()) as block:
        loopback = Loopback(repository, tmp_path_factory.mktemp("shared"), block)
        try:
            start_directly(loopback)
            yield loopback
        finally:
            loopback.stop()
