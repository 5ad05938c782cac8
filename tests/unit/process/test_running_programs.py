# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a program and waiting until it is ready, or has ended."""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as records
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import identify, is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.program import (
    ProgramProblem,
    Wanted,
    ensure_started,
    ensure_stopped,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

READY = "import time; print('listening on here', flush=True); time.sleep(60)"
LISTEN = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(60)"
RESULT = """
import json, sys
open(sys.argv[1], "w").write(json.dumps({"exit_code": int(sys.argv[2]), "message": "it is over"}))
"""

GATE = """
import os, sys, time
while not os.path.exists(sys.argv[3]):
    time.sleep(0.01)
"""


def wanted(base: str, text: str, *arguments: str, **options: Any) -> Wanted:
    return Wanted(base, "program", "test", [sys.executable, "-u", "-c", text, *arguments], **options)


def pid_of(base: str) -> int | None:
    known = records.read(base, "program")
    return known.identity.pid if known and is_alive(known.identity) else None


def test_a_program_is_started_once(base: str) -> None:
    first = ensure_started(wanted(base, READY, ready_pattern="listening on"), 20)
    assert (first["changed"], first["finished"], first["state"]) == (True, True, "started")
    assert first["pid"] == pid_of(base)
    again = ensure_started(wanted(base, READY, ready_pattern="listening on"), 20)
    assert (again["changed"], again["pid"]) == (False, first["pid"])


def test_check_mode_starts_and_stops_nothing(base: str) -> None:
    foreseen = ensure_started(wanted(base, READY), 20, only_check=True)
    assert (foreseen["changed"], foreseen["pid"]) == (True, None)
    assert not Path(base).exists()
    started = ensure_started(wanted(base, READY), 20)
    assert ensure_started(wanted(base, READY), 20, only_check=True)["changed"] is False
    assert ensure_stopped(base, "program", 5, 20, only_check=True)["changed"] is True
    assert pid_of(base) == started["pid"]


def test_an_address_that_accepts_is_waited_for(base: str, free_ports: Sequence[int]) -> None:
    port = free_ports[0]
    result = ensure_started(wanted(base, LISTEN, str(port), ready_address=f"127.0.0.1:{port}"), 20)
    assert result["finished"]
    socket.create_connection(("127.0.0.1", port), 1).close()


def test_who_runs_with_other_arguments_is_left_alone(base: str) -> None:
    first = ensure_started(wanted(base, READY), 20)
    with pytest.raises(ProgramProblem, match=r"program runs already with other arguments \(pid .*stop it first"):
        ensure_started(wanted(base, READY, "other"), 20)
    assert pid_of(base) == first["pid"]


def test_what_cannot_be_executed_is_named(base: str) -> None:
    with pytest.raises(ProgramProblem, match=r"program could not be started: /no/such: No such file or directory"):
        ensure_started(Wanted(base, "program", "test", ["/no/such"]), 20)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"ready_pattern": "("}, "is no regular expression"),
        ({"ready_address": "nowhere"}, "is no address: write it as host:port"),
    ],
)
def test_a_wait_that_cannot_be_understood_starts_nothing(base: str, options: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ensure_started(wanted(base, READY, **options), 20)
    assert not Path(base).exists()


@pytest.mark.parametrize("address", ["", "127.0.0.1:1"])
def test_a_program_that_dies_before_it_is_ready_is_reported_with_its_last_words(base: str, address: str) -> None:
    pattern = "" if address else "listening"
    with pytest.raises(ProgramProblem, match=r"ended; its log \S+ ends with: no port$"):
        ensure_started(wanted(base, "print('no port')", ready_pattern=pattern, ready_address=address), 20)


def test_a_program_that_is_not_ready_in_time_is_stopped(base: str) -> None:
    text = "import time; print('thinking', flush=True); time.sleep(60)"
    with pytest.raises(ProgramProblem) as caught:
        ensure_started(wanted(base, text, ready_pattern="ready"), 1)
    waited = r"program: waited 1 s for program to say 'ready' in (\S+); last seen: thinking\."
    assert re.fullmatch(waited + r" It was ended; its log is \1\.", str(caught.value))
    assert pid_of(base) is None


def test_a_call_may_return_early_and_the_next_goes_on(base: str) -> None:
    text = "import time; print('thinking', flush=True); time.sleep(60)"
    for slice_ in (0.0, 0.3):
        result = ensure_started(wanted(base, text, ready_pattern="ready"), 20, return_after=slice_)
        assert result["finished"] is False
    assert result["message"] in ("thinking", "waiting for program")
    assert pid_of(base) == result["pid"]


def test_a_program_that_ends_by_itself_is_waited_for_once(base: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    given = wanted(base, RESULT, str(path), "0", result_file=str(path))
    first = ensure_started(given, 20)
    assert (first["changed"], first["finished"]) == (True, True)
    assert first["result"] == {"exit_code": 0, "message": "it is over"}
    again = ensure_started(given, 20)
    assert (again["changed"], again["result"]) == (False, first["result"])
    path.unlink()
    assert ensure_started(given, 20)["changed"] is True


def test_a_program_that_failed_is_reported_and_started_again(base: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    given = wanted(base, RESULT, str(path), "1", result_file=str(path))
    for _ in range(2):
        with pytest.raises(ProgramProblem, match=r"program failed: it is over \(log "):
            ensure_started(given, 20)
    assert Path(base, "run", "program", "log.1").exists()


@pytest.mark.parametrize("code", [1, 0])
def test_what_ends_between_two_parts_of_a_wait_is_not_started_again(base: str, tmp_path: Path, code: int) -> None:
    result, gate = tmp_path / "result.json", tmp_path / "gate"
    it = wanted(base, GATE + RESULT, str(result), str(code), str(gate), result_file=str(result))
    first = ensure_started(it, 20, return_after=0)
    assert not first["finished"]
    gate.touch()
    wait_until(lambda: pid_of(base) is None, 20, "the end of the program")
    if code:
        with pytest.raises(ProgramProblem, match="program failed: it is over"):
            ensure_started(it, 20, return_after=5, pid=first["pid"])
    else:
        assert ensure_started(it, 20, return_after=5, pid=first["pid"])["finished"]
    known = records.read(base, "program")
    assert known is not None
    assert known.identity.pid == first["pid"]


def test_what_is_killed_between_two_parts_of_a_wait_is_not_started_again(base: str, tmp_path: Path) -> None:
    it = wanted(base, READY, result_file=str(tmp_path / "result.json"))
    first = ensure_started(it, 20, return_after=0)
    ensure_stopped(base, "program", 0, 20)
    with pytest.raises(ProgramProblem, match="program was killed before it had finished"):
        ensure_started(it, 20, return_after=5, pid=first["pid"])
    assert pid_of(base) is None


def test_a_wait_does_not_go_on_with_the_process_of_another_run(base: str) -> None:
    first = ensure_started(wanted(base, READY, ready_pattern="never"), 20, return_after=0)
    ensure_stopped(base, "program", 0, 20)
    second = ensure_started(wanted(base, READY, ready_pattern="listening on"), 20)
    with pytest.raises(ProgramProblem, match=f"process {first['pid']} of program was replaced by another run"):
        ensure_started(wanted(base, READY, ready_pattern="never"), 20, pid=first["pid"])
    assert pid_of(base) == second["pid"]


def test_an_old_result_does_not_count(base: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"exit_code": 0, "message": "of another run"}), encoding="utf-8")
    with pytest.raises(ProgramProblem, match=r"was killed before it had finished; its log .* ends with: dying"):
        ensure_started(wanted(base, "print('dying')", result_file=str(path)), 20)
    assert not path.exists()


def test_a_program_is_stopped_once(base: str) -> None:
    assert ensure_stopped(base, "program", 5, 20)["changed"] is False
    started = ensure_started(wanted(base, READY), 20)
    stopped = ensure_stopped(base, "program", 5, 20)
    assert (stopped["changed"], stopped["pid"], stopped["state"]) == (True, started["pid"], "stopped")
    assert identify(started["pid"]) is None
    assert ensure_stopped(base, "program", 5, 20)["changed"] is False
