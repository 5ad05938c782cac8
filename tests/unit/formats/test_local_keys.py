# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of the keys that a worker owns."""

from __future__ import annotations

import tracemalloc

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.local_keys import (
    ADD,
    REMOVE,
    LocalKey,
    LocalKeysError,
    encode,
    iterate,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FEW = settings(
    max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
records = st.builds(
    LocalKey, st.sampled_from([ADD, REMOVE]), st.integers(0, 2**64 - 1), st.text(max_size=10), st.text(max_size=10)
)


def test_a_record_is_command_checkpoint_length_state_and_key():
    record = LocalKey(ADD, 1, "symbol-data", " BTU")
    assert encode(record) == (
        bytes.fromhex("00" + "0000000000000001" + "00000017" + "0000000b") + b"symbol-data" + b"\0\0\0\4 BTU"
    )


def test_an_empty_file_holds_no_key(tmp_path):
    path = tmp_path / "local-keys"
    path.touch()
    assert list(iterate(path)) == []


@FEW
@given(st.lists(records, max_size=5))
def test_any_file_comes_back(tmp_path, written):
    path = tmp_path / "local-keys"
    path.write_bytes(b"".join(map(encode, written)))
    assert list(iterate(path)) == written


def test_a_torn_tail_is_reported_after_what_is_whole(tmp_path):
    path = tmp_path / "local-keys"
    whole = LocalKey(ADD, 1, "state1", "key_0")
    size = len(encode(whole))
    for cut in range(1, size):
        path.write_bytes(encode(whole) + encode(whole)[:cut])
        reading = iterate(path)
        assert next(reading) == whole
        with pytest.raises(LocalKeysError, match=f"local-keys is damaged or ends inside the record at byte {size}"):
            next(reading)


@pytest.mark.parametrize(
    "data",
    [
        b"\2" + encode(LocalKey(ADD, 1, "s", "k"))[1:],
        encode(LocalKey(ADD, 1, "s", "k")).replace(b"k", b"\xff"),
        b"\0" * 9 + b"\0\0\0\0",
        b"\0" * 9 + b"\0\0\0\x09" + b"\0\0\0\0\0\0\0\0x",
        b"\0" * 9 + b"\0\0\0\x08" + b"\xff\xff\xff\xff\0\0\0\0",
    ],
)
def test_a_damaged_record_is_reported(tmp_path, data):
    path = tmp_path / "local-keys"
    path.write_bytes(data)
    with pytest.raises(LocalKeysError) as caught:
        list(iterate(path))
    assert caught.value.offset == 0


@FEW
@given(st.binary(max_size=60))
def test_arbitrary_bytes_give_records_or_a_local_keys_error(tmp_path, data):
    path = tmp_path / "local-keys"
    path.write_bytes(data)
    found, end = [], len(data)
    try:
        for record in iterate(path):
            found.append(record)
    except LocalKeysError as error:
        end = error.offset
    assert b"".join(map(encode, found)) == data[:end]


def test_a_length_of_four_gigabytes_takes_no_memory(tmp_path):
    path = tmp_path / "local-keys"
    path.write_bytes(b"\0" * 9 + b"\xff\xff\xff\xff" + b"x" * 100)
    tracemalloc.start()
    with pytest.raises(LocalKeysError):
        list(iterate(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
