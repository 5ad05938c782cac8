# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of the servers as a file: who gets it, who does not, and who may give it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import run_lock
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.run_lock import Holder

ALICE = Holder("a", "alice", "boot", 7, 70, "pid:[1]")
BOB = Holder("b", "bob", "boot", 8, 80, "pid:[1]")


def test_one_run_holds_it_and_the_next_is_told_who(tmp_path: Path) -> None:
    base = str(tmp_path / "server1")

    assert run_lock.acquire(base, ALICE) is None
    assert run_lock.acquire(base, BOB) == ALICE
    assert run_lock.acquire(base, ALICE) is None, "plays of one run take it one after the other"
    run_lock.release(base, "a")
    assert run_lock.holder(base) is None
    assert run_lock.acquire(base, BOB) is None


def test_only_the_holder_gives_it_back(tmp_path: Path) -> None:
    base = str(tmp_path)
    run_lock.acquire(base, ALICE)

    run_lock.release(base, "b")

    assert run_lock.holder(base) == ALICE


def test_a_dead_run_is_replaced_but_not_who_came_after_it(tmp_path: Path) -> None:
    base = str(tmp_path)
    run_lock.acquire(base, Holder("dead", "", "boot", 6, 60))

    assert run_lock.acquire(base, ALICE, instead_of="dead") is None
    assert run_lock.acquire(base, BOB, instead_of="dead") == ALICE
    assert run_lock.acquire(base, BOB, by_force=True) is None
    assert run_lock.holder(base) == BOB


@pytest.mark.parametrize("content", ["", "{", "[]", '{"run": "a"}', "[" * 100000])
def test_a_damaged_lock_is_held_by_somebody(tmp_path: Path, content: str) -> None:
    run_lock.path_of(str(tmp_path)).write_text(content)

    found = run_lock.acquire(str(tmp_path), BOB)

    assert found is not None
    assert str(run_lock.path_of(str(tmp_path))) in found.description


def test_what_a_killed_taker_left_goes_and_giving_back_leaves_no_trace_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / ".partial.run.lock.x").write_text("half")

    run_lock.acquire(str(tmp_path), ALICE)
    run_lock.release(str(tmp_path / "never"), "a")

    assert {path.name for path in tmp_path.iterdir()} == {"run.lock", ".run.lock.section"}
