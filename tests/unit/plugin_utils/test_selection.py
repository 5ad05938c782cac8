# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``--tags`` may choose."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._selection import refuse_parts
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal

MOVE = ["preflight", "kill", "copy", "start"]


@pytest.mark.parametrize("chosen", [["all"], ["tagged"], MOVE, [*MOVE, "verify"]])
def test_a_playbook_is_run_as_a_whole(chosen: list[str]) -> None:
    refuse_parts("migrate", MOVE, chosen)


@pytest.mark.parametrize("chosen", [["kill"], ["preflight"], ["kill", "copy", "preflight"]])
def test_nobody_who_wants_a_part_gets_all_of_it(chosen: list[str]) -> None:
    with pytest.raises(Refusal, match="does preflight, kill, copy, start as one"):
        refuse_parts("migrate", MOVE, chosen)


def test_a_playbook_of_no_tags_and_one_of_a_single_act_are_never_taken_apart() -> None:
    refuse_parts("status", [], ["kill"])
    refuse_parts("kill_worker", ["kill"], ["kill"])


def test_tags_say_what_a_playbook_does(repository: Path) -> None:
    tags = {
        path.stem: yaml.safe_load(path.read_text())[0].get("tags", [])
        for path in (repository / "playbooks").glob("*.yml")
    }
    assert tags["migrate"] == MOVE
    single = {name: found[0] for name, found in tags.items() if len(found) == 1}
    assert single == {
        "preflight": "preflight",
        "kill_worker": "kill",
        "copy_resilience": "copy",
        "restart_worker": "start",
        "start_cluster": "start",
        "verify": "verify",
    }
