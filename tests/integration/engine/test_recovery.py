# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crash and recovery: what a real cluster survives, this one survives (reference B.5, "Observed")."""

from __future__ import annotations

import random
import time

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import checkpoint_ids, event_log
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.checkpoint_ids import CheckpointId

from tests.worker_runner import KEYS, READY, RESUMED, Cluster, Receiver, wait_for


def fed(cluster: Cluster, workers: int, last: int = 200) -> Receiver:
    """A cluster that has processed values 1 to ``last``, all of them part of a committed checkpoint."""
    receiver = cluster.receiver()
    cluster.start_all(workers)
    cluster.send(1, last)
    receiver.wait_until_all_have(last)
    cluster.wait_for_checkpoints()
    return receiver


def crash_and_restart(cluster: Cluster, name: str) -> None:
    """SIGKILL, and the same command line again."""
    cluster[name].kill()
    cluster.start(name).wait_for(RESUMED)


def test_a_worker_comes_back_on_the_same_ports(cluster: Cluster) -> None:
    receiver = fed(cluster, 2)
    crash_and_restart(cluster, "worker2")
    cluster["worker2"].wait_for(READY)
    cluster.send(201, 400)
    receiver.assert_exactly_once(400)
    worker, survivor = cluster["worker2"].log(), cluster["initializer"].log()
    position = 0
    for line in (
        "Recovering from recovery files!",
        "Attempting to recover...",
        f"Restarting a listener at 127.0.0.1:{cluster.ports['worker2'][0]}",
        "|~~ INIT PHASE I: Application is created! ~~|",
        "|~~ INIT PHASE II: Application is initialized! ~~|",
        "|~~ - Recovery Phase: Reconnect - ~~|",
        "|~~ -- Reconnect Phase 1: Wait for Boundary Counts -- ~~|",
        "|~~ -- Reconnect Phase 2: Wait for Reconnections -- ~~|",
        "|~~ -- Reconnect COMPLETE -- ~~|",
        "|~~ - Recovery Phase: Prepare Rollback - ~~|",
        "|~~ - Recovery Phase: Rollback Local Keys - ~~|",
        "|~~ - Recovery Phase: Rollback Barrier - ~~|",
        "|~~ - Recovery Phase: AwaitDataReceiversAck - ~~|",
        "|~~ - Recovery Phase: Await Recovery Initiated Acks - ~~|",
        "|~~ - Recovery Phase: Rollback - ~~|",
        "RESILIENCE: Rolling back to checkpoint ",
        "RESILIENCE: write _LogRestartEntry at offset ",
        "RESILIENCE: Replayed 5 entries from recovery log file.",
        "|~~ - Recovery COMPLETE - ~~|",
        RESUMED,
        READY,
    ):
        assert line in worker[position:], line
        position = worker.index(line, position)
    for line in (
        "ControlSenderConnectNotifier (to worker2): server closed",
        "ControlChannelConnectNotifier: server closed",
        "DataChannelConnectNotifier: server closed",
        "BoundaryNotify: closed",
        "Control Ch: Received Mute Request from worker2",
        "Informed worker2 that I have 11 boundaries to it",
        "|~~ - Recovery initiated at worker2. Ceding control. - ~~|",
        "RESILIENCE: Rolling back to checkpoint ",
        "RESILIENCE: Replayed 4 entries from recovery log file.",
        RESUMED,
    ):
        assert line in survivor, line


