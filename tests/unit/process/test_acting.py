# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts that outlive the run that began them are waited for."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting, wait_for_acts
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import LimitReached

MODULE = "ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting"
ACT = f"""
import sys
from {MODULE} import acting
with acting(sys.argv[1]):
    print("acting", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def base(tmp_path: Path) -> str:
    (tmp_path / "run").mkdir()
    return str(tmp_path)


@pytest.fixture
def act(base: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that is in the middle of an act."""
    process = subprocess.Popen(
        [sys.executable, "-c", ACT, base], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "acting\n"
    yield process
    process.kill()
    process.communicate()


def test_a_look_waits_for_the_act_of_a_run_that_is_gone(base: str, act: subprocess.Popen[str]) -> None:
    with pytest.raises(LimitReached, match="what an interrupted run had begun here to end"):
        wait_for_acts(base, 0.1)
    threading.Timer(0.2, act.terminate).start()
    wait_for_acts(base, 30)


def test_the_sign_of_an_act_that_was_killed_goes_with_it(base: str, act: subprocess.Popen[str]) -> None:
    act.kill()
    wait_for_acts(base, 30)


def test_acts_of_one_run_do_not_wait_for_one_another(base: str) -> None:
    with acting(base), acting(base):
        pass
    wait_for_acts(base, 1)


@pytest.mark.parametrize("only_check", [True, False])
def test_a_server_that_was_never_prepared_keeps_no_trace(tmp_path: Path, only_check: bool) -> None:
    with acting(str(tmp_path / "server1"), only_check):
        wait_for_acts(str(tmp_path / "server1"), 1)
    assert not (tmp_path / "server1").exists()
