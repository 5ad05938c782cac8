# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of each process."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as records
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import ProcessIdentity
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord


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
    assert records.read_all(str(tmp_path)) == []
    for name in ("worker20", "receiver", "worker2"):
        records.write(str(tmp_path), example(name))
    (tmp_path / "run" / "empty").mkdir()
    assert [record.name for record in records.read_all(str(tmp_path))] == ["receiver", "worker2", "worker20"]


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


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"7",
        b'"text"',
        b"{}",
        b'{"identity": 7}',
        b'{"identity": {"pid": "x", "start_ticks": 1, "boot_id": "", "command": []}}',
    ],
)
def test_a_damaged_record_is_one_sentence_that_names_the_file(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "run" / "worker2" / "process.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match="remove the file") as caught:
        records.read(str(tmp_path), "worker2")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="remove the file"):
        records.read_all(str(tmp_path))


def test_unknown_fields_and_the_record_of_another_are_refused(tmp_path: Path) -> None:
    records.write(str(tmp_path), example())
    path = tmp_path / "run" / "worker2" / "process.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    for wrong in ({**data, "surprise": 1}, {**data, "name": "worker3"}):
        path.write_text(json.dumps(wrong), encoding="utf-8")
        with pytest.raises(ValueError, match="is no record of a process"):
            records.read(str(tmp_path), "worker2")


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "/etc", "a\0b"])
def test_a_name_stays_below_the_run_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="it names a folder"):
        records.run_folder(str(tmp_path), name)
