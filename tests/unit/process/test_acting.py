# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts that outlive the run that began them are waited for."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import (
    Act,
    Superseded,
    acting,
    acting_alone,
    enter,
    entered,
    wait_for_acts,
)
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


def test_whoever_enters_waits_for_the_act_of_another_run(base: str, act: subprocess.Popen[str]) -> None:
    with pytest.raises(LimitReached, match="what an interrupted run had begun here to end"):
        enter(base, "run 2", 0.1)
    threading.Timer(0.2, act.terminate).start()
    enter(base, "run 2", 30)
    assert entered(base) == "run 2"


@pytest.mark.parametrize("doing", [acting, partial(acting_alone, limit=1)])
def test_a_run_that_was_superseded_begins_nothing(base: str, doing: Callable[..., AbstractContextManager[Act]]) -> None:
    enter(base, "run 1", 1)
    with doing(base, run="run 1"):
        pass
    enter(base, "run 2", 1)
    with pytest.raises(Superseded, match="another run has taken over the lock"), doing(base, run="run 1"):
        pytest.fail("it has begun")
    with doing(base, run="run 2"):
        pass


def test_a_run_that_was_superseded_in_the_middle_does_nothing_more_that_cannot_be_taken_back(base: str) -> None:
    enter(base, "run 1", 1)
    with acting(base, run="run 1") as act:
        act.check()
        # The name is written before the end of what is under way is waited for, so that it can end early.
        with pytest.raises(LimitReached):
            enter(base, "run 2", 0.1)
        with pytest.raises(Superseded):
            act.check()


def test_what_must_be_alone_waits_for_the_acts_of_others(base: str, act: subprocess.Popen[str]) -> None:
    with pytest.raises(LimitReached), acting_alone(base, 0.1):
        pytest.fail("it has begun")


@pytest.mark.parametrize("only_check", [True, False])
def test_a_server_that_was_never_prepared_keeps_no_trace(tmp_path: Path, only_check: bool) -> None:
    with acting(str(tmp_path / "server1"), only_check):
        wait_for_acts(str(tmp_path / "server1"), 1)
    assert not (tmp_path / "server1").exists()
