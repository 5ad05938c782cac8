# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a JobManager's answers tell of messages: recorded ones, and ones that nobody should send."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any, Optional

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.counting import Counting, Counts
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.flink.adapter import Flink

from tests.job_manager import rounds

FLINK = Flink()
RUNNING, LATER, DEAD, WAITING, BACK = (one.read() for one in rounds())
SOURCE, WINDOWS = "Source: source", "windows -> sink: Writer"
JOB = next(iter(RUNNING))


def told(answers: dict[str, Any]) -> Counts:
    """What comes of it when each question has its answer."""
    asking = FLINK.ask()
    path = next(asking)
    try:
        while True:
            path = asking.send(answers[path])
    except StopIteration as ended:
        found: Counts = ended.value
        return found


def messages(counts: Counts, category: str) -> dict[tuple[str, str], Optional[int]]:
    return {(one.name, one.worker): one.messages for one in counts.parts if one.category == category}


def test_the_job_is_the_application_and_its_task_managers_are_workers() -> None:
    assert isinstance(FLINK, Counting)
    counts = told(RUNNING)
    assert counts.application == "detector"
    assert counts.workers == ["initializer", "worker2", "worker3"]
    assert {one.pipeline for one in counts.parts} == {"detector"}


def test_each_task_is_a_part_of_a_computation_and_the_ends_are_those_of_the_pipeline() -> None:
    counts = told(RUNNING)
    assert messages(counts, "computation") == {
        (SOURCE, "worker2"): 378_000,
        (WINDOWS, "worker2"): 171_620,
        (WINDOWS, "worker3"): 205_940,
    }
    assert messages(counts, "pipeline-ingestion") == {(SOURCE, "worker2"): 378_000}
    assert messages(counts, "start-to-end") == {("detector", "worker2"): 171_620, ("detector", "worker3"): 205_940}
    assert [one.id for one in counts.parts if one.category == "computation"] == [1, 2, 2]


def test_a_worker_has_had_each_message_once_that_has_passed_it() -> None:
    # All pass the source on worker2; its own half of them once more there, which is the same messages.
    found = messages(told(RUNNING), "node-ingress-egress")
    assert found == {("worker2", "worker2"): 378_000, ("worker3", "worker3"): 205_940}


def test_a_task_manager_that_died_is_not_there_and_nothing_is_said_of_the_tasks_until_numbers_come() -> None:
    dead, waiting = told(DEAD), told(WAITING)
    assert dead.workers == waiting.workers == ["initializer", "worker3"]
    assert {one.messages for one in (*dead.parts, *waiting.parts)} == {None}
    assert {one.worker for one in waiting.parts} == {"worker3"}, "the others are assigned to nobody"


def test_a_run_of_a_task_has_a_name_and_a_beginning_of_its_own() -> None:
    before, later, back = told(RUNNING), told(LATER), told(BACK)
    assert {one.life for one in before.parts} == {one.life for one in later.parts}
    assert not {one.life for one in before.parts} & {one.life for one in back.parts}
    assert back.workers == ["initializer", "worker2", "worker3"]
    assert min(one.began for one in back.parts) > max(one.began for one in before.parts)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every value in an answer, as where it is and under which name."""
    names = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for name in list(names):
        yield value, name
        yield from places(value[name])


def refusal(answers: dict[str, Any]) -> str:
    """Why it is no answer; empty when it is one, or asks for a step that was not recorded."""
    try:
        told(answers)
    except ValueError as error:
        return str(error)
    except KeyError as unknown:
        return "" if JOB in str(unknown) else f"it asks for {unknown}, which is no step of the job: {'!' * 200}"
    return ""


ODD = (None, True, -1, 1 << 70, 1.5, "", "x" * 300, "a\nb", "\ud800", [], {}, [[]], "(unassigned)", "../../jobs")


@pytest.mark.parametrize("path", RUNNING)
def test_what_is_no_such_answer_is_refused_in_a_sentence(path: str) -> None:
    chance = random.Random(path)
    refused = 0
    for _ in range(300):
        answers = copy.deepcopy(RUNNING)
        where, name = chance.choice(list(places(answers[path])))
        where[name] = chance.choice(ODD)
        sentence = refusal(answers)
        assert len(sentence) < 200
        refused += bool(sentence)
    assert refused > 10
    for odd in ODD:
        with pytest.raises(ValueError, match="no answer of a JobManager"):
            told({**RUNNING, path: odd})


@pytest.mark.parametrize("identifier", ["../../../config", "a b\r\nX: y", "A" * 32, ""])
def test_a_step_whose_name_would_lead_elsewhere_is_not_asked_for(identifier: str) -> None:
    answers = copy.deepcopy(RUNNING)
    answers[JOB]["vertices"][0]["id"] = identifier
    with pytest.raises(ValueError, match=r"names no step of the job|no answer of a JobManager"):
        told(answers)
