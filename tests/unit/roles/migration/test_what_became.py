# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role ``migration`` makes of a failure: whether anybody was killed, and what became of the worker."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests import preloaded

BEGUN = {"migration_outcome": "", "migration_left": {}, "migration_moved": {"stage": "before"}}
"""As its tasks begin."""

MOVED = {**BEGUN, "migration_moved": {"resumed": 1.0}}

CASES: dict[str, tuple[dict[str, Any], str, bool]] = {
    "no checkpoint came": (BEGUN, "", True),
    "the target could not be asked": ({**BEGUN, "migration_outcome": "nothing to do"}, "nothing to do", True),
    "the road back was taken": ({**BEGUN, "migration_outcome": "rolled back"}, "rolled back", False),
    "the spare did not give it its work back": (MOVED, "", False),
    "all was done": ({**MOVED, "migration_left": {"plan": {"outcome": "moved"}}}, "moved", False),
}


def test_nothing_was_changed_only_where_nobody_was_killed(repository: Path, tmp_path: Path) -> None:
    tasks = [
        {
            "name": name,
            "ansible.builtin.assert": {
                "that": [f"migration_became == '{became}'", f"migration_killed_nobody == {nobody}"]
            },
            "vars": given,
        }
        for name, (given, became, nobody) in CASES.items()
    ]
    variables = str(repository / "roles/migration/vars/main.yml")
    play = tmp_path / "play.yml"
    play.write_text(
        json.dumps([{"hosts": "localhost", "gather_facts": False, "vars_files": [variables], "tasks": tasks}])
    )
    ended = preloaded.play([str(play)], dict(os.environ), tmp_path, limit=60)
    assert ended.returncode == 0, ended.stdout
