# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timeline of a run of which no callback writes one, and what else a run puts beside its result."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.action import run_result
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _outline, _results, _run_folder, _timeline
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._evidence import Evidence, Part
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.moves import Migration
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.verified import Detector, Verified

MINUTE = "2026-11-28T04:57:"

MOVED = Migration(
    worker="worker2",
    src="server2",
    dst="server4",
    killed=f"{MINUTE}26.413Z",
    died=f"{MINUTE}26.418Z",
    copied=f"{MINUTE}26.427Z",
    started=f"{MINUTE}26.436Z",
    resumed=f"{MINUTE}26.675Z",
    outcome="moved",
)

OF_A_MOVE = [
    ("Kill worker2", "server2", "changed", 0.005),
    ("Copy its files from server2", "server4", "changed", 0.009),
    ("Start worker2", "server4", "changed", 0.009),
    ("Wait until worker2 processes messages", "server4", "changed", 0.239),
]


def run(*migrations: Migration, **values: Any) -> Verified:
    given = {"playbook": "migrate", "started": f"{MINUTE}20.000Z", "finished": f"{MINUTE}30.000Z", "seconds": 10.0}
    return Verified(**{**given, "verdict": "pass", "migrations": migrations, **values})


def ends(folder: Path) -> list[tuple[Any, ...]]:
    records = _timeline.read(folder / "timeline.jsonl")
    return [
        tuple(record[name] for name in ("step", "server", "outcome", "seconds"))
        for record in records
        if record["record"] == "end"
    ]


