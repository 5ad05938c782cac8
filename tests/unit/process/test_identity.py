# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process is meant."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.json_record import made
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import (
    ProcessIdentity,
    boot_id,
    identify,
    is_alive,
    is_stopped,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until


def test_this_process_is_alive() -> None:
    mine = identify(os.getpid())
    assert mine is not None
    assert mine.pid == os.getpid()
    assert mine.boot_id == boot_id()
    assert Path(mine.command[0]).name.startswith("python")
    assert is_alive(mine)


def test_an_identity_survives_being_written_down() -> None:
    mine = identify(os.getpid())
    assert mine is not None
    assert made(ProcessIdentity, json.loads(json.dumps(mine.to_dict()))) == mine


@pytest.mark.parametrize(
    "other",
    [
        {"start_ticks": 1},
        {"boot_id": "00000000-0000-0000-0000-000000000000"},
        {"command": ("another", "program")},
    ],
)
def test_a_pid_that_was_given_to_another_process_is_not_the_recorded_one(other: dict[str, Any]) -> None:
    mine = identify(os.getpid())
    assert mine is not None
    assert not is_alive(dataclasses.replace(mine, **other))


def test_nobody_is_identified_where_there_is_no_process() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    assert identify(ended.pid) is None
    assert identify(0) is None


WITHOUT_FIRST = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(600,)).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_process_lives_without_its_first_thread() -> None:
    """As for a moment where another thread executes itself: bytewax's workers do that when they lose another one."""
    process = subprocess.Popen([sys.executable, "-c", WITHOUT_FIRST])
    try:
        known = identify(process.pid)
        assert known is not None

        def state() -> str:
            return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]

        wait_until(lambda: state() == "Z", 10, "the end of the first thread")
        assert is_alive(known)
    finally:
        process.kill()
    wait_until(lambda: not is_alive(known), 10, "the end of the process")
    process.wait()


def test_a_zombie_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        identity = wait_until(lambda: identify(child.pid), 10, "the process")
        os.kill(child.pid, signal.SIGKILL)
        wait_until(lambda: identify(child.pid) is None, 10, "its death")
        assert ") Z " in Path(f"/proc/{child.pid}/stat").read_text(encoding="utf-8"), "it was not reaped yet"
        assert not is_alive(identity)


@pytest.mark.parametrize("name", ["two words", "a) S 1 (b", "(((", "ends with )", "line\nbreak"])
def test_names_and_arguments_may_hold_blanks_and_parentheses(tmp_path: Path, name: str) -> None:
    program = tmp_path / name
    program.symlink_to("/bin/sleep")
    words = [str(program), "60"]
    with subprocess.Popen(words) as child:
        try:
            # A child has the command line of its parent until it is executed.
            identity = wait_until(
                lambda: (found := identify(child.pid)) and found.command == tuple(words) and found, 10, "its start"
            )
            assert isinstance(identity, ProcessIdentity)
            assert identity.start_ticks > 0
            assert is_alive(identity)
        finally:
            child.kill()


def test_arguments_may_be_empty_or_no_utf_8() -> None:
    words = [sys.executable, "-c", "import time; time.sleep(60)", "", os.fsdecode(b"\xff\xfe"), "ä"]
    with subprocess.Popen(words) as child:
        try:
            wait_until(lambda: (found := identify(child.pid)) and found.command == tuple(words), 10, "its start")
        finally:
            child.kill()


def test_a_process_that_a_signal_stops_lives_and_does_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        try:
            # Without a command line it is not executed yet.
            identity = wait_until(
                lambda: (found := identify(process.pid)) and found.command and found, 20, "the process"
            )
            assert not is_stopped(identity)
            process.send_signal(signal.SIGSTOP)
            wait_until(lambda: is_stopped(identity), 20, "the stop")
            assert is_alive(identity)
            assert not is_stopped(dataclasses.replace(identity, start_ticks=1))
            process.send_signal(signal.SIGCONT)
            wait_until(lambda: not is_stopped(identity), 20, "the end of the stop")
        finally:
            # Who is stopped ends by nothing else.
            process.kill()
    assert not is_stopped(identity)
