# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of README do what it says: all of them, in order, as written, in a fresh copy and a fresh shell.

What needs machines of one's own runs against servers in networks of their own, reached by SSH, whose addresses stand
where README says that yours are put.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.documents import commands
from tests.namespaces import Networks, can_be_made, in_networks
from tests.port_block import PortBlock

LIMIT = 300

ELSEWHERE = {"make test": "it is what runs this test"}
"""What is not run here, and why."""

FAILS = {"make demo drain=false": "verdict: fail"}
"""What is to end with another code than 0, and what it says."""

LIVING = {"ENGINE=bytewax": ".venv-bytewax", "ENGINE=flink": ".flink"}
"""What needs an engine that is installed beside, and where ``make`` puts it."""

OWN_CLUSTER = ". .venv/bin/activate"
"""The first of the commands for one's own cluster, which are one shell."""

SAYS = {
    "make demo": "verdict: pass: 22,000 of 22,000 messages of 11 keys, each exactly once and in order",
    "make demo negative=dropped_state": "caught",
    "make report run=latest": "report.html",
    "make compare runs=RUN,latest": "compare-",
    "python3 docs/check_run.py runs/latest": "result.json",
}


class FreshShell:
    """A copy of the checkout, in which commands find nothing of the tests' own surroundings."""

    def __init__(self, repository: Path, project: Path, home: Path) -> None:
        self.project = project
        self.environment = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        # The tools are there; that make puts them there is shown by test_environment and make test-pythons.
        for directory in (".venv", *LIVING.values()):
            if (repository / directory).exists():
                (project / directory).symlink_to(repository / directory)
        (project / "tools" / "environment.py").write_text("")

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run it with a network of its own, where this account can have one: ports are those that everybody has."""
        alone = (
            ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec sh -c "$0"'] if can_be_made() else ["sh", "-c"]
        )
        return self.shell(alone, command)

    def shell(self, shell: list[str], command: str) -> subprocess.CompletedProcess[str]:
        """Run it."""
        return subprocess.run(
            [*shell, command],
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LIMIT,
        )


@pytest.fixture
def shell(repository: Path, project: Path) -> Iterator[FreshShell]:
    # As short as homes are: the sockets of SSH lie in it, and their paths have a limit.
    with tempfile.TemporaryDirectory(prefix="home") as home:
        yield FreshShell(repository, project, Path(home))


@pytest.fixture
def networks(repository: Path, tmp_path: Path) -> Iterator[Networks]:
    (tmp_path / "networks").mkdir()
    with closing(PortBlock()) as block:
        found = Networks(repository, tmp_path / "networks", block)
        try:
            yield found
        finally:
            found.play("stop_cluster", succeed=None)
            found.remove()


def test_on_this_machine(repository: Path, shell: FreshShell) -> None:
    wanted = commands(repository / "README.md")
    wanted = wanted[: wanted.index(OWN_CLUSTER)]
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
    wanted = commands(repository / "README.md")
    wanted = wanted[wanted.index(OWN_CLUSTER) :]
    assert len(wanted) == 6
    assert all("-i inventory/xenial playbooks/" in command for command in wanted[1:])
    mine = shell.project / "inventory" / "xenial"
    shutil.rmtree(mine)
    mine.mkdir()
    shutil.copy(networks.directory / "hosts.json", mine / "hosts.json")
    # One shell, as somebody types them; the first that fails ends it.
    ended = shell.shell(["sh", "-ec"], "\n".join(wanted))
    assert ended.returncode == 0, ended.stdout
    assert "11,000 of 11,000 messages" in ended.stdout
    assert "moved from server2 to server4" in " ".join(ended.stdout.split()), ended.stdout
