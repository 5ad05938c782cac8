# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crash and recovery: what a real cluster survives, this one survives (wallaroo.md, B.5, "Observed")."""

from __future__ import annotations

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import event_log
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.checkpoint_ids import CheckpointId

from tests.decoders import all_checkpoint_ids
from tests.worker_runner import KEYS, READY, RESUMED, Cluster, crash_and_restart, fed, wait_for


def test_only_the_initializer_notes_a_rollback_and_ids_go_on_behind_it(cluster: Cluster) -> None:
    fed(cluster, 2, last=5)
    crash_and_restart(cluster, "worker2")
    crash_and_restart(cluster, "worker2")
    cluster.wait_for_checkpoints()
    cluster["initializer"].kill()
    cluster["worker2"].kill()
    noted = all_checkpoint_ids(cluster.files("initializer").path("checkpoint_ids"))
    rollbacks = [
        position for position in range(1, len(noted)) if noted[position].rollback > noted[position - 1].rollback
    ]
    assert [noted[position].rollback for position in rollbacks] == [1, 2]
    for position in rollbacks:
        assert noted[position].checkpoint == noted[position - 1].checkpoint, "a rollback returns to the last one"
    assert noted[0] == CheckpointId(0, 0)
    other = all_checkpoint_ids(cluster.files("worker2").path("checkpoint_ids"))
    given = [item.checkpoint for item in other]
    assert given == sorted(set(given)), "each commit once"
    records = [record for _offset, record in event_log.iterate(cluster.files("worker2").path("evlog"))]
    ids = [record.checkpoint for record in records if isinstance(record, event_log.CheckpointEnd)]
    assert ids == sorted(set(ids)), "no id twice: a rollback takes the first that fits"
    assert sum(isinstance(record, event_log.RestartMark) for record in records) == 2


@pytest.mark.parametrize("name", ["initializer", "worker2"])
def test_a_lone_or_a_remote_worker_counts_its_rollbacks(cluster: Cluster, name: str) -> None:
    workers = 1 if name == "initializer" else 2
    receiver = fed(cluster, workers, last=20)
    crash_and_restart(cluster, name)
    if workers == 1:
        assert "|~~ -- Skipping Reconnect: Only One Worker -- ~~|" in cluster[name].log()
    cluster.send(21, 40)
    receiver.assert_exactly_once(40)
    assert all_checkpoint_ids(cluster.files("initializer").path("checkpoint_ids"))[-1].rollback == 1


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
    assert READY not in cluster[ceding[0]].log(), "one that ceded never says it is ready (wallaroo.md, Trap 27)"


def test_a_worker_that_comes_back_before_the_initializer(cluster: Cluster) -> None:
    receiver = fed(cluster, 2)
    for name in ("worker2", "initializer"):
        cluster[name].kill()
    cluster.start("worker2").wait_for("|~~ INIT PHASE I: ")
    cluster.start("initializer")
    for name in ("worker2", "initializer"):
        cluster[name].wait_for(RESUMED)
    cluster.send(201, 300)
    receiver.assert_exactly_once(300)
