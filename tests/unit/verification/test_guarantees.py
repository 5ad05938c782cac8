# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guarantees: what is known of crashes decides what a key may repeat or lose, and nothing else passes."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Optional

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines import contract
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    encode_output,
    expected_window,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import guarantees
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.guarantees import Crash
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.ordering import OrderingResult, verify
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.violations import REPEATS
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.crashing import crashed_run
from tests.planter import CRASH_PLANTS, Scene, plant_crash
from tests.streams import shape

Received = Callable[..., Path]
Message = Callable[..., bytes]

PLANTINGS = int(os.environ.get("PLANTINGS") or 150)


def kinds(result: OrderingResult) -> list[str]:
    return [violation.kind for violation in result.violations]


def crash(covered: int = 0, *froms: int, replayed: bool = True, key: str = "a") -> Crash:
    """A crash of a run with one key, whose values are the positions."""
    return Crash(0.0, {key: covered}, [{key: at} for at in froms], replayed, covered, froms)


def test_the_names_are_those_of_the_engines_contract() -> None:
    assert guarantees.MODES == (contract.EXACTLY_ONCE, contract.AT_LEAST_ONCE, contract.NO_GUARANTEE)


# -- what an engine does that keeps its guarantee -------------------------------------------------------


@pytest.mark.parametrize("mode", ["at_least_once", "none"])
def test_whatever_an_engine_does_that_keeps_its_guarantee_passes_and_is_accounted_for(
    received: Received, mode: str
) -> None:
    alarms = []
    for seed in range(2 * PLANTINGS):
        run = crashed_run(seed, replays=mode == "at_least_once")
        result = verify(received(run.data), run.keys, run.last, mode, crashes=run.crashes)
        if result.verdict != "pass" or (result.repeated, result.lost) != (run.repeated, len(run.lost)):
            alarms.append(f"{seed}: {result.message()}")
        for number, account in enumerate(result.crashes):
            taken = {(key, value) for key, pairs in account.lost.items() for a, b in pairs for value in range(a, b + 1)}
            # Which of two crashes took what was sent between them nobody can tell, only that it was one of them.
            assert taken <= set(run.lost), (seed, number)
        assert sum(account.lost_count for account in result.crashes) == len(run.lost), seed
        if mode == "at_least_once":
            assert sum(account.repeated for account in result.crashes) == run.repeated, seed
    assert not alarms, "\n".join(alarms[:5])


@pytest.mark.parametrize("mode", ["at_least_once", "none"])
def test_an_engine_that_keeps_less_is_found_out(received: Received, mode: str) -> None:
    caught = Counter[str]()
    for seed in range(PLANTINGS):
        run = crashed_run(seed, replays=mode == "at_least_once")
        path = received(run.data)
        if run.repeated:
            caught["repeats"] += verify(path, run.keys, run.last, mode, crashes=[]).verdict == "fail"
            assert verify(path, run.keys, run.last, "exactly_once", crashes=run.crashes).verdict == "fail", seed
            assert verify(path, run.keys, run.last, "none", crashes=run.crashes).verdict == "fail", seed
            assert verify(path, run.keys, run.last, mode, crashes=[]).verdict == "fail", seed
        if run.lost:
            caught["losses"] += 1
            assert verify(path, run.keys, run.last, "at_least_once", crashes=run.crashes).verdict == "fail", seed
            assert verify(path, run.keys, run.last, mode, crashes=[]).verdict == "fail", seed
    assert sum(caught.values()) > PLANTINGS // 3


