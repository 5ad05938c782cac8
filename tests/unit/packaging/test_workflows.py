# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What checks a change from outside: the same targets that everybody runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture
def jobs(repository: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((repository / ".github" / "workflows" / "ci.yml").read_text())
    assert found["permissions"] == {"contents": "read"}
    jobs: dict[str, Any] = found["jobs"]
    return jobs


def test_every_step_is_a_target_of_the_makefile(repository: Path, jobs: dict[str, Any]) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (repository / "Makefile").read_text(), flags=re.M))
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    called = {target for command in commands for target in re.findall(r"\bmake ([a-z-]+)", command)}
    tests = {"test-unit", "test", "test-all"}
    assert {"docs", "lint", "sanity", "galaxy-importer", "bytewax", "flink", "molecule"} | tests == called
    assert called <= targets


def test_what_is_checked_before_a_change_lands_is_checked_outside_too(repository: Path) -> None:
    """Be it as a part of another target, or more of it; the Pythons of other Debians are a matrix there."""
    script = (repository / ".ci" / "run").read_text()
    words = [word for line in re.findall(r"^(?:exec )?make (.*)", script, flags=re.M) for word in line.split()]
    here = {word for word in words if re.fullmatch(r"[a-z][a-z-]*", word)} - {"test-pythons"}
    workflow = (repository / ".github" / "workflows" / "ci.yml").read_text()
    outside = set(re.findall(r"\bmake ([a-z-]+)", workflow))
    parts = {"lint": "test", "test-unit": "test", "test-all": "test", "galaxy-importer": "sanity"}
    assert here == {parts.get(target, target) for target in outside}


def test_every_python_and_core_that_is_named_is_checked(repository: Path, jobs: dict[str, Any]) -> None:
    """Each on what it can run, which the Makefile knows."""
    makefile = (repository / "Makefile").read_text()
    able = {
        core: range(int(a), int(b) + 1)
        for core, a, b in re.findall(r"^PYTHONS_OF_(\S+) := (\d+) (\d+)$", makefile, re.M)
    }
    assert {"2.16", "2.19", "2.21", "devel"} == able.keys()
    assert "Python 3.10 to 3.14" in (repository / "README.md").read_text()
    for name in ("unit", "integration"):
        chosen = [(one["core"], int(one["python"][2:])) for one in jobs[name]["strategy"]["matrix"]["include"]]
        assert all(minor in able[core] for core, minor in chosen)
        assert {core for core, _minor in chosen} == able.keys()
        assert {minor for _core, minor in chosen} == set(range(10, 15))


def test_no_step_has_a_value_of_a_pull_request_in_its_command(jobs: dict[str, Any]) -> None:
    """What others write must not be executed."""
    for job in jobs.values():
        assert job["timeout-minutes"] <= 60
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False


def test_how_a_weakness_is_told_names_every_port(repository: Path) -> None:
    from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.ports import Ports

    text = (repository / "SECURITY.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", text, flags=re.M)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(Ports().to_dict())
