# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an earlier cluster has left is seen, whatever its version called it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.applications import APPLICATIONS
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.versions import VERSIONS
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.preflight import _leftovers


@pytest.mark.parametrize(("program", "left"), [("receiver", True), ("standing", False), ("port_listener", False)])
def test_who_only_answers_for_a_run_is_not_left(tmp_path: Path, program: str, left: bool) -> None:
    """The run that looks is itself asked by such a process."""
    argv = [sys.executable, "-c", "print(flush=True); input()", f"{tmp_path}/runtime/programs.pyz", program]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = _leftovers(str(tmp_path))
        process.communicate(b"\n")
    assert [f"process {process.pid} of an earlier run" in one for one in found] == [True] * left


@pytest.mark.parametrize("application", APPLICATIONS)
@pytest.mark.parametrize("version", VERSIONS)
def test_resilience_files_of_each_version_are_seen(tmp_path: Path, application: str, version: str) -> None:
    assert _leftovers(str(tmp_path)) == []
    directory = tmp_path / "resilience" / "worker2"
    directory.mkdir(parents=True)
    (directory / f"{APPLICATIONS[application].prefix_at(version)}-worker2.evlog").touch()
    (found,) = _leftovers(str(tmp_path))
    assert found.startswith(f"1 resilience files of {application} in ")
