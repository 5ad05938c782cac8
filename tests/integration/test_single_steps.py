# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The single steps: by hand, twice, and used wrongly."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import ownership

from .conftest import Loopback


def twice(loopback: Loopback, playbook: str, arguments: str = "") -> None:
    """A step changes something at first, and nothing when it is run again."""
    loopback.as_users_do = True
    assert loopback.play(playbook, arguments).changed > 0
    loopback.as_users_do = False
    assert loopback.play(playbook, arguments).changed == 0


def test_the_chain_of_single_steps_each_run_twice(loopback: Loopback) -> None:
    twice(loopback, "start_cluster", "workers=2 checkpoint_interval=0.2")
    twice(loopback, "start_sender", "last=300 interval=0")
    twice(loopback, "kill_worker", "worker=2 server=2")
    twice(loopback, "copy_resilience", "worker=2 src=2 dst=4")
    twice(loopback, "restart_worker", "worker=2 server=4")
    assert loopback.alive()["worker2"] == "server4"
    twice(loopback, "start_sender", "last=600 interval=0")
    twice(loopback, "migrate", "worker=2 src=4 dst=3")
    assert loopback.alive()["worker2"] == "server3"
    twice(loopback, "start_sender", "last=700 interval=0")
    twice(loopback, "stop_cluster")
    assert loopback.alive() == {}


def test_a_step_that_takes_long_says_how_far_it_is(cluster: Loopback) -> None:
    run = cluster.play("start_sender", "last=320 batch=2 interval=0.1")

    assert re.search(r"server1: sender: [0-9,]+ of 1,320 messages sent", run.output)


def test_check_mode_tells_what_a_migration_would_do_and_does_nothing(cluster: Loopback) -> None:
    before = cluster.snapshot()

    run = cluster.play("migrate", "worker=2 src=2 dst=4", "--check", "--diff")

    assert run.changed > 0
    assert "+    moved_to: server4" in run.output, "the fence"
    assert cluster.snapshot() == before


def test_wrong_use_is_answered_with_one_sentence_and_nothing_changes(cluster: Loopback) -> None:
    wrong = [
        ("migrate", "worker=2 src=3 dst=4", "server3 does not hold worker2: it runs on server2. Use src=server2."),
        ("copy_resilience", "worker=2 src=2 dst=4", "worker2 still runs on server2"),
        ("kill_worker", "worker=2 server=4", "worker2 is not on server4: it runs on server2. Use server=server2."),
        ("start_cluster", "workers=3", "is running; stop it first with stop_cluster.yml"),
    ]
    before = cluster.snapshot()
    for playbook, arguments, sentence in wrong:
        run = cluster.play(playbook, arguments, succeed=False)
        assert sentence in run.message, run.output
        assert "Traceback" not in run.output
    assert cluster.snapshot() == before


def test_steps_without_a_cluster_say_so(loopback: Loopback) -> None:
    for playbook, arguments in (
        ("migrate", "worker=2 src=2 dst=4"),
        ("kill_worker", "worker=2"),
    ):
        run = loopback.play(playbook, arguments, succeed=False)
        assert "No cluster is running" in run.message


def test_a_taken_port_is_named_with_its_owner_and_nothing_is_started(loopback: Loopback) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", loopback.ports["control"]))
        taken.listen()

        run = loopback.play("start_cluster", succeed=False)

    assert f"Port {loopback.ports['control']} on server1 (127.0.0.1) is taken by process {os.getpid()}" in run.message
    assert loopback.alive() == {}
    assert not (loopback.base(1) / "run").exists()


