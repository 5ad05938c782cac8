# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker has one owner: two living processes of it, a server that was lost and is back, old files started by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._process.start import start
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import ownership

from tests.integration.conftest import Loopback
from tests.integration.trust.watching import living, never_two, owners

SLEEP = "import time; time.sleep(600)"


def another_instance(cluster: Loopback, server: int, epoch: int) -> int:
    """A second process of worker2 with a record and an owner, as an old instance on a server that is back."""
    base = cluster.base(server)
    path = ownership.path_of(str(base), "worker2")
    path.unlink(missing_ok=True)
    ownership.write(str(base), ownership.Ownership("worker2", epoch, "owner", f"server{server}", since="2026"))
    argv = [sys.executable, "-c", SLEEP, "-n", "worker2", "-r", f"{base}/resilience/worker2"]
    return start(str(base), "worker2", "worker", argv).identity.pid


def test_a_worker_that_lives_twice_stops_everything_until_the_wrong_one_is_named(cluster: Loopback) -> None:
    pid = another_instance(cluster, 3, 1)
    assert sorted(living(cluster)) == ["server2", "server3"]
    before = cluster.snapshot()

    for step, arguments in (
        ("start_sender", "last=300 interval=0"),
        ("migrate", "worker=2 src=2 dst=4"),
        ("restart_worker", "worker=2"),
        ("kill_worker", "worker=2"),
    ):
        run = cluster.play(step, arguments, succeed=False)
        assert "worker2 runs on server2 and server3 at once" in run.message
        assert 'kill_worker.yml -e "worker=worker2 server=server2" (or server=server3)' in run.message
    assert cluster.snapshot() == before
    assert "PROBLEM: worker2 runs on server2 and server3 at once" in cluster.play("status").message

    cluster.play("kill_worker", "worker=2 server=3")

    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 10, "the end of the killed process")
    assert list(living(cluster)) == ["server2"]
    assert owners(cluster) == [(1, "server2")]
    assert "PROBLEM" not in cluster.play("status").message
    cluster.play("start_sender", "last=300 interval=0")


def test_a_server_that_was_lost_is_fenced_at_the_first_look_when_it_is_back(cluster: Loopback) -> None:
    cluster.play("migrate", "worker=2 src=2 dst=4")
    pid = another_instance(cluster, 2, 1)
    shown = cluster.play("status").message
    assert f"server2 has worker2 of epoch 1 and still runs it (pid {pid}), which belongs to server4" in shown
    assert Path(f"/proc/{pid}").exists(), "who only looks kills nobody"

    run = cluster.play("start_sender", "last=300 interval=0")

    assert "it is killed and fenced there" in run.message
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 10, "the end of the killed process")
    assert list(living(cluster)) == ["server4"]
    assert owners(cluster) == [(2, "server4")]
    assert cluster.play("verify", "last=300").code == 0


def test_the_engine_itself_refuses_the_files_of_a_fenced_server(cluster: Loopback) -> None:
    command = json.loads((cluster.base(2) / "run" / "worker2" / "process.json").read_text())
    cluster.play("migrate", "worker=2 src=2 dst=4")

    by_hand = subprocess.run(command["argv"], cwd=command["cwd"], capture_output=True, timeout=60, check=False)

    assert by_hand.returncode != 0
    assert b"files are missing" in by_hand.stdout
    assert list(living(cluster)) == ["server4"]
    cluster.play_in_turn(("start_sender", "last=300 interval=0"), ("migrate", "worker=2 src=4 dst=2"))
    assert list(living(cluster)) == ["server2"]
    assert cluster.play("verify", "last=300").code == 0


def test_files_that_changed_after_their_copy_are_not_started(cluster: Loopback) -> None:
    cluster.play_in_turn(("kill_worker", "worker=2"), ("copy_resilience", "worker=2 src=2 dst=4"))
    (event_log,) = (cluster.base(4) / "resilience" / "worker2").glob("*.evlog")
    data = bytearray(event_log.read_bytes())
    data[len(data) // 2] ^= 1
    event_log.write_bytes(bytes(data))

    refused = cluster.play("restart_worker", "worker=2 server=4", succeed=False)

    assert f"{event_log.name} has the right size and other bytes" in refused.message
    assert living(cluster) == {}
    cluster.play_in_turn(("copy_resilience", "worker=2 src=2 dst=4"), ("restart_worker", "worker=2 server=4"))
    never_two(cluster)
    cluster.play_in_turn(
        ("start_sender", "last=300 interval=0"), ("kill_worker", "worker=2"), ("restart_worker", "worker=2")
    )
