# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a crash took is told from its cause, and from what was never sent."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._losses import first_cause, lost_values, with_sending
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes import Migration

from tests.server_states import sending

MOVED = [Migration("worker2", "server2", "server3", killed="2026-01-01T00:00:00.000Z")]
NO_CLUSTER = "No cluster is running: none of the 2 workers of the last one is alive; start a fresh one."


def died(worker: str, server: str, line: str) -> dict[str, Any]:
    return {"worker": worker, "server": server, "last_line": line, "last_lines": [line]}


GAP = died("initializer", "server1", "Increments test failed! key_2.TraceID-1.TraceWindow-1: [1186,1187,1188,1219]")
ONE = died("worker2", "server3", "Increments test failed! key_9.TraceID-1.TraceWindow-1: [0,0,0,2]")
OTHER = died("worker3", "server3", "Error: out of memory")


def test_the_lost_values_are_in_the_last_words_of_who_died_of_them() -> None:
    assert lost_values([GAP, ONE, OTHER]) == [
        {"key": "key_2", "first": 1189, "last": 1218, "came": 1219, "worker": "initializer", "server": "server1"},
        {"key": "key_9", "first": 1, "last": 1, "came": 2, "worker": "worker2", "server": "server3"},
    ]


@pytest.mark.parametrize("line", ["", "Increments test failed!", "Increments test failed! k: [5,6,7,7]", "[1,2,3,9]"])
def test_other_words_tell_of_no_lost_values(line: str) -> None:
    assert lost_values([died("worker2", "server2", line)]) == []


def test_the_first_cause_comes_first() -> None:
    assert first_cause([GAP, ONE, OTHER], MOVED, NO_CLUSTER) == (
        "The crash of worker2 took values that had been sent since the last checkpoint: "
        "1189..1218 of key_2 (initializer on server1 died when 1219 came), "
        "1 of key_9 (worker2 on server3 died when 2 came). "
        f"worker3 on server3 died of itself: Error: out of memory. Then: {NO_CLUSTER}"
    )
    assert first_cause([], MOVED, NO_CLUSTER) == NO_CLUSTER
    assert first_cause([OTHER], [], "") == "worker3 on server3 died of itself: Error: out of memory."


def tail(first: int, last: int, kind: str = "lost_tail") -> dict[str, Any]:
    return {"kind": kind, "key": "key_0", "missing": [first, last], "found": "[1,2,3,4]", "sentence": "as it was"}


@pytest.mark.parametrize(
    ("violation", "sent", "sentence", "lost"),
    [
        (
            tail(1189, 2000),
            sending(2000, 1230, 1240),
            "1189..1230 were sent and did not come out; 1231..1240 were perhaps sent and did not come out; 1241..2000 "
            "were never sent; the last that came was [1,2,3,4]",
            [1189, 1230],
        ),
        (
            tail(1230, 1231),
            sending(2000, 1230),
            "1230 was sent and did not come out; 1231 was never sent; the last that came was [1,2,3,4]",
            [1230, 1230],
        ),
        (tail(1300, 2000), sending(2000, 1230), "1300..2000 were never sent; the last that came was [1,2,3,4]", None),
        (
            tail(1, 2000, "missing_key"),
            sending(2000, 1230),
            "1..1230 were sent and did not come out; 1231..2000 were never sent; no message came at all",
            [1, 1230],
        ),
    ],
)
def test_what_was_never_sent_was_not_lost(
    violation: dict[str, Any], sent: dict[str, Any], sentence: str, lost: list[int] | None
) -> None:
    (told,) = with_sending([violation], sent)
    assert told["sentence"] == f"key_0: {sentence}"
    assert told["lost"] == lost
    assert told["missing"] == violation["missing"]


def test_where_all_was_sent_or_nothing_is_known_the_violation_is_as_it_was() -> None:
    for sent in (None, sending(2000)):
        assert with_sending([tail(1189, 2000)], sent) == [tail(1189, 2000)]
    assert with_sending([tail(1189, 2000, "gap")], sending(2000, 1230)) == [tail(1189, 2000, "gap")]
