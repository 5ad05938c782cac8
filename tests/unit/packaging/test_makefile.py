# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make migrate worker=2 src=2 dst=4``, and so for each playbook."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SHOW = """#!/bin/sh
printf '%s\\n' "$@" LC_ALL="$LC_ALL" PYTHONHOME="$PYTHONHOME$PYTHONDONTWRITEBYTECODE"
"""


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Path:
    """The Makefile in a directory with a blank, and an ansible-playbook that shows what it is called with."""
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    place = tmp_path / "check out"
    (place / ".venv" / "bin").mkdir(parents=True)
    (place / "tools").mkdir()
    for name in ("Makefile", "tools/given_variables.py"):
        shutil.copy(repository / name, place / name)
    for name in ("prerequisites.sh", "environment.py"):
        # The environment is there.
        (place / "tools" / name).write_text("printf 'true\\n'\n" if name.endswith(".sh") else "")
    (place / "playbooks").mkdir()
    for playbook in (repository / "playbooks").glob("*.yml"):
        shutil.copy(playbook, place / "playbooks")
    program = place / ".venv" / "bin" / "ansible-playbook"
    program.write_text(SHOW)
    program.chmod(0o755)
    return place


def make(checkout: Path, *words: str, **environment: str) -> list[str]:
    ended = run_make(checkout, *words, **environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.splitlines()


def run_make(checkout: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # The suite itself may be run by make, which exports what it was given: CORE=2.16, say.
    own = re.findall(r"^(\w+) \?=", (checkout / "Makefile").read_text(), re.MULTILINE)
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name not in own}
    return subprocess.run(
        ["make", *words],
        cwd=checkout,
        env=outside | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_variables_of_a_playbook_are_given_as_they_are_written(checkout: Path) -> None:
    words = ["worker=2", "src=2", "dst=4", 'note=it\'s a "b" \\n c', "ARGS=--check -v", "CORE=", "PYTHON=python3"]
    said = make(checkout, "migrate", *words, LC_ALL="C", PYTHONHOME="/nowhere", PYTHONDONTWRITEBYTECODE="1")
    assert said[:2] == ["playbooks/migrate.yml", "-e"]
    assert json.loads(said[2]) == {"worker": "2", "src": "2", "dst": "4", "note": 'it\'s a "b" \\n c'}
    assert said[3:] == ["--check", "-v", "LC_ALL=C.UTF-8", "PYTHONHOME="]


def test_each_playbook_is_a_target_and_none_needs_variables(checkout: Path) -> None:
    names = sorted(path.stem for path in (checkout / "playbooks").glob("*.yml"))
    helped = " ".join(make(checkout, "help")).split()
    for name in names:
        # A variable of the user's environment is nobody's argument.
        assert make(checkout, name, worker="7")[:3] == [f"playbooks/{name}.yml", "-e", "{}"]
        assert name in helped


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["molecule", "SCENARIO=host"], "SCENARIO=host is not known: leave it out for all, or use one of hosts"),
        (["test", "CORE=2.15"], "CORE=2.15 is not known: leave it out for the newest ansible-core, or use CORE=2.16"),
    ],
)
def test_a_value_that_is_not_known_is_answered_with_those_that_are(
    checkout: Path, words: list[str], sentence: str
) -> None:
    refused = run_make(checkout, *words)
    assert refused.returncode == 2
    assert sentence in refused.stderr


def test_a_locale_of_utf8_stays(checkout: Path) -> None:
    assert "LC_ALL=" in make(checkout, "status", LC_ALL="", LANG="C.UTF-8")


def test_all_that_lint_finds_is_said_and_nothing_is_mixed(checkout: Path) -> None:
    (checkout / ".collections").mkdir()
    codes = {"ansible-lint": 2, "mypy": 0, "yamllint": 1, "python": 0, "ruff": 1, "antsibull-changelog": 0}
    codes |= {"check-jsonschema": 0, "zizmor": 0, "shellcheck": 0}
    for name, code in codes.items():
        program = checkout / ".venv" / "bin" / name
        program.write_text(f"#!/bin/sh\necho {name} begins\nsleep 0.1\necho {name} ends\nexit {code}\n")
        program.chmod(0o755)

    ended = run_make(checkout, "lint")

    assert ended.returncode != 0
    assert set(re.findall(r"lint-(\w+)\]", ended.stderr)) == {"ansible", "yaml", "python", "format"}
    said = ended.stdout.splitlines()
    for name in codes:
        begins = [number for number, line in enumerate(said) if line == f"{name} begins"]
        assert [said[number + 1] for number in begins] == [f"{name} ends"] * (2 if name == "ruff" else 1)
