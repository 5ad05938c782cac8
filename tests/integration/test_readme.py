# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of README do what it says: all of them, in order, as written, in a fresh copy and a fresh shell.

What needs machines of one's own runs against servers in networks of their own, reached by SSH, whose addresses stand
where README says that yours are put.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import on_this_machine, own_cluster
from tests.fresh_shell import LIVING, SHELL, FreshShell, fresh_shell
from tests.namespaces import Networks, four_servers, in_networks

ELSEWHERE = {"make test": "it is what runs this test"}
"""What is not run here, and why."""

FAILS = {"make demo drain=false": "verdict: fail"}
"""What is to end with another code than 0, and what it says."""

SAYS = {
    "make demo": "verdict: pass: 22,000 of 22,000 messages of 11 keys, each exactly once and in order",
    "make demo negative=dropped_state": "caught",
    "make report run=latest": "report.html",
    "make compare runs=RUN,latest": "compare-",
    "python3 docs/check_run.py runs/latest": "result.json",
}


@pytest.fixture
def shell(repository: Path, project: Path) -> Iterator[FreshShell]:
    with fresh_shell(repository, project) as found:
        yield found


@pytest.fixture
def networks(repository: Path, tmp_path: Path) -> Iterator[Networks]:
    with four_servers(repository, tmp_path / "networks") as found:
        yield found


def test_on_this_machine(repository: Path, shell: FreshShell) -> None:
    wanted = on_this_machine(repository / "README.md")
    assert {*SAYS, *FAILS, *ELSEWHERE} <= set(wanted)
    for command in wanted:
        engine = next((home for name, home in LIVING.items() if name in command), "")
        if command in ELSEWHERE or (engine and not (shell.project / engine).exists()):
            assert not (engine and os.environ.get("CI")), f"{command} needs {engine}"
            continue
        runs = sorted(path.name for path in (shell.project / "runs").glob("*") if not path.is_symlink())
        ended = shell.run(command.replace("RUN", runs[0] if runs else "RUN"))
        assert (ended.returncode == 0) is (command not in FAILS), f"{command}\n{ended.stdout}"
        assert SAYS.get(command, FAILS.get(command, "")) in ended.stdout, f"{command}\n{ended.stdout}"
        assert "deprecat" not in ended.stdout.lower()
    assert len(list((shell.project / "runs").glob("2*"))) >= 3, "DAYS=30 removes none of today"


@in_networks
def test_on_servers_of_ones_own(repository: Path, shell: FreshShell, networks: Networks) -> None:
    wanted = own_cluster(repository / "README.md")
    assert len(wanted) == 6
    assert all("-i inventory/xenial playbooks/" in command for command in wanted[1:])
    shell.has_servers(networks.directory / "hosts.json")
    ended = shell.shell(SHELL, "\n".join(wanted))
    assert ended.returncode == 0, ended.stdout
    assert "11,000 of 11,000 messages" in ended.stdout
    assert "moved from server2 to server4" in " ".join(ended.stdout.split()), ended.stdout
