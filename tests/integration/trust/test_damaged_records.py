# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of which some records are damaged: they are named, what does not need them works, and it can be stopped."""

from __future__ import annotations

from tests.damaged_records import damage
from tests.integration.conftest import Loopback


def test_damaged_records_are_named_and_everything_else_works(cluster: Loopback) -> None:
    process = damage(cluster.base(2) / "run" / "worker2" / "process.json", "nested deeply")
    record = damage(cluster.base(3) / "run" / "cluster.json", "no UTF-8")
    ownership = damage(cluster.base(4) / "run" / "worker2" / "ownership.json", "other JSON")

    shown = cluster.play("status").message
    for server, path in (("server2", process), ("server3", record), ("server4", ownership)):
        assert f"{server}: {path} cannot be read (" in shown
    assert cluster.alive()["worker2"] == "server2"

    before = cluster.snapshot()
    refused = cluster.play("migrate", "worker=2 src=2 dst=4", succeed=False).message
    assert f"server4: {ownership} cannot be read (" in refused
    assert cluster.snapshot() == before

    # The server that could make a second owner is mended; server 3 is not asked to do anything with its record.
    ownership.unlink()
    cluster.play("migrate", "worker=2 src=2 dst=4 settle=false")
    assert cluster.alive()["worker2"] == "server4"

    damage(cluster.base(4) / "run" / "worker2" / "process.json", "a directory")
    damage(cluster.base(1) / "run" / "receiver" / "process.json", "empty")
    cluster.play("kill_worker", "worker=2")
    assert "worker2" not in cluster.alive()
    # Its process is dead, which the kernel says, so it can be started although its record says nothing.
    cluster.play("restart_worker", "worker=2")
    assert cluster.alive()["worker2"] == "server4"
    damage(cluster.base(4) / "run" / "worker2" / "process.json", "a list")
    cluster.play("stop_cluster")
    assert cluster.alive() == {}
    assert not record.exists()
