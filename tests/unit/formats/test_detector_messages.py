# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of the detector."""

from __future__ import annotations

import gzip
from contextlib import suppress

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import detector
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import FrameSplitter, frame
from hypothesis import given, settings
from hypothesis import strategies as st

FEW = settings(max_examples=50, deadline=None, database=None)
values = st.integers(0, 2**64 - 1)
keys = st.text(alphabet=st.characters(exclude_characters=",", exclude_categories=["Cs"]), min_size=1)


def test_input_is_a_value_and_a_key():
    assert frame(detector.encode_input(1, "key_0")) == bytes.fromhex("0000000d00000000000000016b65795f30")
    assert detector.decode_input(bytes.fromhex("00000000000000016b65795f30")) == (1, "key_0")


def test_a_key_may_be_empty():
    assert detector.decode_input(b"\0\0\0\0\0\0\0\7") == (7, "")


@FEW
@given(values, st.text())
def test_any_input_comes_back(value, key):
    assert detector.decode_input(detector.encode_input(value, key)) == (value, key)


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        (1, b"\0\0\0\x29(key_0.TraceID-1.TraceWindow-1,[0,0,0,1])"),
        (500, b"\0\0\0\x31(key_0.TraceID-1.TraceWindow-1,[497,498,499,500])"),
    ],
)
def test_output_is_what_the_real_engine_writes(value, recorded):
    assert frame(detector.encode_output("key_0", detector.expected_window(value))) == recorded


def test_every_layer_adds_to_the_key():
    payload = detector.encode_output("key_3", (1, 2, 3, 4), depth=2)
    assert payload == b"(key_3.TraceID-1.TraceWindow-1.TraceID-2.TraceWindow-2,[1,2,3,4])"
    assert detector.base_key(detector.decode_output(payload)[0]) == "key_3"


@pytest.mark.parametrize(
    ("value", "window"), [(0, (0, 0, 0, 0)), (1, (0, 0, 0, 1)), (3, (0, 1, 2, 3)), (9, (6, 7, 8, 9))]
)
def test_the_window_after_a_value(value, window):
    assert detector.expected_window(value) == window


def test_keys_are_counted_from_0():
    assert [detector.key_name(number) for number in (0, 10)] == ["key_0", "key_10"]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"(key_0,[1,2,3])",
        b"(key_0,[1,2,3,4,5])",
        b"(key_0,[1,2,3,-4])",
        b"(key_0,[1, 2,3,4])",
        b"(,[1,2,3,4])",
        b"(key_0,[1,2,3,4])\n",
        b" (key_0,[1,2,3,4])",
        b"(\xff,[1,2,3,4])",
        b"(key_0,[1,2,3," + b"9" * 5000 + b"])",
        "(key_0,[1,2,3,\N{ARABIC-INDIC DIGIT FOUR}])".encode(),
    ],
)
def test_what_is_no_output_is_refused(payload):
    with pytest.raises(ValueError, match=r"no output message|can't decode"):
        detector.decode_output(payload)


@FEW
@given(keys, st.tuples(*[values] * 4))
def test_any_output_comes_back(key, window):
    assert detector.decode_output(detector.encode_output(key, window)) == (detector.output_key(key), window)


@FEW
@given(st.binary(max_size=60))
def test_arbitrary_bytes_give_a_message_or_a_value_error(payload):
    for decode in (detector.decode_input, detector.decode_output):
        with suppress(ValueError):
            assert len(decode(payload)) == 2


def test_all_22000_recorded_outputs_are_what_we_would_write(shared_data):
    path = shared_data / "wallaroo-0.5.4" / "multi_partition_detector" / "received.txt.gz"
    splitter, last = FrameSplitter(), {}
    for payload in splitter.feed(gzip.decompress(path.read_bytes())):
        key, _ = detector.decode_output(payload)
        base = detector.base_key(key)
        last[base] = last.get(base, 0) + 1
        assert payload == detector.encode_output(base, detector.expected_window(last[base]))
    splitter.finish()
    assert last == {detector.key_name(number): 2000 for number in range(11)}
