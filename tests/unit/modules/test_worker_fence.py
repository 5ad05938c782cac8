# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``worker_fence``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import ownership

from tests.module_runner import refuse, succeed


def wanted(server: Path, **options: Any) -> dict[str, Any]:
    return {"base": str(server), "server": "server1", "worker": 2, "moved_to": "server4", "epoch": 2, **options}


def test_a_server_is_fenced_once(server: Path) -> None:
    assert succeed("worker_fence", wanted(server), check=True)["changed"] is True
    assert not server.exists()
    fenced = succeed("worker_fence", wanted(server))
    assert (fenced["changed"], fenced["worker"], fenced["epoch"]) == (True, "worker2", 2)
    assert fenced["diff"]["after"] == {"state": "moved", "moved_to": "server4", "epoch": 2}
    known = ownership.read(str(server), "worker2")
    assert known is not None
    assert (known.state, known.moved_to, known.epoch) == ("moved", "server4", 2)
    assert succeed("worker_fence", wanted(server))["changed"] is False
    assert "knows a later epoch of worker2 (2) than 1" in refuse("worker_fence", wanted(server, epoch=1))


def test_a_worker_that_runs_is_not_fenced(server: Path, start_process: Callable[..., ProcessRecord]) -> None:
    pid = start_process(server).identity.pid
    assert refuse("worker_fence", wanted(server)) == f"worker2 still runs on server1 (pid {pid}); kill it first."
    assert ownership.read(str(server), "worker2") is None


def test_a_damaged_record_of_the_owner_is_named(server: Path) -> None:
    path = ownership.path_of(str(server), "worker2")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{")
    assert str(path) in refuse("worker_fence", wanted(server))
