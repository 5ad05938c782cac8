# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recovery partition of a worker of bytewax: databases as bytewax makes them, without bytewax."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines import registry
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.bytewax import damage, files, peers
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.bytewax.adapter import Bytewax
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import ResilienceSet

# As bytewax 0.21.1 made them (docs/bytewax.md).
SCHEMA = """
create table parts (part_index integer primary key, part_count integer not null);
create table commits (part_index integer primary key not null, commit_epoch integer not null);
create table snaps (step_id text not null, state_key text not null, snap_epoch integer not null, ser_change blob);
"""
WINDOW = "detector.window.stateful_flat_map.stateful.stateful_batch"


def partition(directory: Path, index: int = 1, epoch: int = 7) -> ResilienceSet:
    """The files of a worker as a crash leaves them: what was written last is in the log alone."""
    directory.mkdir(parents=True, exist_ok=True)
    database = directory / f"part-{index}.sqlite3"
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma wal_autocheckpoint = 0")
    connection.executescript(SCHEMA)
    connection.execute("insert into commits values (?, ?)", (index, epoch))
    for key in ("key_0", "key_1"):
        connection.execute("insert into snaps values (?, ?, ?, ?)", (WINDOW, key, epoch, b"..."))
    connection.execute("insert into snaps values ('detector.source', 'all', ?, ?)", (epoch, b"..."))
    crashed = {path.name: path.read_bytes() for path in directory.glob(f"part-{index}.*")}
    connection.close()
    for name, content in crashed.items():
        (directory / name).write_bytes(content)
    worker = "initializer" if index == 0 else f"worker{index + 1}"
    return ResilienceSet(directory, Bytewax().layout("multi_partition_detector", "0.21.1", worker), worker)


def test_it_is_read_with_what_was_written_last_and_stays_as_it_is(tmp_path: Path) -> None:
    found = partition(tmp_path / "w")
    before = {path.name: path.read_bytes() for path in (tmp_path / "w").iterdir()}

    assert files.epoch_of(found.path(files.DATABASE)) == 7
    assert Bytewax().progress(found)["committed"] == 7

    assert {path.name: path.read_bytes() for path in (tmp_path / "w").iterdir()} == before


def test_without_its_log_it_is_older_and_the_set_is_not_complete(tmp_path: Path) -> None:
    found = partition(tmp_path)
    assert found.state() == "complete"
    found.path(files.LOG).unlink()
    assert found.state() == "incomplete"
    assert [path.name for path in found.missing()] == ["part-1.sqlite3-wal"]


def test_a_damaged_partition_is_found_before_a_worker_is_started_from_it(tmp_path: Path) -> None:
    found = partition(tmp_path)
    assert Bytewax().unsound(found) == ""
    found.path(files.DATABASE).write_bytes(b"no database at all" * 100)
    # A whole log makes up for all that is in the database.
    assert Bytewax().unsound(found) == ""
    found.path(files.LOG).write_bytes(b"")
    assert found.state() == "complete"
    assert "part-1.sqlite3 is no recovery partition of bytewax" in Bytewax().unsound(found)


