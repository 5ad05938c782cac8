# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes: identified beyond doubt, started to outlive their starter, ended one at a time."""

from __future__ import annotations

import dataclasses
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import log as process_log
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as process_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import identify, is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.log import (
    FailureSeen,
    LogReader,
    ProcessEnded,
    wait_for_line,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.start import (
    KEPT_LOGS,
    AlreadyRunning,
    StartFailed,
    start,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill, terminate
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import LimitReached, wait_until

SAYS_READY = [sys.executable, "-u", "-c", "import time; print('ready'); time.sleep(600)"]


@pytest.fixture
def base(tmp_path: Path) -> Iterator[str]:
    """A server's directory; whatever was started below it is ended."""
    yield str(tmp_path)
    if (tmp_path / "run").is_dir():
        for record in process_record.read_all(str(tmp_path)):
            kill(record.identity)


def started(base: str, name: str = "worker2", argv: list[str] | None = None) -> ProcessRecord:
    return start(base, name, "worker", argv or SAYS_READY)


def test_a_process_is_identified_by_pid_start_time_boot_and_command_line(base: str) -> None:
    identity = started(base).identity

    assert is_alive(identity)
    assert list(identity.command) == SAYS_READY
    for other in (
        dataclasses.replace(identity, start_ticks=identity.start_ticks + 1),
        dataclasses.replace(identity, boot_id="another"),
        dataclasses.replace(identity, command=("another",)),
    ):
        assert not is_alive(other)
        assert kill(other) is None
    assert is_alive(identity)


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    try:
        wait_until(lambda: identify(child.pid) is None, 10, "the child to become a zombie")
    finally:
        child.wait()


def test_names_with_blanks_and_parentheses_do_not_confuse_it(tmp_path: Path) -> None:
    program = tmp_path / "a) b (c"
    program.symlink_to("/bin/sleep")
    child = subprocess.Popen([str(program), "600"])
    try:
        found = wait_until(
            lambda: (identity := identify(child.pid)) and identity.command == (str(program), "600") and identity,
            10,
            "the program to be executed",
        )
        assert found.start_ticks > 0
    finally:
        child.kill()
        child.wait()


def test_a_started_program_outlives_its_starter_and_holds_nothing_of_it(base: str) -> None:
    code = (
        "import sys; from ansible_collections.wallaroo.resilience.plugins.module_utils._process.start import start;"
        f"start({base!r}, 'worker2', 'worker', {SAYS_READY!r})"
    )
    # Had the program inherited the pipe, this would wait for it for ever.
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=20)

    record = process_record.read(base, "worker2")
    assert record is not None
    assert is_alive(record.identity)
    pid = record.identity.pid
    assert os.getsid(pid) != os.getsid(0)
    descriptors = {
        number: os.readlink(f"/proc/{pid}/fd/{number}") for number in sorted(os.listdir(f"/proc/{pid}/fd"), key=int)
    }
    assert descriptors == {"0": "/dev/null", "1": record.log, "2": record.log}


def test_its_log_is_for_its_user_alone(base: str) -> None:
    assert stat.S_IMODE(os.stat(started(base).log).st_mode) == 0o600


def test_logs_of_earlier_starts_are_kept_but_not_for_ever(base: str) -> None:
    for number in range(KEPT_LOGS + 3):
        record = start(base, "worker2", "worker", [sys.executable, "-c", f"print({number})"])
        wait_until(lambda alive=record: not is_alive(alive.identity), 10, "the end of the program")
    folder = Path(base) / "run" / "worker2"
    assert sorted(path.name for path in folder.glob("log*")) == ["log", *(f"log.{n}" for n in range(1, KEPT_LOGS + 1))]
    assert (folder / "log.1").read_text() == f"{KEPT_LOGS + 1}\n"


def test_a_program_that_cannot_be_executed_is_named_and_leaves_no_record(base: str) -> None:
    with pytest.raises(StartFailed, match="/no/such/program: No such file or directory"):
        start(base, "worker2", "worker", ["/no/such/program"])
    assert process_record.read(base, "worker2") is None


def test_the_same_name_is_not_started_twice(base: str) -> None:
    record = started(base)
    with pytest.raises(AlreadyRunning, match=f"worker2 runs already \\(pid {record.identity.pid}"):
        started(base)


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden"])
def test_a_name_cannot_lead_out_of_the_folder_of_processes(base: str, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a process"):
        started(base, name)


def test_kill_ends_exactly_one_and_waits_for_its_death(base: str) -> None:
    victim, neighbour = started(base, "worker2"), started(base, "worker20")

    death = kill(victim.identity)

    assert death is not None
    assert death.signal == signal.SIGKILL
    assert 0 <= death.died - death.sent < 10
    assert not is_alive(victim.identity)
    assert is_alive(neighbour.identity)
    assert kill(victim.identity) is None


def test_who_does_not_heed_sigterm_gets_sigkill(base: str) -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
    record = started(base, argv=[sys.executable, "-c", stubborn])
    wait_for_line(record, ["ready"], limit=10)

    death = terminate(record.identity, grace=0.2)

    assert death is not None
    assert death.signal == signal.SIGKILL


def test_a_line_is_found_from_the_beginning_of_its_own_current_log(base: str) -> None:
    first = started(base)
    assert wait_for_line(first, ["^ready$"], limit=10).line == "ready"
    kill(first.identity)
    silent = started(base, argv=[sys.executable, "-c", "import time; time.sleep(600)"])
    with pytest.raises(LimitReached, match="waited 0.2 s for worker2 to say"):
        wait_for_line(silent, ["^ready$"], limit=0.2)


def test_a_process_that_dies_or_fails_is_not_waited_for(base: str) -> None:
    dying = started(base, "dying", [sys.executable, "-c", "import time; print('last words'); time.sleep(0.5)"])
    with pytest.raises(ProcessEnded, match="last words"):
        wait_for_line(dying, ["ready"], limit=30)
    failing = started(base, "failing", [sys.executable, "-u", "-c", "import time; print('Error: no'); time.sleep(600)"])
    with pytest.raises(FailureSeen, match="Error: no"):
        wait_for_line(failing, ["ready"], ["^Error"], limit=30)


def test_a_log_is_read_line_by_line_as_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "log"
    reader = LogReader(str(path))
    assert reader.lines() == []
    with path.open("w") as stream:
        for text, lines in (
            ("one\ntw", ["one"]),
            ("o\n", ["two"]),
            ("x" * 200_000 + "\n", ["x" * process_log.LINE_LIMIT]),
        ):
            stream.write(text)
            stream.flush()
            assert reader.lines() == lines


def test_a_damaged_record_is_named(base: str) -> None:
    folder = Path(base) / "run" / "worker2"
    folder.mkdir(parents=True)
    for text in ("{", "[]", '{"identity": {}}'):
        (folder / "process.json").write_text(text)
        with pytest.raises(ValueError, match=r"process\.json"):
            process_record.read(base, "worker2")
    (folder / "process.json").unlink()


def test_waiting_says_what_for_how_long_and_what_was_seen() -> None:
    begin = time.monotonic()
    with pytest.raises(LimitReached, match=r"waited 0.1 s for rain; last seen: clouds"):
        wait_until(lambda: None, 0.1, "rain", lambda: "clouds")
    assert time.monotonic() - begin < 5