def test_only_the_initializer_notes_a_rollback_and_ids_go_on_behind_it(cluster: Cluster) -> None:
    fed(cluster, 2, last=5)
    crash_and_restart(cluster, "worker2")
    crash_and_restart(cluster, "worker2")
    cluster.wait_for_checkpoints()
    cluster["initializer"].kill()
    cluster["worker2"].kill()
    noted = checkpoint_ids.read_all(cluster.files("initializer").path("checkpoint_ids"))
    rollbacks = [
        position for position in range(1, len(noted)) if noted[position].rollback > noted[position - 1].rollback
    ]
    assert [noted[position].rollback for position in rollbacks] == [1, 2]
    for position in rollbacks:
        assert noted[position].checkpoint == noted[position - 1].checkpoint, "a rollback returns to the last one"
    assert noted[0] == CheckpointId(0, 0)
    other = checkpoint_ids.read_all(cluster.files("worker2").path("checkpoint_ids"))
    given = [item.checkpoint for item in other]
    assert given == sorted(set(given)), "each commit once"
    records = [record for _offset, record in event_log.iterate(cluster.files("worker2").path("evlog"))]
    ids = [record.checkpoint for record in records if isinstance(record, event_log.CheckpointEnd)]
    assert ids == sorted(set(ids)), "no id twice: a rollback takes the first that fits"
    assert sum(isinstance(record, event_log.RestartMark) for record in records) == 2


def test_a_worker_comes_back_on_other_ports_when_its_address_files_say_so(cluster: Cluster) -> None:
    receiver = fed(cluster, 2)
    cluster["worker2"].kill()
    cluster.ports["worker2"] = (cluster.port(), cluster.port())
    cluster.write_addresses("worker2")
    cluster.start("worker2").wait_for(RESUMED)
    cluster.send(201, 400)
    receiver.assert_exactly_once(400)
    cluster.wait_for_checkpoints()
    crash_and_restart(cluster, "worker2")
    cluster.send(401, 410)
    receiver.assert_exactly_once(410)


@pytest.mark.parametrize("name", ["initializer", "worker2"])
def test_a_lone_or_a_remote_worker_counts_its_rollbacks(cluster: Cluster, name: str) -> None:
    workers = 1 if name == "initializer" else 2
    receiver = fed(cluster, workers, last=20)
    crash_and_restart(cluster, name)
    if workers == 1:
        assert "|~~ -- Skipping Reconnect: Only One Worker -- ~~|" in cluster[name].log()
    cluster.send(21, 40)
    receiver.assert_exactly_once(40)
    assert checkpoint_ids.read_all(cluster.files("initializer").path("checkpoint_ids"))[-1].rollback == 1


def test_one_worker_after_the_other(cluster: Cluster) -> None:
    receiver = fed(cluster, 3)
    for name, first in (("worker2", 201), ("worker3", 301), ("worker2", 401)):
        crash_and_restart(cluster, name)
        cluster.send(first, first + 99)
        receiver.wait_until_all_have(first + 99)
        cluster.wait_for_checkpoints()
    receiver.assert_exactly_once(500)


@pytest.mark.parametrize("order", [("worker2", "worker3"), ("worker3", "worker2")])
def test_two_workers_at_once(cluster: Cluster, order: tuple[str, str]) -> None:
    receiver = fed(cluster, 3)
    for name in order:
        cluster[name].kill()
    for name in order:
        cluster.start(name)
    for name in order:
        cluster[name].wait_for(RESUMED)
    cluster["initializer"].wait_for(RESUMED)
    ceding = [name for name in order if "Ceding control. - ~~|" in cluster[name].log()]
    assert len(ceding) == 1
    cluster.send(201, 300)
    receiver.assert_exactly_once(300)
    assert READY not in cluster[ceding[0]].log(), "one that ceded never says it is ready (Trap 27)"


@pytest.mark.parametrize("order", [("initializer", "worker2"), ("worker2", "initializer")])
def test_initializer_and_worker_together(cluster: Cluster, order: tuple[str, str]) -> None:
    receiver = fed(cluster, 2)
    for name in order:
        cluster[name].kill()
    for name in order:
        cluster.start(name).wait_for("|~~ - Recovery Phase: Reconnect - ~~|")
    for name in order:
        cluster[name].wait_for(RESUMED)
    cluster.send(201, 300)
    receiver.assert_exactly_once(300)
    cluster["initializer"].wait_for(READY)
    assert READY not in cluster["worker2"].log()
    cluster.wait_for_checkpoints()
    crash_and_restart(cluster, "worker2")
    cluster.send(301, 310)
    receiver.assert_exactly_once(310)


