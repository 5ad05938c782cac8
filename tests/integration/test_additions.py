# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/extending.md adds works: a verified migration of all of it, and a fault that the next step heals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import living
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_stopped

from tests.additions import APPLICATION, ENGINE, FAULT, FAULT_STEP, OPTION, OPTION_OF_RUNS, VERSION, collection
from tests.port_block import PortBlock

from .conftest import Loopback

HOLD = 1.5
"""Seconds for which the option keeps a worker down."""


@pytest.fixture
def added(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    samples = (VERSION, APPLICATION, ENGINE, OPTION, OPTION_OF_RUNS, FAULT, FAULT_STEP)
    tree = collection(repository, tmp_path, *samples)
    monkeypatch.setenv("PYTHONPATH", str(tree / ".collections"))
    block = PortBlock()
    loopback = Loopback(tree, tmp_path, block)
    try:
        yield loopback
    finally:
        loopback.play("stop_cluster", succeed=None)
        block.close()


def test_a_migration_of_all_of_it_is_verified(added: Loopback) -> None:
    what = "app=windows engine=second wallaroo_version=0.9.9"
    run = added.play("verify_migration", f"{what} values=200 hold={HOLD}")
    assert "2 workers of windows on the second engine" in run.message
    (result,) = added.results()
    assert result["verdict"] == "pass"
    assert (result["app"], result["engine"]) == ("windows", "second")
    (moved,) = result["migrations"]
    assert moved["downtime_seconds"] > HOLD
    refused = added.play("verify_migration", f"{what} via=journal", succeed=False)
    assert "The engine second keeps no journals" in refused.message


def test_a_fault_lasts_until_the_next_step_heals_it(added: Loopback) -> None:
    added.play("start_cluster")
    added.play("pause_worker", "worker=2")
    (base,) = [added.base(server) for server in range(1, 5) if (added.base(server) / "faults").is_dir()]
    worker = living.known(str(base), "worker2")
    assert worker is not None
    assert is_stopped(worker.identity)
    assert [path.name for path in (base / "faults").iterdir()] == ["pause-worker2.json"]
    added.play("start_sender", "last=100")
    assert not is_stopped(worker.identity)
    assert list((base / "faults").iterdir()) == []
