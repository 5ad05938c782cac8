# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of a run that was killed the children of ansible-playbook are ended, and nothing that it has started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._api.leftovers import end_children

PROGRAM = """
import subprocess, sys
code = "import sys; print('up', flush=True); sys.stdin.read(); print('ended by itself')"
started = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
started.wait()
"""


STARTED_BY = ([], ["-I"], ["tools/playbook.py"])
"""What is between Python and the program, on a command line of ours."""


@pytest.fixture(params=STARTED_BY)
def run(request: pytest.FixtureRequest, repository: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that is called ansible-playbook and has started another one."""
    program = tmp_path / "ansible-playbook"
    program.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, *request.param, str(program), "play.yml"],
        cwd=repository,
        env={**os.environ, "WALLAROO_TIMELINE": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    yield process
    process.kill()
    process.communicate()


def test_only_the_run_s_own_children_are_ended(run: subprocess.Popen[str], tmp_path: Path) -> None:
    assert end_children("WALLAROO_TIMELINE", str(tmp_path / "other")) == 0
    assert run.poll() is None

    assert end_children("WALLAROO_TIMELINE", str(tmp_path)) == 1

    assert run.wait(timeout=30) == -signal.SIGKILL
    assert run.stdout is not None
    assert run.stdout.read() == "ended by itself\n"