def test_a_second_cluster_on_the_same_ports_is_refused_and_the_first_goes_on(cluster: Loopback, tmp_path: Path) -> None:
    before = cluster.snapshot()
    elsewhere = {**cluster.environment, "WALLAROO_LOOPBACK": str(tmp_path / "other")}

    second = subprocess.run(
        cluster.command("start_cluster", "workers=2"),
        env=elsewhere,
        cwd=cluster.repository,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert second.returncode != 0
    assert "is taken by process" in " ".join(second.stdout.split())
    assert cluster.snapshot() == before


def test_a_server_whose_directory_cannot_be_written_is_named(loopback: Loopback) -> None:
    loopback.base(3).parent.mkdir(parents=True)
    loopback.base(3).write_text("a file where a directory should be")

    run = loopback.play("start_cluster", succeed=False)

    assert f"server3: {loopback.base(3)} is not a directory" in run.message
    assert loopback.alive() == {}


def test_a_worker_does_not_start_without_files_or_from_half_a_set_of_them(cluster: Loopback) -> None:
    cluster.play("kill_worker", "worker=2")

    run = cluster.play("restart_worker", "worker=2 server=3", succeed=False)

    assert "server3 holds no resilience files of worker2; they are on server2" in run.message

    lost = cluster.base(2) / "resilience" / "worker2" / "multi_partition_detector-worker2.workers"
    lost.unlink()

    run = cluster.play("restart_worker", "worker=2 server=2", succeed=False)

    assert "server2 holds no complete set of resilience files of worker2" in run.message
    assert lost.name in run.message
    assert "worker2" not in cluster.alive()


def test_the_old_owner_refuses_to_start_a_worker_that_moved(cluster: Loopback) -> None:
    cluster.play_in_turn(("migrate", "worker=worker2 src=server2 dst=4"), ("kill_worker", "worker=2 server=server4"))

    run = cluster.play("restart_worker", "worker=2 server=2", succeed=False)

    assert "worker2 moved to server4 at" in run.message
    assert "epoch 2; migrate it back instead" in run.message


@pytest.mark.sampled(1)
@pytest.mark.parametrize("done", ["kill", "copy", "restart"])
def test_a_migration_that_died_half_way_is_completed_by_running_it_again(cluster: Loopback, done: str) -> None:
    steps = {
        "kill": ("kill_worker", "worker=2 server=2"),
        "copy": ("copy_resilience", "worker=2 src=2 dst=4"),
        "restart": ("restart_worker", "worker=2 server=4"),
    }
    cluster.play_in_turn(*list(steps.values())[: list(steps).index(done) + 1])

    cluster.play("migrate", "worker=2 src=2 dst=4")

    assert cluster.alive()["worker2"] == "server4"
    assert cluster.play("migrate", "worker=2 src=2 dst=4").changed == 0
    cluster.play("start_sender", "last=300 interval=0")


def test_ctrl_c_in_the_middle_of_a_migration_and_again(cluster: Loopback, tmp_path: Path) -> None:
    output = tmp_path / "output"
    with output.open("wb") as stream:
        run = cluster.start("migrate", "worker=2 src=2 dst=4", stream)
        try:
            # It may be back sooner than anybody looks.
            _wait_for(lambda: cluster.alive().get("worker2") != "server2", "the kill")
            os.killpg(run.pid, signal.SIGINT)
            run.wait(timeout=30)
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
                run.wait()

    cluster.play("migrate", "worker=2 src=2 dst=4")

    assert cluster.alive()["worker2"] == "server4"
    cluster.play("start_sender", "last=300 interval=0")


def test_a_second_run_at_the_same_time_is_refused_and_a_dead_one_does_not_hold_it_up(
    cluster: Loopback, tmp_path: Path
) -> None:
    lock = cluster.base(1) / "run.lock"
    with (tmp_path / "output").open("wb") as stream:
        first = cluster.start("start_sender", "last=4000 batch=1 interval=0.05", stream)
        try:
            _wait_for(lock.exists, "the lock of the first run")

            refused = cluster.play("kill_worker", "worker=2", succeed=False)

            assert "Another run works on these servers: 'Send values' by" in refused.message
            assert f"process {first.pid}" in refused.message
            assert cluster.alive()["worker2"] == "server2"
        finally:
            os.killpg(first.pid, signal.SIGKILL)
            first.wait()

    cluster.play("kill_worker", "worker=2")

    assert "worker2" not in cluster.alive()
    assert not lock.exists()


def test_a_worker_that_cannot_be_moved_is_started_again_where_it_was(cluster: Loopback) -> None:
    in_the_way = cluster.base(4) / "run" / "worker2" / ".log.new"
    in_the_way.mkdir(parents=True)

    run = cluster.play("migrate", "worker=2 src=2 dst=4", succeed=False)

    assert "worker2 was started again on server2, where it was" in run.message
    assert cluster.alive()["worker2"] == "server2"
    (result,) = cluster.results()
    assert (result["outcome"], result["verdict"]) == ("rolled back", None)
    cluster.play("start_sender", "last=300 interval=0")
    in_the_way.rmdir()
    cluster.play("migrate", "worker=2 src=2 dst=4")
    assert cluster.alive()["worker2"] == "server4"


def test_a_target_that_cannot_hold_the_files_is_found_out_before_the_kill(cluster: Loopback) -> None:
    in_the_way = cluster.base(4) / "resilience" / "worker2"
    in_the_way.rmdir()
    in_the_way.write_text("a file where a directory should be")

    run = cluster.play("migrate", "worker=2 src=2 dst=4", succeed=False)

    assert "Nothing was changed." in run.message
    assert cluster.alive()["worker2"] == "server2"
    assert cluster.results() == []


def _wait_for(condition: object, what: str, limit: float = 60) -> None:
    end = time.monotonic() + limit
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, f"waited {limit} s for {what}"
        time.sleep(0.01)


def test_a_worker_that_an_interrupted_run_has_started_is_waited_for(cluster: Loopback) -> None:
    """It was started on the target, and whoever would have waited for it and fenced the source is gone."""
    cluster.play_in_turn(("kill_worker", "worker=2"), ("copy_resilience", "worker=2 src=2 dst=4"))
    unfenced = ownership.path_of(str(cluster.base(2)), "worker2").read_bytes()
    cluster.play("restart_worker", "worker=2 server=4")
    ownership.path_of(str(cluster.base(2)), "worker2").write_bytes(unfenced)

    again = cluster.play("migrate", "worker=2 src=2 dst=4")

    assert "Wait for the worker that an interrupted run has started" in again.message
    assert again.changed == 2, "the fence, and the folder of the run that it completes"
    assert cluster.alive()["worker2"] == "server4"
    assert cluster.play("migrate", "worker=2 src=2 dst=4").changed == 0