# -- what is planted ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CRASH_PLANTS)
def test_what_a_guarantee_does_not_allow_a_crash_is_caught_and_called_by_its_name(
    received: Received, name: str
) -> None:
    planted, tried = CRASH_PLANTS[name], 0
    for seed in range(max(PLANTINGS // 4, 40)):
        clean = shape(seed, planted=True)
        try:
            scene = plant_crash(name, clean.data, seed)
        except ValueError:
            continue
        tried += 1
        path = received(scene.data)
        result = verify(path, clean.keys, clean.last, planted.guarantee, depth=clean.depth, crashes=scene.crashes)
        told = [violation.sentence() for violation in result.violations]
        assert (result.verdict, kinds(result)) == ("fail", [planted.kind]), (seed, told)
        assert result.reason == told[0]
        assert result.violations[0].around
    assert tried > 10


@pytest.mark.parametrize("mode", ["at_least_once", "none"])
def test_a_scene_in_which_nothing_is_planted_passes(received: Received, mode: str) -> None:
    tried = 0
    for seed in range(PLANTINGS // 2):
        clean = shape(seed, planted=True)
        try:
            scene = Scene(clean.data, seed, mode)
        except ValueError:
            continue
        tried += 1
        result = verify(received(scene.data), clean.keys, clean.last, mode, depth=clean.depth, crashes=scene.crashes)
        assert result.verdict == "pass", (seed, result.message())
        assert (result.repeated if mode == "at_least_once" else result.lost) > 0
    assert tried > 20


def test_every_class_of_its_own_is_planted() -> None:
    assert {planted.kind for planted in CRASH_PLANTS.values()} >= set(REPEATS)
    assert all(planted.spoil.__doc__ for planted in CRASH_PLANTS.values())


# -- at least once, by the definition -------------------------------------------------------------------


def repeats_rightly(values: Sequence[int], last: int, behind: Sequence[Optional[int]]) -> bool:
    """The definition, for one key: each value follows, or is the first behind a place that was read again, in order."""
    places = {0: 0}  # what came last -> the fewest readings that explain it
    for value in values:
        found: dict[int, int] = {}
        for came, used in places.items():
            if value == came + 1:
                found[value] = min(used, found.get(value, used))
            elif value <= came:
                later = [at for at in range(used, len(behind)) if behind[at] == value - 1]
                if later:
                    found[value] = min(later[0] + 1, found.get(value, len(behind)))
        places = found
    return last in places


@settings(max_examples=1500, deadline=None, database=None)
@given(
    behind=st.lists(st.integers(0, 7), max_size=4),
    again=st.lists(st.tuples(st.integers(0, 7), st.integers(1, 8)), max_size=4),
)
def test_a_key_goes_back_only_to_where_the_source_was_read_again(
    behind: list[int], again: list[tuple[int, int]]
) -> None:
    last = 7
    values = list(range(1, last + 1))
    for place, length in again:
        values += range(place + 1, min(place + length, last) + 1)
    crashes = [crash(0, at) for at in behind]
    data = b"".join(frame(encode_output("a", expected_window(value))) for value in values)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        result = verify(file.name, ["a"], last, "at_least_once", crashes=crashes)
    assert result.verdict == ("pass" if repeats_rightly(values, last, behind) else "fail"), result.message()


@pytest.mark.parametrize(
    ("values", "behind", "found", "sentence"),
    [
        ([1, 2, 3, 4, 5, 3, 4, 5, 6], [2], [], ""),
        ([1, 2, 3, 4, 5, 4, 5, 6], [2], ["late_repeat"], "a: 3 is missing in a repeat: at frame 5 (byte 205) came"),
        ([1, 2, 3, 4, 5, 2, 3, 4, 5, 6], [2], ["early_repeat"], "[0,0,1,2] where [0,1,2,3] or [3,4,5,6] was expected"),
        ([1, 2, 3, 4, 5, 2, 3, 4, 5, 6], [5], ["rewind"], "a: went back"),
        ([1, 2, 3, 4, 5, 5, 6], [2], ["duplicate"], "a: repeated"),
        ([1, 2, 3, 4, 5, 3, 4, 6], [2], ["gap"], "a: 5 is missing"),
        ([1, 2, 3, 4, 5, 6, 3, 4], [2], ["lost_tail"], "of a repeat that had come to 6 before"),
        # The job was started twice: it went back twice, the second time before it had come to where it was.
        ([1, 2, 3, 4, 5, 2, 3, 2, 3, 4, 5, 6], [1, 1], [], ""),
        ([1, 2, 3, 4, 5, 2, 3, 2, 3, 4, 5, 6], [1], ["rewind"], "a: went back"),
        # Nothing of this key came between the two.
        ([1, 2, 3, 4, 5, 4, 5, 6], [1, 3], [], ""),
        # All that came was covered, so there is nothing to repeat.
        ([1, 2, 3, 4, 5, 6], [3, 5], [], ""),
        # A place that was read again is gone back to in its turn.
        ([1, 2, 3, 4, 5, 5, 3, 4, 5, 6], [2, 4], ["rewind"], "a: went back"),
    ],
)
def test_repeats_of_one_key(
    message: Message, received: Received, values: list[int], behind: list[int], found: list[str], sentence: str
) -> None:
    path = received(b"".join(message("a", value) for value in values))
    result = verify(path, ["a"], 6, "at_least_once", crashes=[crash(0, *behind)])
    assert kinds(result) == found
    assert sentence in result.reason


def test_a_source_that_is_read_from_before_a_checkpoint_is_one_violation(message: Message, received: Received) -> None:
    values = [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6]
    path = received(b"".join(message("a", value) for value in values))
    (violation,) = verify(path, ["a"], 6, "at_least_once", crashes=[crash(4, 0)]).violations
    assert (violation.kind, violation.key, violation.position) == ("rewound", None, 5)
    assert violation.sentence() == (
        "read again from record 1 on, although a checkpoint had covered 4; "
        "the first message that came again is frame 5 (byte 205)"
    )
    quiet = received(b"".join(message("b", value) for value in [1, 2]))
    (violation,) = verify(quiet, ["b"], 2, "at_least_once", crashes=[crash(4, 3)]).violations
    assert violation.sentence() == "read again from record 4 on, although a checkpoint had covered 4"
    assert violation.position == -1


def test_a_source_that_begins_anew_passes_where_nothing_was_covered_and_that_is_said(
    message: Message, received: Received
) -> None:
    path = received(b"".join(message("a", value) for value in [1, 2, 3, 1, 2, 3, 4]))
    result = verify(path, ["a"], 4, "at_least_once", crashes=[Crash(3.0, {}, [{}], True, 0, [0])])
    assert result.message() == (
        "4 of 4 messages of 1 key, each at least once and in order (3 repeated). "
        "Nothing was covered before the crash at 00:00:03 UTC, so everything was sent again. 3 messages came again"
    )


# -- none -----------------------------------------------------------------------------------------------


def lossy(message: Message, *windows: Sequence[int]) -> bytes:
    return b"".join(message("a", *window) for window in windows)


UNTIL_9 = [(value,) for value in range(1, 10)]


@pytest.mark.parametrize(
    ("behind", "found"),
    [
        ([(4, 5, 6, 13), (5, 6, 13, 14), (6, 13, 14, 15), (13, 14, 15, 16)], []),
        # The state may be that of a later checkpoint, which was not acknowledged.
        ([(6, 7, 8, 13), (7, 8, 13, 14), (8, 13, 14, 15), (16,)], []),
        ([(7, 8, 9, 13), (8, 9, 13, 14), (9, 13, 14, 15), (16,)], []),
        # It may have seen what did not come out.
        ([(8, 9, 10, 13), (9, 10, 13, 14), (10, 13, 14, 15), (16,)], []),
        ([(13,), (14,), (15,), (16,)], []),
        # Less may be lost than might be.
        ([(7, 8, 9, 12), (8, 9, 12, 13), (9, 12, 13, 14), (12, 13, 14, 15), (16,)], []),
        # Only the state may have lost something.
        ([(4, 5, 6, 10), (5, 6, 10, 11), (6, 10, 11, 12), (10, 11, 12, 13), (14,), (15,), (16,)], []),
        # Older than the checkpoint, with a hole, with a number that is none of its own.
        ([(3, 4, 5, 13), (4, 5, 13, 14), (5, 13, 14, 15), (16,)], ["bad_window"]),
        ([(4, 6, 7, 13), (6, 7, 13, 14), (7, 13, 14, 15), (16,)], ["bad_window"]),
        ([(4, 5, 6, 13), (5, 7, 13, 14), (6, 13, 14, 15), (16,)], ["bad_window"]),
        ([(4, 5, 6, 13), (14,), (15,), (16,)], ["bad_window"]),
        ([(4, 5, 6, 10), (11,), (12,), (13,), (14,), (15,), (16,)], ["bad_window"]),
        # More is lost than may be, or once more than may be.
        ([(4, 5, 6, 14), (5, 6, 14, 15), (6, 14, 15, 16)], ["bad_window", "bad_window", "bad_window"]),
        ([(14,), (15,), (16,)], ["gap"]),
        ([(10,), (11,), (13,), (15,), (16,)], ["gap"]),
        ([(4, 5, 6, 13), (5, 6, 13, 14), (5, 6, 13, 14), (6, 13, 14, 15), (16,)], ["duplicate"]),
        ([(0, 0, 0, 13), (0, 0, 13, 14), (0, 13, 14, 15), (16,)], ["reset_state"]),
    ],
)
def test_a_crash_takes_what_was_not_covered_until_the_source_is_back(
    message: Message, received: Received, behind: list[tuple[int, ...]], found: list[str]
) -> None:
    path = received(lossy(message, *UNTIL_9, *behind))
    result = verify(path, ["a"], 16, "none", crashes=[crash(6, 12, replayed=False)])
    assert (kinds(result)[: len(found) or None], result.verdict) == (found, "fail" if found else "pass"), [
        violation.sentence() for violation in result.violations
    ]


def test_what_was_lost_is_named(message: Message, received: Received) -> None:
    data = lossy(message, *UNTIL_9, (4, 5, 6, 13), (5, 6, 13, 14), (6, 13, 14, 15), (16,))
    data += b"".join(message("b", value) for value in range(1, 17))
    known = Crash(7.0, {"a": 6, "b": 6}, [{"a": 12, "b": 12}], False, 12, [24])
    result = verify(received(data), ["a", "b"], 16, "none", crashes=[known])
    assert result.message() == (
        "29 of 32 messages of 2 keys, each at most once and in order (3 lost). "
        "After the crash at 00:00:07 UTC the source was read from record 25 on; before it a checkpoint had covered 12. "
        "Sent and never came out: 10..12 of a. Came out, and the state has forgotten it: 7..9 of a"
    )
    (account,) = result.to_dict()["crashes"]
    assert (account["lost"], account["forgotten"], account["lost_count"]) == ({"a": [[10, 12]]}, {"a": [[7, 9]]}, 3)
    assert (account["covered"], account["read_from"], account["replayed"]) == (12, [25], False)


def test_a_crash_may_take_the_end_of_a_key_and_all_of_it(message: Message, received: Received) -> None:
    path = received(b"".join(message("a", value) for value in range(1, 4)))
    both = Crash(0.0, {"a": 2}, [{"a": 6, "b": 6}], False, 2, [12])
    assert verify(path, ["a", "b"], 6, "none", crashes=[both]).lost == 9
    (violation,) = verify(path, ["a"], 7, "none", crashes=[both]).violations
    assert (violation.kind, violation.missing) == ("lost_tail", (7, 7))


def test_where_what_was_sent_is_read_again_nothing_may_be_lost(message: Message, received: Received) -> None:
    path = received(b"".join(message("a", value) for value in [1, 2, 5, 6]))
    assert kinds(verify(path, ["a"], 6, "none", crashes=[crash(2, 4, replayed=True)])) == ["gap"]
    # And where it is not, nothing may come again.
    path = received(b"".join(message("a", value) for value in [1, 2, 3, 4, 2, 3, 4, 5]))
    assert kinds(verify(path, ["a"], 5, "at_least_once", crashes=[crash(1, 1, replayed=False)])) == ["rewind"]


# -- what is not known ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["at_least_once", "none"])
def test_of_a_source_that_never_came_back_nothing_is_known(message: Message, received: Received, mode: str) -> None:
    path = received(b"".join(message("a", value) for value in [1, 2, 3, 4, 5]))
    result = verify(path, ["a"], 5, mode, crashes=[crash(2)])
    assert result.message() == (
        "unknown: from where the source was read after the crash at 00:00:00 UTC is not known: it never came back"
    )
    assert verify(path, ["a"], 5, crashes=[crash(2)]).verdict == "pass"
    # What no crash explains is wrong all the same.
    wrong = received(b"".join(message("a", value) for value in [1, 3, 4, 5]))
    assert kinds(verify(wrong, ["a"], 5, mode, crashes=[crash(2)])) == ["gap"]


def test_what_is_lost_while_nothing_is_known_of_crashes_is_unknown(message: Message, received: Received) -> None:
    whole = received(b"".join(message("a", value) for value in [1, 2, 3, 4, 5]), "whole")
    assert (
        verify(whole, ["a"], 5, "none").message() == "5 of 5 messages of 1 key, each at most once and in order (0 lost)"
    )
    short = received(b"".join(message("a", value) for value in [1, 2, 4]), "short")
    result = verify(short, ["a"], 5, "none")
    assert result.message() == (
        "unknown: nothing is known of crashes that may have taken what is missing: 3 of a; 5 of a"
    )
    assert kinds(verify(short, ["a"], 5, "none", crashes=[])) == ["gap", "lost_tail"]
    twice = received(b"".join(message("a", value) for value in [1, 2, 3, 3, 4, 5]), "twice")
    assert kinds(verify(twice, ["a"], 5, "none")) == ["duplicate"]


@pytest.mark.parametrize(
    ("mode", "verdict"), [("exactly_once", "pass"), ("at_least_once", "unknown"), ("none", "unknown")]
)
def test_a_doubt_is_no_fault(message: Message, received: Received, mode: str, verdict: str) -> None:
    path = received(b"".join(message("a", value) for value in [1, 2, 3]))
    result = verify(path, ["a"], 3, mode, doubt="the log is gone")
    assert (result.verdict, result.reason) == (verdict, "the log is gone" if verdict == "unknown" else "")


def test_what_came_again_while_nothing_is_known_of_crashes_is_said_to_be_assumed(
    message: Message, received: Received
) -> None:
    path = received(b"".join(message("a", value) for value in [1, 2, 3, 2, 3]))
    found = verify(path, ["a"], 3, "at_least_once")
    assert found.verdict == "pass"
    assert found.message().endswith("came again was taken for right wherever it began.".rstrip("."))
    assert verify(path, ["a"], 3, "at_least_once", crashes=[crash(1, 1)]).assumed == ""


def test_a_crash_that_nobody_noted_is_told_as_such(message: Message, received: Received) -> None:
    path = received(b"".join(message("a", value) for value in [1, 2, 3, 2, 3]))
    found = verify(path, ["a"], 3, "at_least_once", crashes=[replace(crash(1, 1), assumed=True)])
    assert "1 messages" not in found.message()
    assert found.message().endswith("No step noted a kill then: it is taken for a crash that its reader went")
