# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ending exactly one process."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import stop, times
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.log import wait_for_line
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord

StartPython = Callable[..., ProcessRecord]

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, lambda number, frame: print("no", flush=True))
print("ready", flush=True)
while True:
    time.sleep(60)
"""
POLITE = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda number, frame: (print("goodbye", flush=True), sys.exit()))
print("ready", flush=True)
while True:
    # In turns: a signal that comes a moment before a sleep begins is noticed after it.
    time.sleep(0.05)
"""


@pytest.fixture(params=["with a handle", "without"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A kernel that has handles on processes, and one that has not."""
    if request.param == "without":
        monkeypatch.setattr(stop, "_open", lambda pid: None)
    return str(request.param)


def test_one_process_is_killed_and_no_other(kernel: str, start_python: StartPython) -> None:
    twins = [start_python(name=f"twin{number}") for number in (1, 2)]
    before = time.time()
    death = stop.kill(twins[0].identity)
    assert death is not None
    assert death.signal == signal.SIGKILL
    assert before <= death.sent <= death.died <= time.time()
    assert [is_alive(twin.identity) for twin in twins] == [False, True]


def test_who_is_dead_is_not_killed(kernel: str, start_python: StartPython) -> None:
    record = start_python()
    assert stop.kill(record.identity) is not None
    assert stop.kill(record.identity) is None
    assert stop.terminate(record.identity) is None


@pytest.mark.parametrize("other", [{"start_ticks": 1}, {"command": ("other",)}, {"boot_id": "other"}])
def test_a_process_that_only_has_the_pid_lives_on(
    kernel: str, start_python: StartPython, other: dict[str, Any]
) -> None:
    record = start_python()
    stranger = dataclasses.replace(record.identity, **other)
    assert stop.kill(stranger) is None
    assert stop.terminate(stranger) is None
    assert is_alive(record.identity)


def test_a_process_may_end_itself(start_python: StartPython) -> None:
    record = start_python(POLITE)
    wait_for_line(record, ["ready"], limit=20)
    death = stop.terminate(record.identity, grace=20)
    assert death is not None
    assert death.signal == signal.SIGTERM
    assert Path(record.log).read_text(encoding="utf-8") == "ready\ngoodbye\n"


def test_who_does_not_end_itself_is_killed_after_the_grace(kernel: str, start_python: StartPython) -> None:
    record = start_python(STUBBORN)
    wait_for_line(record, ["ready"], limit=20)
    begin = time.monotonic()
    death = stop.terminate(record.identity, grace=0.3)
    assert death is not None
    assert death.signal == signal.SIGKILL
    assert time.monotonic() - begin >= 0.3
    assert "no\n" in Path(record.log).read_text(encoding="utf-8")


def test_who_does_not_die_in_time_is_reported(kernel: str, start_python: StartPython) -> None:
    record = start_python(STUBBORN)
    wait_for_line(record, ["ready"], limit=20)
    with pytest.raises(stop.StillAlive, match=rf"process {record.identity.pid} is still alive 0\.1 s after the signal"):
        stop._end(record.identity, signal.SIGTERM, 0.1)
    assert is_alive(record.identity)


def test_a_child_of_this_process_is_dead_before_it_is_reaped(kernel: str) -> None:
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    try:
        identity = stop_identity(pid)
        death = stop.kill(identity)
        assert death is not None
    finally:
        os.waitpid(pid, 0)


def stop_identity(pid: int) -> Any:
    from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import identify

    return identify(pid)


def test_ctrl_c_between_a_kill_and_its_note_waits_for_the_note(
    start_python: StartPython, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = start_python("import time; time.sleep(600)")
    (tmp_path / "run" / "worker2").mkdir(parents=True, exist_ok=True)
    # Whatever this process was started with: one that was started in the background ignores Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    really = stop.kill

    def killed(*arguments: Any) -> Any:
        death = really(*arguments)
        os.kill(os.getpid(), signal.SIGINT)
        return death

    monkeypatch.setattr(stop, "kill", killed)
    with pytest.raises(KeyboardInterrupt):
        stop.kill_worker(str(tmp_path), "worker2", record.identity)

    noted = times.read(str(tmp_path), "worker2")
    assert not is_alive(record.identity)
    assert noted["killed"] <= noted["died"]
