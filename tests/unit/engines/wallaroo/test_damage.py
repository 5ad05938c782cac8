# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage to an event log that no worker notices as it starts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.damage import (
    NotDamaged,
    drop_state,
    restore_older_state,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.event_log import (
    CheckpointEnd,
    Record,
    RestartMark,
    StepState,
    encode,
    find_checkpoint,
    iterate,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import ResilienceSet

DETECTOR = "multi_partition_detector"
PART, OTHER = StepState(7, b"part"), StepState(8, b"other")
OLD = [StepState(7, b"old"), OTHER]
NEW = [StepState(7, b"new"), OTHER]


@pytest.fixture
def files(tmp_path: Path) -> ResilienceSet:
    return resilience_set(tmp_path, DETECTOR, "worker2")


def log(files: ResilienceSet) -> Path:
    return files.path("evlog")


def write(files: ResilienceSet, *records: Record, torn: bytes = b"") -> ResilienceSet:
    log(files).write_bytes(b"".join(map(encode, records)) + torn)
    return files


def ends(files: ResilienceSet) -> list[Record]:
    """What stands in the log beside states, in its order."""
    return [record for _, record in iterate(log(files)) if not isinstance(record, StepState)]


GROWN = (CheckpointEnd(0), PART, CheckpointEnd(1), *OLD, CheckpointEnd(2), RestartMark(), *NEW, CheckpointEnd(3))


def test_a_state_that_is_dropped_leaves_every_checkpoint_with_none(files: ResilienceSet) -> None:
    before = ends(write(files, *GROWN))
    assert drop_state(files) == f"the state of every checkpoint is gone from {DETECTOR}-worker2.evlog"
    assert ends(files) == before
    assert [find_checkpoint(log(files), number) for number in (0, 1, 2, 3)] == [[], [], [], []]


def test_an_older_state_has_all_steps_and_stands_in_every_later_checkpoint(files: ResilienceSet) -> None:
    before = ends(write(files, *GROWN, *NEW, CheckpointEnd(4)))
    # One under way has no id yet, and is nobody's.
    write(files, *GROWN, *NEW, CheckpointEnd(4), PART, torn=encode(PART)[:-1])
    assert restore_older_state(files) == f"{DETECTOR}-worker2.evlog has the state of checkpoint 2 in every later one"
    assert ends(files) == before
    found = [find_checkpoint(log(files), number) for number in (1, 2, 3, 4)]
    assert found == [[PART], OLD, OLD, OLD]


@pytest.mark.parametrize(
    "records",
    [
        (),
        (CheckpointEnd(0),),
        (CheckpointEnd(0), *NEW, CheckpointEnd(1), *NEW, CheckpointEnd(2)),
        (CheckpointEnd(0), PART, CheckpointEnd(1), *NEW, CheckpointEnd(2)),
        # What was given up has no id.
        (CheckpointEnd(0), *OLD, RestartMark(), *NEW, CheckpointEnd(2)),
    ],
    ids=["nothing", "no state", "the same state", "another step", "a checkpoint that was given up"],
)
def test_without_an_older_state_nothing_is_damaged(files: ResilienceSet, records: tuple[Record, ...]) -> None:
    before = log(write(files, *records)).read_bytes()
    with pytest.raises(NotDamaged, match="holds no older state that differs from its newest one"):
        restore_older_state(files)
    assert log(files).read_bytes() == before


def test_without_any_state_nothing_is_dropped(files: ResilienceSet) -> None:
    with pytest.raises(NotDamaged, match="holds no state that could be dropped"):
        drop_state(write(files, CheckpointEnd(0), RestartMark()))


def test_the_log_of_a_real_worker_can_be_damaged_too(files: ResilienceSet, fixtures: Path) -> None:
    recorded = fixtures / "wallaroo-0.5.4" / DETECTOR / "resilience-end" / log(files).name
    shutil.copyfile(recorded, log(files))
    before = ends(files)
    last = max(record.checkpoint for record in before if isinstance(record, CheckpointEnd))
    newest = find_checkpoint(log(files), last)
    assert newest

    restore_older_state(files)
    older = find_checkpoint(log(files), last)
    assert older != newest
    assert {state.step for state in older} == {state.step for state in newest}
    drop_state(files)
    assert find_checkpoint(log(files), last) == []
    assert ends(files) == before
