# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a worker whose move failed: where it may be started again, and what is said where it may not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._reaching import unreachable
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._roads_back import (
    after_road_back,
    left,
    road_back,
    source_sound,
)

from tests.server_states import MOVE, servers, steps

REASON = "worker2 could not be moved from server2 to server4: it broke"
RESTART = 'restart_worker.yml -e "worker=worker2 server=server4"'
AGAIN = 'migrate.yml -e "worker=worker2 src=server2 dst=server4"'
GONE = unreachable("server4", "Connection refused")


def plan(**changes: Any) -> dict[str, Any]:
    return {**steps.migrate(MOVE, servers()), **changes}


def look(written: int = 7, **others: Any) -> dict[str, Any]:
    return {
        "alive": False,
        "ownership": "owner",
        "epoch": 2,
        "written": written,
        "checkpoints": written + 1,
        "committed": 7,
        "journals": {"worker2.journal": 100},
        **others,
    }


def decide(moved: dict[str, Any], looks: Any = None, **changes: Any) -> dict[str, Any]:
    return road_back({"plan": plan(**changes), "moved": moved, "failure": REASON, "looks": looks})


class TestTheRoadBack:
    def test_nothing_is_done_when_nothing_was_done(self) -> None:
        found = decide({"stage": "before"})
        assert (found["start"], found["outcome"], found["sentence"]) == (False, "nothing to do", f"{REASON}.")

    @pytest.mark.parametrize("stage", ["kill", "copy"])
    def test_a_target_that_never_had_a_claim_needs_neither_a_look_nor_a_fence(self, stage: str) -> None:
        found = decide({"stage": stage, "killed": 1.0})
        assert (found["start"], found["fence"], found["look"]) == (True, False, [])

    @pytest.mark.parametrize("moved", [GONE, {**GONE, "stage": "start", "killed": 1.0}])
    def test_a_target_that_went_away_may_be_starting_the_worker(self, moved: dict[str, Any]) -> None:
        found = decide(moved)
        assert (found["start"], found["look"], found["outcome"]) == (False, [], "unfinished")
        assert "server4 may still be starting worker2" in found["sentence"]
        assert AGAIN in found["sentence"]

    @pytest.mark.parametrize("moved", [{"stage": "start"}, {"msg": "a module that ended without a word"}])
    def test_once_the_target_may_have_started_it_all_are_asked(self, moved: dict[str, Any]) -> None:
        asked = decide(moved)["look"]
        assert [(one["role"], one["server"], one["worker"]) for one in asked] == [
            ("target", "server4", "worker2"),
            ("source", "server2", "worker2"),
            ("leading", "server1", "initializer"),
        ]

    def test_files_that_are_as_new_as_all_others_are_gone_back_to_behind_a_fence(self) -> None:
        found = decide({"stage": "start"}, looks=[look(), look(), look()])
        assert (found["start"], found["fence"], found["source_sound"]) == (True, True, True)

    def test_without_a_claim_no_fence_is_needed_however_little_the_mover_said(self) -> None:
        found = decide({"msg": "no word"}, looks=[look(ownership="none", epoch=0), look(), look()])
        assert (found["start"], found["fence"]) == (True, False)

    def test_a_worker_that_runs_on_the_target_all_the_same_is_left_alone(self) -> None:
        found = decide({"stage": "start"}, looks=[look(alive=True), look(), look()])
        assert not found["start"]
        assert "It runs on server4 meanwhile all the same" in found["sentence"]

    def test_where_it_is_not_sound_the_newest_files_and_the_next_command_are_named(self) -> None:
        found = decide({"stage": "start"}, looks=[look(8), look(), look()])
        assert (found["start"], found["outcome"], found["source_sound"]) == (False, "unfinished", False)
        for words in (
            REASON,
            "worker2 runs nowhere",
            "checkpoint 8 on server4",
            "/w/server4/resilience/worker2",
            RESTART,
        ):
            assert words in found["sentence"]

    def test_from_a_lost_source_there_is_no_road_back(self) -> None:
        assert "server2 is lost" in decide({"stage": "copy"}, source_lost=True)["sentence"]
        found = decide({"stage": "start"}, looks=[look(), look()], source_lost=True)
        assert not found["start"]
        assert RESTART in found["sentence"]