def test_the_steps_of_migrations_are_known_without_a_callback(tmp_path: Path) -> None:
    _outline.write(tmp_path, run(MOVED), good=True)
    records = _timeline.read(tmp_path / "timeline.jsonl")
    assert ends(tmp_path) == OF_A_MOVE
    assert records[0] == {"record": "run", "at": f"{MINUTE}20.000Z", "version": 1, "playbook": "migrate.yml"}
    assert records[-1] == {"record": "finish", "at": f"{MINUTE}30.000Z", "outcome": "ok"}
    moments = [record["at"] for record in records]
    assert moments == sorted(moments)
    assert (tmp_path / "timeline.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_restart_in_place_copies_nothing_and_a_lost_server_kills_nobody(tmp_path: Path) -> None:
    in_place = Migration(**{**vars(MOVED), "dst": "server2", "copied": None, "outcome": ""})
    lost = Migration(**{**vars(MOVED), "killed": None, "died": None})
    _outline.write(tmp_path, run(in_place, lost, playbook="demo"), good=True)
    assert ends(tmp_path) == [
        ("Kill worker2", "server2", "changed", 0.005),
        ("Start worker2", "server2", "changed", 0.018),
        ("Wait until worker2 processes messages", "server2", "changed", 0.239),
        ("Copy its files from server2", "server4", "changed", None),
        *OF_A_MOVE[2:],
    ]


@pytest.mark.parametrize(
    ("migration", "last"),
    [
        (
            Migration(**{**vars(MOVED), "outcome": "rolled back", "note": "it was broken"}),
            [("Wait until worker2 processes messages", "server2", "changed", 0.239), f"{MINUTE}26.675Z"],
        ),
        (
            Migration(**{**vars(MOVED), "resumed": None, "outcome": "unfinished", "note": "it was broken"}),
            [("Start worker2", "server4", "changed", 0.009), f"{MINUTE}26.436Z"],
        ),
        (
            Migration("worker2", "server2", "server4", outcome="unfinished", note="it was broken"),
            [None, f"{MINUTE}30.000Z"],
        ),
    ],
)
def test_a_move_that_failed_is_a_step_that_failed(tmp_path: Path, migration: Migration, last: list[Any]) -> None:
    _outline.write(tmp_path, run(migration, verdict="fail"), good=False)
    records = _timeline.read(tmp_path / "timeline.jsonl")
    *done, failed = [record for record in records if record["record"] == "end"]
    assert (ends(tmp_path)[-2] if done else None, failed["at"]) == tuple(last)
    assert (failed["step"], failed["server"], failed["outcome"]) == ("Move worker2", "server4", "failed")
    assert failed["message"] == "it was broken"
    assert records[-1]["outcome"] == "failed"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What people are warned of."""
    heard: list[str] = []
    monkeypatch.setattr(run_result.display, "warning", heard.append)
    return heard


def filled(tmp_path: Path, result: Verified, **arguments: Any) -> tuple[Path, Evidence]:
    """The folder of a run that has ended."""
    action = run_result.ActionModule.__new__(run_result.ActionModule)
    action._task = SimpleNamespace(args={})
    folder = _run_folder.begin(tmp_path / "runs", result, Evidence(parts=(Part(("a",)),)), 1000.0)
    return folder, action._fill(folder, result, Evidence(ended=True), arguments, {})


def enable(monkeypatch: pytest.MonkeyPatch, *callbacks: str) -> None:
    monkeypatch.setattr(_outline.constants, "CALLBACKS_ENABLED", list(callbacks))


def test_a_run_without_the_callback_says_so_and_nobody_is_warned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    enable(monkeypatch, "ansible.posix.profile_tasks")
    folder, evidence = filled(tmp_path, run(MOVED))
    assert ends(folder) == OF_A_MOVE
    assert evidence.notes == (_outline.NOTE,)
    assert json.loads((folder / "result.json").read_text())["notes"] == [_outline.NOTE]
    assert said == []
    assert 'name="server4: Start worker2" time="0.009"' in (folder / "junit.xml").read_text()


def test_where_the_callback_writes_nobody_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    enable(monkeypatch, "wallaroo.resilience.timeline")
    folder, evidence = filled(tmp_path, run(MOVED))
    assert not (folder / "timeline.jsonl").exists()
    assert (evidence.notes, said) == ((), [])


@pytest.mark.parametrize(("failure", "outcome"), [("it failed", "failed"), ("", "ok")])
def test_a_run_that_failed_says_so_in_its_timeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str], failure: str, outcome: str
) -> None:
    enable(monkeypatch)
    folder, _evidence = filled(tmp_path, run(MOVED), failure=failure)
    assert _timeline.read(folder / "timeline.jsonl")[-1]["outcome"] == outcome
    assert said == []


def test_what_cannot_be_written_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    enable(monkeypatch)

    def full(*_arguments: Any, **_named: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(_outline, "write", full)
    monkeypatch.setattr(_results, "write_logs", full)
    _folder, evidence = filled(tmp_path, run(MOVED))
    assert said == list(evidence.notes)
    assert "The logs could not be kept: the disk is full" in said
    assert "timeline.jsonl could not be written: the disk is full" in said


def test_logs_are_kept_of_all_who_returned_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    enable(monkeypatch, _outline.CALLBACK)
    answers = [
        {"server": "server2", "logs": {"worker2": "killed"}},
        {"server": "server4", "logs": {"worker2": "Resuming message processing"}},
        {"server": "server3", "msg": "server3 cannot be reached."},
        {"skipped": True},
    ]
    states = {"server1": {"logs": {"initializer": "still here"}}}
    folder, _evidence = filled(tmp_path, run(MOVED), states=states, logs=answers)
    kept = {path.relative_to(folder / "logs").as_posix(): path.read_text() for path in folder.glob("logs/*/*")}
    assert kept == {
        "server1/initializer.log": "still here",
        "server2/worker2.log": "killed",
        "server4/worker2.log": "Resuming message processing",
    }
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*") if os.path.isfile(path))
    assert said == []


def test_the_newest_is_the_one_that_ended_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    enable(monkeypatch, _outline.CALLBACK)
    begin = _run_folder.begin

    def overtaken(runs: Path, *arguments: Any) -> Path:
        folder = begin(runs, *arguments)
        assert begin(runs, *arguments) == (runs / "latest").resolve()
        return folder

    monkeypatch.setattr(_run_folder, "begin", overtaken)
    folder, _evidence = filled(tmp_path, run(MOVED))
    assert (tmp_path / "runs" / "latest").resolve() == folder
    assert said == []


def test_nothing_is_kept_of_the_messages_of_an_earlier_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    enable(monkeypatch, _outline.CALLBACK)
    cluster = {"servers": [{"name": "server1", "base": str(tmp_path)}], "keys": 1}
    asked: list[str] = []
    monkeypatch.setattr(
        run_result.ActionModule, "_ask", lambda _action, module, *_arguments: asked.append(module) or {"files": []}
    )
    for started, kept in ((100.0, False), (200.0, True)):
        states = {"server1": {"processes": {}, "cluster": {"started": started}}}
        given = {"sent": {"last": 7}, "cluster": cluster, "states": states, "started": 150.0}
        folder, evidence = filled(tmp_path, run(playbook="demo"), **given)
        assert (folder / "sent" / "sent.json").is_file() == kept == bool(evidence.sent_files)
        assert any("an earlier run's" in note for note in evidence.notes) != kept
    assert (asked, said) == (["run_files"], [])


@pytest.mark.parametrize(("of_variables", "drawn", "seed"), [(None, 7, 7), (5, 7, 5), (None, None, None), (0, 7, 0)])
def test_the_seed_of_a_run_is_that_of_whatever_was_left_to_chance(
    monkeypatch: pytest.MonkeyPatch, of_variables: int | None, drawn: int | None, seed: int | None
) -> None:
    action = run_result.ActionModule.__new__(run_result.ActionModule)
    action._templar = None
    monkeypatch.setattr(run_result._gathering, "evidence", lambda *_arguments: Evidence(seed=of_variables))
    result = run(detector=Detector(seed=drawn) if drawn is not None else None)
    assert action._evidence(result, {}, {}).seed == seed
