# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fault of a worker that crashes, and its record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._faults import kill as kills
from ansible_collections.wallaroo.resilience.plugins.module_utils._faults import records
from ansible_collections.wallaroo.resilience.plugins.module_utils._faults.crash import crash
from ansible_collections.wallaroo.resilience.plugins.module_utils._faults.kill import Kill, Killed
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.json_record import Damaged
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import times
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.start import start
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import StillAlive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill as end

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def base(tmp_path: Path) -> str:
    return str(tmp_path / "server2")


@pytest.fixture
def worker(base: str) -> Iterator[ProcessRecord]:
    record = start(base, "worker2", "worker", SLEEP)
    yield record
    end(record.identity)


def recorded(base: str) -> list[str]:
    return sorted(path.name for path in (Path(base) / "faults").glob("*"))


def test_a_crash_is_noted_and_leaves_no_record(base: str, worker: ProcessRecord) -> None:
    killed = crash(base, "worker2", 10)
    assert killed.pid == worker.identity.pid
    assert not is_alive(worker.identity)
    noted = times.read(base, "worker2")
    assert (noted["killed"], noted["died"]) == (killed.killed, killed.died)
    assert recorded(base) == []
    assert crash(base, "worker2", 10) == Killed(), "it was dead already"


def test_who_was_never_started_cannot_crash(base: str) -> None:
    assert crash(base, "worker2", 10) == Killed()


def test_ctrl_c_between_a_kill_and_its_note_waits_for_the_note(
    base: str, worker: ProcessRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever this process was started with: one that was started in the background ignores Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    really = kills.kill

    def killed(*arguments: Any) -> Any:
        death = really(*arguments)
        os.kill(os.getpid(), signal.SIGINT)
        return death

    monkeypatch.setattr(kills, "kill", killed)
    with pytest.raises(KeyboardInterrupt):
        crash(base, "worker2", 10)
    noted = times.read(base, "worker2")
    assert not is_alive(worker.identity)
    assert noted["killed"] <= noted["died"]


DYING = """
import os, signal, sys
from ansible_collections.wallaroo.resilience.plugins.module_utils._faults import kill
from ansible_collections.wallaroo.resilience.plugins.module_utils._faults.crash import crash

really = kill.kill

def killed(*arguments):
    if sys.argv[2] == "after":
        really(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

kill.kill = killed
crash(sys.argv[1], "worker2", 10)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_killed_killer_has_done_is_noted_by_whoever_comes_next(
    base: str, worker: ProcessRecord, when: str
) -> None:
    ended = subprocess.run([sys.executable, "-c", DYING, base, when], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert recorded(base) == ["kill-worker2.json"]
    assert "killed" not in times.read(base, "worker2")
    # An earlier crash here, after which it was started again where it was.
    times.note(base, "worker2", killed=worker.started - 100, died=worker.started - 99)
    for _twice in range(2):
        assert records.heal(base) == []
        assert recorded(base) == []
    known = times.read(base, "worker2")
    noted = known["killed"]
    assert is_alive(worker.identity) is (when == "before")
    if when == "before":
        assert noted == worker.started - 100
    else:
        assert abs(noted - worker.started) < 60
        assert "died" not in known


def test_a_death_that_cannot_be_looked_at_is_named_and_kept(
    base: str, worker: ProcessRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run([sys.executable, "-c", DYING, base, "after"], check=False, timeout=60)

    def unreadable(*_arguments: Any) -> Any:
        raise Damaged(Path("/run/worker2/process.json"), "it is no JSON", "remove it")

    monkeypatch.setattr(kills.living, "known", unreadable)
    (damage,) = records.heal(base)
    assert "it is no JSON" in str(damage)
    assert recorded(base) == ["kill-worker2.json"]


def test_a_kill_that_failed_keeps_its_record(base: str, worker: ProcessRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    def stubborn(*_arguments: Any) -> Any:
        raise StillAlive("it sleeps where no signal reaches it")

    monkeypatch.setattr(kills, "kill", stubborn)
    with pytest.raises(StillAlive):
        crash(base, "worker2", 0.1)
    assert recorded(base) == ["kill-worker2.json"]


def test_a_worker_that_was_started_again_is_none_that_was_killed(base: str, worker: ProcessRecord) -> None:
    fault = Kill("worker2", worker.identity, worker.started)
    assert not fault.in_force(base)
    end(worker.identity)
    assert fault.in_force(base)
    again = start(base, "worker2", "worker", SLEEP)
    try:
        assert not fault.in_force(base)
        fault.heal(base)
        assert "killed" not in times.read(base, "worker2")
    finally:
        end(again.identity)


def test_a_disk_that_takes_no_record_keeps_nobody_from_a_crash(base: str, worker: ProcessRecord) -> None:
    (Path(base) / "faults").touch()
    assert crash(base, "worker2", 10).pid == worker.identity.pid


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "it is empty"),
        ("[]", "it holds no object"),
        ("{}", "there is no fault 'nothing'"),
        ('{"flood": {}}', "there is no fault 'flood'"),
        ('{"kill": {"worker": "worker2"}}', "identity is missing"),
        ('{"kill": []}', "no object"),
    ],
)
def test_a_damaged_record_is_named_and_hides_no_other(base: str, worker: ProcessRecord, text: str, what: str) -> None:
    faults = Path(base) / "faults"
    faults.mkdir()
    (faults / "a-damaged.json").write_text(text)
    records._write(faults / "kill-worker2.json", Kill("worker2", worker.identity, worker.started))
    (damage,) = records.heal(base)
    assert str(faults / "a-damaged.json") in str(damage)
    assert what in str(damage)
    assert recorded(base) == ["a-damaged.json"]
