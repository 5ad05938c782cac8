# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a migration that failed: whether anybody was killed, and what became of the worker."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _moves

from tests import preloaded
from tests.server_states import MOVE, servers, steps

BEGUN = {"migration_outcome": "", "migration_left": {}, "migration_moved": {"stage": "before"}}
"""As its tasks begin."""

MOVED = {**BEGUN, "migration_moved": {"resumed": 1.0}}

CASES: dict[str, tuple[dict[str, Any], str, bool]] = {
    "no checkpoint came": (BEGUN, "unfinished", True),
    "the target could not be asked": ({**BEGUN, "migration_outcome": "nothing to do"}, "nothing to do", True),
    "the road back was taken": ({**BEGUN, "migration_outcome": "rolled back"}, "rolled back", False),
    "the spare did not give it its work back": (MOVED, "unfinished", False),
    "its mark could not be shown": ({**MOVED, "migration_left": {"plan": {"outcome": "moved"}}}, "moved", False),
}


def test_nothing_was_changed_only_where_nobody_was_killed(repository: Path, tmp_path: Path) -> None:
    needed = {"migration_step": {"plan": {"needed": True}}}
    tasks = [
        {
            "name": name,
            "ansible.builtin.assert": {"that": f"migration_killed_nobody == {nobody}"},
            "vars": {**needed, **found},
        }
        for name, (found, _became, nobody) in CASES.items()
    ]
    # Another run has moved it before.
    not_needed = {**BEGUN, "migration_step": {"plan": {"needed": False}}}
    tasks.append({"ansible.builtin.assert": {"that": "not migration_killed_nobody"}, "vars": not_needed})
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    path = tmp_path / "play.yml"
    path.write_text(json.dumps([{**play, "vars_files": [str(repository / "roles/migration/vars/main.yml")]}]))
    ended = preloaded.play([str(path)], dict(os.environ), tmp_path, limit=60)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("case", CASES)
def test_what_became_of_the_worker(case: str) -> None:
    found, became, _nobody = CASES[case]
    move = {name.removeprefix("migration_"): value for name, value in found.items()}
    assert _moves.times_of({"plan": steps.migrate(MOVE, servers()), **move})["outcome"] == became


def test_of_a_restart_in_place_nothing_of_a_move_is_said() -> None:
    restart = {"plan": {"worker": "worker2", "src": "server2", "dst": "server2"}, "moves": False, "outcome": "moved"}
    assert _moves.times_of(restart)["outcome"] == ""
