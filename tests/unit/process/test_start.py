# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a process that outlives whoever starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as records
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import start as start_module
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import identify, is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.start import (
    KEPT_LOGS,
    AlreadyRunning,
    StartFailed,
    start,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

StartPython = Callable[..., ProcessRecord]

STARTER = """
import sys
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.start import start
print(start(sys.argv[1], "survivor", "test", [sys.executable, "-c", "import time; time.sleep(60)"]).identity.pid)
"""

TELL = """
import json, os, signal, sys
limits = [int(name) for name in os.listdir("/proc/self/fd")]
print(json.dumps({
    "descriptors": sorted(number for number in limits if os.path.exists(f"/proc/self/fd/{number}")),
    "input": os.readlink("/proc/self/fd/0"),
    "umask": os.umask(0),
    "session": os.getsid(0),
    "pid": os.getpid(),
    "cwd": os.getcwd(),
    "value": os.environ.get("VALUE"),
    "blocked": sorted(int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "ignored": [int(n) for n in signal.valid_signals() if signal.getsignal(n) == signal.SIG_IGN],
}))
print("to stderr", file=sys.stderr)
"""


def said(record: ProcessRecord) -> str:
    """What a program said in its life."""
    wait_until(lambda: not is_alive(record.identity), 20, f"the end of {record.name}")
    return Path(record.log).read_text(encoding="utf-8")


def test_a_process_survives_the_one_that_started_it(base: str) -> None:
    answer = subprocess.run([sys.executable, "-c", STARTER, base], capture_output=True, check=True, text=True)
    known = records.read(base, "survivor")
    assert known is not None
    assert known.identity.pid == int(answer.stdout)
    assert is_alive(known.identity)
    assert Path(f"/proc/{known.identity.pid}/stat").read_text(encoding="utf-8").split()[3] == "1", "nobody's child"


def test_whoever_reads_the_output_of_the_starter_is_not_held_up(base: str) -> None:
    # capture_output ends when the last holder of the pipe is gone: a daemon that held it would take 60 seconds.
    subprocess.run([sys.executable, "-c", STARTER, base], capture_output=True, check=True, timeout=20)


def test_it_has_a_clean_world_of_its_own(base: str, start_python: StartPython) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    high = os.dup2(writer, 200)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        record = start_python(TELL, environment={"VALUE": "with blanks"})
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
        signal.signal(signal.SIGUSR2, before)
        for descriptor in (reader, writer, high):
            os.close(descriptor)
    text = said(record)
    told = json.loads(text.splitlines()[0])
    assert told["descriptors"] == [0, 1, 2]
    assert told["input"] == "/dev/null"
    assert told["umask"] == 0o077
    assert told["session"] != os.getsid(0)
    assert told["pid"] == record.identity.pid
    assert told["cwd"] == str(Path(base, "run", "program"))
    assert told["value"] == "with blanks"
    assert told["blocked"] == []
    assert signal.SIGUSR2 not in told["ignored"]
    assert text.splitlines()[1] == "to stderr"


def test_what_it_writes_is_for_its_user_alone(base: str, start_python: StartPython) -> None:
    record = start_python()
    folder = Path(base, "run", "program")
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {
        "log": "0o600",
        "process.json": "0o600",
        ".start.lock": "0o600",
    }
    assert [oct(path.stat().st_mode & 0o777) for path in (folder, folder.parent, Path(base))] == ["0o700"] * 3
    assert record.log == str(folder / "log")


def test_the_record_says_what_was_started(base: str, start_python: StartPython) -> None:
    record = start_python(name="teller", details={"mode": "fresh"})
    assert records.read(base, "teller") == record
    assert record.identity.command == tuple(record.argv)
    assert (record.name, record.kind, record.details) == ("teller", "test", {"mode": "fresh"})


def test_a_base_may_be_relative(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(base).mkdir()
    monkeypatch.chdir(Path(base).parent)
    record = start("server", "program", "test", [sys.executable, "-c", "print('here')"])
    assert record.log == str(Path(base, "run", "program", "log"))
    assert said(record) == "here\n"


def test_a_program_works_in_the_directory_that_was_named(start_python: StartPython, tmp_path: Path) -> None:
    assert said(start_python("import os; print(os.getcwd())", cwd=str(tmp_path))) == f"{tmp_path}\n"


def test_the_logs_of_the_last_starts_are_kept(base: str, start_python: StartPython) -> None:
    for number in range(KEPT_LOGS + 3):
        said(start_python(f"print({number})"))
    folder = Path(base, "run", "program")
    kept = {path.name: int(path.read_text(encoding="ascii")) for path in folder.glob("log*")}
    assert kept == {"log": 7, "log.1": 6, "log.2": 5, "log.3": 4, "log.4": 3, "log.5": 2}


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["no-such-program"], "no-such-program: No such file or directory"),
        (["/no/such/program"], "/no/such/program: No such file or directory (/no/such/program)"),
        (["/etc/passwd"], "/etc/passwd: Permission denied (/etc/passwd)"),
    ],
)
def test_a_program_that_cannot_be_executed_leaves_nothing(base: str, argv: list[str], reason: str) -> None:
    with pytest.raises(StartFailed) as caught:
        start(base, "program", "test", argv)
    assert str(caught.value).startswith(reason)
    assert "\n" not in str(caught.value)
    assert records.read(base, "program") is None
    assert [path.name for path in Path(base, "run", "program").iterdir()] == [".start.lock"]


