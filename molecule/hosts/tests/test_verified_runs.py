# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verified runs on four servers that reach one another by SSH."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("playbook", "arguments", "moves"),
    [
        ("verify_restart", "workers=2", 1),
        ("verify_migration", "workers=2 dst=3", 1),
        ("verify_migration", "workers=3 dst=4", 1),
        ("verify_migration", "workers=3 dst=4 via=journal", 1),
        ("demo", "workers=3 path=2,4,2", 2),
    ],
)
def test_no_message_is_lost_repeated_or_reordered(servers, playbook, arguments, moves):
    servers.play(playbook, f"values=300 {arguments}")
    result = servers.result()
    assert result["verdict"] == "pass"
    assert result["received"] == result["expected"] == (moves + 1) * 300 * 11
    assert len(result["migrations"]) == moves


def test_a_third_worker_can_be_restarted_after_another_has_moved(servers):
    servers.play("start_cluster", "workers=3")
    servers.play("start_sender", "last=300")
    servers.play("migrate", "worker=2 src=2 dst=4")
    servers.play("kill_worker", "worker=3")
    servers.play("restart_worker", "worker=3")
    servers.play("start_sender", "last=600")


def test_without_the_mended_addresses_it_would_hang(servers):
    """What is mended is needed: the same with the file as it was does not come back (reference, Trap 6)."""
    servers.play("start_cluster", "workers=3")
    servers.play("start_sender", "last=300")
    servers.play("migrate", "worker=2 src=2 dst=4")
    servers.play("kill_worker", "worker=3")
    directory = "/home/wallaroo/resilience/resilience/worker3"
    name = "multi_partition_detector-worker3.connection-addresses"
    assert servers.on(3, f"cmp {directory}/.before-{name} {directory}/{name} | wc -l") == "1"


def test_files_go_from_server_to_server(servers):
    """The controller does not see them: server 2 lets server 4 in, and nobody else asks for them."""
    servers.play("start_cluster", "workers=2")
    servers.play("start_sender", "last=300")
    servers.on(4, "iptables -A OUTPUT -p tcp -d 10.89.77.12 --dport 22 -j REJECT")
    try:
        refused = servers.play("migrate", "worker=2 src=2 dst=4", succeed=False)
    finally:
        servers.on(4, "iptables -F OUTPUT")
    assert "server2 (wallaroo@10.89.77.12) cannot be reached by SSH from here" in refused
    assert "Nothing was changed." in refused
    servers.play("migrate", "worker=2 src=2 dst=4")
    servers.play("copy_resilience", "worker=2 src=2 dst=4", succeed=False)
    servers.play("kill_worker", "worker=2")
    servers.play("copy_resilience", "worker=2 src=4 dst=3")
    servers.play("restart_worker", "worker=2 server=3")
    servers.play("start_sender", "last=600")
