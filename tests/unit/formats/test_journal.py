# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The I/O journal: what a real worker wrote, and what is torn or damaged."""

from __future__ import annotations

import io
import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.journal import (
    DamagedJournal,
    JournalError,
    JournalRecord,
    Operation,
    TornJournal,
    encode,
    iterate,
)

WRITE = JournalRecord(Operation.WRITE, "/r/app-worker2.workers", 2, 12, b"worker2\n")
CUT = JournalRecord(Operation.SET_LENGTH, "/r/app-worker2.workers", 1, 0)
GONE = JournalRecord(Operation.REMOVE, "/r/app-worker2.workers")


def read(data: bytes) -> list[JournalRecord]:
    return [record for _offset, record in iterate(io.BytesIO(data))]


@pytest.mark.parametrize("worker", ["initializer", "worker2"])
def test_what_a_real_worker_wrote_is_understood_to_the_last_byte(fixtures: Path, worker: str) -> None:
    directory = fixtures / "wallaroo-0.5.4" / "multi_partition_detector" / "journals-after-kill" / worker
    path = directory / f"multi_partition_detector-{worker}.journal"
    records = list(iterate(path))
    assert b"".join(encode(record) for _offset, record in records) == path.read_bytes()
    assert {str(Path(record.path).parent) for _offset, record in records} == {"/tmp/wallaroo-demo/resilience"}
    offset, record = records[-1]
    assert (record.operation, record.number, len(record.data)) == (Operation.WRITE, 80, 16)
    assert offset + len(encode(record)) == path.stat().st_size


def test_the_bytes_are_those_of_wallaroo() -> None:
    assert encode(CUT) == (
        struct.pack(">I4BQ", 12 + 8 + 8 + 22, 0, 0, 1, 1, 1) + struct.pack(">QQ", 0, 22) + b"/r/app-worker2.workers"
    )
    assert encode(GONE)[4:16] == struct.pack(">4BQ", 0, 2, 0, 1, 0)


def test_every_operation_comes_back() -> None:
    assert read(encode(CUT) + encode(WRITE) + encode(GONE)) == [CUT, WRITE, GONE]
    assert read(b"") == []


def test_a_journal_may_end_anywhere_in_its_last_record() -> None:
    first, second = encode(CUT), encode(WRITE)
    for length in range(1, len(second)):
        records = iterate(io.BytesIO(first + second[:length]))
        assert next(records) == (0, CUT)
        with pytest.raises(TornJournal) as torn:
            next(records)
        assert torn.value.offset == len(first)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ((4, b"\x01"), "there is no version 1"),
        ((5, b"\x03"), "there is no operation 3"),
        ((6, b"\x02"), "does not have 2 numbers and 2 texts"),
        ((0, b"\x00\x00\x00\x0b"), "a record cannot have 11 bytes"),
        ((0, b"\xff\xff\xff\xff"), "a record cannot have 4294967295 bytes"),
        ((0, b"\x00\x00\x01\x00"), "its texts do not add up to the 256 bytes"),
        ((16, b"\xff"), "is no length and no offset of a file"),
        ((40, b"r"), "is no absolute path"),
        ((41, b"\x00"), "is no absolute path"),
    ],
)
def test_what_is_damaged_is_named_with_its_place(change: tuple[int, bytes], why: str) -> None:
    at, put = change
    second = bytearray(encode(WRITE))
    second[at : at + len(put)] = put
    with pytest.raises(DamagedJournal, match=why) as damaged:
        read(encode(CUT) + bytes(second) + encode(GONE))
    assert damaged.value.offset == len(encode(CUT))
    assert f"in the record at byte {len(encode(CUT))}" in str(damaged.value)


def test_a_length_that_points_behind_the_end_is_no_torn_record() -> None:
    damaged = bytearray(encode(WRITE) + encode(CUT))
    damaged[1] = 1
    with pytest.raises(DamagedJournal):
        read(bytes(damaged))


def test_no_length_makes_anybody_take_memory() -> None:
    path = b"/" + b"x" * 20
    size = 12 + 24 + len(path) + (1 << 29)
    data = struct.pack(">I4BQ", size, 0, 1, 1, 2, 1) + struct.pack(">QQQ", 0, len(path), 1 << 29) + path + b"abc"
    tracemalloc.start()
    try:
        with pytest.raises(TornJournal):
            read(data)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_every_changed_byte_is_read_as_something_or_refused() -> None:
    whole = encode(CUT) + encode(WRITE)
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 0xFF
        with suppress(JournalError):
            assert len(read(bytes(changed))) == 2