def test_a_start_that_fails_pushes_no_log_out(base: str, start_python: StartPython) -> None:
    said(start_python("print('what was')"))
    known = records.read(base, "program")
    for _ in range(KEPT_LOGS + 1):
        with pytest.raises(StartFailed):
            start(base, "program", "test", ["/no/such/program"])
    folder = Path(base, "run", "program")
    assert [path.name for path in folder.glob("log*")] == ["log"]
    assert (folder / "log").read_text(encoding="ascii") == "what was\n"
    assert records.read(base, "program") == known


def test_a_directory_that_does_not_exist_is_named(base: str) -> None:
    with pytest.raises(StartFailed, match=r": No such file or directory \(/no/such/directory\)"):
        start(base, "program", "test", [sys.executable], cwd="/no/such/directory")


def test_a_name_that_leads_elsewhere_is_refused(base: str) -> None:
    for name in ("../x", "", ".", "a/b"):
        with pytest.raises(ValueError, match="cannot be the name of a process"):
            start(base, name, "test", [sys.executable])


def test_a_process_that_runs_is_not_started_again(start_python: StartPython) -> None:
    first = start_python()
    with pytest.raises(AlreadyRunning, match=rf"program runs already \(pid {first.identity.pid}, log .*\); stop it"):
        start_python()
    assert is_alive(first.identity)
    kill(first.identity)
    assert start_python().identity.pid != first.identity.pid


def test_of_many_starts_at_once_one_succeeds(start_python: StartPython) -> None:
    barrier, started, refused = threading.Barrier(4), [], []

    def go() -> None:
        barrier.wait()
        try:
            started.append(start_python())
        except AlreadyRunning as error:
            refused.append(str(error))

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 1
    assert len(refused) == 3
    assert is_alive(started[0].identity)


def test_a_starter_without_standard_descriptors_can_start_too(base: str) -> None:
    text = f"import os\nfor number in (0, 1, 2): os.close(number)\n{STARTER.replace('print', 'str')}"
    subprocess.run([sys.executable, "-c", text, base], check=True, timeout=20)
    known = records.read(base, "survivor")
    assert known is not None
    assert is_alive(known.identity)
    descriptors = Path(f"/proc/{known.identity.pid}/fd")
    assert sorted(path.name for path in descriptors.iterdir()) == ["0", "1", "2"]
    assert os.readlink(descriptors / "2") == known.log


def test_the_identity_is_that_of_the_program_and_not_of_its_starter(base: str) -> None:
    for number in range(20):
        record = start(base, f"sleeper{number}", "test", ["/bin/sleep", "60"])
        assert record.identity == identify(record.identity.pid)
        assert record.identity.command == ("/bin/sleep", "60")


def test_a_program_that_is_over_at_once_was_started(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_module, "_identity_of", lambda _pid: None)
    record = start(base, "short", "test", ["/bin/echo", "done"])
    wait_until(lambda: not is_alive(record.identity), 20, "its end")
    assert record.identity.command == ("/bin/echo", "done")
    assert Path(record.log).read_text() == "done\n"
    assert start(base, "short", "test", ["/bin/echo", "again"]).identity != record.identity


def test_it_is_recorded_before_it_runs(base: str) -> None:
    """Whatever ends the starter, nobody runs of whom nobody knows."""
    record = Path(base) / "run" / "early" / "process.json"
    code = f"import json, os; print(json.load(open({str(record)!r}))['identity']['pid'] == os.getpid())"
    assert said(start(base, "early", "test", [sys.executable, "-c", code])) == "True\n"


def test_what_cannot_be_recorded_is_not_executed(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = tmp_path / "executed"
    pids = []

    def fail(_base: str, record: ProcessRecord) -> None:
        pids.append(record.identity.pid)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(start_module.records, "write", fail)
    with pytest.raises(OSError, match="No space left"):
        start(base, "full", "test", [sys.executable, "-c", f"open({str(marker)!r}, 'w')"])
    wait_until(lambda: identify(pids[0]) is None, 20, "the end of what was not executed")
    assert not marker.exists()
