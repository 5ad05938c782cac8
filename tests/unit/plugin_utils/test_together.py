# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told together: names, tables, and sentences that were said before."""

from __future__ import annotations

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._live_line import fitted
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._together import (
    SaidOnce,
    names,
    table,
    without_failures,
)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (["server1"], "server1"),
        (["server2", "server1"], "server1, server2"),
        (["server3", "server1", "server2", "server1"], "server1 to server3"),
        (["server10", "server9", "server8", "server2"], "server2, server8 to server10"),
        (["a.example.com", "b.example.com"], "a.example.com, b.example.com"),
        (["web1", "db1", "web2", "db2"], "db1, db2, web1, web2"),
        ([], ""),
    ],
)
def test_names_are_told_in_a_few_words(found: list[str], told: str) -> None:
    assert names(found) == told


def test_a_table_has_a_dash_for_what_is_not_known_and_no_column_of_dashes() -> None:
    assert table(("worker", "pid", "page"), [["worker2", "", ""], ["w", "7", ""]]) == [
        "worker   pid",
        "worker2  -",
        "w        7",
    ]


def test_the_same_reason_is_known_again_behind_another_beginning() -> None:
    said = SaidOnce()
    said.note("demo: 2 workers\n  reason: worker2 lost 3 values.\n  run: runs/1")
    assert said.knows("fail: worker2 lost 3 values")
    assert said.knows("worker2  lost 3 values.")
    assert not said.knows("worker3 lost 3 values")
    assert not said.knows("fail: ")


def test_a_cause_that_is_found_later_is_new_though_what_it_explains_was_said() -> None:
    said = SaidOnce()
    said.note("Not all came within 8 s in /w/received.bin: 60 of 100; waiting for key_0")
    later = "worker2 is dead on server2. Not all came within 8 s in /w/received.bin: 60 of 100; waiting for key_0."
    assert said.new_of(later) == "worker2 is dead on server2."
    assert said.new_of("worker2 is dead on server2 and holds: 60 of 100") == (
        "worker2 is dead on server2 and holds: 60 of 100"
    )
    assert said.new_of("60 of 100; waiting for key_0") == ""


@pytest.mark.parametrize(
    ("summary", "shown"),
    [
        ("verdict: unknown: Port 7000 is taken. Stop that.\ndemo: x", "verdict: unknown: why is said above\ndemo: x"),
        ("verdict: fail: It died. Sent and never came out: 5.\n  x", "verdict: fail: Sent and never came out: 5.\n  x"),
        ("verdict: fail: Lost: 5.\n  then: It died.\n  run: r", "verdict: fail: Lost: 5.\n  run: r"),
        ("outcome: rolled back: It died.\n  x", "outcome: rolled back: why is said above\n  x"),
        ("verdict: fail: It died of hunger.\n  then: Lost.", "verdict: fail: It died of hunger.\n  then: Lost."),
    ],
)
def test_why_a_step_failed_is_not_told_again_below_it(summary: str, shown: str) -> None:
    assert without_failures(summary, ["It died", "Port 7000 is taken.  Stop that."]) == shown


@pytest.mark.parametrize(
    ("what", "progress", "line"),
    [
        ("server1: wait", "", "server1: wait"),
        ("server1: wait", "1 of 2", "server1: wait: 1 of 2"),
        ("server1: wait until a checkpoint", "1 of 2 checkpoints", "server1: wai…: 1 of 2 checkpoi…"),
        ("server1: wait until all has come out", "", "server1: wait until all has co…"),
    ],
)
def test_a_line_fits_and_the_progress_is_what_stays(what: str, progress: str, line: str) -> None:
    assert len(fitted(what, progress, 31)) <= 31
    assert fitted(what, progress, 31)[:9] == line[:9]
    assert progress[:6] in fitted(what, progress, 31)