def test_checkpoints_under_load_lose_nothing_once_the_stream_has_drained(cluster: Cluster) -> None:
    cluster.interval = 0.02
    receiver = cluster.receiver()
    cluster.start_all(2)
    halves = [cluster.sender(KEYS[:6], batch=40), cluster.sender(KEYS[6:], batch=10)]
    wait_for("checkpoints while messages flow", lambda: cluster.last_checkpoint() >= 8)
    last = max(sender.stop() for sender in halves)
    for sender, keys in zip(halves, (KEYS[:6], KEYS[6:])):
        if sender.sent < last:
            cluster.send(sender.sent + 1, last, keys)
    receiver.wait_until_all_have(last, limit=60)
    cluster.wait_for_checkpoints()
    crash_and_restart(cluster, "worker2")
    cluster.send(last + 1, last + 50)
    receiver.assert_exactly_once(last + 50)


def test_a_kill_at_any_instant_of_a_checkpoint_leaves_files_to_come_back_from(cluster: Cluster) -> None:
    cluster.interval = 0.001
    receiver = fed(cluster, 2, last=30)
    chance = random.Random(5)
    for round_number in range(1, 5):
        time.sleep(chance.random() * 0.03)
        crash_and_restart(cluster, "worker2")
        cluster["initializer"].wait_for(RESUMED, times=round_number)
    for names in (("initializer", "worker2"), ("worker2", "initializer")):
        time.sleep(chance.random() * 0.03)
        for name in names:
            cluster[name].kill()
        for name in names:
            cluster.start(name)
        for name in names:
            cluster[name].wait_for(RESUMED)
        cluster.wait_for_checkpoints()
    cluster.send(31, 40)
    receiver.assert_exactly_once(40)


@pytest.mark.parametrize(
    "torn", [b"\x00" + bytes(10), b"\x00" + bytes(16) + b"\x00\x00\x00\xff" + b"x" * 9, b"\x01\x00"]
)
def test_a_torn_record_at_the_end_of_the_event_log_is_cut_off(cluster: Cluster, torn: bytes) -> None:
    receiver = fed(cluster, 2, last=10)
    cluster["worker2"].kill()
    with cluster.files("worker2").path("evlog").open("ab") as stream:
        stream.write(torn)
    with cluster.files("worker2").path("checkpoint_ids").open("ab") as stream:
        stream.write(b"\0\0\0")
    cluster.start("worker2").wait_for(RESUMED)
    assert cluster["worker2"].log().count("its last record was torn") == 2
    cluster.send(11, 20)
    receiver.assert_exactly_once(20)
    cluster.wait_for_checkpoints()
    list(event_log.iterate(cluster.files("worker2").path("evlog")))


def test_a_status_query_tells_when_the_world_stands_still(cluster: Cluster) -> None:
    fed(cluster, 2, last=10)
    assert cluster.is_processing()
    cluster["worker2"].kill()
    cluster.ports["worker2"] = (cluster.port(), cluster.port())
    cluster.start("worker2").wait_for("Reconnect Phase 1")
    wait_for("the mute", lambda: not cluster.is_processing())
    cluster["worker2"].kill()
    cluster.write_addresses("worker2")
    cluster.start("worker2").wait_for(RESUMED)
    wait_for("the end of the recovery", cluster.is_processing)


def test_a_killed_worker_has_not_deleted_anything(cluster: Cluster) -> None:
    fed(cluster, 2, last=10)
    before = {path.name for path in cluster.files("worker2").present().values()}
    cluster["worker2"].kill()
    assert {path.name for path in cluster.files("worker2").present().values()} == before
    assert cluster.files("worker2").state() == "complete"
