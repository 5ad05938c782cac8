# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the log of a process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.log import (
    LINE_LIMIT,
    FailureSeen,
    LogReader,
    ProcessEnded,
    tail,
    wait_for_line,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import LimitReached, wait_until

StartPython = Callable[..., ProcessRecord]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def add(log: Path, data: bytes) -> None:
    with log.open("ab") as stream:
        stream.write(data)


def test_lines_are_read_once_and_when_they_are_complete(log: Path) -> None:
    reader = LogReader(str(log))
    assert reader.lines() == []
    add(log, b"one\ntw")
    assert reader.lines() == ["one"]
    assert reader.lines() == []
    add(log, b"o\n\nthree\nfo")
    assert reader.lines() == ["two", "", "three"]
    assert reader.last_line == "three"
    assert reader.rest() == ["fo"]
    assert reader.last_line == "fo"
    assert reader.rest() == []


def test_reading_may_begin_in_the_middle(log: Path) -> None:
    add(log, b"old\nnew\n")
    assert LogReader(str(log), offset=4).lines() == ["new"]


def test_a_letter_that_comes_in_two_pieces_is_one_letter(log: Path) -> None:
    reader, letter = LogReader(str(log)), "ä".encode()
    add(log, b"M" + letter[:1])
    assert reader.lines() == []
    add(log, letter[1:] + b"rz\n\xff\n")
    assert reader.lines() == ["März", "\ufffd"]


@pytest.mark.parametrize("pieces", [1, 7])
def test_a_long_line_is_cut_at_the_same_place_however_it_comes(log: Path, pieces: int) -> None:
    line = b"".join(b"%07d," % number for number in range(90_000))
    reader, found = LogReader(str(log)), []
    step = len(line) // pieces + 1
    for begin in range(0, len(line), step):
        add(log, line[begin : begin + step])
        found += reader.lines()
    add(log, b"\nnext\n")
    found += reader.lines()
    assert found == [line[:LINE_LIMIT].decode(), "next"]


def test_a_line_without_an_end_takes_little_memory(log: Path) -> None:
    add(log, b"x" * (LINE_LIMIT * 40))
    reader = LogReader(str(log))
    assert reader.lines() == []
    assert len(reader.rest()[0]) == LINE_LIMIT


def test_the_awaited_line_is_found_when_it_comes(start_python: StartPython, tmp_path: Path) -> None:
    signal = tmp_path / "go"
    record = start_python(
        "import os, sys, time\n"
        "print('starting')\n"
        "while not os.path.exists(sys.argv[1]): time.sleep(0.01)\n"
        "print('listening on 127.0.0.1:7000  ')\ntime.sleep(60)",
        arguments=(str(signal),),
    )
    before = time.time()
    timer = threading.Timer(0.2, signal.touch)
    timer.start()
    match = wait_for_line(record, ["never", r"listening on \S+:7000"], limit=20)
    timer.join()
    assert match.line == "listening on 127.0.0.1:7000"
    assert before <= match.seen <= time.time()


def test_what_a_process_said_before_its_death_counts(start_python: StartPython) -> None:
    for ending in ("'\\n'", "''"):
        record = start_python(f"print('ready', end={ending})")
        wait_until(lambda known=record: not is_alive(known.identity), 20, "its end")
        assert wait_for_line(record, ["^ready$"], limit=5).line == "ready"


def test_a_failure_that_it_says_ends_the_wait(start_python: StartPython) -> None:
    record = start_python("import time; print('a\\nunable to listen\\nready', flush=True); time.sleep(60)")
    with pytest.raises(FailureSeen) as caught:
        wait_for_line(record, ["ready"], ["unable"], limit=20)
    assert str(caught.value) == f"program says: unable to listen (log {record.log})"


def test_a_death_ends_the_wait_and_its_last_words_are_told(start_python: StartPython) -> None:
    record = start_python("import sys; print('one'); sys.stdout.write('Error: no\\n\\n  ')")
    with pytest.raises(ProcessEnded) as caught:
        wait_for_line(record, ["ready"], limit=20)
    pid = record.identity.pid
    assert str(caught.value) == f"program (pid {pid}) ended; its log {record.log} ends with: Error: no"


def test_a_silent_death_is_told_as_such(start_python: StartPython) -> None:
    record = start_python("import time; time.sleep(0.1)")
    with pytest.raises(ProcessEnded, match=r"ends with: \(nothing\)$"):
        wait_for_line(record, ["ready"], limit=20)


def test_the_limit_says_what_was_waited_for_and_what_was_seen(start_python: StartPython) -> None:
    record = start_python("import time; print('phase 1', flush=True); time.sleep(60)")
    wait_for_line(record, ["phase"], limit=20)
    with pytest.raises(LimitReached) as caught:
        wait_for_line(record, ["ready", "done"], limit=0.1)
    assert str(caught.value) == (
        f"waited 0.1 s for program to say 'ready' or 'done' in {record.log}; last seen: phase 1"
    )


def test_the_log_of_an_earlier_process_says_nothing_of_this_one(start_python: StartPython) -> None:
    first = start_python("print('ready')")
    wait_for_line(first, ["ready"], limit=20)
    wait_until(lambda: not is_alive(first.identity), 20, "its end")
    with pytest.raises(LimitReached):
        wait_for_line(start_python(), ["ready"], limit=0.2)


def test_the_end_of_a_log(log: Path) -> None:
    assert tail(str(log)) == ""
    add(log, b"one\ntwo\nthree\n")
    assert tail(str(log), lines=2) == "two\nthree"
    assert tail(str(log), lines=2, max_bytes=8) == "three"
    assert tail(str(log), max_bytes=3) == "ee", "a piece of a line is better than nothing"
