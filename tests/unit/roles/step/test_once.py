# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role ``step`` includes some roles for one server alone, so nothing in them may be for each server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).parents[4] / "roles"

INCLUDED_ONCE = re.findall(
    r"\w+", re.findall(r"run_once: .*step_role in \[(.*)\]", (ROLES / "step/tasks/run.yml").read_text())[0]
)

BRINGING = tuple(f"ansible.builtin.{what}_{kind}" for what in ("import", "include") for kind in ("role", "tasks"))
"""What brings tasks; those are looked at where they are."""


def tasks(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for task in found:
        parts = [part for name in ("block", "rescue", "always") for part in task.get(name) or []]
        yield from tasks(parts) if parts else iter([task])


def test_they_are_known() -> None:
    assert set(INCLUDED_ONCE) == {"migration", "sender", "worker"}


@pytest.mark.parametrize("role", INCLUDED_ONCE)
def test_each_task_of_a_role_that_is_included_once_runs_once(role: str) -> None:
    each = [
        f"{path.name}: {task.get('name')}"
        for path in sorted((ROLES / role / "tasks").glob("*.yml"))
        for task in tasks(yaml.safe_load(path.read_text()))
        if not task.get("run_once") and not any(one in task for one in BRINGING)
    ]
    assert each == []
