# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is done to a good file: it passes only while it is one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    encode_output,
    expected_window,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import (
    FrameError,
    FrameSplitter,
    frame,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import ordering
from hypothesis import given, settings
from hypothesis import strategies as st

KEYS = ["a", "bb", "key_3"]
LAST = 14
GOOD = [frame(encode_output(key, expected_window(value))) for value in range(1, LAST + 1) for key in KEYS]
EXPECTED = {key: [encode_output(key, expected_window(value)) for value in range(1, LAST + 1)] for key in KEYS}

places = st.integers(0, len(GOOD) - 1)
frame_edits = st.one_of(
    st.tuples(st.just("remove"), places, places),
    st.tuples(st.just("move"), places, places),
    st.tuples(st.just("repeat"), places, places),
    st.tuples(st.just("swap"), places, places),
    st.tuples(st.just("end"), places, places),
)
byte_edits = st.one_of(
    st.tuples(st.just("flip"), st.integers(0, 1 << 16), st.integers(1, 255)),
    st.tuples(st.just("digit"), st.integers(0, 1 << 16), st.integers(0x30, 0x39)),
    st.tuples(st.just("cut"), st.integers(0, 1 << 16), st.integers(1, 60)),
    st.tuples(st.just("insert"), st.integers(0, 1 << 16), st.binary(min_size=1, max_size=50)),
)


def edited_frames(edits: list[tuple[str, int, int]]) -> list[bytes]:
    frames = list(GOOD)
    for act, one, other in edits:
        first, second = one % max(len(frames), 1), other % max(len(frames), 1)
        if not frames:
            break
        if act == "remove":
            del frames[first : first + 1 + second % 4]
        elif act == "move":
            frames.insert(second, frames.pop(first))
        elif act == "repeat":
            frames[second:second] = frames[first : first + 1 + other % 5]
        elif act == "end":
            # As after a crash that nothing was sent after: the end comes once more, all of it or not.
            frames += frames[first : max(second, first + 1)]
        else:
            frames[first], frames[second] = frames[second], frames[first]
    return frames


def edited_bytes(data: bytes, edits: list[tuple[str, int, object]]) -> bytes:
    changed = bytearray(data)
    for act, one, how in edits:
        at = one % max(len(changed), 1)
        if act == "insert" and isinstance(how, bytes):
            changed[at:at] = how
        elif isinstance(how, int) and changed:
            if act == "flip":
                changed[at] ^= how
            elif act == "digit":
                changed[at] = how
            else:
                del changed[at : at + how]
    return bytes(changed)


def is_interleaving(data: bytes, repeats_allowed: bool = False) -> bool:
    """The definition, told without any speed: the payloads of each key, in their order, are those expected.

    Where repeats are allowed a key may go back to anything that it has sent. It leaves out nothing, and ends with
    its last message: a repeat that stops before has lost what it was to repeat.
    """
    splitter = FrameSplitter()
    try:
        payloads = splitter.feed(data)
        splitter.finish()
    except FrameError:
        return False
    known = {payload: key for key, expected in EXPECTED.items() for payload in expected}
    if not all(payload in known for payload in payloads):
        return False
    for key, expected in EXPECTED.items():
        numbers = [expected.index(payload) for payload in payloads if known[payload] == key]
        if not repeats_allowed and numbers != list(range(LAST)):
            return False
        rising = all(after <= before + 1 for before, after in zip([-1, *numbers], numbers))
        if not rising or numbers[-1:] != [LAST - 1]:
            return False
    return True


def verdict(data: bytes, mode: str, keys: list[str] = KEYS, last: int = LAST) -> str:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        result = ordering.verify(Path(file.name), keys, last, mode)
    assert (result.verdict == "fail") == bool(result.violations) == bool(result.violation_count)
    # Damage has a place, and is no message.
    frames = result.received + sum(violation.kind in ("torn_frame", "garbage") for violation in result.violations)
    for violation in result.violations:
        assert violation.kind in ordering.KINDS
        assert -1 <= violation.position <= frames
        assert 0 <= violation.offset <= len(data)
        assert violation.sentence()
    return result.verdict


@settings(max_examples=1000, deadline=None, database=None)
@given(frames=st.lists(frame_edits, max_size=4))
def test_frames_lost_repeated_or_moved_pass_only_while_the_order_of_each_key_is_right(
    frames: list[tuple[str, int, int]],
) -> None:
    data = b"".join(edited_frames(frames))
    assert verdict(data, "exactly_once") == ("pass" if is_interleaving(data) else "fail")
    assert verdict(data, "at_least_once") == ("pass" if is_interleaving(data, repeats_allowed=True) else "fail")


@settings(max_examples=600, deadline=None, database=None)
@given(values=st.lists(st.integers(1, 6), max_size=12))
def test_any_values_of_one_key_pass_only_while_their_order_is_right(values: list[int]) -> None:
    data = b"".join(frame(encode_output("a", expected_window(value))) for value in [*range(1, 7), *values])
    steps = zip([6, *values], values)
    right = all(1 <= after <= before + 1 for before, after in steps) and [6, *values][-1] == 6
    assert verdict(data, "at_least_once", ["a"], 6) == ("pass" if right else "fail")
    assert verdict(data, "exactly_once", ["a"], 6) == ("fail" if values else "pass")


@settings(max_examples=300, deadline=None, database=None)
@given(frames=st.lists(frame_edits, max_size=1), raw=st.lists(byte_edits, min_size=1, max_size=3))
def test_bytes_changed_lost_or_added_pass_only_while_nothing_differs(
    frames: list[tuple[str, int, int]], raw: list[tuple[str, int, object]]
) -> None:
    data = edited_bytes(b"".join(edited_frames(frames)), raw)
    assert verdict(data, "exactly_once") == ("pass" if is_interleaving(data) else "fail")
    assert verdict(data, "at_least_once") == ("pass" if is_interleaving(data, repeats_allowed=True) else "fail")


@settings(max_examples=100, deadline=None, database=None)
@given(order=st.permutations([key for key in KEYS for _ in range(LAST)]))
def test_every_interleaving_passes(order: list[str]) -> None:
    following = {key: iter(expected) for key, expected in EXPECTED.items()}
    data = b"".join(frame(next(following[key])) for key in order)
    assert verdict(data, "exactly_once") == "pass"
    assert verdict(data, "at_least_once") == "pass"


@settings(max_examples=100, deadline=None, database=None)
@given(data=st.binary(max_size=300))
def test_any_bytes_get_a_verdict(data: bytes) -> None:
    assert verdict(data, "exactly_once") == "fail"
