# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which worker and which step a key belongs to (wallaroo.md, B.6)."""

from __future__ import annotations

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.routing import (
    NOBODY,
    STEPS,
    Owners,
    key_hash,
    owner,
    step_id,
    step_number,
)
from hypothesis import given
from hypothesis import strategies as st

TABLE = {
    2: {0: {2, 3, 5, 7, 8}, 1: {0, 1, 4, 6, 9, 10}},
    3: {0: {2, 3, 5, 7, 8}, 1: {0, 6, 9}, 2: {1, 4, 10}},
}


@pytest.mark.parametrize("workers", [2, 3])
def test_the_keys_of_the_demo_lie_where_they_lie_in_a_real_cluster(workers: int) -> None:
    found: dict[int, set[int]] = {}
    for number in range(11):
        found.setdefault(owner(f"key_{number}".encode(), workers), set()).add(number)
    assert found == TABLE[workers]


def test_the_steps_are_as_many_as_a_real_worker_recorded() -> None:
    # Records of a checkpoint in the recorded event logs: 4 on the initializer, 5 on worker2.
    for index, records in ((0, 4), (1, 5)):
        assert len({step_number(f"key_{number}".encode()) for number in TABLE[2][index]}) == records


@given(st.binary(max_size=40), st.integers(1, 20))
def test_every_key_has_one_owner_and_one_step(key: bytes, workers: int) -> None:
    assert 0 <= owner(key, workers) < workers
    assert 0 <= step_number(key) < STEPS


def test_the_last_worker_takes_the_rest() -> None:
    width = (2**128 - 1) // 3
    assert 3 * width <= 2**128 - 1
    assert owner(b"key_1", 3) == key_hash(b"key_1") // width == 2


def test_the_ids_of_steps_are_128_bits_differ_and_never_change() -> None:
    ids = {step_id("state1", worker, number) for worker in ("initializer", "worker2") for number in range(STEPS)}
    assert len(ids) == 2 * STEPS
    assert all(0 <= identifier < 2**128 for identifier in ids)
    assert step_id("state1", "worker2", 3) == 43531699265093460598174394517811851456


def test_owners_are_remembered_and_what_is_no_text_has_none() -> None:
    owners = Owners(2, b".")
    assert owners[b"key_0"] == 1
    assert b"key_0" in owners
    assert owners[b"\xff"] == NOBODY
    assert b"\xff" not in owners, "strangers' bytes are not kept"
    assert owners[b"key_0.more"] == owners[b"key_0"], "the part before the first dot decides"
