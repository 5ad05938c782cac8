# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A verdict in spite of what is missing, and what is only told."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

from tests.integration.conftest import LIMIT, Loopback
from tests.strangers_check import agrees


def test_a_cluster_is_verified_while_a_server_is_gone_or_the_verifier_fails(cluster: Loopback) -> None:
    assert "verdict: pass" in cluster.play("verify", "", *cluster.without("server4")).output
    (passed,) = cluster.results()
    assert (passed["verdict"], passed["received"]) == ("pass", 2200)
    assert passed["collection_version"]
    assert "pass (all came)" in agrees(cluster.runs / "latest")

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

    # Whoever opens a named pipe waits for somebody who writes to it: a verifier that does not answer.
    received.rmdir()
    os.mkfifo(received)
    ended = cluster.play("verify", "wallaroo_verification_timeout=2", succeed=False)
    assert "verdict: unknown" in ended.output
    *_others, unknown = cluster.results()
    assert unknown["reason"].startswith("The verifier did not answer within 2 s")
    assert "nothing is here of what came out" in agrees(cluster.runs / "latest")
    assert cluster.alive() == before["alive"]

    # What came out lies on server 1 alone, and so does the lock: nothing is checked, which is a verdict too.
    ended = cluster.play("verify", "last=200", *cluster.without("server1"), succeed=False)
    assert "verdict: unknown" in ended.output
    assert "goes on without the lock of the servers" in ended.message
    *_others, unknown = cluster.results()
    assert unknown["reason"].startswith("server1 did not answer, and what came out and what was sent is known there")
    assert (unknown["verdict"], unknown["received"], unknown["expected"]) == ("unknown", 0, 2200)
    assert "None of the 2,200 messages was checked" in ended.message
    assert "nothing is here of what came out" in agrees(cluster.runs / "latest")
    assert cluster.alive() == before["alive"]
    # What changes something needs the lock.
    ended = cluster.play("kill_worker", "worker=2", *cluster.without("server1"), succeed=False)
    assert "It keeps the lock of the servers, so nothing was begun." in ended.message
    assert "was not given back" not in ended.message
    assert cluster.alive() == before["alive"]


def test_a_worker_that_is_stopped_by_a_signal_is_the_cause(cluster: Loopback, tmp_path: Path) -> None:
    """It is in no log and in no record; all that waits for it sees but a consequence."""
    known = record.read(str(cluster.base(2)), "worker2")
    assert known is not None
    pid = known.identity.pid
    paused = f"worker2 (pid {pid} on server2) is stopped by a signal; kill -CONT {pid} there lets it go on."
    with (tmp_path / "output").open("w+") as output:
        sending = cluster.start("start_sender", "last=230 batch=1 interval=0.1 wallaroo_receive_timeout=1", output)
        wait_until(lambda: "sender" in cluster.alive(), LIMIT, "the sender")
        os.kill(pid, signal.SIGSTOP)
        try:
            assert sending.wait(LIMIT) != 0
            output.seek(0)
            said = " ".join(output.read().split())
            assert f"{paused} Not everything was received within 1 s" in said

            assert f"PROBLEM: {paused}" in cluster.play("status").message
            # As long as it is, nothing is begun that would wait for it.
            before = cluster.snapshot()
            assert paused in cluster.play("migrate", "worker=2 src=2 dst=4", succeed=False).message
            assert cluster.snapshot() == before
        finally:
            os.kill(pid, signal.SIGCONT)
    assert "verdict: pass" in cluster.play("verify").output


def test_a_run_is_told_where_no_cluster_is(loopback: Loopback) -> None:
    told = loopback.play("verify_migration", "workers=3", "--check")
    assert "Would stop" not in told.message.partition("Would start 3 workers")[0]
    assert "move it from server2 to server4" in told.message
    assert (told.changed, loopback.alive(), loopback.results()) == (0, {}, [])
