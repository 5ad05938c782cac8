# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that interrupt what the collection does at moments of chance; one that takes ``seed`` runs once for each seed.

``make test`` tries a few seeds, always the same; ``make soak-trust`` tries many (``TRIES=100``).
"""

from __future__ import annotations

import os

import pytest

TRIES = int(os.environ.get("TRUST_TRIES", "2"))
"""How many seeds each test gets."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(1, TRIES + 1))
