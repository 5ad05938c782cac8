# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The strict rule: every class of violation is planted, and must be caught and named."""

from __future__ import annotations

import gzip
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Optional

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import comparison, ordering
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.ordering import KINDS, verify

from tests.planter import PLANTS, plant

Message = Callable[..., bytes]
Stream = Callable[..., list[bytes]]
Received = Callable[..., Path]

SEEDS = range(6)


def kinds(result: ordering.OrderingResult) -> list[str]:
    return [violation.kind for violation in result.violations]


# -- files that are right -------------------------------------------------------------------------------


def test_the_recorded_run_of_a_real_engine_passes(shared_data: Path, keys: list[str]) -> None:
    path = shared_data / "wallaroo-0.5.4" / "multi_partition_detector" / "received.txt.gz"
    result = verify(path, keys, 2000)
    assert result.verdict == "pass"
    assert result.message() == "22,000 of 22,000 messages of 11 keys, each exactly once and in order"
    assert result.received == result.expected == 22_000
    assert set(result.last_values.values()) == {2000}
    assert verify(path, keys, 2000, mode="at_least_once").verdict == "pass"


def test_the_recorded_run_fails_when_more_or_less_was_expected(shared_data: Path, keys: list[str]) -> None:
    path = shared_data / "wallaroo-0.5.4" / "multi_partition_detector" / "received.txt.gz"
    assert Counter(kinds(verify(path, keys, 2001))) == {"lost_tail": 11}
    assert Counter(kinds(verify(path, keys, 1999))) == {"beyond_last": 11}
    assert Counter(kinds(verify(path, [*keys, "key_11"], 2000))) == {"missing_key": 1}
    assert Counter(kinds(verify(path, keys[:10], 2000))) == {"unknown_key": 1}
    assert Counter(kinds(verify(path, keys, 2000, first=2))) == {"rewind": 11}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mode", ordering.MODES)
def test_any_interleaving_of_right_keys_passes(
    keys: list[str], good_stream: Stream, received: Received, mode: str, seed: int
) -> None:
    last = Random(seed).choice([1, 3, 9, 10, 13, 99, 104, 1003])
    assert verify(received(b"".join(good_stream(keys, last, seed))), keys, last, mode).verdict == "pass"


