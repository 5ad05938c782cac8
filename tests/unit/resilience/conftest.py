# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's recorded resilience files, to copy from and to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import ResilienceSet

DETECTOR = "multi_partition_detector"
MakeSet = Callable[..., ResilienceSet]


@pytest.fixture
def make_set(tmp_path: Path, fixtures: Path) -> MakeSet:
    """Makes a directory with the recorded files of worker2, under this or another worker's name."""

    def make(directory: str, worker: str = "worker2", moment: str = "resilience-end") -> ResilienceSet:
        recorded = resilience_set(fixtures / "wallaroo-0.5.4" / DETECTOR / moment, DETECTOR, "worker2")
        made = resilience_set(tmp_path / directory, DETECTOR, worker)
        made.directory.mkdir(exist_ok=True)
        for suffix, path in recorded.present().items():
            shutil.copyfile(path, made.path(suffix))
        return made

    return make


@pytest.fixture
def source(make_set: MakeSet) -> ResilienceSet:
    """The files of worker2 on the server where it died."""
    return make_set("source")


@pytest.fixture
def target(tmp_path: Path) -> ResilienceSet:
    """Where worker2 is to go: a directory that does not exist yet."""
    return resilience_set(tmp_path / "target", DETECTOR, "worker2")
