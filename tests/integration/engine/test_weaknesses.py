# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real cluster does not survive, this one does not survive either (reference K, Traps, "Observed").

A stand-in that loses nothing would let runbooks pass that fail on real machines.
"""

from __future__ import annotations

import time

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import expected_window

from tests.worker_runner import KEYS, RESUMED, Cluster, wait_for

from .test_recovery import crash_and_restart, fed

PATIENCE = 1.5
"""Seconds of looking that something does not happen; a recovery takes 0.1 to 0.3."""

LOCAL = ["key_2", "key_3", "key_5", "key_7", "key_8"]
REMOTE = [key for key in KEYS if key not in LOCAL]
"""In a cluster of two: keys of the initializer and of worker2 (reference B.6)."""


def test_a_kill_while_messages_flow_loses_data_and_the_initializer_aborts(cluster: Cluster) -> None:
    cluster.interval = 1.0
    cluster.receiver()
    cluster.start_all(2)
    senders = [cluster.sender([key], batch=5, pause=0.005) for key in KEYS[:10]]
    wait_for("a checkpoint", lambda: cluster.last_checkpoint() >= 1)
    time.sleep(0.2)
    cluster["worker2"].kill()
    time.sleep(0.1)
    cluster.start("worker2").wait_for("Recovery COMPLETE")
    initializer = cluster["initializer"]
    assert initializer.exit_code() == 1
    log = initializer.log()
    assert "Increments test failed" in log
    assert "This should never happen: failure in " in log
    assert cluster.files("initializer").state() == "complete"
    for sender in senders:
        sender.abandon()


def test_what_is_sent_again_from_the_last_checkpoint_on_repairs_the_loss(cluster: Cluster) -> None:
    cluster.interval = 30.0
    receiver = cluster.receiver()
    cluster.start_all(2)
    cluster.send(1, 50)
    receiver.wait_until_all_have(50)
    wait_for("the first checkpoint", lambda: cluster.last_checkpoint() == 1)
    cluster.send(51, 80)
    receiver.wait_until_all_have(80)
    crash_and_restart(cluster, "worker2")
    cluster["initializer"].wait_for(RESUMED)
    cluster.send(51, 120)
    receiver.wait_until_all_have(120)
    for key in KEYS:
        values = [*range(1, 81), *range(51, 121)]
        assert receiver.windows(key) == [expected_window(value) for value in values], "output is never taken back"


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


def test_keys_of_survivors_go_on_while_a_worker_is_dead(cluster: Cluster) -> None:
    receiver = fed(cluster, 2, last=10)
    cluster["worker2"].kill()
    cluster["initializer"].wait_for("BoundaryNotify: closed")
    cluster.send(11, 60, LOCAL)
    receiver.wait_until_all_have(60, LOCAL)
    stalled = cluster.last_checkpoint()
    time.sleep(3 * cluster.interval)
    assert cluster.last_checkpoint() == stalled, "a dead worker stalls checkpoints"


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


def test_ports_that_the_address_files_do_not_say_hang_in_reconnect(cluster: Cluster) -> None:
    fed(cluster, 2, last=10)
    cluster["worker2"].kill()
    cluster.ports["worker2"] = (cluster.port(), cluster.port())
    worker = cluster.start("worker2")
    worker.wait_for("Reconnect Phase 1")
    worker.never_says(RESUMED, PATIENCE)
    assert worker.phases()[-2:] == [
        "|~~ - Recovery Phase: Reconnect - ~~|",
        "|~~ -- Reconnect Phase 1: Wait for Boundary Counts -- ~~|",
    ]


def test_another_host_address_on_the_same_machine_hangs(cluster: Cluster) -> None:
    fed(cluster, 2, last=10)
    cluster["worker2"].kill()
    for suffix, port in zip(("tcp-control", "tcp-data"), cluster.ports["worker2"]):
        cluster.files("worker2").path(suffix).write_text(f"127.0.0.2\n{port}\n")
    worker = cluster.start("worker2", host="127.0.0.2")
    worker.wait_for("worker2 control: listening on 127.0.0.2:")
    worker.wait_for("Reconnect Phase 1")
    worker.never_says(RESUMED, PATIENCE)
    assert "Reconnect" in worker.phases()[-1]


def test_a_cluster_whose_worker_listens_on_another_loopback_address_never_forms(cluster: Cluster) -> None:
    cluster.receiver()
    initializer = cluster.start("initializer", 2)
    initializer.wait_for("initializer control: listening on")
    cluster.start("worker2", host="127.0.0.2")
    initializer.wait_for("ControlSenderConnectNotifier (to worker2): connection failed!")
    initializer.never_says("All worker data channels identified", 0.5)


def test_one_missing_file_ends_the_restart_with_a_list(cluster: Cluster) -> None:
    fed(cluster, 2, last=10)
    cluster["worker2"].kill()
    files = cluster.files("worker2")
    for suffix in ("local-keys", "tcp-data"):
        files.path(suffix).unlink()
    worker = cluster.start("worker2")
    assert worker.exit_code() == 1
    lines = worker.log().splitlines()
    assert "Some resilience/recovery files are missing! Cannot continue!" in lines
    assert str(files.path("local-keys")) in lines
    assert str(files.path("tcp-data")) in lines
    assert str(files.path("evlog")) not in lines


def test_the_initializer_alone_never_comes_back(cluster: Cluster) -> None:
    fed(cluster, 2, last=10)
    cluster["initializer"].kill()
    initializer = cluster.start("initializer", 2)
    initializer.wait_for("|~~ - Recovery Phase: Rollback Barrier - ~~|")
    initializer.never_says(RESUMED, PATIENCE)
    assert initializer.phases()[-1] == "|~~ - Recovery Phase: Rollback Barrier - ~~|"
    # Killing the others too repairs it.
    crash_and_restart(cluster, "worker2")
    initializer.wait_for(RESUMED)


def test_an_initializer_without_addresses_of_its_own_is_not_found_any_more(cluster: Cluster) -> None:
    cluster.receiver()
    cluster.start_all(2, own=False)
    cluster.wait_for_checkpoints()
    cluster["initializer"].kill()
    initializer = cluster.start("initializer", 2, own=False)
    initializer.wait_for("Reconnect Phase 1")
    cluster["worker2"].wait_for("ControlSenderConnectNotifier (to initializer): connection failed!")
    initializer.never_says(RESUMED, PATIENCE)
    assert "Reconnect Phase 1" in initializer.phases()[-1]


def test_a_crash_before_the_first_checkpoint_ends_the_initializer(cluster: Cluster) -> None:
    cluster.receiver()
    cluster.start_all(2)
    cluster["worker2"].kill()
    cluster.start("worker2")
    initializer = cluster["initializer"]
    assert initializer.exit_code() == 1
    assert "No checkpoints were taken!" in initializer.log()


def test_addresses_that_the_others_wrote_down_grow_stale(cluster: Cluster) -> None:
    receiver = fed(cluster, 3, last=20)
    cluster["worker2"].kill()
    old = cluster.ports["worker2"]
    cluster.ports["worker2"] = (cluster.port(), cluster.port())
    cluster.write_addresses("worker2")
    cluster.start("worker2").wait_for(RESUMED)
    cluster.wait_for_checkpoints()
    cluster["worker3"].kill()
    worker = cluster.start("worker3")
    worker.wait_for("Reconnect Phase 1")
    worker.never_says(RESUMED, PATIENCE)
    assert "Reconnect Phase 1" in worker.phases()[-1]
    worker.kill()
    # The runbook's repair: the new address in place of the old one, as text.
    path = cluster.files("worker3").path("connection-addresses")
    text = path.read_text()
    for before, after in zip(old, cluster.ports["worker2"]):
        assert str(before) in text
        text = text.replace(str(before), str(after))
    path.write_text(text)
    cluster.start("worker3").wait_for(RESUMED)
    cluster.send(21, 40)
    receiver.assert_exactly_once(40)


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
