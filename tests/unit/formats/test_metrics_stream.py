# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics protocol: recorded streams of real workers, and whatever else may come."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.metrics import (
    BINS,
    NOTHING,
    Connect,
    Histogram,
    Join,
    Message,
    Metric,
    MetricsError,
    MetricsStream,
    OtherPayload,
    Payload,
    encode,
    encode_metric,
)
from hypothesis import given, settings
from hypothesis import strategies as st

FEW = settings(max_examples=50, deadline=None, database=None)
DETECTOR, SPREAD = "multi_partition_detector", "market_spread"
STREAMS = [
    f"{DETECTOR}/metrics-initializer.bin",
    f"{DETECTOR}/metrics-worker2.bin",
    f"{DETECTOR}/metrics-worker2-restarted.bin",
    f"{SPREAD}/metrics-initializer.bin",
    f"{SPREAD}/metrics-worker2.bin",
]
METRIC = Metric("Detector", "start-to-end", "w", "Detector", 0, (0,) * BINS, NOTHING, 0, 2 * 10**9, 4 * 10**9)
PAYLOAD = Payload("metrics:A", METRIC)


def parse(data: bytes, piece: int = 1 << 16) -> list[Message]:
    stream = MetricsStream()
    messages = [message for begin in range(0, len(data), piece) for message in stream.feed(data[begin : begin + piece])]
    stream.finish()
    return messages


def metrics(path: Path) -> list[Metric]:
    return [message.metric for message in parse(path.read_bytes()) if isinstance(message, Payload)]


def sums(found: list[Metric]) -> Counter[str]:
    """Values by category and name."""
    counted: Counter[str] = Counter()
    for metric in found:
        counted[f"{metric.category} {metric.name}"] += metric.count
    return counted


@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_stream_is_read_to_its_last_byte_and_written_again_alike(shared_data: Path, name: str) -> None:
    data = (shared_data / "wallaroo-0.5.4" / name).read_bytes()
    messages = parse(data)
    assert messages[0] == Connect()
    worker = name.split("-")[1].partition(".")[0]
    application = "Multi Partition Detector" if name.startswith(DETECTOR) else "Market Spread App"
    assert messages[1] == Join(f"metrics:{application}", worker)
    assert all(isinstance(message, Payload) and message.metric.worker == worker for message in messages[2:])
    assert b"".join(encode(message) for message in messages) == data
    assert parse(data, 777) == messages


def test_a_recorded_stream_lies_beside_the_tests_too(fixtures: Path) -> None:
    path = fixtures / "wallaroo-0.5.4" / STREAMS[1]
    assert b"".join(encode(message) for message in parse(path.read_bytes(), 1)) == path.read_bytes()
    assert sums(metrics(path))["start-to-end Detector"] == 3301


def test_the_histograms_of_real_workers_are_consistent(shared_data: Path) -> None:
    for name in STREAMS:
        for metric in metrics(shared_data / "wallaroo-0.5.4" / name):
            assert metric.period_end % metric.period == 0
            used = [number for number, count in enumerate(metric.bins) if count]
            if used:
                assert (metric.minimum.bit_length(), metric.maximum.bit_length()) == (used[0], used[-1])
            else:
                assert (metric.minimum, metric.maximum) == (NOTHING, 0)


def test_in_a_real_stream_what_is_recorded_first_is_one_ahead_of_the_rest_for_each_part(shared_data: Path) -> None:
    # 11000 of 22000 messages lie in whole periods, on ten connections, each of which is a part with ten histograms.
    counted = sums(metrics(shared_data / "wallaroo-0.5.4" / STREAMS[0]))
    decoded = counted["computation Decode Time in TCP Source"]
    assert decoded == counted["computation TraceID"] == 11000
    assert counted["pipeline-ingestion Detector source"] == decoded + 10
    # Two periods of the sink: the first message after the first of them has begun.
    sink = sums(metrics(shared_data / "wallaroo-0.5.4" / STREAMS[1]))
    assert sink["start-to-end Detector"] == sink["node-ingress-egress worker2"] + 1


def test_the_beginning_of_a_session_has_the_bytes_of_wallaroo() -> None:
    join = encode(Join("metrics:Multi Partition Detector", "initializer"))
    assert encode(Connect()) == bytes.fromhex("0000000101")
    assert join.startswith(bytes.fromhex("000000340200000020") + b"metrics:")
    assert join.endswith(bytes.fromhex("0000000b") + b"initializer")


def test_the_header_in_a_payload_is_written_as_wrong_as_in_a_real_one_and_ignored() -> None:
    data = encode_metric(METRIC)
    names = len("Detector" + "start-to-end" + "w" + "Detector")
    assert struct.unpack_from(">I", data) == (722 + names,)
    assert len(data) - 4 == 570 + names
    whole = encode(PAYLOAD)
    assert parse(whole.replace(data, b"\xff\xff\xff\xff" + data[4:])) == [PAYLOAD]


