# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real cluster does not survive, this one does not survive either (wallaroo.md, K, Traps, "Observed").

A stand-in that loses nothing would let runbooks pass that fail on real machines.
"""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path
from typing import Optional

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import event_log

from tests.worker_runner import KEYS, RESUMED, Cluster, crash_and_restart, failed_start, fed, wait_for

PATIENCE = 1.5
"""Seconds of looking that something does not happen; a recovery takes 0.1 to 0.3."""

LOCAL = ["key_2", "key_3", "key_5", "key_7", "key_8"]
REMOTE = [key for key in KEYS if key not in LOCAL]
"""In a cluster of two: keys of the initializer and of worker2 (wallaroo.md, B.6)."""


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


def test_files_that_lack_a_checkpoint_the_cluster_has_committed_since_cannot_come_back(
    cluster: Cluster, tmp_path: Path
) -> None:
    receiver = fed(cluster, 2, last=10)
    cluster["worker2"].kill()
    files = cluster.files("worker2").directory
    old, newest = tmp_path / "old", tmp_path / "newest"
    shutil.copytree(files, old)
    cluster.start("worker2").wait_for(RESUMED)
    cluster.wait_for_checkpoints()
    cluster["worker2"].kill()
    files.rename(newest)
    shutil.copytree(old, files)
    log = failed_start(cluster, "worker2")
    committed = cluster.last_checkpoint()
    assert f"RESILIENCE: Rolling back to checkpoint {committed} from recovery log file failed: not found" in log
    assert "This should never happen: failure in backend.pony" in log
    assert "start worker2 from its newest files." in log
    shutil.rmtree(files)
    newest.rename(files)
    cluster.start("worker2").wait_for(RESUMED)
    cluster.send(11, 20)
    receiver.assert_exactly_once(20)


def test_a_checkpoint_that_is_committed_while_a_worker_is_dead_ends_its_first_start(cluster: Cluster) -> None:
    receiver = fed(cluster, 3, last=10)
    wait_for("a checkpoint that waits for worker3 alone", lambda: _waits_for_states(cluster, "worker3"), 60)
    cluster["worker2"].kill()
    cluster["initializer"].wait_for("ControlSenderConnectNotifier (to worker2): server closed")
    before = _ends_with(cluster, "initializer")
    cluster["worker3"].popen.send_signal(signal.SIGCONT)
    wait_for("the id to be written", lambda: _ends_with(cluster, "initializer") != before)
    log = failed_start(cluster, "worker2")
    assert "Invalid call on event log phase _RecoveringEventLogPhase" in log
    assert "This should never happen: failure in event_log_phase.pony" in log
    cluster.start("worker2").wait_for(RESUMED)
    cluster.wait_for_checkpoints()
    cluster.send(11, 20)
    receiver.assert_exactly_once(20)


def _waits_for_states(cluster: Cluster, name: str) -> bool:
    """Stop a worker, and look whether the others write their states for a checkpoint and then no id for a while.

    It may have been stopped when it had already given its own states; then it is let go again.
    """
    cluster[name].popen.send_signal(signal.SIGSTOP)
    begin = seen = time.monotonic()
    while time.monotonic() < begin + 20 * cluster.interval:
        ends = [_ends_with(cluster, other) for other in ("initializer", "worker2")]
        if not all(isinstance(record, event_log.StepState) for record in ends):
            seen = time.monotonic()
        elif time.monotonic() > seen + 5 * cluster.interval:
            return True
        time.sleep(0.01)
    cluster[name].popen.send_signal(signal.SIGCONT)
    return False


def _ends_with(cluster: Cluster, name: str) -> Optional[event_log.Record]:
    """The last record of a worker's event log; None while one is being written."""
    try:
        return list(event_log.iterate(cluster.files(name).path("evlog")))[-1][1]
    except event_log.TornEventLog:
        return None
