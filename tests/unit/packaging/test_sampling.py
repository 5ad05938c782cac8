# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of what is slow the suite runs a sample, which its seed repeats, and what a file shares is prepared once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import sampling, scheduling

SUITE = """
import os
from pathlib import Path
import pytest

@pytest.fixture(scope="module")
def shared():
    with open(Path(__file__).with_name("prepared"), "a") as file:
        file.write("once ")

@pytest.mark.sampled(2)
@pytest.mark.parametrize("case", range(9))
def test_matrix(case, shared):
    print(f"case {case}")

def test_other(shared):
    pass

def test_alone():
    pass
"""


@pytest.fixture
def suite(repository: Path, tmp_path: Path) -> Path:
    """A suite that has the settings of this one."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").touch()
    for name in ("conftest.py", "sampling.py", "scheduling.py", "port_block.py"):
        (tmp_path / "tests" / name).write_text((repository / "tests" / name).read_text())
    (tmp_path / "tests" / "test_it.py").write_text(SUITE)
    return tmp_path


def run(suite: Path, *options: str) -> tuple[set[int], str]:
    """The cases of the matrix that ran, and what was said."""
    words = ["-m", "pytest", "-q", "-rP", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *options]
    ended = subprocess.run([sys.executable, *words], cwd=suite, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return {int(case) for case in re.findall(r"^case (\d)$", ended.stdout, re.MULTILINE)}, ended.stdout


def test_a_sample_is_run_in_all_processes_and_repeated_by_its_seed(suite: Path) -> None:
    cases, said = run(suite, "-n", "2", "--dist", "loadgroup")
    assert len(cases) == 2
    assert "4 passed" in said
    (seed,) = re.findall(r"the same again: --sample=(\d+), all of them: --whole", said)
    assert run(suite, "-n", "0", f"--sample={seed}")[0] == cases
    assert (suite / "tests" / "prepared").read_text() == "once once "


def test_a_share_of_the_files_is_run_and_repeated_by_its_seed(suite: Path) -> None:
    for number in range(3):
        (suite / "tests" / f"test_{number}.py").write_text(f"def test_it():\n    print('case {number}')\n")
    (suite / "tests" / "test_it.py").unlink()
    (case,), said = run(suite, "-n", "2", "--dist", "loadgroup", "--share=3")
    (again,) = re.findall(r"the same again: (--sample=\d+ --share=3), all of them: --whole", said)
    assert run(suite, "-n", "0", *again.split())[0] == {case}
    shares = [run(suite, "-n", "0", "--share=2", f"--sample={seed}")[0] for seed in range(8)]
    assert {len(one) for one in shares} == {2}, "the greater half"
    assert set().union(*shares) == {0, 1, 2}


def test_all_cases_are_run_where_that_is_asked_for_or_a_file_or_one_by_its_name(suite: Path) -> None:
    cases, said = run(suite, "-n", "0", "--whole")
    assert cases == set(range(9))
    assert "--sample" not in said
    assert run(suite, "-n", "0", "tests/test_it.py")[0] == set(range(9))
    assert run(suite, "-n", "0", "-k", "matrix")[0] == set(range(9))
    assert run(suite, "-n", "0", "tests/test_it.py::test_matrix[7]")[0] == {7}
    assert len(run(suite, "-n", "0", "tests")[0]) == 2


class Item:
    """A test, or a case of one."""

    def __init__(self, nodeid: str, sampled: int = 0) -> None:
        self.nodeid = nodeid
        self._sampled = sampled

    def get_closest_marker(self, name: str) -> pytest.MarkDecorator | None:
        return pytest.mark.sampled(self._sampled) if self._sampled else None


def test_seeds_choose_different_cases_and_come_to_all_of_them() -> None:
    found = set()
    for seed in range(40):
        kept, left = sampling.sample([Item(f"test_it.py::test_matrix[{number}]", 2) for number in range(9)], seed)
        assert (len(kept), len(left)) == (2, 7)
        found |= {case.nodeid for case in kept}
    assert len(found) == 9


def test_of_slow_folders_one_test_in_some_runs_with_its_cases_evenly_over_the_files() -> None:
    slow = [f"tests/integration/test_{file}.py::test_{number}" for file in "abc" for number in range(6)]
    deeper = [f"tests/integration/engine/test_d.py::test_{number}" for number in range(6)]
    unit = [f"tests/unit/test_e.py::test_{number}" for number in range(6)]
    items = [Item(f"{test}[{case}]") for test in (*slow, *deeper, *unit) for case in "xy"]
    found = set()
    for seed in range(40):
        kept, _left = sampling.sample(items, seed)
        names = [item.nodeid.partition("[")[0] for item in kept]
        assert sorted(set(names)) == sorted(names[::2]), "with both of its cases, or with none"
        chosen = set(names) & set(slow)
        assert len(chosen) in (3, 4)
        assert {name.partition("::")[0] for name in chosen} == {name.partition("::")[0] for name in slow}
        assert {*deeper, *unit} <= set(names)
        found |= chosen
    assert found == set(slow)


def test_folders_of_which_something_is_said_are_there(repository: Path) -> None:
    for folder, step in sampling.ONE_IN.items():
        assert list((repository / folder).glob("test_*.py")), folder
        assert step >= 1


@pytest.mark.parametrize(("cores", "processes"), [(1, 2), (2, 3), (4, 6)])
def test_more_processes_than_cores_run_the_tests_since_many_wait(
    monkeypatch: pytest.MonkeyPatch, cores: int, processes: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    assert scheduling.processes() == processes
