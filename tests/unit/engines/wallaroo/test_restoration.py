# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring a worker from its journals: the files of a real worker, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.restoration import (
    HISTORY,
    RestorationError,
    replay,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import event_log
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.journal import (
    JournalRecord,
    Operation,
    encode,
    iterate,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import ResilienceSet

DETECTOR = "multi_partition_detector"
RECORDED = "/tmp/wallaroo-demo/resilience"


@pytest.fixture
def journals(tmp_path: Path, fixtures: Path) -> ResilienceSet:
    """What the journal server held of worker2 after its end."""
    recorded = fixtures / "wallaroo-0.5.4" / DETECTOR / "journals-after-kill" / "worker2"
    shutil.copytree(recorded, tmp_path / "journals")
    return resilience_set(tmp_path / "journals", DETECTOR, "worker2")


def add(journals: ResilienceSet, *records: JournalRecord) -> int:
    """Append to the journal; returns where."""
    path = journals.path("journal")
    offset = path.stat().st_size
    with path.open("ab") as stream:
        stream.write(b"".join(map(encode, records)))
    return offset


@pytest.mark.parametrize("worker", ["initializer", "worker2"])
def test_the_files_of_a_real_worker_come_back_byte_for_byte(fixtures: Path, tmp_path: Path, worker: str) -> None:
    recorded = fixtures / "wallaroo-0.5.4" / DETECTOR
    journals = resilience_set(recorded / "journals-after-kill" / worker, DETECTOR, worker)
    restored = replay(journals, tmp_path / "elsewhere")
    expected = resilience_set(recorded / "resilience-before-kill", DETECTOR, worker).present()
    assert {suffix: path.read_bytes() for suffix, path in restored.files.present().items()} == {
        suffix: path.read_bytes() for suffix, path in expected.items()
    }
    assert (restored.directory, restored.checkpoint, restored.torn, restored.skipped) == (RECORDED, 5, [], [])
    assert restored.records == 17
    assert not Path(RECORDED).exists()


def test_an_operation_on_a_file_is_done_again_in_its_order(journals: ResilienceSet, tmp_path: Path) -> None:
    workers = f"{RECORDED}/{journals.path('workers').name}"
    add(
        journals,
        JournalRecord(Operation.REMOVE, workers),
        JournalRecord(Operation.WRITE, workers, 1, 0, b"initializer\nworker2\nand more"),
        JournalRecord(Operation.SET_LENGTH, workers, 2, 20),
        JournalRecord(Operation.WRITE, workers, 3, 12, b"WORKER2"),
    )
    restored = replay(journals, tmp_path / "into")
    assert restored.files.path("workers").read_bytes() == b"initializer\nWORKER2\n"


def test_a_worker_that_moved_has_had_several_directories(journals: ResilienceSet, tmp_path: Path) -> None:
    path = f"/elsewhere/{journals.path('tcp-data').name}"
    add(journals, JournalRecord(Operation.WRITE, path, 1, 0, b"10.0.0.9\n"))
    restored = replay(journals, tmp_path / "into")
    assert restored.directory == "/elsewhere"
    assert restored.files.path("tcp-data").read_bytes().startswith(b"10.0.0.9\n")


def test_half_a_record_at_the_end_is_left_out_and_said(journals: ResilienceSet, tmp_path: Path) -> None:
    path = journals.path("journal")
    whole = path.read_bytes()
    last = list(iterate(path))[-1][0]
    path.write_bytes(whole[:-5])
    log = journals.path("evlog.journal")
    with log.open("ab") as stream:
        stream.write(b"\x00" * 20)
    restored = replay(journals, tmp_path / "into")
    assert restored.checkpoint == 4
    assert [(torn.name, torn.whole, torn.size) for torn in restored.torn] == [
        (path.name, last, len(whole) - 5),
        (log.name, log.stat().st_size - 20, log.stat().st_size),
    ]
    assert restored.torn[1].sentence() == (
        f"{log.name}: the last 20 of {log.stat().st_size} bytes are half a record and were left out"
    )
    assert restored.files.path("journal").read_bytes() == whole[:last]
    assert restored.files.path("evlog").read_bytes() == log.read_bytes()[:-20]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/cron.d/multi_partition_detector-worker2",
        f"{RECORDED}/../{DETECTOR}-worker2.workers",
        f"{RECORDED}//{DETECTOR}-worker2.workers",
        f"{RECORDED}/{DETECTOR}-worker20.workers",
        f"{RECORDED}/{DETECTOR}-initializer.workers",
        f"{RECORDED}/{DETECTOR}-worker2.journal",
        f"{RECORDED}/{DETECTOR}-worker2.unknown",
        f"{RECORDED}/{DETECTOR}-worker20.evlog",
        f"{RECORDED}/",
        "/",
    ],
)
@pytest.mark.parametrize("operation", list(Operation))
def test_no_journal_leads_out_of_the_workers_own_files(
    journals: ResilienceSet, tmp_path: Path, path: str, operation: Operation
) -> None:
    before = sorted(tmp_path.rglob("*"))
    offset = add(journals, JournalRecord(operation, path, 1, 0, b"x" if operation is Operation.WRITE else b""))
    with pytest.raises(RestorationError) as refused:
        replay(journals, tmp_path / "into")
    assert f"the journal's record at byte {offset} is about {path!r}, which is no resilience file of worker2" in str(
        refused.value
    )
    assert [path for path in sorted(tmp_path.rglob("*")) if "into" not in path.parts] == before


