# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real cluster does not survive, this one does not survive either (reference K, Traps, "Observed").

A stand-in that loses nothing would let runbooks pass that fail on real machines.
"""

from __future__ import annotations

import time

import pytest

from tests.worker_runner import KEYS, RESUMED, Cluster, crash_and_restart, fed, wait_for

PATIENCE = 1.5
"""Seconds of looking that something does not happen; a recovery takes 0.1 to 0.3."""

LOCAL = ["key_2", "key_3", "key_5", "key_7", "key_8"]
REMOTE = [key for key in KEYS if key not in LOCAL]
"""In a cluster of two: keys of the initializer and of worker2 (reference B.6)."""


def test_a_sender_stands_still_once_a_message_for_a_dead_worker_waits(cluster: Cluster) -> None:
    receiver = fed(cluster, 2, last=10)
    initializer = cluster["initializer"]
    cluster["worker2"].kill()
    initializer.wait_for("BoundaryNotify: closed")
    before = initializer.memory()
    remote = cluster.sender(REMOTE, batch=500, pause=0)
    wait_for("the kernel's buffers to be full", lambda: _stands_still(remote))
    assert initializer.popen.poll() is None
    assert initializer.memory() < before + (8 << 20)
    assert receiver.last(REMOTE[0]) == 10
    cluster.send(11, 20, LOCAL)
    receiver.wait_until_all_have(20, LOCAL)


def _stands_still(sender: object) -> bool:
    before = getattr(sender, "bytes")  # noqa: B009 - read twice on purpose
    time.sleep(0.3)
    return before > 0 and getattr(sender, "bytes") == before  # noqa: B009


def test_a_step_that_was_empty_at_the_checkpoint_keeps_what_a_survivor_put_there(cluster: Cluster) -> None:
    cluster.interval = 30.0
    receiver = cluster.receiver()
    cluster.start_all(2)
    cluster.send(1, 5, REMOTE)
    wait_for("the first checkpoint", lambda: cluster.last_checkpoint() == 1)
    cluster.send(1, 5, LOCAL)
    receiver.wait_until_all_have(5)
    crash_and_restart(cluster, "worker2")
    cluster["initializer"].wait_for(RESUMED)
    assert "RESILIENCE: Replayed 0 entries" in cluster["initializer"].log()
    cluster.send(6, 9, LOCAL)
    receiver.wait_until_all_have(9, LOCAL)


def test_a_receiver_that_does_not_read_stops_the_senders(cluster: Cluster) -> None:
    receiver = cluster.receiver(reads=False)
    cluster.start_all(2)
    sender = cluster.sender(batch=2000, pause=0)
    wait_for("the sender to be blocked", lambda: _stands_still(sender), 60)
    memory = [process.memory() for process in cluster.processes.values()]
    time.sleep(0.5)
    for process, before in zip(cluster.processes.values(), memory):
        assert process.memory() < before + (4 << 20), f"{process.name} grows while it waits"
        assert process.memory() < 120 << 20, process.name
    receiver.read_on()
    last = sender.stop()
    wait_for("the rest", lambda: min(receiver.last(key) for key in KEYS) >= last, 60)


@pytest.mark.parametrize("name", ["initializer", "worker2"])
def test_checkpoints_go_on_while_the_receiver_is_away(cluster: Cluster, name: str) -> None:
    receiver = fed(cluster, 2, last=10)
    receiver.close()
    cluster[name].wait_for(f"TCPSink connection closed\nRE-Connecting TCPSink to 127.0.0.1:{cluster.sink}")
    cluster.wait_for_checkpoints(3)
    crash_and_restart(cluster, "worker2")
    assert "INIT PHASE III" not in cluster["worker2"].log(), "which waits for the receiver"
