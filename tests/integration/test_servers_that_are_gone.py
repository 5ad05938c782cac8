# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A verdict in spite of what is missing, and what is only told."""

from __future__ import annotations

from tests.integration.conftest import Loopback


def with_server4_gone(loopback: Loopback) -> tuple[str, ...]:
    """The options of a playbook that cannot reach server 4."""
    inventory = loopback.directory / "gone.yml"
    # Port 1 is nobody's.
    gone = "{ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}"
    inventory.write_text(f"servers: {{hosts: {{server4: {gone}}}}}\n")
    return ("-i", str(loopback.repository / "inventory" / "loopback" / "hosts.yml"), "-i", str(inventory))


def test_a_cluster_is_verified_while_a_server_is_gone_or_the_verifier_fails(cluster: Loopback) -> None:
    assert "verdict: pass" in cluster.play("verify", "", *with_server4_gone(cluster)).output
    (passed,) = cluster.results()
    assert (passed["verdict"], passed["received"]) == ("pass", 2200)
    assert passed["collection_version"]

    before = cluster.snapshot()
    told = cluster.play("demo", "values=10", "--check")
    assert "Would stop what runs: " in told.message
    assert "Would kill worker2, move it from server2 to server3, and send up to 20." in told.message
    assert (told.changed, cluster.snapshot()) == (0, before)

    received = cluster.base(1) / "received" / "received.bin"
    received.rename(received.with_name("kept"))
    received.mkdir()
    ended = cluster.play("verify", "wallaroo_receive_timeout=1 wallaroo_verify_timeout=0", succeed=False)
    assert "verdict: unknown" in ended.output
    *_others, unknown = cluster.results()
    assert unknown["verdict"] == "unknown"
    assert unknown["reason"]
    assert cluster.alive() == before["alive"]


def test_a_run_is_told_where_no_cluster_is(loopback: Loopback) -> None:
    told = loopback.play("verify_migration", "workers=3", "--check")
    assert "Would stop" not in told.message.partition("Would start 3 workers")[0]
    assert "move it from server2 to server4" in told.message
    assert (told.changed, loopback.alive(), loopback.results()) == (0, {}, [])
