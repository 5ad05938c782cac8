# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs never both hold the lock of the servers, whoever dies or gives it back at whatever moment.

A witness that knows nothing of the lock tells: a file that only one can create.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.action import run_lock as action
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import run_lock
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.run_lock import Holder
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _controller

from tests.integration.conftest import Loopback
from tests.pid_namespaces import CONTAINER, in_containers

FORK = multiprocessing.get_context("fork")
RUNS = 3
ROUNDS = 60
"""How often each run takes the lock."""


def test_runs_that_race_for_a_lock_never_both_hold_it(tmp_path: Path, seed: int) -> None:
    (tmp_path / "run.lock").write_text(
        '{"run": "dead", "description": "", "controller": "", "pid": 0, "start_ticks": 0}'
    )
    start = FORK.Barrier(RUNS)
    told = FORK.SimpleQueue()
    runs = [FORK.Process(target=_race, args=(tmp_path, seed, number, start, told)) for number in range(RUNS)]
    for run in runs:
        run.start()
    try:
        for run in runs:
            run.join(60)
    finally:
        for run in runs:
            run.kill()
            run.join()

    assert [run.exitcode for run in runs] == [0] * RUNS
    assert [told.get() for _run in runs] == [""] * RUNS


def _race(base: Path, seed: int, number: int, start: Any, told: Any) -> None:
    chance = random.Random(seed * RUNS + number)
    witness = base / "witness"
    start.wait()
    for held in range(ROUNDS):
        name = f"run-{number}-{held}"
        wanted = Holder(name, "", "", 0, 0)
        while (found := run_lock.acquire(str(base), wanted)) is not None:
            # As the action does: who was found dead is replaced.
            dead = found.run == "dead" or (base / f"death of {found.run}").exists()
            if dead and run_lock.acquire(str(base), wanted, instead_of=found.run) is None:
                break
        try:
            os.close(os.open(witness, os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            (base / f"death of {name}").touch()
            told.put(f"{name} and another run held the lock at the same time")
            return
        if chance.random() < 0.3:
            time.sleep(chance.random() / 1000)
        witness.unlink()
        if chance.random() < 0.5:
            (base / f"death of {name}").touch()
        else:
            run_lock.release(str(base), name)
    told.put("")


MOMENTS = ("before the task knows its run", "before the lock is taken", "in the module", "when the lock was taken")


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_is_left_of_a_killed_run_takes_no_lock(tmp_path: Path, moment: str) -> None:
    """The controller is killed while its task is under way; the task goes on as an orphan."""
    run = FORK.Process(target=_controller_of_a_task, args=(tmp_path, moment))
    run.start()
    run.join(60)
    assert run.exitcode == -signal.SIGKILL
    wait_until((tmp_path / "over").exists, 60, "the end of what is left of the run")

    left = run_lock.holder(str(tmp_path))
    if moment == MOMENTS[-1]:
        assert left is not None
        assert _controller.life(asdict(left)) == _controller.DEAD, "the next run takes it over"
    else:
        assert left is None


def _controller_of_a_task(base: Path, moment: str) -> None:
    task = FORK.Process(target=_task, args=(base, moment))
    task.start()
    task.join()


def _task(base: Path, moment: str) -> None:
    run = os.getppid()

    def killed_at(now: str) -> None:
        if now == moment:
            os.kill(run, signal.SIGKILL)
            wait_until(lambda: os.getppid() != run, 30, "the death of the run")

    def module(module_args: dict[str, Any], **_others: Any) -> dict[str, Any]:
        holder = Holder(**module_args["holder"])
        if module_args.get("state") == "released":
            run_lock.release(str(base), holder.run)
            return {"held_by": None}
        killed_at(MOMENTS[1])
        found = run_lock.acquire(str(base), holder)
        killed_at(MOMENTS[2])
        return {"held_by": found}

    plugin = action.ActionModule.__new__(action.ActionModule)
    play = SimpleNamespace(strategy="linear")
    name = "wallaroo.resilience.run_lock"
    task = {"args": {}, "action": name, "async_val": 0, "check_mode": False, "delegate_to": None}
    plugin._task = SimpleNamespace(**task, get_play=lambda: play)
    plugin._templar = SimpleNamespace(template=lambda value: value)
    plugin._execute_module = module
    plugin._connection = SimpleNamespace(transport="ssh", _shell=SimpleNamespace(tmpdir=None))
    try:
        killed_at(MOMENTS[0])
        plugin.run(None, {})
        killed_at(MOMENTS[3])
    finally:
        (base / "over").touch()


def test_a_run_that_is_killed_at_any_moment_holds_up_no_other(loopback: Loopback, tmp_path: Path, seed: int) -> None:
    """Whatever its orphans still do: nobody has to take the lock over by hand."""
    with (tmp_path / "output").open("wb") as stream:
        run = loopback.start("stop_cluster", "", stream)
        time.sleep(random.Random(seed).uniform(0.3, 3.0))
        run.kill()
        run.wait()

    loopback.play("stop_cluster")

    wait_until(lambda: not (loopback.base(1) / "run.lock").exists(), 30, "what is left of the first run to go")


HOLDS = """
import sys
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import run_lock
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _controller
me = _controller.this_run()
run_lock.acquire(sys.argv[1], run_lock.Holder(me.run, "a job", me.boot, me.pid, me.start_ticks, me.namespace))
print("holds", flush=True)
sys.stdin.read()
"""


@in_containers
def test_a_run_in_another_container_of_the_same_machine_keeps_its_lock(loopback: Loopback) -> None:
    """As two jobs of AWX on one node: each sees its own processes alone, with the same small pids."""

    def job(arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*CONTAINER, *loopback.command("stop_cluster", arguments)]
        return subprocess.run(
            command, env=loopback.environment, cwd=loopback.repository, capture_output=True, text=True, check=False
        )

    command = [*CONTAINER, sys.executable, "-c", HOLDS, str(loopback.base(1))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        try:
            assert first.stdout is not None
            assert first.stdout.readline() == b"holds\n"

            refused = job("")

            assert refused.returncode != 0
            assert "Another run works on these servers: a job." in refused.stdout
            assert "or in another container" in " ".join(refused.stdout.split())
        finally:
            first.kill()
    assert job("").returncode != 0, "dead or alive cannot be seen from here"
    assert job("take_over=true").returncode == 0
