# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker writes into its journals, and how it mends them after a kill."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.restoration import replay
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import event_log
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.journal import JournalRecord, iterate
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine import journal_stream
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.command_line import (
    UsageError,
    worker_options,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.journal import WorkerJournal
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.recovery_files import RecoveryFiles
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import ResilienceSet

PREFIX = "multi_partition_detector"
NOBODY = ("127.0.0.1", 1)
CHECKPOINTS = b"".join(event_log.encode(event_log.CheckpointEnd(number)) for number in range(3))
HALF = CHECKPOINTS[:4]


def journalled(directory: Path, recovers: bool = False, worker: str = "worker2") -> RecoveryFiles:
    files = RecoveryFiles(resilience_set(directory, PREFIX, worker))
    journal = WorkerJournal(files.set, NOBODY)
    if recovers:
        journal.recover()
    files.layer.journals.append(journal)
    return files


def start_fresh(files: RecoveryFiles) -> None:
    """What a worker writes up to its first checkpoint, in its order."""
    files.create()
    files.write_address("tcp-control", ("127.0.0.1", 23131))
    files.write_address("tcp-data", ("127.0.0.1", 23132))
    files.write_connection_addresses({"worker2": ("127.0.0.1", 23131)}, {"initializer": ("127.0.0.1", 12501)})
    files.write_topology({"application": "Multi Partition Detector"}, ["initializer", "worker2"])
    files.append_event_log(event_log.encode(event_log.CheckpointEnd(1)))
    files.append_checkpoint_id(1, 0)


def records(files: ResilienceSet) -> list[tuple[str, JournalRecord]]:
    """The records with the suffix of what they are about."""
    return [(files.suffix_of(os.path.basename(one.path)) or "", one) for _offset, one in iterate(files.path("journal"))]


def test_files_come_in_the_order_in_which_a_real_worker_writes_them(tmp_path: Path, fixtures: Path) -> None:
    def order(files: ResilienceSet) -> list[str]:
        found: list[str] = []
        for suffix, _record in records(files):
            if not found or found[-1] != suffix:
                found.append(suffix)
        return found

    files = journalled(tmp_path)
    start_fresh(files)
    recorded = fixtures / "wallaroo-0.5.4" / PREFIX / "journals-after-kill" / "worker2"
    assert order(files.set) == order(resilience_set(recorded, PREFIX, "worker2"))


def test_tags_count_from_the_opening_of_a_file(tmp_path: Path, fixtures: Path) -> None:
    files = journalled(tmp_path)
    start_fresh(files)
    recorded = fixtures / "wallaroo-0.5.4" / PREFIX / "journals-after-kill" / "worker2"
    real = {(suffix, one.tag) for suffix, one in records(resilience_set(recorded, PREFIX, "worker2"))}
    # A real worker writes an address, and the names of the workers, a line at a time.
    lines = {("tcp-control", 2), ("tcp-data", 2), ("workers", 3)}
    assert {(suffix, one.tag) for suffix, one in records(files.set)} == real - lines


def test_paths_are_absolute_wherever_the_worker_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = journalled(Path("."))
    start_fresh(files)
    assert {os.path.dirname(one.path) for _suffix, one in records(files.set)} == {str(tmp_path)}


def test_a_file_that_stays_empty_is_not_mentioned_and_the_event_log_has_a_journal_of_its_own(tmp_path: Path) -> None:
    files = journalled(tmp_path)
    start_fresh(files)
    assert not {suffix for suffix, _record in records(files.set)} & {"local-keys", "evlog"}
    assert files.set.path("evlog.journal").read_bytes() == files.set.path("evlog").read_bytes()


def test_an_orderly_end_is_journalled_and_leaves_the_journals(tmp_path: Path) -> None:
    files = journalled(tmp_path)
    start_fresh(files)
    files.remove()
    assert set(files.set.present()) == {"journal", "evlog.journal"}
    removed = [(suffix, one.tag) for suffix, one in records(files.set) if one.operation.name == "REMOVE"]
    assert sorted(removed) == sorted(
        (suffix, 0)
        for suffix in (
            "local-topology",
            "local-keys",
            "tcp-data",
            "tcp-control",
            "workers",
            "connection-addresses",
            "checkpoint_ids",
        )
    )


def test_journals_are_for_nobody_else_to_read(tmp_path: Path) -> None:
    files = journalled(tmp_path)
    start_fresh(files)
    assert {path.stat().st_mode & 0o777 for path in files.set.journal_files()} == {0o600}


@pytest.mark.parametrize(
    ("log", "journal", "both"),
    [
        pytest.param(CHECKPOINTS, CHECKPOINTS, CHECKPOINTS, id="equal"),
        pytest.param(CHECKPOINTS, CHECKPOINTS + HALF, CHECKPOINTS, id="killed within the write to the journal"),
        pytest.param(CHECKPOINTS[:18], CHECKPOINTS, CHECKPOINTS[:18], id="killed between journal and event log"),
        pytest.param(CHECKPOINTS[:22], CHECKPOINTS, CHECKPOINTS[:18], id="killed within the write to the event log"),
        pytest.param(CHECKPOINTS + HALF, CHECKPOINTS + HALF, CHECKPOINTS, id="torn in both"),
        pytest.param(CHECKPOINTS, b"", CHECKPOINTS, id="journalled from now on"),
        pytest.param(CHECKPOINTS, CHECKPOINTS[:9], CHECKPOINTS, id="the journal lost its end"),
    ],
)
def test_after_a_kill_the_event_log_and_its_journal_say_the_same(
    tmp_path: Path, log: bytes, journal: bytes, both: bytes
) -> None:
    start_fresh(journalled(tmp_path))
    worker = resilience_set(tmp_path, PREFIX, "worker2")
    worker.path("evlog").write_bytes(log)
    worker.path("evlog.journal").write_bytes(journal)
    files = journalled(tmp_path, recovers=True)
    files.mend()
    files.append_event_log(event_log.encode(event_log.RestartMark()))
    after = both + event_log.encode(event_log.RestartMark())
    assert worker.path("evlog").read_bytes() == after
    assert worker.path("evlog.journal").read_bytes() == after


def test_the_journal_of_another_cluster_before_ones_own_is_gone_on_with(tmp_path: Path) -> None:
    """As a real worker does (wallaroo.md, Trap 3)."""
    old = event_log.encode(event_log.CheckpointEnd(0)) + event_log.encode(event_log.CheckpointEnd(7))
    worker = resilience_set(tmp_path, PREFIX, "worker2")
    worker.path("evlog.journal").write_bytes(old)
    start_fresh(journalled(tmp_path))
    files = journalled(tmp_path, recovers=True)
    files.mend()
    assert worker.path("evlog.journal").read_bytes() == old + worker.path("evlog").read_bytes()


@pytest.mark.parametrize("torn", [1, 3, 4, 15, 30, 100])
def test_half_a_record_at_the_end_of_a_journal_is_cut_off_at_a_restart(tmp_path: Path, torn: int) -> None:
    start_fresh(journalled(tmp_path))
    journal = resilience_set(tmp_path, PREFIX, "worker2").path("journal")
    offset, _record = list(iterate(journal))[-1]
    one = journal.read_bytes()[offset:]
    with journal.open("ab") as stream:
        stream.write(one[:torn])
    files = journalled(tmp_path, recovers=True)
    files.append_checkpoint_id(2, 0)
    assert [one.number for suffix, one in records(files.set) if suffix == "checkpoint_ids"] == [0, 16, 32]


def test_a_worker_that_journals_only_from_its_restart_can_be_restored(tmp_path: Path) -> None:
    directory = tmp_path / "worker2"
    directory.mkdir()
    start_fresh(RecoveryFiles(resilience_set(directory, PREFIX, "worker2")))
    files = journalled(directory, recovers=True)
    files.mend()
    files.append_checkpoint_id(1, 1)
    restored = replay(files.set, tmp_path / "restored").files
    for suffix, path in files.set.present().items():
        assert restored.path(suffix).read_bytes() == path.read_bytes(), suffix


def test_a_journal_that_cannot_be_written_ends_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = []
    monkeypatch.setattr(journal_stream, "fail", lambda line, where="": said.append(line))
    files = journalled(tmp_path)
    monkeypatch.setattr(os, "write", lambda handle, data: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    files.append_checkpoint_id(1, 0)
    assert said == [f"{files.set.path('journal')} cannot be written: No space left on device"]


def test_an_option_with_which_nothing_can_be_recovered_is_refused() -> None:
    with pytest.raises(UsageError, match="no recovery is possible with it: leave it out"):
        worker_options(["--resilience-no-local-file-io"])