def test_of_event_logs_a_journal_only_says_that_they_were_deleted(journals: ResilienceSet, tmp_path: Path) -> None:
    log = f"{RECORDED}/{DETECTOR}-worker2"
    add(journals, *(JournalRecord(Operation.REMOVE, f"{log}{end}") for end in (".evlog", "-00000000000003E8.evlog")))
    assert replay(journals, tmp_path / "into").checkpoint == 5
    offset = add(journals, JournalRecord(Operation.WRITE, f"{log}.evlog", 1, 0, b"x"))
    with pytest.raises(RestorationError, match=f"record at byte {offset} is about .*evlog', which is no"):
        replay(journals, tmp_path / "again")


def test_a_note_that_no_restart_needs_is_skipped(journals: ResilienceSet, tmp_path: Path) -> None:
    add(journals, JournalRecord(Operation.WRITE, f"/home/ubuntu/{HISTORY}", 1, 500, b"rotated"))
    restored = replay(journals, tmp_path / "into")
    assert restored.skipped == [f"/home/ubuntu/{HISTORY}"]
    assert not list((tmp_path / "into").glob(f"*{HISTORY}*"))


def test_damage_in_the_middle_is_refused_with_its_offset(journals: ResilienceSet, tmp_path: Path) -> None:
    path = journals.path("journal")
    offset = list(iterate(path))[3][0]
    data = bytearray(path.read_bytes())
    data[offset + 5] = 9
    path.write_bytes(data)
    with pytest.raises(RestorationError, match=rf"damaged in the record at byte {offset}: there is no operation 9"):
        replay(journals, tmp_path / "into")


def test_damage_in_the_event_log_is_refused_with_its_offset(journals: ResilienceSet, tmp_path: Path) -> None:
    path = journals.path("evlog.journal")
    offset = list(event_log.iterate(path))[2][0]
    data = bytearray(path.read_bytes())
    data[offset] = 9
    path.write_bytes(data)
    with pytest.raises(RestorationError, match=rf"there is no record type 9 \(byte {offset}\)"):
        replay(journals, tmp_path / "into")


def test_a_hole_is_no_file(journals: ResilienceSet, tmp_path: Path) -> None:
    ids = f"{RECORDED}/{journals.path('checkpoint_ids').name}"
    add(journals, JournalRecord(Operation.WRITE, ids, 1, 96 + 16, bytes(16)))
    with pytest.raises(RestorationError, match=r"goes on at byte 112 of .*, which has 96: records before it are"):
        replay(journals, tmp_path / "into")


def test_a_committed_checkpoint_whose_states_never_arrived_is_refused(journals: ResilienceSet, tmp_path: Path) -> None:
    log = journals.path("evlog.journal")
    ends = [
        offset
        for offset, record in event_log.iterate(log)
        if isinstance(record, event_log.CheckpointEnd) and record.checkpoint == 5
    ]
    log.write_bytes(log.read_bytes()[: ends[0]])
    with pytest.raises(RestorationError, match="checkpoint 5 was committed, but its states never reached"):
        replay(journals, tmp_path / "into")


@pytest.mark.parametrize("suffix", ["journal", "evlog.journal"])
def test_a_journal_that_is_not_there(journals: ResilienceSet, tmp_path: Path, suffix: str) -> None:
    journals.path(suffix).unlink()
    with pytest.raises(RestorationError, match="there is no"):
        replay(journals, tmp_path / "into")


def test_a_journal_that_begins_too_late(journals: ResilienceSet, tmp_path: Path) -> None:
    path = journals.path("journal")
    path.write_bytes(path.read_bytes()[list(iterate(path))[-5][0] :])
    with pytest.raises(RestorationError, match="records before it are missing"):
        replay(journals, tmp_path / "into")
    path.write_bytes(b"")
    shutil.rmtree(tmp_path / "into")
    with pytest.raises(RestorationError, match=r"the journals do not tell of .*worker2\.local-topology"):
        replay(journals, tmp_path / "into")
