# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of checkpoint ids."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.checkpoint_ids import (
    SIZE,
    CheckpointId,
    TornRecord,
    append,
    committed_after,
    encode,
    last_commit,
    read_last,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.decoders import all_checkpoint_ids

FEW = settings(
    max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
numbers = st.integers(0, 2**64 - 1)


def test_a_record_is_two_numbers_of_eight_bytes():
    assert encode(CheckpointId(5, 1)) == bytes.fromhex("00000000000000050000000000000001")


def test_records_are_added_at_the_end(tmp_path):
    path = tmp_path / "ids"
    written = [CheckpointId(0, 0), CheckpointId(1, 0), CheckpointId(1, 1)]
    for identifier in written:
        append(path, identifier)
    assert all_checkpoint_ids(path) == written
    assert read_last(path) == written[-1]


def test_an_empty_file_has_no_last_record(tmp_path):
    path = tmp_path / "ids"
    path.touch()
    assert read_last(path) is None
    assert all_checkpoint_ids(path) == []


def test_when_the_last_one_was_committed_is_known_of_a_commit_alone(tmp_path: Path) -> None:
    path = tmp_path / "ids"
    path.write_bytes(b"")
    assert last_commit(path) == (0, None)
    records = [((0, 0), False), ((1, 0), True), ((1, 1), False), ((2, 1), True), ((2, 2), False), ((4, 2), True)]
    for (checkpoint, rollback), commits in records:
        append(path, CheckpointId(checkpoint, rollback))
        os.utime(path, (1000.0 + checkpoint, 1000.0 + checkpoint))
        assert last_commit(path) == (checkpoint, 1000.0 + checkpoint if commits else None)


@pytest.mark.parametrize("torn", [1, 8, 15])
def test_a_torn_tail_is_reported_by_everybody_and_never_made_worse(tmp_path, torn):
    path = tmp_path / "ids"
    data = encode(CheckpointId(0, 0)) + encode(CheckpointId(1, 0))[:torn]
    path.write_bytes(data)
    for use in (all_checkpoint_ids, read_last, lambda file: append(file, CheckpointId(2, 0))):
        with pytest.raises(TornRecord, match="inside the record at byte 16") as caught:
            use(path)
        assert caught.value.offset == SIZE
    assert path.read_bytes() == data


def test_only_the_end_of_a_large_file_is_read(tmp_path):
    path = tmp_path / "ids"
    with path.open("wb") as stream:
        stream.seek(1 << 40)
        stream.write(encode(CheckpointId(7, 3)))
    assert read_last(path) == CheckpointId(7, 3)


@FEW
@given(st.binary(max_size=100))
def test_arbitrary_bytes_give_records_or_a_torn_record(tmp_path, data):
    path = tmp_path / "ids"
    path.write_bytes(data)
    try:
        records = all_checkpoint_ids(path)
    except TornRecord:
        assert len(data) % SIZE
        return
    assert b"".join(map(encode, records)) == data
    assert read_last(path) == (records[-1] if records else None)


@FEW
@given(numbers, numbers)
def test_any_record_comes_back(tmp_path, checkpoint, rollback):
    path = tmp_path / "ids"
    path.write_bytes(encode(CheckpointId(checkpoint, rollback)))
    assert read_last(path) == CheckpointId(checkpoint, rollback)


def test_checkpoints_are_counted_not_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "ids"
    for identifier in (
        CheckpointId(0, 0),
        CheckpointId(1, 0),
        CheckpointId(2, 0),
        CheckpointId(2, 1),
        CheckpointId(4, 1),
    ):
        append(path, identifier)
    assert committed_after(path, 2) == [4], (
        "the one that a crash interrupted is left out, and a rollback commits nothing"
    )
    assert committed_after(path, 0) == [1, 2, 4]
    with path.open("ab") as stream:
        stream.write(bytes(7))
    assert committed_after(path, 2) == [4], "a record that is being written does not count yet"
