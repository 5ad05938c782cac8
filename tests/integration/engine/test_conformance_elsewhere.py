# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conformance tests find and start the executables of a Wallaroo tree.

The tree here is a stand-in: scripts at the places of the real executables, which start the embedded engine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.applications import APPLICATIONS

_SCRIPT = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys
sys.path[0] = {collections!r}
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.main import main
sys.exit(main({application!r}, sys.argv[1:]))
"""


@pytest.fixture
def tree(tmp_path: Path, repository: Path) -> Path:
    for application, place in ((one.name, one.executable) for one in APPLICATIONS.values()):
        path = tmp_path / "wallaroo" / place
        path.parent.mkdir(parents=True)
        path.write_text(
            _SCRIPT.format(python=sys.executable, collections=str(repository / ".collections"), application=application)
        )
        path.chmod(0o700)
    return tmp_path / "wallaroo"


def conformance(repository: Path, tests: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "tests/conformance", "-n", "0", "-k", tests],
        cwd=repository,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_executables_of_the_tree_are_what_is_tested(repository: Path, tree: Path) -> None:
    run = conformance(
        repository,
        "test_a_fresh_start or test_a_restart_where_it_was",
        ENGINE="wallaroo",
        WALLAROO_HOME=str(tree),
    )
    assert run.returncode == 0, run.stdout
    broken = tree / APPLICATIONS["multi_partition_detector"].executable
    broken.write_text("#!/bin/sh\necho this tree is broken\nexit 3\n")
    assert conformance(repository, "test_a_killed_worker", ENGINE="wallaroo", WALLAROO_HOME=str(tree)).returncode == 1


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"ENGINE": "flink"}, "ENGINE=flink is not known: use embedded or wallaroo"),
        ({"ENGINE": "wallaroo"}, "ENGINE=wallaroo needs WALLAROO_HOME, the absolute path of a Wallaroo tree"),
        ({"ENGINE": "wallaroo", "WALLAROO_HOME": "/nowhere"}, "WALLAROO_HOME=/nowhere has no executable"),
        ({"WALLAROO_VERSION": "9"}, "WALLAROO_VERSION=9 is not known: use 0.5.3, 0.5.4, 0.6.1"),
    ],
)
def test_what_is_missing_is_said_once(repository: Path, environment: dict[str, str], sentence: str) -> None:
    run = conformance(repository, "test_a_fresh_start", **environment)
    assert run.returncode == 4
    assert (run.stdout + run.stderr).count(sentence) == 1
