# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of each process."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.json_record import Damaged
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as records
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import ProcessIdentity
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.living import alive, survey
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord

from tests.damaged_records import DAMAGE, damage


def example(name: str = "worker2") -> ProcessRecord:
    identity = ProcessIdentity(4711, 12, "boot", ("a", "", os.fsdecode(b"\xff")))
    return ProcessRecord(name, "worker", identity, ["a", ""], "/", f"/base/run/{name}/log", 1.5, {"mode": "fresh"})


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    records.write(str(tmp_path), example())
    assert records.read(str(tmp_path), "worker2") == example()
    path = tmp_path / "run" / "worker2" / "process.json"
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert [entry.name for entry in path.parent.iterdir()] == ["process.json"]


def test_all_records_are_found_by_name(tmp_path: Path) -> None:
    assert survey(str(tmp_path)).processes == {}
    for name in ("worker20", "receiver", "worker2"):
        records.write(str(tmp_path), example(name))
    (tmp_path / "run" / "empty").mkdir()
    found = survey(str(tmp_path))
    assert (list(found.processes), found.living(), found.damaged) == (["receiver", "worker2", "worker20"], {}, {})


def test_a_record_that_is_forgotten_leaves_the_log(tmp_path: Path) -> None:
    records.write(str(tmp_path), example())
    (tmp_path / "run" / "worker2" / "log").touch()
    records.remove(str(tmp_path), "worker2")
    records.remove(str(tmp_path), "worker2")
    assert records.read(str(tmp_path), "worker2") is None
    assert (tmp_path / "run" / "worker2" / "log").exists()


def test_a_write_that_fails_leaves_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records.write(str(tmp_path), example())

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            records.write(str(tmp_path), ProcessRecord("worker2", "x", example().identity, [], "/", "", 0.0))
    assert records.read(str(tmp_path), "worker2") == example()
    assert [entry.name for entry in (tmp_path / "run" / "worker2").iterdir()] == ["process.json"]


@pytest.mark.parametrize("how", list(DAMAGE))
def test_a_damaged_record_is_one_sentence_that_names_the_file(tmp_path: Path, how: str) -> None:
    path = damage(tmp_path / "run" / "worker2" / "process.json", how)
    records.write(str(tmp_path), example("worker3"))
    with pytest.raises(Damaged, match="remove this") as caught:
        records.read(str(tmp_path), "worker2")
    assert str(caught.value).startswith(f"{path} cannot be read (")
    assert "\n" not in str(caught.value)
    found = survey(str(tmp_path))
    assert list(found.processes) == ["worker3"]
    assert found.damaged["worker2"].do.startswith("no process of worker2 lives on this server, and the next start")
    assert found.damaged["worker2"].settled


def test_what_another_account_may_have_started_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damage(tmp_path / "run" / "worker2" / "process.json", "empty")
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    found = survey(str(tmp_path)).damaged["worker2"]
    assert (found.settled, found.do.startswith("whether worker2 still runs under another account")) == (False, True)
    with pytest.raises(Damaged):
        alive(str(tmp_path), "worker2")


def test_unknown_fields_and_the_record_of_another_are_refused(tmp_path: Path) -> None:
    records.write(str(tmp_path), example())
    path = tmp_path / "run" / "worker2" / "process.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    identity = data["identity"]
    for wrong, why in (
        ({"surprise": 1}, "'surprise' is unknown"),
        ({"name": "worker3"}, "it is the one of 'worker3'"),
        ({"log": ""}, "log is ''"),
        ({"log": "/a\0b"}, "log is "),
        ({"argv": "sleep"}, "argv is 'sleep'"),
        ({"details": []}, "details is "),
        ({"started": float("inf")}, "started is inf"),
        ({"started": 1e300}, "started is 1e"),
        ({"identity": 7}, "it is 7 and no object"),
        ({"identity": {**identity, "pid": "4711"}}, "pid is '4711'"),
        ({"identity": {**identity, "pid": True}}, "pid is True"),
        ({"identity": {**identity, "pid": -1}}, "pid is -1"),
        ({"identity": {**identity, "pid": 10**30}}, "pid is 1000"),
        ({"identity": {**identity, "command": [1]}}, "command is 1"),
    ):
        path.write_text(json.dumps({**data, **wrong}), encoding="utf-8")
        with pytest.raises(Damaged, match=re.escape(why)):
            records.read(str(tmp_path), "worker2")


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "/etc", "a\0b"])
def test_a_name_stays_below_the_run_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="it names a folder"):
        records.run_folder(str(tmp_path), name)
