# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a crash took is told from its cause, and from what was never sent."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._losses import (
    excused,
    gaps,
    never_came_out,
    other_deaths,
    rolled_back,
    unsent,
    with_sending,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.moves import Migration

from tests.server_states import sending

MOVED = [Migration("worker2", "server2", "server3", killed="2026-01-01T00:00:00.000Z")]


def died(worker: str, server: str, line: str) -> dict[str, Any]:
    return {"worker": worker, "server": server, "last_line": line, "last_lines": [line]}


GAP = died("initializer", "server1", "Increments test failed! key_2.TraceID-1.TraceWindow-1: [1186,1187,1188,1219]")
ONE = died("worker2", "server3", "Increments test failed! key_9.TraceID-1.TraceWindow-1: [0,0,0,2]")
OTHER = died("worker3", "server3", "Error: out of memory")


def test_how_far_a_state_was_behind_is_in_the_last_words_of_who_died_of_it() -> None:
    assert gaps([GAP, ONE, OTHER]) == [
        {"key": "key_2", "state": 1188, "came": 1219, "worker": "initializer", "server": "server1"},
        {"key": "key_9", "state": 0, "came": 2, "worker": "worker2", "server": "server3"},
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Increments test failed!",
        "Increments test failed! k: [5,6,7,7]",
        "Increments test failed! k: [5,6,7,8]",
        "[1,2,3,9]",
    ],
)
def test_other_words_tell_of_no_state_that_was_behind(line: str) -> None:
    assert gaps([died("worker2", "server2", line)]) == []


def test_why_values_never_came_out_names_no_value_as_lost() -> None:
    behind = (
        "was rolled back behind values that had been sent: "
        "initializer on server1 died when 1219 of key_2 came, for its state was at 1188; "
        "worker2 on server3 died when 2 of key_9 came, for its state was at 0."
    )
    assert rolled_back([GAP, ONE, OTHER], MOVED) == f"After the crash of worker2 state {behind}"
    assert rolled_back([GAP, ONE], []) == f"State {behind}"
    assert rolled_back([ONE], MOVED, "The old copy").startswith("The old copy left state behind values that had been ")
    assert rolled_back([OTHER], MOVED) == rolled_back([], MOVED) == ""
    assert other_deaths([GAP, ONE, OTHER]) == "worker3 on server3 died of itself: Error: out of memory."
    assert other_deaths([GAP]) == ""


def tail(first: int, last: int, kind: str = "lost_tail") -> dict[str, Any]:
    return {"kind": kind, "key": "key_0", "missing": [first, last], "found": "[1,2,3,4]", "sentence": "as it was"}


@pytest.mark.parametrize(
    ("violation", "sent", "sentence", "lost"),
    [
        (
            tail(1189, 2000),
            sending(2000, 1230, 1240),
            "1189..1230 were sent and did not come out; 1231..1240 were perhaps sent; the last that came was [1,2,3,4]",
            [1189, 1230],
        ),
        (
            tail(1230, 1231),
            sending(2000, 1230),
            "1230 was sent and did not come out; the last that came was [1,2,3,4]",
            [1230, 1230],
        ),
        (
            tail(1, 2000, "missing_key"),
            sending(2000, 1230),
            "1..1230 were sent and did not come out; no message came at all",
            [1, 1230],
        ),
    ],
)
def test_what_was_never_sent_was_not_lost(
    violation: dict[str, Any], sent: dict[str, Any], sentence: str, lost: list[int]
) -> None:
    (told,) = with_sending([violation], sent)
    assert told["sentence"] == f"key_0: {sentence}"
    assert told["lost"] == told["missing"] == lost


def test_values_that_were_not_sent_are_no_violation_and_are_told_once() -> None:
    ends = [{**tail(1231, 2000), "key": "key_0"}, {**tail(1235, 2000), "key": "key_1"}, tail(1200, 2000)]
    said = {"expected": 6000, "keys": 3, "last_values": {"key_0": 1230, "key_1": 1234, "key_2": 1199}}
    sent = sending(2000, 1230, 1240)
    assert [one["lost"] for one in with_sending(ends, sent)] == [[1200, 1230]]
    # Also of those that were only counted.
    assert excused(said, ends[2:], sent) == 2
    assert unsent(said, ends, sent) == (
        "1231..1240 of each key were perhaps sent, and 1241..2000 of each key were never sent."
    )
    # What a sender was asked for beyond what is verified is no matter.
    assert unsent(said, ends, sending(3000, 1230, 2500)) == "1231..2000 of each key were perhaps sent."
    assert unsent(said, ends, sending(2000)) == unsent(said, ends, None) == ""


def test_what_never_came_out_is_told_for_each_key_and_the_same_once() -> None:
    found = [{"kind": "lost_tail", "key": f"key_{number}", "missing": [7, 9 + number // 2]} for number in range(3)]
    assert never_came_out(found, 5) == "Sent and never came out: 7..9 of key_0, key_1; 7..10 of key_2; and 2 more."
    assert never_came_out([*found, {"kind": "garbage"}], 4) == "", "more than that is wrong"


def test_where_all_was_sent_or_nothing_is_known_the_violation_is_as_it_was() -> None:
    for sent in (None, sending(2000)):
        assert with_sending([tail(1189, 2000)], sent) == [tail(1189, 2000)]
    assert with_sending([tail(1189, 2000, "gap")], sending(2000, 1230)) == [tail(1189, 2000, "gap")]
