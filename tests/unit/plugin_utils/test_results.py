# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a run: verdict, summary, folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.wallaroo.resilience.plugins.action import run_result
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _results, _run_folder
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._evidence import Evidence, KeptFile, Machine, Part
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._moves import migration as migration_of
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.moves import Migration
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.verified import (
    Crashed,
    Detector,
    Negative,
    Planted,
    Verified,
    Violation,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._publishing import from_data


@pytest.mark.parametrize(
    ("verification", "failure", "verdict"),
    [
        ({"verdict": "pass"}, "", "pass"),
        ({"verdict": "pass"}, "a step failed", "unknown"),
        ({"verdict": "fail", "message": "gap"}, "", "fail"),
        ({"verdict": "fail", "message": "gap"}, "a step failed", "fail"),
        ({"verdict": "unknown", "reason": "no file"}, "", "unknown"),
        ({}, "", "unknown"),
        (None, "", "unknown"),
        ({"verdict": "splendid"}, "", "unknown"),
    ],
)
def test_what_could_not_be_checked_is_never_a_pass(verification: dict | None, failure: str, verdict: str) -> None:
    assert _results.verdict_of(verification, failure)[0] == verdict


def test_the_downtime_is_from_the_kill_until_the_worker_processes_messages() -> None:
    migration = migration_of(
        {
            "worker": "worker2",
            "src": "server2",
            "dst": "server4",
            "killed": 100.0,
            "resumed": 101.25,
            "copied_bytes": "7",
        }
    )
    assert migration.downtime_seconds == 1.25
    assert migration.copied_bytes == 7
    assert migration.killed == "1970-01-01T00:01:40.000Z"


def test_times_may_have_become_texts_on_their_way_through_a_template() -> None:
    steps = {
        "worker": "worker2",
        "src": "a",
        "dst": "b",
        "killed": "100.0",
        "resumed": "101.5",
        "died": "",
        "copied": "None",
    }
    migration = migration_of(steps)
    assert migration.downtime_seconds == 1.5
    assert (migration.died, migration.copied) == (None, None)


def test_a_worker_that_did_not_come_back_has_no_downtime() -> None:
    migration = migration_of({"worker": "worker2", "src": "a", "dst": "b", "killed": 100.0})
    assert migration.downtime_seconds is None


def result(**values: object) -> Verified:
    given = {
        "playbook": "demo",
        "verdict": "pass",
        "engine": "embedded",
        "app": "multi_partition_detector",
        "workers": 2,
        "keys": 11,
        "expected": 22000,
        "received": 22000,
        "scope": "22,000 of 22,000 messages of 11 keys",
        "violations": (),
        "migrations": (),
        "started": "",
        "finished": "",
        "seconds": 1.0,
    }
    return Verified(**{**given, **values})  # type: ignore[arg-type]


def test_the_summary_says_what_was_done_and_what_it_proved() -> None:
    migration = Migration("worker2", "server2", "server3", downtime_seconds=1.036, copied_bytes=3192)
    text = _results.summary(result(migrations=(migration,)), Path("runs/x"))
    assert "worker2 killed (SIGKILL), moved from server2 to server3 (3,192 bytes), back after 1.04 s" in text
    assert text.splitlines()[0] == "verdict: pass: 22,000 of 22,000 messages of 11 keys"
    assert "runs/x" in text


def test_the_summary_of_a_failure_names_violations_and_who_died() -> None:
    text = _results.summary(
        result(
            verdict="fail",
            violations=(Violation("key_3: 501..612 are missing"),),
            violation_count=9,
            crashed=(Crashed("initializer", "server1", "Increments test failed!"),),
            reason="lost",
            then="No cluster is running.",
            unsent="501..1000 of each key were never sent.",
        ),
        None,
    )
    assert text.splitlines()[0] == "verdict: fail: lost"
    assert text.splitlines()[-1] == "  then: No cluster is running."
    assert "501..1000 of each key were never sent." in text
    assert "key_3: 501..612 are missing" in text
    assert "9 violations in all" in text
    assert "initializer on server1 died of itself: Increments test failed!" in text


def test_the_summary_says_nothing_twice() -> None:
    failed = result(
        verdict="fail",
        violations=(Violation("key_3: 5 is missing"), Violation("key_4: 7 is missing")),
        violation_count=2,
        crashed=(Crashed("worker2", "server2", "out of memory"),),
        migrations=(Migration("worker2", "server2", "server3", note="It did not start."),),
        reason="It did not start. worker2 on server2 died of itself: out of memory. key_3: 5 is missing.",
    )
    lines = _results.summary(failed, None).splitlines()
    for text in ("It did not start", "out of memory", "key_3: 5 is missing", "key_4: 7 is missing"):
        assert len([line for line in lines if text in line]) == 1, text
    told = replace(failed, reason="Sent and never came out: 5 of key_3; 7 of key_4.")
    assert "  violations: 2, each with its witness in result.json" in _results.summary(told, None).splitlines()


def test_the_summary_calls_no_workers_its_own_that_were_not_started() -> None:
    refused = result(verdict="unknown", scope="no message: no cluster was started", reason="Port 7000 is taken.")
    asked = "demo: no cluster was started; asked was for 2 workers of multi_partition_detector on the embedded engine"
    assert _results.summary(refused, None).splitlines()[1] == asked


def test_the_summary_tells_how_much_the_verifier_has_shown_that_it_finds() -> None:
    planted = (Planted("gap", "gap_of_one", "gap", ("gap",), True), Planted("garbage", "x", "garbage", ("gap",), False))
    text = _results.summary(result(detector=Detector(False, "x", 7, planted)), None)
    said = "1 of 2 classes of violation, planted into a copy of this output, were caught and named (prove_seed=7)"
    assert f"  detector: {said}" in text.splitlines()
    assert "planted" not in _results.summary(result(), None)


def test_the_summary_counts_the_classes_that_could_not_be_planted_too() -> None:
    planted = (Planted("gap", "gap_of_one", "gap", ("gap",), True),)
    left = ("rewind: key_0 has 10 messages, too few", "garbage: key_0 has 10 messages, too few")
    text = _results.summary(result(detector=Detector(True, "", 7, planted, left)), None)
    assert "  detector: 1 of 3 classes of violation, planted" in text
    assert "; 2 could not be planted: key_0 has 10 messages, too few (prove_seed=7)" in text


def test_a_negative_run_says_first_whether_it_was_caught() -> None:
    negative = Negative("old_copy", True, "negative run: old_copy was caught: 1 violation (lost_tail)")
    run = result(verdict="fail", reason="The old copy took 1..5 of key_1.", negative=negative)
    first, second, *others = _results.summary(run, None).splitlines()
    assert (first, second) == (negative.sentence, "verdict: fail: The old copy took 1..5 of key_1.")
    assert "  messages: 22,000 of 22,000 received, 11 keys" in others
    ended = Crashed("worker2", "server2", "no checkpoint 9.")
    again = replace(
        run, crashed=(ended,), reason="The second owner, worker2 on server2, died of itself: no checkpoint 9."
    )
    assert _results.summary(again, None).count("no checkpoint 9") == 1
    seen = _results.summary(result(negative=replace(negative, caught=False)), None)
    assert "messages:" not in seen, "the headline has told them"


def test_a_migration_has_an_outcome_and_no_verdict() -> None:
    moved = Migration("worker2", "server2", "server4", outcome="moved")
    run = result(playbook="migrate", verdict=None, scope="no message was looked at", expected=0, migrations=(moved,))
    text = _results.summary(run, None)
    assert text.splitlines()[0] == "outcome: moved"
    assert "messages: no message was looked at" in text
    assert "verdict" not in text


@pytest.mark.parametrize(
    ("written", "good"),
    [
        ({"verdict": "pass"}, True),
        ({"verdict": "unknown"}, False),
        ({"verdict": None, "outcome": "moved"}, True),
        ({"verdict": None, "outcome": "rolled back"}, False),
        ({"verdict": "fail", "negative": {"caught": True}}, True),
        ({"verdict": "unknown", "negative": {"caught": False}}, False),
        ({"verdict": "pass", "negative": {"caught": False}}, False),
        ({"verdict": "pass", "negative": None}, True),
    ],
)
def test_a_run_is_good_by_its_verdict_or_its_outcome(written: dict[str, Any], good: bool) -> None:
    assert _results.is_good(written) == good


def test_two_runs_in_the_same_second_have_folders_of_their_own(tmp_path: Path) -> None:
    first = _results.run_folder(tmp_path / "runs", "a demo/..", 0.0)
    second = _results.run_folder(tmp_path / "runs", "a demo/..", 0.0)
    assert first != second
    assert {first.parent, second.parent} == {tmp_path / "runs"}


def test_a_result_is_written_as_a_whole(tmp_path: Path) -> None:
    _results.write_json(tmp_path / "result.json", _results.written(result()))
    assert json.loads((tmp_path / "result.json").read_text())["verdict"] == "pass"
    with pytest.raises(TypeError):
        _results.write_json(tmp_path / "result.json", {"no": object()})
    assert json.loads((tmp_path / "result.json").read_text())["verdict"] == "pass"
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_what_a_run_leaves_is_for_whoever_ran_it(tmp_path: Path) -> None:
    """Also where everybody may read what is made: values, addresses, and logs with command lines."""
    before = os.umask(0o022)
    try:
        folder = _results.run_folder(tmp_path / "runs", "demo", 0.0)
        _results.write_json(folder / "result.json", {})
        _results.write_logs(folder, {"server1": {"worker2": "text"}})
    finally:
        os.umask(before)
    paths = [tmp_path / "runs", *(tmp_path / "runs").rglob("*")]
    assert len(paths) == 6
    assert [path for path in paths if path.stat().st_mode & 0o077] == []


def test_logs_stay_inside_the_folder(tmp_path: Path) -> None:
    _results.write_logs(tmp_path, {"../evil": {"../../worker2": "text"}})
    assert [path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.log")] == ["logs"]


def test_only_a_worker_that_says_why_it_ended_has_crashed_of_itself() -> None:
    dead = {"ownership": "owner", "alive": False}
    states = {
        "server1": {
            "workers": {"initializer": dead},
            "logs": {
                "initializer": "fine\nIncrements test failed! key_1: [1,2,3,9]\nThis should never happen: failure in x"
            },
        },
        "server2": {"workers": {"worker2": dead}, "logs": {"worker2": "fine\nstill fine"}},
    }
    (crashed,) = _results.crashed_workers(states)
    assert (crashed["worker"], crashed["server"]) == ("initializer", "server1")
    assert crashed["last_line"] == "Increments test failed! key_1: [1,2,3,9]"


def a_result() -> Verified:
    return result(expected=1, received=1, app="a")


def test_a_verifier_that_ended_without_a_verdict_says_why() -> None:
    assert _results.verdict_of({"msg": "boom"}, "") == ("unknown", "The verification failed: boom")
    ended = {"msg": "whatever Ansible says", "timedout": {"frame": "", "period": 600}}
    assert _results.verdict_of(ended, "")[0] == "unknown"
    assert _results.verdict_of(ended, "")[1].startswith("The verifier did not answer within 600 s")


def test_no_folder_without_a_result_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(_results, "write_json", full)
    with pytest.raises(OSError, match="No space left"):
        _results.write_run(tmp_path, a_result(), 0.0)
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_cannot_be_where_it_should_is_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(run_result.display, "warning", said.append)
    monkeypatch.setattr(run_result.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / "file").touch()
    action = run_result.ActionModule.__new__(run_result.ActionModule)

    folder = action._keep(a_result(), Evidence(), {"runs": str(tmp_path / "file")})

    assert json.loads((folder / "result.json").read_text())["verdict"] == "pass"
    assert str(folder) in said[0]


@pytest.mark.parametrize("nowhere", [False, True])
def test_a_run_for_whose_end_there_is_no_room_does_not_look_as_if_it_went_on(
    nowhere: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, other = tmp_path / "runs", tmp_path / "other"
    other.mkdir()
    begun = _run_folder.begin(runs, _run_folder.unended("demo", {}, 0.0), Evidence(), 0.0)
    (begun / "timeline.jsonl").touch()
    write = _results.write_json

    def full(path: Path, data: object) -> None:
        if nowhere or path.is_relative_to(runs):
            raise OSError("No space left on device")
        write(path, data)

    monkeypatch.setattr(_results, "write_json", full)
    monkeypatch.setattr(run_result.display, "warning", lambda _said: None)
    monkeypatch.setattr(run_result.tempfile, "gettempdir", lambda: str(other))
    action = run_result.ActionModule.__new__(run_result.ActionModule)

    folder = action._keep(a_result(), Evidence(), {"runs": str(runs), "folder": str(begun)})

    assert [path.name for path in begun.iterdir()] == ["timeline.jsonl"], "what was done is still told"
    link = runs / "latest"
    if nowhere:
        assert folder is None
        assert not link.is_symlink()
    else:
        assert link.resolve() == folder


def test_a_result_that_can_be_nowhere_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(run_result.display, "warning", said.append)
    (tmp_path / "file").touch()
    monkeypatch.setattr(run_result.tempfile, "gettempdir", lambda: str(tmp_path / "file"))
    action = run_result.ActionModule.__new__(run_result.ActionModule)

    assert action._keep(a_result(), Evidence(), {"runs": str(tmp_path / "file")}) is None
    assert '"verdict": "pass"' in said[0]


def test_a_result_tells_the_version_of_the_collection(repository: Path) -> None:
    assert f"version: {_results.collection_version()}\n" in (repository / "galaxy.yml").read_text()


RESULT_JSON = {
    *("name", "verdict", "engine", "app", "workers", "keys", "expected", "received", "violations", "migrations"),
    *(
        "started",
        "finished",
        "seconds",
        "reason",
        "violation_count",
        "outcome",
        "validator_verdict",
        "crashed",
        "crashes",
    ),
    *(
        "collection_version",
        "negative",
        "format",
        "ended",
        "cluster",
        "parts",
        "variables",
        "seed",
        "made_with",
        "inventory",
        "controller",
    ),
    *("servers", "sent_files", "received_files", "notes", "scope", "then", "unsent", "detector"),
}


def test_the_file_of_a_result_has_the_fields_that_it_always_had() -> None:
    """It is what is published, but for what is said of the playbook; a migration has an outcome besides."""
    moved = Migration("worker2", "server2", "server4", outcome="rolled back")
    assert set(_results.written(result())) == RESULT_JSON
    assert _results.written(result(migrations=(moved,)))["outcome"] == ""
    assert _results.written(result(playbook="migrate", migrations=(moved,)))["outcome"] == "rolled back"


@pytest.mark.parametrize("verdict", ["pass", "fail", "unknown", None])
def test_the_file_of_a_result_is_as_its_schema_says(repository: Path, verdict: str | None) -> None:
    schema = json.loads((repository / "docs/schemas/result.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    violations = (Violation("key_3: 501..612 are missing", kind="gap", key="key_3", missing=(501, 612)),)
    run = result(verdict=verdict, violations=violations, crashed=(Crashed("initializer", "server1", "x", ("x",)),))
    evidence = Evidence(
        parts=(Part(("ansible-playbook", "x.yml"), "/tmp"),),
        servers={"server1": Machine("a")},
        received_files=(KeptFile("received.bin"),),
    )
    plain = json.loads(json.dumps(_results.written(run, evidence)))

    validator.check_schema(schema)
    validator.validate(plain)
    for name, wrong in (("format", 99), ("verdict", "perhaps"), ("received", "many"), ("parts", [{}])):
        assert not validator.is_valid({**plain, name: wrong}), name
        assert not validator.is_valid({key: value for key, value in plain.items() if key != name}), name


def test_what_the_verifier_says_of_a_violation_reaches_the_file_and_python_as_a_whole() -> None:
    from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.violations import (
        Violation as Found,
    )

    said = Found("gap", "key_1", 4, 99, "[2]", "[3]", (2, 2), "key_2", "key_3", 5).to_dict()
    kept = from_data(Violation, said)
    wanted = {**said, "missing": (2, 2), "around": ()}
    assert {name: value for name, value in asdict(kept).items() if name in said} == wanted
    assert set(said) <= set(asdict(kept))
