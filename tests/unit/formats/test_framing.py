# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames: u32 big-endian length, then the payload."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import (
    DEFAULT_LIMIT,
    HEADER,
    FrameError,
    FrameSplitter,
    FrameTooLong,
    TornFrame,
    frame,
    frames,
    iterate_file,
)
from hypothesis import given, settings
from hypothesis import strategies as st

FEW = settings(max_examples=50, deadline=None, database=None)
payload_lists = st.lists(st.binary(max_size=40), max_size=20)


def test_a_frame_is_the_length_then_the_payload():
    assert frame(b"\0\0\0\0\0\0\0\1key_0") == bytes.fromhex("0000000d00000000000000016b65795f30")


def test_frames_are_frames_one_after_the_other():
    assert frames([b"a", b"", b"bc"]) == frame(b"a") + frame(b"") + frame(b"bc")


def test_an_empty_payload_is_delivered():
    assert FrameSplitter().feed(frame(b"") + frame(b"x")) == [b"", b"x"]


@FEW
@given(payload_lists, st.lists(st.integers(1, 30), min_size=1))
def test_it_does_not_matter_where_a_stream_is_cut(payloads, sizes):
    stream, splitter, delivered, position = frames(payloads), FrameSplitter(), [], 0
    while position < len(stream):
        size = sizes[position % len(sizes)]
        delivered += splitter.feed(stream[position : position + size])
        position += size
        assert splitter.offset == sum(4 + len(payload) for payload in delivered)
        assert splitter.offset + splitter.pending == min(position, len(stream))
    splitter.finish()
    assert delivered == payloads


def test_a_large_frame_may_come_byte_by_byte():
    payload = bytes(range(256)) * 40
    splitter = FrameSplitter()
    delivered = [found for byte in frame(payload) for found in splitter.feed(bytes([byte]))]
    assert delivered == [payload]


def test_a_large_frame_in_many_pieces_is_not_looked_at_anew_at_every_piece():
    payload, splitter = bytes(DEFAULT_LIMIT), FrameSplitter()
    stream, delivered = frame(payload), []
    begin = time.process_time()
    for position in range(0, len(stream), 32):
        delivered += splitter.feed(stream[position : position + 32])
    # 32768 pieces: copying what is held at each of them takes more than 5 seconds, this a hundredth of one.
    assert time.process_time() - begin < 2
    assert delivered == [payload]


def test_the_end_inside_a_frame_is_reported_with_the_offset_of_its_header():
    splitter = FrameSplitter()
    assert splitter.feed(frame(b"whole") + frame(b"torn")[:-1]) == [b"whole"]
    assert (splitter.offset, splitter.pending) == (9, 7)
    with pytest.raises(TornFrame, match="inside the frame at byte 9, of which 7 bytes came") as caught:
        splitter.finish()
    assert caught.value.offset == 9


def test_the_end_inside_a_header_is_reported_too():
    splitter = FrameSplitter()
    splitter.feed(b"\0\0")
    with pytest.raises(TornFrame):
        splitter.finish()


def test_a_payload_of_exactly_the_limit_is_allowed_and_one_byte_more_is_refused():
    assert FrameSplitter(limit=3).feed(frame(b"abc")) == [b"abc"]
    with pytest.raises(FrameTooLong, match="announces 4 bytes, more than the 3 allowed"):
        FrameSplitter(limit=3).feed(frame(b"abcd")[:4])


def test_what_was_complete_before_a_refused_frame_is_not_lost():
    splitter = FrameSplitter(limit=5)
    splitter.feed(frame(b"one")[:2])
    with pytest.raises(FrameTooLong) as caught:
        splitter.feed(frame(b"one")[2:] + frame(b"two") + HEADER.pack(6) + b"rest")
    assert caught.value.complete == [b"one", b"two"]
    assert caught.value.offset == splitter.offset == 14


def test_a_stream_with_a_refused_frame_stays_refused_and_is_not_collected():
    splitter = FrameSplitter(limit=5)
    for _ in range(3):
        with pytest.raises(FrameTooLong) as caught:
            splitter.feed(HEADER.pack(6) + b"x" * 1000)
        assert caught.value.offset == 0
        assert splitter.pending == 4


def test_a_length_of_four_gigabytes_takes_no_memory(tmp_path):
    path = tmp_path / "short"
    path.write_bytes(b"\xff\xff\xff\xff" + b"x" * 100)
    tracemalloc.start()
    with pytest.raises(FrameTooLong):
        list(iterate_file(path))
    with pytest.raises(TornFrame):
        list(iterate_file(path, limit=1 << 32))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_file_is_read_with_the_offset_of_each_header(tmp_path):
    path = tmp_path / "received"
    path.write_bytes(frames([b"a", b"", b"bcd"]))
    assert list(iterate_file(path)) == [(0, b"a"), (5, b""), (9, b"bcd")]


def test_a_file_is_read_in_pieces(tmp_path):
    path = tmp_path / "large"
    payload = b"x" * (DEFAULT_LIMIT // 2)
    path.write_bytes(frame(payload) * 5)
    assert [offset for offset, _ in iterate_file(path)] == [number * (len(payload) + 4) for number in range(5)]


@pytest.mark.parametrize(
    ("tail", "error"), [(b"\0\0", TornFrame), (b"\0\0\0\5abc", TornFrame), (b"\xff\0\0\0", FrameTooLong)]
)
def test_a_bad_end_of_a_file_is_raised_after_every_frame_before_it(tmp_path, tail, error):
    path = tmp_path / "received"
    path.write_bytes(frames([b"a", b"b"]) + tail)
    reading = iterate_file(path)
    assert [next(reading), next(reading)] == [(0, b"a"), (5, b"b")]
    with pytest.raises(error) as caught:
        next(reading)
    assert caught.value.offset == 10


@FEW
@given(st.binary(max_size=200), st.integers(0, 50), st.integers(1, 50))
def test_arbitrary_bytes_give_frames_or_a_frame_error(data, limit, size):
    splitter, delivered, offset = FrameSplitter(limit), [], None
    try:
        for position in range(0, len(data), size):
            delivered += splitter.feed(data[position : position + size])
            assert splitter.pending <= limit + 4
        splitter.finish()
    except FrameError as error:
        delivered += getattr(error, "complete", [])
        offset = error.offset
    assert offset in (None, len(frames(delivered)))
    assert data.startswith(frames(delivered))


def test_a_recorded_stream_is_read_to_its_last_byte(fixtures: Path):
    path = fixtures / "wallaroo-0.5.4/multi_partition_detector/resilience-end/multi_partition_detector-worker2.journal"
    assert frames(payload for _, payload in iterate_file(path)) == path.read_bytes()
