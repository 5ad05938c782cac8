# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event log of a worker."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.event_log import (
    CheckpointEnd,
    CheckpointNotFound,
    DamagedEventLog,
    EventLogError,
    RestartMark,
    StepState,
    TornEventLog,
    encode,
    find_checkpoint,
    iterate,
    parse_state_payload,
    state_payload,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FEW = settings(
    max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
STEP = 2**128 - 3
records = st.one_of(
    st.builds(StepState, st.integers(0, 2**128 - 1), st.binary(max_size=30)),
    st.builds(CheckpointEnd, st.integers(0, 2**64 - 1)),
    st.builds(RestartMark),
)


def write(path, *written):
    path.write_bytes(b"".join(map(encode, written)))
    return path


def test_the_records_have_the_bytes_of_the_real_engine():
    assert encode(StepState(1, b"abc")) == bytes.fromhex("00" + "00" * 15 + "01" + "00000003") + b"abc"
    assert encode(CheckpointEnd(5)) == bytes.fromhex("010000000000000005")
    assert encode(RestartMark()) == b"\x02Reset!!!"


def test_a_step_id_has_128_bits(tmp_path):
    path = write(tmp_path / "evlog", StepState(STEP, b""))
    assert [record.step for _, record in iterate(path)] == [STEP]


def test_records_come_with_their_offsets(tmp_path):
    written = [CheckpointEnd(0), StepState(1, b"abc"), CheckpointEnd(1), RestartMark()]
    path = write(tmp_path / "evlog", *written)
    assert list(iterate(path)) == list(zip([0, 9, 33, 42], written))


@FEW
@given(st.lists(records, max_size=10))
def test_any_log_comes_back(tmp_path, written):
    path = write(tmp_path / "evlog", *written)
    assert [record for _, record in iterate(path)] == written


@FEW
@given(st.lists(records, min_size=1, max_size=5), st.data())
def test_a_log_cut_anywhere_gives_the_whole_records_and_the_offset_of_the_torn_one(tmp_path, written, data):
    path = write(tmp_path / "evlog", *written)
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    found, torn_at, said = [], None, ""
    try:
        for _, record in iterate(path):
            found.append(record)
    except TornEventLog as error:
        torn_at, said = error.offset, str(error)
    complete = b"".join(map(encode, found))
    assert found == written[: len(found)]
    assert torn_at == (None if len(complete) == cut else len(complete))
    assert said.endswith("" if torn_at is None else f"byte {torn_at}")


def test_a_record_of_no_known_type_is_reported(tmp_path):
    path = tmp_path / "evlog"
    path.write_bytes(encode(CheckpointEnd(0)) + b"\x07rest")
    with pytest.raises(DamagedEventLog, match=r"no record type 7 \(byte 9\)"):
        list(iterate(path))


@FEW
@given(st.binary(max_size=100))
def test_arbitrary_bytes_give_records_or_an_event_log_error(tmp_path, data):
    path = tmp_path / "evlog"
    path.write_bytes(data)
    found = []
    try:
        for _, record in iterate(path):
            found.append(record)
    except EventLogError:
        assert data.startswith(b"".join(map(encode, found)))
    else:
        assert b"".join(map(encode, found)) == data


def test_a_length_of_four_gigabytes_takes_no_memory(tmp_path):
    path = tmp_path / "evlog"
    path.write_bytes(b"\x00" + b"\x01" * 16 + b"\xff\xff\xff\xff" + b"x" * 100)
    tracemalloc.start()
    with pytest.raises(TornEventLog):
        list(iterate(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_log_that_grows_while_it_is_read_is_not_torn(tmp_path):
    path = write(tmp_path / "evlog", CheckpointEnd(0))
    reading = iterate(path)
    next(reading)
    with path.open("ab") as stream:
        stream.write(encode(StepState(1, b"x" * 100_000)))
    assert next(reading)[1] == StepState(1, b"x" * 100_000)


def test_a_rollback_takes_the_states_right_before_the_id(tmp_path):
    path = write(
        tmp_path / "evlog",
        CheckpointEnd(0),
        StepState(1, b"old"),
        CheckpointEnd(1),
        StepState(1, b"new"),
        StepState(2, b"other"),
        CheckpointEnd(2),
        StepState(1, b"later"),
    )
    assert find_checkpoint(path, 0) == []
    assert find_checkpoint(path, 1) == [StepState(1, b"old")]
    assert find_checkpoint(path, 2) == [StepState(1, b"new"), StepState(2, b"other")]


def test_a_rollback_takes_the_first_of_two_equal_ids(tmp_path):
    written = [StepState(1, b"first"), CheckpointEnd(1), StepState(1, b"second"), CheckpointEnd(1)]
    path = write(tmp_path / "evlog", *written)
    assert find_checkpoint(path, 1) == [StepState(1, b"first")]


def test_a_restart_mark_begins_a_segment_anew(tmp_path):
    written = [StepState(1, b"unfinished"), RestartMark(), StepState(1, b"done"), CheckpointEnd(1)]
    path = write(tmp_path / "evlog", *written)
    assert find_checkpoint(path, 1) == [StepState(1, b"done")]


def test_a_torn_tail_does_not_hide_a_checkpoint_before_it(tmp_path):
    path = write(tmp_path / "evlog", StepState(1, b"state"), CheckpointEnd(1))
    with path.open("ab") as stream:
        stream.write(encode(StepState(1, b"more"))[:10])
    assert find_checkpoint(path, 1) == [StepState(1, b"state")]


def test_a_checkpoint_that_is_not_there_is_named_with_the_file(tmp_path):
    path = write(tmp_path / "evlog", CheckpointEnd(1))
    with pytest.raises(CheckpointNotFound, match=r"evlog holds no checkpoint 2$"):
        find_checkpoint(path, 2)


def test_a_torn_tail_is_named_when_the_checkpoint_may_have_been_in_it(tmp_path):
    path = write(tmp_path / "evlog", CheckpointEnd(1))
    with path.open("ab") as stream:
        stream.write(encode(CheckpointEnd(2))[:-1])
    with pytest.raises(CheckpointNotFound, match="no checkpoint 2; it ends inside the record at byte 9"):
        find_checkpoint(path, 2)


def test_the_payload_of_a_step_is_its_keys_with_their_states():
    payload = state_payload([("key_0", b"\1\2"), ("", b"")])
    assert payload == b"\0\0\0\5key_0\0\0\0\2\1\2" + b"\0" * 8
    assert parse_state_payload(payload) == [("key_0", b"\1\2"), ("", b"")]
    assert state_payload([]) == b""


@FEW
@given(st.lists(st.tuples(st.text(max_size=10), st.binary(max_size=10)), max_size=5))
def test_any_payload_comes_back(entries):
    assert parse_state_payload(state_payload(entries)) == entries


@FEW
@given(st.binary(max_size=60))
def test_an_arbitrary_payload_gives_entries_or_an_event_log_error(payload):
    with suppress(EventLogError):
        assert state_payload(parse_state_payload(payload)) == payload
