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


def brought(role: str, task: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    """The files of tasks that a task brings, each with its role; of a choice among files all of them."""
    for what in (one for one in BRINGING if one in task):
        given = task[what]
        roles, names = [role], re.findall(r"(\w+)\.yml", str(given))
        if what.endswith("_role"):
            roles, names = re.findall(r"\w+", given["name"]), re.findall(r"\w+", given.get("tasks_from", "main"))
        places = [(one, ROLES / one / "tasks" / f"{name}.yml") for one in roles for name in names]
        yield from (place for place in places if place[1].is_file())


def not_once(role: str, path: Path) -> list[str]:
    """The tasks in a file, and in what it brings, that are done for each server."""
    found = []
    for task in tasks(yaml.safe_load(path.read_text())):
        files = list(brought(role, task))
        if not task.get("run_once") and not files:
            found.append(f"{role}/{path.name}: {task.get('name')}")
        for there, file in files:
            found += not_once(there, file)
    return found


INCLUDES = [
    (role.name, path, task)
    for role in sorted(ROLES.iterdir())
    for path in sorted(role.glob("tasks/*.yml"))
    for task in tasks(yaml.safe_load(path.read_text()))
    if task.get("run_once") is True and any("include_" in one for one in BRINGING if one in task)
]


@pytest.mark.parametrize(
    ("role", "path", "task"), INCLUDES, ids=[f"{role}/{path.stem}: {task['name']}" for role, path, task in INCLUDES]
)
def test_what_is_included_once_runs_once(role: str, path: Path, task: dict[str, Any]) -> None:
    files = list(brought(role, task))
    assert files, "it brings nothing that is known here"
    assert [one for there, file in files for one in not_once(there, file)] == []


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