class TestWhetherTheSourceIsSound:
    def sound(self, **looks: dict[str, Any]) -> tuple[bool, str]:
        found = {"target": look(), "source": look(), "leading": look(), **looks}
        return source_sound(plan(), found)

    def test_when_nobody_has_gone_on(self) -> None:
        assert self.sound()[0]

    def test_not_when_the_target_s_worker_has_written_a_checkpoint(self) -> None:
        sound, reason = self.sound(target=look(8))
        assert not sound
        assert "written checkpoint 8 on server4" in reason

    def test_not_when_it_has_written_one_of_the_same_number_again(self) -> None:
        assert not self.sound(target=look(7, checkpoints=9))[0]

    def test_not_when_the_cluster_has_committed_one(self) -> None:
        sound, reason = self.sound(leading=look(committed=8))
        assert not sound
        assert "the cluster has committed checkpoint 8" in reason

    def test_not_when_the_journal_server_has_more_than_the_source_wrote(self) -> None:
        sound, reason = self.sound(source=look(journalled={"worker2.journal": 101}))
        assert not sound
        assert "worker2.journal: 101 bytes on the journal server, 100 on server2" in reason
        assert self.sound(source=look(journalled={"worker2.journal": 100}))[0]
        assert not self.sound(source=look(journalled={"worker2.evlog.journal": 1}))[0]

    @pytest.mark.parametrize("who", ["target", "source", "leading"])
    def test_not_when_somebody_cannot_be_asked(self, who: str) -> None:
        sound, reason = self.sound(**{who: GONE})
        assert not sound
        assert "not known" in reason
        assert "server4 cannot be reached (Connection refused)" in reason


class TestWhatIsSaidAfterTheRoadBack:
    def said(self, **arguments: Any) -> dict[str, Any]:
        back = {"fence": True, "reason": "nobody has taken a checkpoint"}
        return after_road_back({"plan": plan(), "back": back, "failure": REASON, "fenced": {"epoch": 2}, **arguments})

    def test_that_it_runs_where_it_was(self) -> None:
        found = self.said(returned={"started": 1.5, "resumed": 2.0})
        assert found["outcome"] == "rolled back"
        assert [mark["time"] for mark in found["marks"]] == ["", 1.5, 2.0]
        assert f"{REASON}. worker2 was started again on server2, where it was" in found["sentence"]

    def test_both_reasons_when_the_target_could_not_be_fenced(self) -> None:
        found = self.said(fenced=GONE)
        assert found["outcome"] == "unfinished"
        for words in (REASON, "server4 cannot be reached (Connection refused)", "runs nowhere", AGAIN):
            assert words in found["sentence"]

    def test_both_reasons_when_the_source_could_not_start_it_either(self) -> None:
        found = self.said(returned=unreachable("server2", "Connection refused"))
        assert found["outcome"] == "unfinished"
        for words in (REASON, "server2 cannot be reached", 'restart_worker.yml -e "worker=worker2 server=server2"'):
            assert words in found["sentence"]


class TestWhatIsLeftAfterAMove:
    def test_nothing(self) -> None:
        done = [{"answers": [{"mended": {}}]}, {"answers": [{"epoch": 2}]}]
        found = left({"plan": plan(), "behind": done})
        assert (found["outcome"], found["left"], found["sentence"]) == ("moved", [], "")

    def test_a_fence_and_a_server_that_does_not_know_yet(self) -> None:
        here = servers()
        here.states["server3"]["damaged"] = [{"record": "cluster", "name": "", "path": "/w", "what": "?", "do": "-"}]
        asked = steps.migrate(MOVE, here)
        assert [call["server"] for call in asked["behind"]] == ["server1", "server3", "server2"]
        # One that was called, and one that was not even called.
        ended = [{"answers": [{"mended": {}}]}, {"answers": [unreachable("server3", "x")]}, {"msg": "no time left"}]
        found = left({"plan": asked, "behind": ended})
        assert (found["outcome"], len(found["left"])) == ("moved", 2)
        for words in (
            "worker2 moved to server4 and runs there",
            "server3 cannot be reached",
            "server2 must be kept from starting worker2 too (no time left)",
            AGAIN,
        ):
            assert words in found["sentence"]


def test_the_command_that_is_named_has_all_that_the_user_gave() -> None:
    found = decide(GONE, via="journal", source_lost=True, address="10.0.0.2")
    words = 'worker=worker2 src=server2 dst=server4 via=journal source_lost=true keep_address=true"'
    assert words in found["sentence"]
