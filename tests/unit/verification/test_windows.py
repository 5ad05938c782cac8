# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The expected output of a key."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    encode_output,
    expected_window,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.windows import (
    END,
    LONGER,
    SEPARATOR,
    Envelope,
    problem_of_keys,
    segments,
    shared_tails,
    tail_of,
    tails,
)


@pytest.mark.parametrize("first", [1, 2, 3, 4, 9, 10, 11, 13, 99, 997, 1001])
def test_head_and_tail_make_exactly_the_frame_of_the_detector(first: int) -> None:
    envelope, value, head = Envelope("key_3"), first, b""
    for tail in tails(first, 1100):
        if tail is LONGER:
            head = b""
            continue
        head = head or envelope.head(tail)
        assert head + SEPARATOR + tail + END == frame(encode_output("key_3", expected_window(value)))
        value += 1
    assert value == 1101


def test_a_stream_says_before_each_tail_that_is_longer() -> None:
    lengths: list[set[int]] = [set()]
    for tail in tails(1, 12_000):
        if tail is LONGER:
            lengths.append(set())
        else:
            lengths[-1].add(len(tail))
    assert all(len(found) == 1 for found in lengths)
    assert len(lengths) == 1 + 4 * len(("10", "100", "1000", "10000"))


def test_segments_cover_the_range_once() -> None:
    found = list(segments(5, 1002))
    assert found[0] == (5, 9)
    assert found[-1] == (1002, 1002)
    assert [value for start, end in found for value in range(start, end + 1)] == list(range(5, 1003))
    assert list(segments(7, 7)) == [(7, 7)]
    assert list(segments(8, 7)) == []


def test_looking_ahead_uses_nothing_up() -> None:
    stream = tails(1, 20)
    assert next(copy.copy(stream)) == next(copy.copy(stream)) == next(stream) == tail_of(1)


def test_keys_share_one_stream_and_are_independent() -> None:
    one, other = shared_tails(1, 30, 2)
    assert list(one) == list(other)


@pytest.mark.parametrize("key", ["", "a.b", "a,b", "a[b", "a)b", "a\nb", "\udc80"])
def test_a_key_that_could_not_be_told_apart_is_refused(key: str) -> None:
    assert "cannot be a key" in str(problem_of_keys([key]))


def test_keys_must_be_there_and_differ() -> None:
    assert problem_of_keys(["key_0", "Schlüssel 1"]) is None
    assert problem_of_keys([]) == "the list of keys is empty, so nothing was expected"
    assert problem_of_keys(["a", "b", "a"]) == "a is listed twice among the keys"
