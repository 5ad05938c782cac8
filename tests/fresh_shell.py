# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell as somebody has it who has just got a checkout, for the commands of documents."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.namespaces import can_be_made

LIMIT = 300

SHELL = ["sh", "-ec"]
"""The first command that fails ends it."""

LIVING = {"ENGINE=bytewax": ".venv-bytewax", "ENGINE=flink": ".flink"}
"""What needs an engine that is installed beside, and where ``make`` puts it."""


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

    def has_servers(self, hosts: Path) -> None:
        """Put one's own addresses where the example has some.

        :param hosts: an inventory.
        """
        mine = self.project / "inventory" / "xenial"
        shutil.rmtree(mine)
        mine.mkdir()
        shutil.copy(hosts, mine / "hosts.json")

    def run(self, command: str, limit: float = LIMIT) -> subprocess.CompletedProcess[str]:
        """Run it with a network of its own, where this account can have one: ports are those that everybody has.

        :param command: one or several lines; the first that fails ends them.
        """
        alone = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec sh -ec "$0"']
        return self.shell(alone if can_be_made() else SHELL, command, limit)

    def shell(self, shell: list[str], command: str, limit: float = LIMIT) -> subprocess.CompletedProcess[str]:
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
            timeout=limit,
        )


@contextmanager
def fresh_shell(repository: Path, project: Path) -> Iterator[FreshShell]:
    """One with a home of its own."""
    # As short as homes are: the sockets of SSH lie in it, and their paths have a limit.
    with tempfile.TemporaryDirectory(prefix="home") as home:
        yield FreshShell(repository, project, Path(home))
