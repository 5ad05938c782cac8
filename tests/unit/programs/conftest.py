# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs and sources that are gone after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.program_runner import Programs, Source


@pytest.fixture
def programs() -> Iterator[Programs]:
    """Programs that are gone after the test."""
    started = Programs()
    yield started
    started.end()


@pytest.fixture(params=[10])
def source(request: pytest.FixtureRequest) -> Iterator[Source]:
    """A source with ten places, unless a test asks for another number."""
    made = Source(request.param)
    yield made
    made.close()
