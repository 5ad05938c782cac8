# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is missing on a machine is named, with the package that has it, before anything else happens."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

PYTHON = """#!/bin/sh
case "$*" in
*version_info*) echo {minor} ;;
*"venv, ensurepip"*) exit {venv} ;;
*--version*) echo "Python 3.{minor}" ;;
esac
"""


def stub(directory: Path, name: str, minor: int, has_venv: bool = True) -> Path:
    path = directory / name
    path.write_text(PYTHON.format(minor=minor, venv=0 if has_venv else 1))
    path.chmod(0o755)
    return path


def prerequisites(repository: Path, path: Path, wanted: str = "", newest: str = "14") -> tuple[int, str, str]:
    ended = subprocess.run(
        ["/bin/sh", str(repository / "tools" / "prerequisites.sh"), wanted, newest],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    return ended.returncode, ended.stdout.strip(), ended.stderr.strip()


def test_python3_is_taken_when_it_serves(repository: Path, tmp_path: Path) -> None:
    python = stub(tmp_path, "python3", 11)
    assert prerequisites(repository, tmp_path) == (0, str(python), "")


@pytest.mark.parametrize("minor", [8, 9, 15])
def test_another_one_is_looked_for_when_python3_is_too_old_or_too_new(
    repository: Path, tmp_path: Path, minor: int
) -> None:
    stub(tmp_path, "python3", minor)
    other = stub(tmp_path, "python3.12", 12)
    assert prerequisites(repository, tmp_path)[:2] == (0, str(other))


def test_a_command_that_does_not_run_is_passed_over(repository: Path, tmp_path: Path) -> None:
    shim = tmp_path / "python3"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    other = stub(tmp_path, "python3.10", 10)
    assert prerequisites(repository, tmp_path)[:2] == (0, str(other))


def test_without_any_python_the_package_is_named(repository: Path, tmp_path: Path) -> None:
    code, output, error = prerequisites(repository, tmp_path)
    assert (code, output) == (1, "")
    assert "No Python 3.10 to 3.14 was found" in error
    assert "apt install python3 python3-venv" in error


def test_a_python_without_venv_is_named_with_its_package(repository: Path, tmp_path: Path) -> None:
    stub(tmp_path, "python3", 11, has_venv=False)
    code, _output, error = prerequisites(repository, tmp_path)
    assert code == 1
    assert "apt install python3.11-venv" in error


def test_a_python_that_was_asked_for_is_taken_or_refused(repository: Path, tmp_path: Path) -> None:
    stub(tmp_path, "python3", 11)
    mine, old = stub(tmp_path, "mine", 12), stub(tmp_path, "old", 8)
    assert prerequisites(repository, tmp_path, str(mine))[:2] == (0, str(mine))
    assert "is Python 3.8" in prerequisites(repository, tmp_path, str(old))[2]
    assert "does not run" in prerequisites(repository, tmp_path, "/no/such/python")[2]


@pytest.mark.parametrize("wanted", ["", "python3"])
def test_a_python_that_is_newer_than_tested_is_a_warning(repository: Path, tmp_path: Path, wanted: str) -> None:
    python = stub(tmp_path, "python3", 15)
    code, output, error = prerequisites(repository, tmp_path, wanted)
    assert (code, output) == (0, str(python))
    assert error == "Python 3.15 is newer than what this is tested with (3.10 to 3.14); it may work all the same."


def test_an_older_ansible_core_prefers_an_older_python(repository: Path, tmp_path: Path) -> None:
    stub(tmp_path, "python3", 13)
    older = stub(tmp_path, "python3.12", 12)
    assert prerequisites(repository, tmp_path, newest="12") == (0, str(older), "")
