# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The four servers of this scenario, and playbooks that are run on them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "shared"))
from playing import Servers  # a folder of scripts, no package


@pytest.fixture(scope="session")
def _of_the_scenario(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the scenario itself has started is stopped once; each test stops what it starts."""
    Servers(tmp_path_factory.mktemp("scenario")).play("stop_cluster")


@pytest.fixture
def servers(tmp_path: Path, _of_the_scenario: None) -> Iterator[Servers]:
    """The servers, with nothing running on them before and after."""
    found = Servers(tmp_path)
    yield found
    found.play("stop_cluster")