def test_what_is_no_partition_is_said(tmp_path: Path) -> None:
    (tmp_path / "part-0.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(ValueError, match=r"part-0\.sqlite3 is no recovery partition of bytewax"):
        files.epoch_of(tmp_path / "part-0.sqlite3")


def test_a_fresh_worker_makes_its_own_partition_and_no_other(tmp_path: Path) -> None:
    def make(place: Path, count: int) -> None:
        for index in range(count):
            (place / f"part-{index}.sqlite3").write_bytes(b"made")

    mine = files.Partition(tmp_path / "worker2", 1, 3)
    mine.begin(make)
    # With a log, so that one that is missing later was lost.
    assert {path.name for path in (tmp_path / "worker2").iterdir()} == {"part-1.sqlite3", "part-1.sqlite3-wal"}
    mine.database.write_bytes(b"used")
    mine.begin(make)
    assert mine.database.read_bytes() == b"used"


def test_a_worker_is_told_where_the_others_are_and_hears_it_itself(tmp_path: Path) -> None:
    found, mine = partition(tmp_path), files.Partition(tmp_path, 1, 3)
    assert peers.hosts(found) == mine.peers() == {}

    told = peers.mend(found, {"initializer": "10.0.0.1", "worker2": "10.0.0.9", "worker3": "10.0.0.4"})
    assert told.changes == {"initializer": ("", "10.0.0.1"), "worker3": ("", "10.0.0.4")}
    assert mine.peers() == {"initializer": "10.0.0.1", "worker3": "10.0.0.4"}
    assert peers.mend(found, {"worker3": "10.0.0.4"}).changes == {}

    mine.remember("worker3", "10.0.0.7")
    assert peers.hosts(found)["worker3"] == "10.0.0.7"
    assert peers.mend(found, {"worker3": "10.0.0.8"}, only_check=True).changes == {"worker3": ("10.0.0.7", "10.0.0.8")}
    assert mine.peers()["worker3"] == "10.0.0.7"


def test_nothing_is_written_where_there_is_no_partition(tmp_path: Path) -> None:
    found = partition(tmp_path)
    found.remove()
    peers.mend(found, {"initializer": "10.0.0.1"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["[]", '{"a": 1}', "nothing"])
def test_a_file_that_says_nothing_of_peers_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "part-1.peers").write_text(text)
    with pytest.raises(ValueError, match=r"part-1\.peers does not say where the other workers are"):
        files.peers_of(tmp_path / "part-1.peers")


def test_dropped_state_leaves_what_says_that_it_is_there(tmp_path: Path) -> None:
    found = partition(tmp_path)
    assert damage.drop_state(found) == "the windows of 2 keys were taken out of the recovery partition of worker2"
    assert files.epoch_of(found.path(files.DATABASE)) == 7
    assert found.state() == "complete"
    with pytest.raises(damage.NothingToDamage, match="holds no windows yet"):
        damage.drop_state(found)


def test_there_is_no_older_state(tmp_path: Path) -> None:
    with pytest.raises(damage.NothingToDamage, match="holds the state of one epoch only"):
        damage.restore_older_state(partition(tmp_path))


def test_each_guarantee_follows_from_source_and_sink() -> None:
    engine = registry.engine("bytewax")
    assert engine.guarantee("replayable", "committing") == "exactly_once"
    assert engine.guarantee("replayable", "plain") == "at_least_once"
    assert engine.guarantee("plain", "committing") == engine.guarantee("plain", "plain") == "none"


def test_a_worker_is_told_of_all_and_goes_by_where_it_is_now() -> None:
    from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import (
        ClusterRecord,
        ServerAddress,
    )

    servers = [ServerAddress(f"server{number}", f"10.0.0.{number}", f"/w/{number}") for number in (1, 2, 3)]
    placement = {"initializer": "server1", "worker2": "server2"}
    cluster = ClusterRecord(
        "id",
        "multi_partition_detector",
        "bytewax",
        "0.21.1",
        2,
        servers,
        placement,
        engine_home="/b",
        source="replayable",
        sink="committing",
    )
    argv = Bytewax().command(cluster, "worker2", servers[2], "/usr/bin/python3").argv
    assert argv[0] == "/b/bin/python"
    assert argv[argv.index("--index") + 1] == "1"
    assert argv[argv.index("--source") + 1] == "10.0.0.1:7002"
    assert argv[argv.index("--sink") + 1] == "10.0.0.1:5555"
    assert [word for word in argv if "=10." in word] == [
        "initializer=10.0.0.1:12500:12501",
        "worker2=10.0.0.3:13104:13105",
    ]
    assert "--committing-sink" in argv
    assert "--plain-source" not in argv
    assert json.dumps(argv)


def test_the_version_is_the_one_that_is_installed(repository: Path) -> None:
    lock = (repository / "roles" / "bytewax_env" / "files" / "bytewax.txt").read_text()
    assert [f"bytewax=={version}" for version in Bytewax.versions] == lock.split()[:1]
