# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs a playbook, and whether a run that holds the lock is alive: real processes, also in PID namespaces."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import run_lock
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _controller
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._controller import (
    ALIVE,
    DEAD,
    UNKNOWN,
    life,
    this_run,
)

from tests.pid_namespaces import CONTAINER, in_containers

CODE = """
import json, sys
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _controller
me = _controller.this_run()
who = {"controller": me.boot, "namespace": me.namespace, "pid": me.pid, "start_ticks": me.start_ticks}
print(json.dumps(who), flush=True)
for line in sys.stdin:
    print(_controller.life(json.loads(line)), flush=True)
"""


class Run:
    """A run on this machine, maybe in a container: says who it is, and how it judges others."""

    def __init__(self, *wrapped: str) -> None:
        self.process = subprocess.Popen(
            [*wrapped, sys.executable, "-c", CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdin
        assert self.process.stdout
        self.into, self.out = self.process.stdin, self.process.stdout
        self.holder: dict[str, Any] = json.loads(self.out.readline())

    def judges(self, other: Run) -> str:
        self.into.write(json.dumps(other.holder) + "\n")
        self.into.flush()
        return self.out.readline().strip()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.into.close()
        self.out.close()


@contextmanager
def run(*wrapped: str) -> Iterator[Run]:
    found = Run(*wrapped)
    try:
        yield found
    finally:
        found.end()


def test_a_run_of_this_machine_is_known_to_be_alive_or_dead() -> None:
    with run() as first, run() as second:
        assert second.judges(first) == ALIVE
        assert life({**first.holder, "start_ticks": first.holder["start_ticks"] + 1}) == DEAD, "the pid is used again"
        first.end()
        assert second.judges(first) == DEAD


def test_a_run_of_another_machine_or_of_whom_nothing_is_known_is_not_judged() -> None:
    with run() as first:
        pass
    assert life(first.holder) == DEAD
    assert life({**first.holder, "controller": "another boot"}) == UNKNOWN
    assert life({**first.holder, "namespace": ""}) == UNKNOWN
    assert life({"run": "unknown", "controller": "", "pid": 0, "start_ticks": 0}) == UNKNOWN


@in_containers
def test_two_containers_of_one_machine_do_not_judge_each_other() -> None:
    with run(*CONTAINER) as first, run(*CONTAINER) as second:
        assert first.holder["namespace"] != second.holder["namespace"]
        assert second.judges(first) == UNKNOWN
        first.end()
        assert second.judges(first) == UNKNOWN


@in_containers
@pytest.mark.skipif(
    _controller.pid_namespace() != "pid:[4026531836]", reason="these tests run in a container themselves"
)
def test_the_machine_itself_sees_into_its_containers() -> None:
    with run(*CONTAINER) as inside, run() as outside:
        assert (outside.judges(inside), inside.judges(outside)) == (ALIVE, UNKNOWN)
        inside.end()
        wait_until(lambda: outside.judges(inside) == DEAD, 30, "the death of what was in the container")


def test_what_is_left_of_a_killed_run_knows_it_and_belongs_to_no_other(tmp_path: Path) -> None:
    """A run is killed while its task is under way: the task, an orphan now, is nobody's."""
    told = tmp_path / "told"
    controller = multiprocessing.get_context("fork").Process(target=_controller_with_a_task, args=(told,))
    controller.start()
    controller.join(30)

    assert controller.exitcode == -signal.SIGKILL
    wait_until(told.exists, 30, "what is left of the run to tell")
    assert json.loads(told.read_text()) == {"before": controller.pid, "after": "gone"}


def _controller_with_a_task(told: Path) -> None:
    task = multiprocessing.get_context("fork").Process(target=_task, args=(told,))
    task.start()
    task.join()


def _task(told: Path) -> None:
    before = this_run()
    os.kill(os.getppid(), signal.SIGKILL)
    wait_until(lambda: os.getppid() != before.pid, 30, "the death of the run")
    try:
        after = str(this_run().pid)
    except _controller.RunIsGone:
        after = "gone"
    part = told.with_suffix(".part")
    part.write_text(json.dumps({"before": before.pid, "after": after}))
    part.replace(told)


def test_the_name_of_a_run_differs_in_two_containers_with_the_same_pid() -> None:
    one = _controller.Controller(7, 100, "boot", "pid:[1]")
    other = _controller.Controller(7, 100, "boot", "pid:[2]")

    assert one.run != other.run
    assert asdict(run_lock.Holder(one.run, "", "boot", 7, 100, "pid:[1]"))["namespace"] == "pid:[1]"
