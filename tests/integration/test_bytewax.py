# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same playbooks on a living engine: bytewax, from the environment that ``make bytewax`` makes.

What is promised depends on source and sink, and each of the three guarantees is seen to hold, and to be all that holds.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.bytewax.files import epoch_of
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import living
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill

from tests.integration.conftest import Loopback
from tests.namespaces import Networks, in_networks
from tests.port_block import PortBlock
from tests.strangers_check import agrees

FLOWING = "drain=false values=300 checkpoint_interval=0.5"
"""A crash while messages flow, and for long enough that they do wherever this runs."""
MESSAGES = 600 * 11


@pytest.fixture(scope="session")
def home(repository: Path) -> Path:
    """An environment with bytewax."""
    found = Path(os.environ.get("BYTEWAX_HOME") or repository / ".venv-bytewax")
    if not (found / "bin" / "python").exists():
        reason = f"{found} is no environment with bytewax: make bytewax makes one"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture
def bytewax(loopback: Loopback, home: Path) -> Loopback:
    """Four servers that have bytewax, nothing started yet."""
    loopback.bring_programs()
    loopback.engine = f"engine=bytewax bytewax_home={home}"
    return loopback


def verified(servers: Loopback, playbook: str, arguments: str, succeed: bool = True) -> tuple[dict[str, Any], str]:
    """The result of a verified run, and what it printed."""
    run = servers.play(playbook, f"{servers.engine} {arguments}", succeed=succeed)
    return servers.results()[-1], run.message


def asked(servers: Loopback) -> list[tuple[str, int]]:
    """From which record on the source log was read, each time."""
    events = [json.loads(line) for line in (servers.base(1) / "sent" / "sent.events").read_text().splitlines()]
    return [(one["asked"], one["at"]) for one in events if one["event"] == "from"]


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("playbook", "arguments", "moves"),
    [
        ("verify_restart", "workers=2", [("server2", "server2")]),
        ("demo", "workers=2 path=2,4,2,3", [("server2", "server4"), ("server4", "server2"), ("server2", "server3")]),
        ("verify_migration", "workers=3 worker=1 dst=4", [("server1", "server4")]),
    ],
)
def test_no_message_is_lost_on_any_path_of_any_worker(
    bytewax: Loopback, playbook: str, arguments: str, moves: list[tuple[str, str]]
) -> None:
    result, _said = verified(bytewax, playbook, f"{arguments} values=200 interval=0 checkpoint_interval=0.5")

    assert result["verdict"] == "pass"
    assert result["engine"] == "bytewax"
    assert "each exactly once and in order" in result["scope"]
    assert [(one["src"], one["dst"]) for one in result["migrations"]] == moves
    assert bytewax.alive() == {}


def test_a_source_that_is_read_again_repeats_what_no_checkpoint_covered_and_loses_nothing(bytewax: Loopback) -> None:
    result, _said = verified(bytewax, "verify_migration", f"{FLOWING} keep_running=true")

    assert result["verdict"] == "pass"
    assert "each at least once and in order" in result["scope"]
    assert result["received"] > result["expected"] == MESSAGES, "what came behind the checkpoint comes twice"
    assert "pass (all came)" in agrees(bytewax.runs / "latest")
    (first, again) = asked(bytewax)
    assert first == ("FROM", 0)
    assert again[0] == "FROM"
    assert 0 < again[1] < MESSAGES
    # That is not exactly once, and is not called so.
    said = bytewax.play("verify", "mode=exactly_once", succeed=False).message
    assert "verdict: fail" in said
    assert {one["kind"] for one in bytewax.results()[-1]["violations"]} <= {"rewind", "duplicate"}


def test_a_sink_that_takes_back_what_is_repeated_makes_it_exactly_once(bytewax: Loopback) -> None:
    result, _said = verified(bytewax, "verify_migration", f"{FLOWING} sink=committing")

    assert result["verdict"] == "pass"
    assert "6,600 of 6,600 messages of 11 keys, each exactly once and in order" in result["scope"]
    assert "pass (all came)" in agrees(bytewax.runs / "latest")
    taken_back = next(bytewax.runs.glob("latest/logs/server1/receiver.log")).read_text()
    assert "bytes are taken back" in taken_back


def test_a_plain_source_loses_what_was_sent_meanwhile_and_the_lost_values_are_named(bytewax: Loopback) -> None:
    result, said = verified(bytewax, "verify_migration", f"{FLOWING} source=plain", succeed=False)

    assert result["verdict"] == "fail"
    assert result["received"] < MESSAGES
    kinds = {one["kind"] for one in result["violations"]}
    assert kinds & {"gap", "lost_tail", "bad_window", "reset_state"}
    assert "key_0" in said
    assert [one[0] for one in asked(bytewax)] == ["NOW", "NOW"]


@in_networks
def test_workers_find_each_other_on_servers_with_addresses_of_their_own(
    repository: Path, tmp_path: Path, home: Path
) -> None:
    """Over SSH. Two of three move, so that nobody is where the command lines of the others say."""
    with closing(PortBlock()) as block:
        networks = Networks(repository, tmp_path, block)
        try:
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
        finally:
            networks.play("stop_cluster", succeed=None)
            networks.remove()


def test_where_nothing_is_promised_losses_are_allowed_and_named(bytewax: Loopback) -> None:
    """Only those of the crash: what was sent after the last checkpoint and before the source came back."""
    result, _said = verified(bytewax, "verify_migration", f"{FLOWING} source=plain mode=none")

    assert result["verdict"] == "pass"
    assert "with what was lost named" in result["scope"]


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
