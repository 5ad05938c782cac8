# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``checkpoint_wait``."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import checkpoints
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import checkpoint_ids
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.checkpoint_ids import CheckpointId

from tests.module_runner import refuse, succeed


def wanted(server: Path, **options: Any) -> dict[str, Any]:
    given = {"base": str(server), "server": "server1", "worker": 2, "application": "multi_partition_detector"}
    return {**given, "wait_timeout": 20, **options}


@pytest.fixture
def path(server: Path) -> Path:
    directory = server / "resilience" / "worker2"
    directory.mkdir(parents=True)
    return directory / "multi_partition_detector-worker2.checkpoint_ids"


@pytest.fixture
def growing(path: Path) -> Iterator[None]:
    """A worker that commits a checkpoint every moment."""
    over = threading.Event()
    checkpoint_ids.append(path, CheckpointId(17, 0))

    def commit() -> None:
        number = 18
        while not over.wait(0.1):
            checkpoint_ids.append(path, CheckpointId(number, 0))
            number += 1

    thread = threading.Thread(target=commit)
    thread.start()
    yield
    over.set()
    thread.join()


def test_two_more_checkpoints_are_waited_for(server: Path, growing: None) -> None:
    answer = succeed("checkpoint_wait", wanted(server, since=17))
    assert (answer["changed"], answer["since"], answer["finished"]) == (False, 17, True)
    assert answer["checkpoint"] >= 19


def test_what_is_there_is_not_waited_for(server: Path, path: Path) -> None:
    for number in (3, 4, 5):
        checkpoint_ids.append(path, CheckpointId(number, 0))
    answer = succeed("checkpoint_wait", wanted(server, since=3))
    assert answer["message"] == "2 of 2 checkpoints after 3 are committed"
    assert succeed("checkpoint_wait", wanted(server), check=True)["since"] == 5
    early = succeed("checkpoint_wait", wanted(server, return_after=0.1))
    assert (early["finished"], early["since"], early["message"]) == (
        False,
        5,
        "0 of 2 checkpoints after 5 are committed",
    )


@pytest.mark.parametrize(
    ("worker", "age", "records", "needed"),
    [
        ("initializer", 0.2, ((4, 0), (5, 0)), 1),
        ("initializer", 0.95, ((4, 0), (5, 0)), 2),
        ("initializer", -5.0, ((4, 0), (5, 0)), 2),
        ("initializer", 0.2, ((5, 0), (5, 1)), 2),
        ("initializer", 0.2, ((5, 0),), 2),
        ("worker2", 0.2, ((4, 0), (5, 0)), 2),
    ],
    ids=["a moment ago", "long ago", "a clock that was set", "behind a rollback", "the first", "another worker"],
)
def test_one_is_enough_where_the_next_cannot_have_begun_yet(
    server: Path, worker: str, age: float, records: tuple[tuple[int, int], ...], needed: int
) -> None:
    path = server / "resilience" / worker / f"multi_partition_detector-{worker}.checkpoint_ids"
    path.parent.mkdir(parents=True)
    for record in records:
        checkpoint_ids.append(path, CheckpointId(*record))
    moment = time.time() - 100 * age
    os.utime(path, (moment, moment))
    answer = succeed("checkpoint_wait", wanted(server, worker=worker, interval=100, return_after=0.01))
    assert (answer["since"], answer["checkpoints"], answer["finished"]) == (5, needed, False)
    checkpoint_ids.append(path, CheckpointId(6, records[-1][1]))
    again = wanted(server, worker=worker, since=5, checkpoints=needed, return_after=0.01)
    assert succeed("checkpoint_wait", again)["finished"] is (needed == 1)


def test_the_limit_says_what_was_last_seen(server: Path, path: Path) -> None:
    checkpoint_ids.append(path, CheckpointId(5, 0))
    sentence = refuse("checkpoint_wait", wanted(server, wait_timeout=0.2))
    assert "waited 0.2 s for 2 checkpoints after 5 of worker2 on server1; last seen: checkpoint 5" in sentence
    # Who is dead or paused cannot be seen from here.
    assert "dead" not in sentence
    assert "status.yml shows who does not" in sentence


@pytest.mark.parametrize(
    ("count", "interval", "seconds"), [(2, 1.0, 62), (2, 300.0, 660), (3, 3600.0, 10860), (2, 0.0, 60)]
)
def test_the_limit_follows_the_interval(count: int, interval: float, seconds: float) -> None:
    assert checkpoints.limit(count, interval) == seconds


def test_a_file_that_is_not_there_is_named_but_foreseen_in_check_mode(server: Path) -> None:
    assert "multi_partition_detector-worker2.checkpoint_ids" in refuse("checkpoint_wait", wanted(server))
    assert succeed("checkpoint_wait", wanted(server), check=True)["checkpoint"] == 0
