# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a move, whichever run did which part of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._moves import (
    crashes,
    known_times,
    migration,
    times_of,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.moves import Migration, Moved
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.verified import Verified
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._publishing import Registered, of_step
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._results import summary

from tests.server_states import MOVE, servers, steps, worker

KILLED = {"killed": 100.0, "died": 100.1, "started": 50.0}
CAME = {"epoch": 2, "copied": 100.3, "copied_bytes": 77, "pid": 4711, "started": 100.4, "ready": 101.5}


def told(**steps: Any) -> tuple[Migration, str]:
    plan = {
        "worker": "worker2",
        "src": "server2",
        "dst": "server4",
        "epoch": 2,
        "via": "files",
        **steps.pop("plan", {}),
    }
    done = migration(times_of({"plan": plan, **steps}))
    result = Verified("migrate", verdict=None, migrations=(done,))
    return done, summary(result, None)


def test_a_run_that_did_everything() -> None:
    done, text = told(moved={"killed": 100.0, "finished_at": 100.2, "copied_bytes": 5, "resumed": 101.25})
    assert (done.downtime_seconds, done.outcome) == (1.25, "moved")
    assert "worker2 killed (SIGKILL), moved from server2 to server4 (5 bytes), back after 1.25 s" in text
    assert "outcome: moved" in text
    assert "verdict" not in text


def test_the_second_run_tells_what_the_first_one_has_left_on_the_servers() -> None:
    known = known_times({"times": KILLED}, {"times": CAME, "epoch": 2, "alive": True, "pid": 4711}, False)
    done, text = told(plan={"known": known}, awaited={"resumed": 101.5, "late": False})
    assert (done.downtime_seconds, done.copied_bytes) == (1.5, 77)
    assert "back after 1.50 s" in text


def test_when_it_was_back_before_anybody_looked_the_downtime_is_unknown() -> None:
    done, text = told(plan={"known": {"killed": 100.0}}, awaited={"resumed": 900.0, "late": True})
    assert done.downtime_seconds is None
    assert done.resumed is not None
    assert "killed (SIGKILL), moved from server2 to server4 (0 bytes), back, downtime unknown" in text


@pytest.mark.parametrize(
    ("plan", "how"),
    [({}, "was dead already"), ({"source_lost": True, "via": "journal"}, "lost with its server")],
)
def test_a_worker_that_nobody_had_to_kill_is_back_all_the_same(plan: dict[str, Any], how: str) -> None:
    done, text = told(plan=plan, moved={"resumed": 101.0, "finished_at": 100.0})
    assert done.downtime_seconds is None
    assert f"worker2 {how}, moved from server2 to server4" in text
    assert "back, downtime unknown" in text
    assert "did not come back" not in text


def test_a_move_that_was_taken_back() -> None:
    moved, returned = {"stage": "start", "killed": 100.0}, {"resumed": 103.0}
    done, text = told(moved=moved, returned=returned, outcome="rolled back", note="it broke")
    assert done.downtime_seconds == 3.0
    assert "killed (SIGKILL), not moved from server2 to server4, back where it was after 3.00 s" in text
    assert "outcome: rolled back" in text


def test_a_worker_that_is_down() -> None:
    text = told(moved={"stage": "start", "killed": 100.0}, outcome="unfinished")[1]
    assert "not moved from server2 to server4 (0 bytes), did not come back" in text


def test_a_second_start_is_told() -> None:
    assert "the first one failed: it broke" in told(moved={"resumed": 1.0, "retried": "it broke"})[0].note


@pytest.mark.parametrize(
    ("source", "target", "running", "names"),
    [
        ({"times": {**KILLED, "started": 200.0}}, {}, False, set()),
        ({"times": KILLED}, {}, True, set()),
        ({"times": KILLED}, {"times": CAME, "epoch": 3, "alive": True, "pid": 4711}, False, {"killed", "died"}),
        ({}, {"times": CAME, "epoch": 2, "alive": True, "pid": 1}, False, {"copied", "copied_bytes"}),
        ({"times": {"killed": "soon"}}, {"times": {"epoch": "x"}}, False, set()),
        ({}, {}, False, set()),
    ],
)
def test_only_times_of_this_very_move_are_known(source: Any, target: Any, running: bool, names: set[str]) -> None:
    assert set(known_times(source, target, running)) == names


def test_the_plan_of_the_second_run_knows_them_and_that_it_completes_something() -> None:
    there = servers(
        server2={"worker2": worker(False, times=KILLED)},
        server4={"worker2": worker(epoch=2, copied_from="server2", times=CAME)},
    )
    plan = steps.migrate(MOVE, there)
    assert plan["completes"]
    assert (plan["known"]["killed"], plan["known"]["resumed"]) == (100.0, 101.5)


def test_what_had_been_done_before_is_published_with_its_times() -> None:
    there = servers(
        server2={"worker2": worker(False, ownership="moved", moved_to="server4", epoch=2, times=KILLED)},
        server4={"worker2": worker(epoch=2, copied_from="server2", times=CAME)},
    )
    plan = steps.migrate(MOVE, there)
    assert not plan["completes"]
    outcome = of_step("migrate", Registered({"migration_step": {"plan": plan}}), check=False)
    assert isinstance(outcome, Moved)
    assert (outcome.outcome, outcome.changed, outcome.downtime_seconds) == ("nothing to do", False, 1.5)


def test_a_round_that_was_refused_adds_no_crash_and_keeps_those_before() -> None:
    """It has no plan, so it is told with what was to be done."""
    before = [{"worker": "worker2", "killed": 1.0}]
    wanted = {"act": "migrate", "worker": "worker2", "src": "server4", "dst": "server2"}
    nothing = {"moved": {}, "awaited": {}, "returned": {}, "outcome": "unfinished"}
    assert crashes({"so_far": before, "plan": wanted, **nothing}) == {"migrations": before}