def test_other_messages_of_the_same_protocol_come_back() -> None:
    messages: list[Message] = [Join("reports:x", None), OtherPayload("states", "reports:x", b"\0any")]
    assert parse(b"".join(encode(message) for message in messages)) == messages


@pytest.mark.parametrize(
    ("value", "number"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (2**63 - 1, 63), (2**63, 64), (2**64 - 1, 64)]
)
def test_a_value_belongs_to_the_bin_of_its_number_of_bits(value: int, number: int) -> None:
    histogram = Histogram()
    histogram.record(value, 3)
    assert [value.bit_length(), histogram.bins[number], sum(histogram.bins)] == [number, 3, 3]
    assert (histogram.minimum, histogram.maximum) == (value, value)


def test_values_beyond_the_bins_go_to_the_nearest() -> None:
    histogram = Histogram()
    histogram.record(-5)
    histogram.record(2**70)
    assert (histogram.bins[0], histogram.bins[64]) == (1, 1)
    assert (histogram.minimum, histogram.maximum) == (0, 2**64 - 1)


def broken(change: bytes, at: int) -> bytes:
    data = bytearray(encode(PAYLOAD)[4:])
    data[at : at + len(change)] = change
    return frame(bytes(data))


@pytest.mark.parametrize(
    ("data", "offset", "why"),
    [
        (frame(b""), 4, "the message is empty"),
        (frame(b"\x09"), 4, "type 9"),
        (frame(b"\x01\x00"), 5, "1 bytes too many"),
        (frame(b"\x02\x00\x00"), 5, "ends inside the topic"),
        (frame(b"\x02\x00\x00\x00\x02a"), 5, "the topic announces 2 bytes, and 1 follow"),
        (frame(b"\x02\x00\x00\x00\x01\xff"), 5, "the topic is no UTF-8"),
        (frame(b"\x02" + struct.pack(">I", 1 << 13) + bytes(1 << 13)), 5, "more than the 4096 allowed"),
        (struct.pack(">I", 1 << 30), 0, "announces 1073741824 bytes"),
        (encode(PAYLOAD)[:-1] + b"", None, "ends inside the frame"),
        (frame(encode(PAYLOAD)[4:] + b"\0"), 29, "the data announces"),
        (frame(encode(PAYLOAD)[4:-1]), 29, "the data announces"),
        (broken(struct.pack(">I", 9000), 33), 37, "the metric's name announces 9000 bytes"),
    ],
)
def test_what_is_no_metrics_is_refused_with_its_offset(data: bytes, offset: int | None, why: str) -> None:
    before = encode(Connect())
    with pytest.raises(MetricsError, match=why) as caught:
        parse(before + data)
    assert caught.value.offset == len(before) + (offset or 0)
    assert caught.value.complete == ([Connect()] if offset is not None else [])


def test_numbers_that_do_not_fit_are_refused() -> None:
    for metric in (replace(METRIC, id=1 << 16), replace(METRIC, bins=(0,) * 64), replace(METRIC, maximum=-1)):
        with pytest.raises(ValueError, match="the metric 'Detector' cannot be written"):
            encode_metric(metric)


NUMBERS = st.integers(0, 2**64 - 1)
NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
METRICS = st.builds(
    Metric,
    NAMES,
    NAMES,
    NAMES,
    NAMES,
    st.integers(0, 2**16 - 1),
    st.lists(NUMBERS, min_size=BINS, max_size=BINS).map(tuple),
    NUMBERS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
)
MESSAGES = st.one_of(st.just(Connect()), st.builds(Join, NAMES, st.none() | NAMES), st.builds(Payload, NAMES, METRICS))


@FEW
@given(st.lists(MESSAGES, max_size=3), st.integers(1, 700))
def test_any_messages_come_back_whatever_the_pieces(messages: list[Message], piece: int) -> None:
    assert parse(b"".join(encode(message) for message in messages), piece) == messages


@FEW
@given(st.binary(max_size=60), st.integers(0, 800), st.integers(0, 255))
def test_arbitrary_and_damaged_bytes_give_messages_or_an_error_with_an_offset(data: bytes, at: int, byte: int) -> None:
    damaged = bytearray(encode(PAYLOAD) + data)
    damaged[at % len(damaged)] = byte
    for stream in (data, frame(data), bytes(damaged)):
        assert 0 <= offset_of_error(stream) <= len(stream)


def offset_of_error(stream: bytes) -> int:
    try:
        parse(stream)
    except MetricsError as error:
        return error.offset
    return 0