@pytest.mark.parametrize("block", [1, 2, 7, 45, 4096])
def test_it_does_not_matter_how_the_file_is_cut_while_reading(
    keys: list[str], good_stream: Stream, received: Received, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(comparison, "_BLOCK", block)
    assert verify(received(b"".join(good_stream(keys, 15))), keys, 15).verdict == "pass"


def test_a_packed_file_is_unpacked_on_the_way(keys: list[str], good_stream: Stream, received: Received) -> None:
    path = received(gzip.compress(b"".join(good_stream(keys, 50))), "received.bin.gz")
    assert verify(path, keys, 50).verdict == "pass"


def test_the_first_value_may_be_another_one(keys: list[str], good_stream: Stream, received: Received) -> None:
    path = received(b"".join(good_stream(keys, 1200, first=501)))
    assert verify(path, keys, 1200, first=501).verdict == "pass"
    assert Counter(kinds(verify(path, keys, 1200))) == {"lost_head": 11}


def test_deeper_detectors_have_longer_names(keys: list[str], good_stream: Stream, received: Received) -> None:
    path = received(b"".join(good_stream(keys, 20, depth=2)))
    assert verify(path, keys, 20, depth=2).verdict == "pass"
    assert verify(path, keys, 20, depth=1).verdict == "fail"


def test_keys_whose_frames_have_a_separator_in_the_header(good_stream: Stream, received: Received) -> None:
    # 0x2c is a comma and 0x5d a bracket: the length of a frame may be such a byte.
    for length in range(1, 80):
        keys = ["x" * length, "y" * length]
        assert verify(received(b"".join(good_stream(keys, 12))), keys, 12).verdict == "pass"


def test_one_key_may_be_far_ahead(keys: list[str], message: Message, received: Received) -> None:
    data = b"".join(message(key, value) for key in keys for value in range(1, 301))
    assert verify(received(data), keys, 300).verdict == "pass"


# -- files that are wrong -------------------------------------------------------------------------------


def test_every_kind_is_planted() -> None:
    assert {planted.kind for planted in PLANTS.values()} == set(KINDS)


@pytest.mark.parametrize("name", PLANTS)
@pytest.mark.parametrize("place", [None, 0.0, 0.5, 0.99])
def test_each_plant_is_caught_and_called_by_its_name(
    keys: list[str], good_stream: Stream, received: Received, name: str, place: Optional[float]
) -> None:
    for seed in SEEDS:
        used = keys[: Random(seed).choice([2, 3, 11])]
        last = Random(seed).choice([40, 120])
        data = plant(name, b"".join(good_stream(used, last, seed)), seed, place)
        result = verify(received(data), used, last)
        assert result.verdict == "fail", seed
        # One fault is one violation. Only two messages that swapped their names may be told one by one.
        assert set(kinds(result)) == {PLANTS[name].kind}, (seed, [v.sentence() for v in result.violations])
        assert result.violation_count == 1 or (name == "cross_key_swap" and result.violation_count == 2), seed


@pytest.mark.parametrize("name", PLANTS)
def test_at_least_once_allows_exactly_what_it_should(
    keys: list[str], good_stream: Stream, received: Received, name: str
) -> None:
    for seed in SEEDS:
        data = plant(name, b"".join(good_stream(keys, 60, seed)), seed)
        result = verify(received(data), keys, 60, mode="at_least_once")
        assert (result.verdict == "pass") == PLANTS[name].allowed_at_least_once, seed
        if result.verdict == "fail" and not name.startswith("cross_key"):
            assert kinds(result) == [PLANTS[name].kind_at_least_once or PLANTS[name].kind], seed


@pytest.mark.parametrize("name", PLANTS)
@pytest.mark.parametrize("block", [1, 64, 1000])
def test_a_violation_does_not_depend_on_how_the_file_is_cut(
    keys: list[str],
    good_stream: Stream,
    received: Received,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    block: int,
) -> None:
    path = received(plant(name, b"".join(good_stream(keys[:2], 24)), seed=1))
    whole = verify(path, keys[:2], 24)
    monkeypatch.setattr(comparison, "_BLOCK", block)
    assert verify(path, keys[:2], 24) == whole


def test_several_faults_are_each_told_once(keys: list[str], good_stream: Stream, received: Received) -> None:
    parts = []
    for number, name in enumerate(["gap_of_several", "rewind", "reset_state", "torn_inside", "leading_zero"]):
        begin = 1 + 100 * number
        part = b"".join(good_stream(keys, begin + 99, seed=number, first=begin))
        parts.append(plant(name, part, seed=number))
    result = verify(received(b"".join(parts)), keys, 500)
    assert kinds(result) == ["gap", "rewind", "reset_state", "torn_frame", "leading_zero"]


# -- witnesses ------------------------------------------------------------------------------------------


def test_a_gap_is_told_with_place_and_missing_values(message: Message, received: Received) -> None:
    values = [*range(1, 501), *range(613, 701)]
    data = b"".join(message("key_3", value) for value in values)
    (violation,) = verify(received(data), ["key_3"], 700).violations
    offset = len(b"".join(message("key_3", value) for value in range(1, 501)))
    assert violation.sentence() == (
        f"key_3: 501..612 are missing: at frame 500 (byte {offset}) came [610,611,612,613]"
        " where [498,499,500,501] was expected"
    )
    assert violation.to_dict() == {
        "kind": "gap",
        "key": "key_3",
        "position": 500,
        "offset": offset,
        "expected": "[498,499,500,501]",
        "found": "[610,611,612,613]",
        "missing": [501, 612],
        "missing_in": None,
        "other": None,
        "times": 1,
        "around": list(violation.around),
        "sentence": violation.sentence(),
    }


def test_a_lost_head_is_told_with_missing_values(message: Message, received: Received) -> None:
    data = b"".join(message("a", value) for value in range(4, 11))
    (violation,) = verify(received(data), ["a"], 10).violations
    assert (violation.kind, violation.position, violation.offset, violation.missing) == ("lost_head", 0, 0, (1, 3))
    assert violation.sentence() == (
        "a: 1..3 are missing at the beginning: at frame 0 (byte 0) came [1,2,3,4] where [0,0,0,1] was expected"
    )


def test_a_lost_tail_is_told_with_missing_values(message: Message, received: Received) -> None:
    data = b"".join(message("a", value) for value in range(1, 10))
    result = verify(received(data), ["a"], 10)
    (violation,) = result.violations
    assert (violation.kind, violation.position, violation.offset) == ("lost_tail", -1, len(data))
    assert violation.missing == (10, 10)
    assert violation.sentence() == "a: 10 is missing at the end: the last that came was [6,7,8,9]"
    assert result.message() == f"fail: 1 violation: {violation.sentence()}"
    assert result.last_values == {"a": 9}


def test_a_message_under_another_name_says_where_it_is_missing(message: Message, received: Received) -> None:
    order = [("a", 1), ("b", 1), ("a", 2), ("a", 3), ("a", 4), ("a", 5), ("b", 2), ("a", 6), ("b", 3)]
    frames = [message(key, value) for key, value in order]
    frames[6] = message("a", 2)
    (violation,) = verify(received(b"".join(frames)), ["a", "b"], 6).violations[:1]
    assert (violation.kind, violation.key, violation.other, violation.missing_in) == ("cross_key", "a", "b", "b")
    assert violation.sentence() == (
        f"a: mixed up with b: at frame 6 (byte {sum(map(len, frames[:6]))}) came [0,0,1,2]"
        " where [3,4,5,6] was expected; 2 is missing in b"
    )


def test_damage_is_told_with_the_message_that_it_cost(message: Message, received: Received) -> None:
    frames = [message("a", value) for value in range(1, 11)]
    frames[4] = frames[4][:20]
    result = verify(received(b"".join(frames)), ["a"], 10)
    assert (result.received, result.expected) == (9, 10)
    (violation,) = result.violations
    assert violation.sentence() == (
        f"a: torn frame: at frame 4 (byte {sum(map(len, frames[:4]))}) came '\\x00\\x00\\x00%(a.TraceID-1.Tra'"
        " where [2,3,4,5] was expected; 5 is missing"
    )


def test_the_same_frame_many_times_is_one_violation(message: Message, received: Received) -> None:
    frames = [message("a", value) for value in [1, 2, 3, 4, *[4] * 500, 5]]
    (violation,) = verify(received(b"".join(frames)), ["a"], 5).violations
    assert (violation.kind, violation.times, violation.position) == ("duplicate", 500, 4)
    assert violation.sentence().startswith("a: repeated 500 times: at frame 4 ")


def test_late_and_early_messages_are_no_losses(message: Message, received: Received) -> None:
    frames = [message("a", value) for value in [2, 1, 3, 7, 4, 5, 6, 8, 10, 11, 12, 9, 13, 15, 14]]
    result = verify(received(b"".join(frames)), ["a"], 15)
    assert kinds(result) == ["reorder"] * 4
    assert all(violation.missing is None for violation in result.violations)


def test_what_is_only_partly_made_up_for_is_a_gap(message: Message, received: Received) -> None:
    frames = [message("a", value) for value in [1, 2, 3, 8, 9, 5, 6, 10]]
    (violation,) = verify(received(b"".join(frames)), ["a"], 10).violations
    assert (violation.kind, violation.missing) == ("gap", (4, 7))


def test_at_least_once_does_not_let_a_replay_leave_something_out(message: Message, received: Received) -> None:
    frames = [message("a", value) for value in [1, 2, 3, 4, 5, 2, 4, 5, 6]]
    (violation,) = verify(received(b"".join(frames)), ["a"], 6, mode="at_least_once").violations
    assert (violation.kind, violation.position, violation.missing) == ("gap", 6, (3, 3))


@pytest.mark.parametrize(
    ("values", "last", "missing", "sentence"),
    [
        ([1, 2, 3, 4, 2], 4, (3, 4), "the last that came was [0,0,1,2] of a repeat that had come to 4 before"),
        ([1, 2, 3, 4, 1, 2, 3], 4, (4, 4), "the last that came was [0,1,2,3] of a repeat that had come to 4 before"),
        ([1, 2, 3, 4, 2, 3, 2, 3], 4, (4, 4), "the last that came was [0,1,2,3] of a repeat"),
        ([1, 2, 3, 4, 5, 2, 3], 6, (6, 6), "the last that came was [0,1,2,3] of a repeat that had come to 5 before"),
        ([1, 2, 3, 4, 2, 3, 4], 5, (5, 5), "the last that came was [1,2,3,4]"),
    ],
)
def test_at_least_once_a_repeat_goes_on_to_the_last_value(
    message: Message, received: Received, values: list[int], last: int, missing: tuple[int, int], sentence: str
) -> None:
    path = received(b"".join(message("a", value) for value in values))
    (violation,) = verify(path, ["a"], last, mode="at_least_once").violations
    assert (violation.kind, violation.missing) == ("lost_tail", missing)
    assert sentence in violation.sentence()


@pytest.mark.parametrize("values", [[1, 2, 3, 4, 2, 3, 4], [1, 2, 3, 4, 3, 2, 3, 4], [1, 2, 3, 1, 2, 3, 4, 4]])
def test_at_least_once_repeats_may_come_as_often_as_they_like(
    message: Message, received: Received, values: list[int]
) -> None:
    result = verify(received(b"".join(message("a", value) for value in values)), ["a"], 4, mode="at_least_once")
    repeated = len(values) - 4
    assert result.message() == (
        f"4 of 4 messages of 1 key, each at least once and in order ({repeated} repeated). "
        "Nothing is known of crashes, so what came again was taken for right wherever it began"
    )


def test_at_least_once_compares_what_is_repeated(message: Message, received: Received) -> None:
    frames = [message("a", value) for value in range(1, 8)]
    repeated = [message("a", 3, 4, 5, 7), message("a", 0, 0, 0, 7), message("a", 7).replace(b"7])", b"07])")]
    for wrong in [*repeated[:2], frame(repeated[2][4:])]:
        assert verify(received(b"".join([*frames, wrong])), ["a"], 7, mode="at_least_once").verdict == "fail"


def test_nothing_before_the_first_value_counts_as_a_repeat(message: Message, received: Received) -> None:
    frames = [message("a", value) for value in [501, 502, 500, 501, 502, 503]]
    assert verify(received(b"".join(frames)), ["a"], 503, mode="at_least_once", first=501).verdict == "fail"


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("digits", [2, 20, 21, 40])
def test_numbers_with_leading_zeros_are_called_so_however_many_there_are(
    message: Message, received: Received, digits: int, place: int
) -> None:
    numbers = ["1", "2", "3", "4"]
    numbers[place] = numbers[place].zfill(digits)
    frames = [message("a", value) for value in [1, 2, 3, 4, 5]]
    frames[3] = frame(f"(a.TraceID-1.TraceWindow-1,[{','.join(numbers)}])".encode())
    (violation,) = verify(received(b"".join(frames)), ["a"], 5).violations
    assert (violation.kind, violation.position) == ("leading_zero", 3)
    assert violation.found == f"[{','.join(numbers)}]"


def test_a_number_that_no_value_can_be_is_a_bad_window(message: Message, received: Received) -> None:
    frames = [message("a", value) for value in [1, 2, 3, 4, 5]]
    frames[3] = frame(b"(a.TraceID-1.TraceWindow-1,[1,2,3,100000000000000000000])")
    assert kinds(verify(received(b"".join(frames)), ["a"], 5)) == ["bad_window"]


@pytest.mark.parametrize("layer", ["TraceID-1", "TraceWindow-1", "TraceID-2"])
def test_a_key_may_be_called_like_a_layer(message: Message, received: Received, layer: str) -> None:
    frames = [message(key, value) for value in range(1, 7) for key in ("a", layer, "stranger")]
    assert kinds(verify(received(b"".join(frames)), ["a", layer], 6)) == ["unknown_key"]
    frames = [message(key, value, depth=2) for value in range(1, 7) for key in ("a", layer)]
    assert verify(received(b"".join(frames)), ["a", layer], 6, depth=2).verdict == "pass"
    # Of one layer too many nobody has sent anything; no key is mixed up with another.
    frames = [message(key, value, depth=1 + (value == 3)) for value in range(1, 7) for key in ("a", layer)]
    assert set(kinds(verify(received(b"".join(frames)), ["a", layer], 6))) == {"unknown_key"}
    frames = [message(key, value) for value in range(1, 7) for key in ("a", layer)]
    frames[4] = frame(f"(a.{layer}.TraceID-1.TraceWindow-1,[0,1,2,3])".encode())
    (violation,) = verify(received(b"".join(frames)), ["a", layer], 6).violations
    assert (violation.kind, violation.key, violation.other) == ("cross_key", "a", layer)


# -- limits ---------------------------------------------------------------------------------------------


def test_all_violations_are_counted_and_the_first_are_returned(message: Message, received: Received) -> None:
    data = b"".join(message("a", value) for value in range(1, 6001, 2))
    result = verify(received(data), ["a"], 6000, limit=3)
    assert [violation.missing for violation in result.violations] == [(2, 2), (4, 4), (6, 6)]
    assert result.violation_count == 3000
    assert result.message().startswith("fail: 3,000 violations; first: a: 2 is missing: ")


def test_an_unknown_key_is_one_violation(keys: list[str], good_stream: Stream, received: Received) -> None:
    result = verify(received(b"".join(good_stream([*keys, "stranger", "other"], 50))), keys, 50)
    assert [(violation.kind, violation.key) for violation in result.violations] == [
        ("unknown_key", key) for key in sorted(["stranger", "other"], key=[v.key for v in result.violations].index)
    ]


def test_garbage_longer_than_a_frame_may_be_is_one_violation(
    keys: list[str], good_stream: Stream, received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = good_stream(keys, 30)
    frames.insert(100, b"\xff" * 3_000_000)
    monkeypatch.setattr(comparison, "_BLOCK", 1 << 16)
    result = verify(received(b"".join(frames)), keys, 30)
    assert kinds(result) == ["garbage"]
    assert result.violations[0].position == 100
    assert result.received == 330, "garbage is no message"


def test_memory_does_not_grow_with_the_file(
    keys: list[str], message: Message, received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The worst case: what keys share cannot be let go of while one of them never comes.
    monkeypatch.setattr(comparison, "_SKEW", 1000)
    monkeypatch.setattr(comparison, "_SKEW_CHECK", 1)
    monkeypatch.setattr(comparison, "_BLOCK", 1 << 16)
    path = received(b"".join(message("key_1", value) for value in range(1, 40_001)))
    tracemalloc.start()
    try:
        result = verify(path, keys, 40_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert Counter(kinds(result)) == {"missing_key": 10}
    assert path.stat().st_size > 2_000_000
    assert peak < 1_000_000


# -- what could not be checked --------------------------------------------------------------------------


def test_a_missing_file_is_unknown(tmp_path: Path) -> None:
    result = verify(tmp_path / "received.bin", ["a"], 1)
    assert result.verdict == "unknown"
    assert result.reason == f"{tmp_path}/received.bin could not be read: No such file or directory"
    assert result.message() == f"unknown: {result.reason}"


def test_a_directory_is_unknown(tmp_path: Path) -> None:
    assert verify(tmp_path, ["a"], 1).verdict == "unknown"


def test_a_damaged_packed_file_is_unknown(keys: list[str], good_stream: Stream, received: Received) -> None:
    packed = gzip.compress(b"".join(good_stream(keys, 50)))
    broken = packed[:200] + bytes([packed[200] ^ 0xFF]) + packed[201:]
    for data in (packed[:-20], b"no gzip at all", broken):
        assert verify(received(data, "received.bin.gz"), keys, 50).verdict == "unknown"


@pytest.mark.parametrize(
    ("keys", "first", "last", "reason"),
    [
        ([], 1, 10, "the list of keys is empty"),
        (["a", "a"], 1, 10, "a is listed twice"),
        (["a.b"], 1, 10, "'a.b' cannot be a key"),
        (["a"], 0, 10, "the first value is 0"),
        (["a"], 5, 4, "the last value 4 is lower than the first value 5"),
    ],
)
def test_expecting_nothing_or_nonsense_is_unknown(
    received: Received, keys: list[str], first: int, last: int, reason: str
) -> None:
    result = verify(received(b""), keys, last, first=first)
    assert result.verdict == "unknown"
    assert reason in result.reason


def test_an_empty_file_fails_and_names_every_key(keys: list[str], received: Received) -> None:
    result = verify(received(b""), keys, 10)
    assert result.verdict == "fail"
    assert [(violation.kind, violation.key) for violation in result.violations] == [("missing_key", k) for k in keys]
    assert result.reason == "key_0: no message came at all; 1..10 are missing"


def test_an_unknown_mode_is_an_error_of_the_caller(received: Received) -> None:
    with pytest.raises(ValueError, match="'at_most_once' is no mode of verification"):
        verify(received(b""), ["a"], 1, mode="at_most_once")
