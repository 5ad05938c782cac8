# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is bytewax's own: who waits for whom, what a recovery partition must be, what it does not offer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.bytewax.files import epoch_of
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import living
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill

from tests.integration.conftest import Loopback
from tests.namespaces import four_servers, in_networks

from .conftest import BYTEWAX, verified


@in_networks
def test_workers_find_each_other_on_servers_with_addresses_of_their_own(repository: Path, tmp_path: Path) -> None:
    """Over SSH. Two of three move, so that nobody is where the command lines of the others say."""
    home = BYTEWAX.home(repository)
    with four_servers(repository, tmp_path) as networks:
        networks.play_in_turn(
            ("start_cluster", f"workers=3 engine=bytewax bytewax_home={home} checkpoint_interval=0.5"),
            ("start_sender", "last=50"),
            ("migrate", "worker=2 src=2 dst=4"),
            ("migrate", "worker=1 src=1 dst=2"),
            ("start_sender", "last=100"),
            ("kill_worker", "worker=3"),
            ("restart_worker", "worker=3"),
            ("start_sender", "last=150"),
        )
        assert "verdict: pass" in networks.play("verify", "mode=exactly_once").message
        told = (networks.base(3) / "run" / "worker3" / "log").read_text()
        assert f"{networks.network}.12:" in told.splitlines()[1], "the first worker is on server 2 now"


def test_a_move_is_one_step_and_a_second_one_does_nothing(bytewax: Loopback) -> None:
    bytewax.play("start_cluster", f"{bytewax.engine} checkpoint_interval=0.5")
    bytewax.play("start_sender", "last=100 interval=0")

    bytewax.play("migrate", "worker=2 src=2 dst=4")

    assert bytewax.play("migrate", "worker=2 src=2 dst=4").changed == 0
    assert bytewax.alive()["worker2"] == "server4"
    # The survivor has begun anew in its own place, and knows where the other is now.
    assert bytewax.alive()["initializer"] == "server1"
    bytewax.play("kill_worker", "worker=1")
    bytewax.play("restart_worker", "worker=1")
    bytewax.play("start_sender", "last=200 interval=0")
    bytewax.play("verify", "mode=exactly_once")
    status = bytewax.play("status").message
    assert "worker2 server4 running" in " ".join(status.split())
    # The next cluster reads nothing of what this one was sent.
    bytewax.play("stop_cluster")
    bytewax.play("start_cluster", f"{bytewax.engine} checkpoint_interval=0.5")
    bytewax.play("start_sender", "last=50 interval=0")
    assert "550 of 550 messages" in bytewax.play("verify", "mode=exactly_once").message


def test_what_a_worker_dials_is_missed_before_a_kill_and_a_source_log_comes_back(bytewax: Loopback) -> None:
    start = f"{bytewax.engine} checkpoint_interval=0.5"
    bytewax.play("start_cluster", start)
    bytewax.play("start_sender", "last=50 interval=0")
    end(bytewax, "source_log")
    for step in (
        ("start_sender", "last=100"),
        ("migrate", "worker=2 dst=4"),
        ("restart_worker", "worker=2 crash=true"),
    ):
        said = bytewax.play(*step, succeed=False).message
        assert "source_log on server1 is dead, and no worker works without it: start_cluster.yml" in said
    bytewax.play("start_cluster", start)
    assert bytewax.alive()["source_log"] == "server1"
    bytewax.play("start_sender", "last=100 interval=0")
    bytewax.play("verify", "mode=exactly_once")

    end(bytewax, "receiver")
    said = bytewax.play("migrate", "worker=2 dst=4 settle=false", succeed=False).message
    assert "receiver on server1 is dead, and no worker works without it: stop the cluster" in said
    assert bytewax.alive()["worker2"] == "server2"


def end(servers: Loopback, name: str) -> None:
    """SIGKILL to a process of the first server."""
    known = living.alive(str(servers.base(1)), name)
    assert known
    kill(known.identity)


def test_a_set_that_is_not_whole_or_older_is_refused_before_the_engine_crashes_over_it(bytewax: Loopback) -> None:
    bytewax.play("start_cluster", f"{bytewax.engine} checkpoint_interval=0.5")
    bytewax.play("start_sender", "last=100 interval=0")
    files = bytewax.base(2) / "resilience" / "worker2"
    older = bytewax.directory / "older"
    shutil.copytree(files, older)
    before = epoch_of(older / "part-1.sqlite3")
    bytewax.play("start_sender", "last=300 batch=10 interval=0.1")
    bytewax.play("kill_worker", "worker=2")
    assert epoch_of(files / "part-1.sqlite3") > before + 2

    (files / "part-1.sqlite3-wal").rename(files / "wal-aside")
    without = bytewax.play("restart_worker", "worker=2", succeed=False).message
    assert "missing: part-1.sqlite3-wal" in without

    for name in ("part-1.sqlite3", "part-1.sqlite3-wal"):
        (files / name).unlink(missing_ok=True)
        shutil.copy(older / name, files / name)
    stale = bytewax.play("restart_worker", "worker=2", succeed=False).message
    assert "it is an older copy, over which bytewax would end all workers" in stale
    assert "initializer" in bytewax.alive(), "the others go on waiting for a better one"


def test_a_state_that_was_taken_out_of_the_files_is_caught(bytewax: Loopback) -> None:
    result, said = verified(
        bytewax, "verify_migration", "negative=dropped_state values=100 interval=0 checkpoint_interval=0.5"
    )

    assert result["verdict"] == "fail"
    assert {one["kind"] for one in result["violations"]} == {"reset_state"}
    assert "the windows of" in said


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("playbook", "arguments", "sentence"),
    [
        ("start_cluster", "engine=bytewax", "engine=bytewax needs bytewax_home: an environment with bytewax"),
        ("start_cluster", "engine=bytewax bytewax_home=/no/such", "make its environment with setup_bytewax.yml"),
        ("start_cluster", "{engine} app=market_spread", "app=market_spread is not for engine=bytewax"),
        ("start_cluster", "{engine} journal=true", "The engine bytewax keeps no journals"),
        ("verify_migration", "{engine} via=journal", "The engine bytewax keeps no journals"),
        ("verify_migration", "{engine} negative=old_copy", "it keeps the state of its last checkpoint alone"),
        ("verify_migration", "{engine} negative=two_owners", "the others let in one worker of a name"),
        ("start_cluster", "source=replayable", "source=replayable is not for engine=embedded: its source is plain"),
        ("start_cluster", "sink=committing", "sink=committing is not for engine=embedded: its sink is plain"),
    ],
)
def test_what_does_not_go_together_is_refused(bytewax: Loopback, playbook: str, arguments: str, sentence: str) -> None:
    said = bytewax.play(playbook, arguments.format(engine=bytewax.engine), succeed=False).message

    assert sentence in said
    assert bytewax.alive() == {}
