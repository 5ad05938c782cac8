# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a run as evidence: what is kept, what is never written, who goes on with it, and when it is removed."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import machine, run_files
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import (
    _junit,
    _kept,
    _results,
    _run_folder,
    _secrets,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._api import cleaning
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._api.errors import UsageError
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._evidence import Evidence, Part
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.moves import Migration
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.verified import Verified

KEYS, LAST = 3, 40

MOVE = {"worker": "worker2", "src": "server2", "dst": "server4"}


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (found,) = run_files.read([str(tmp_path), str(tmp_path / "missing")])
    assert found["problem"]
    notes = _kept.messages(
        lambda _asked: {"msg": "server1 cannot be reached."},
        tmp_path,
        Evidence(),
        {"servers": [{"name": "server1", "base": "/x"}], "keys": 1},
        {"server1": {"processes": {}}},
        {"last": 1},
        [],
    ).notes
    assert notes == ("What was received is not here: server1 cannot be reached.",)


def test_what_is_known_of_the_sending_is_noted_for_each_key(tmp_path: Path) -> None:
    words = "Increments test failed! key_1.TraceID-1.TraceWindow-1: [18,19,20,27]"
    crashed = [{"worker": "worker2", "server": "server2", "last_line": words}]
    cluster = {"servers": [{"name": "server1", "base": "/x"}], "keys": 2}
    states: list[tuple[dict[str, Any], list[int], str]] = [
        ({"processes": {}, "sent": {"sender": {"sure": 25}}}, [25, 27], ""),
        ({"processes": {}, "sent": {"sender": {"sure": 28}}}, [28, 28], ""),
        ({"processes": {}, "sent": {}}, [0, 27], ""),
        ({"msg": "gone"}, [30, 30], "What was received is not here: server1 did not answer."),
    ]
    asked: list[Any] = []

    def ask(wanted: Mapping[str, Any]) -> dict[str, Any]:
        asked.append(wanted)
        return {"files": []}

    for state, sure, note in states:
        asked.clear()
        evidence = _kept.messages(ask, tmp_path, Evidence(), cluster, {"server1": state}, {"last": 30}, crashed)
        sent = json.loads((tmp_path / "sent" / "sent.json").read_text())["keys"]
        assert [sent[key]["sure"] for key in ("key_0", "key_1")] == sure
        assert evidence.notes == ((note,) if note else ())
        assert bool(asked) == (not note), "who did not answer is not waited for once more"


def test_a_machine_says_what_it_is() -> None:
    found = machine.facts()
    assert found["kernel"] == f"{os.uname().sysname} {os.uname().release}"
    assert found["python"] == sys.version.split()[0]
    assert found["memory_bytes"] > 0


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (["-e", "worker=2 src=2"], ["-e", "worker=2 src=2"]),
        (["-e", "ansible_password=a b=c"], ["-e", "ansible_password='***' b='***'"]),
        (["-e", "ansible_become_pass=x"], ["-e", "ansible_become_pass='***'"]),
        (["--extra-vars=my_token=x worker=2"], ["--extra-vars=my_token='***' worker=2"]),
        (["-eapi_key=x"], ["-eapi_key='***'"]),
        (["-e", '{"workers": 2, "secret": "x"}'], ["-e", '{"workers": 2, "secret": "***"}']),
        (["-e", "{not: [closed"], ["-e", "***"]),
        (["-e", "'not closed"], ["-e", "***"]),
        (["-e", "@file.yml"], ["-e", "@file.yml"]),
        (["--ssh-common-args", "-o x"], ["--ssh-common-args", "***"]),
        (["--ssh-extra-args=-o x"], ["--ssh-extra-args=***"]),
        (["-i", "https://me:word@example.com/x"], ["-i", "https://***@example.com/x"]),
        (["-i", "inventory", "--private-key", "~/.ssh/id"], ["-i", "inventory", "--private-key", "~/.ssh/id"]),
    ],
)
def test_no_secret_of_a_command_line_is_written(given: list[str], written: list[str]) -> None:
    assert list(_secrets.command(["/usr/bin/ansible-playbook", "x.yml", *given])) == [
        "ansible-playbook",
        "x.yml",
        *written,
    ]


def test_of_the_variables_only_harmless_ones_are_written() -> None:
    variables = {
        "ansible_host": "10.0.0.1",
        "ansible_password": "x",
        "ansible_become_password": "x",
        "my_own": "x",
        "wallaroo_base": "/srv",
        "wallaroo_token": "x",
        "ansible_ssh_private_key_file": "x",
        "keys": 11,
    }
    assert _secrets.shown(variables) == {"ansible_host": "10.0.0.1", "wallaroo_base": "/srv", "keys": 11}


def interrupted(runs: Path, started: float) -> Path:
    left = _run_folder.unended("migrate", {}, started, [Migration(**MOVE)])  # type: ignore[arg-type]
    return _run_folder.begin(runs, left, Evidence(cluster="c", parts=(Part(("a",)),)), started)


def test_what_an_interrupted_run_leaves_says_so_and_is_gone_on_with(tmp_path: Path) -> None:
    folder = interrupted(tmp_path, 1000.0)
    assert (_results.read(folder)["ended"], _results.read(folder)["verdict"]) == (False, "unknown")
    assert _run_folder.interrupted(tmp_path, "c", MOVE, 1001.0) == folder
    assert _run_folder.interrupted(tmp_path, "c", MOVE, None) == folder
    assert _run_folder.interrupted(tmp_path, "c", MOVE, 999.0) is None, "that kill was another run's"
    assert _run_folder.interrupted(tmp_path, "other", MOVE, 1001.0) is None
    assert _run_folder.interrupted(tmp_path, "c", {**MOVE, "dst": "server3"}, 1001.0) is None

    _run_folder.go_on(folder, Part(("b",)))

    assert [part.command for part in _run_folder.parts(folder)] == [("a",), ("b",)]
    _run_folder.withdraw(folder)
    assert folder.is_dir(), "another run has begun it"


def test_the_folder_of_a_run_that_came_to_nothing_goes_away(tmp_path: Path) -> None:
    first = interrupted(tmp_path, 1000.0)
    second = interrupted(tmp_path, 2000.0)
    assert (tmp_path / "latest").resolve() == second
    _run_folder.withdraw(second)
    assert (tmp_path / "latest").resolve() == first
    _run_folder.withdraw(first)
    assert list(tmp_path.iterdir()) == []


def test_only_folders_of_runs_are_removed_and_only_old_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = (
        _run_folder.begin(tmp_path, Verified(playbook=name), Evidence(ended=True), time.time()) for name in ("a", "b")
    )
    for name in ("20200101T000000-mine", "notes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "text").touch()
    (tmp_path / "20200101T000000-link").symlink_to(new)
    _run_folder.link_latest(old)
    running = interrupted(tmp_path, time.time())
    for path, days in ((old, 31), (new, 29), (running, 0.5)):
        os.utime(path / "result.json", (time.time() - days * 86400,) * 2)
    _run_folder.link_latest(old)

    assert cleaning.main(["days=30", f"runs={tmp_path}"]) == 0

    assert f"removed {old}" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {
        *("20200101T000000-mine", "20200101T000000-link", "notes", "latest"),
        *(new.name, running.name),
    }
    assert (tmp_path / "latest").resolve() == running
    assert cleaning.main(["days=0", f"runs={tmp_path}"]) == 0
    assert running.is_dir(), "it may still go on"


@pytest.mark.parametrize("argument", ["days=soon", "days=-1", "days=nan", "weeks=2", "30", "runs="])
def test_what_cannot_be_meant_removes_nothing(argument: str) -> None:
    with pytest.raises(UsageError):
        cleaning.main([argument])


def test_latest_of_somebody_elses_stays(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    interrupted(tmp_path, 1000.0)
    assert (tmp_path / "latest").is_dir()
    assert not (tmp_path / "latest").is_symlink()


def test_junit_has_a_case_for_each_step_and_each_key() -> None:
    violation = {"key": "key_1", "sentence": "key_1: 5 is missing\x00"}
    result = {
        "name": "demo",
        "verdict": "fail",
        "reason": "lost",
        "keys": 2,
        "expected": 20,
        "seconds": 1.5,
        "violations": [violation],
        "violation_count": 1,
    }
    end = {"record": "end", "server": "server2", "seconds": 0.25}
    timeline = [
        {"record": "start", "step": "Kill"},
        {**end, "step": "Kill", "outcome": "changed"},
        {**end, "step": "Send", "outcome": "failed", "message": "no"},
        {**end, "step": "Rest", "outcome": "skipped"},
    ]
    text = _junit.text(result, timeline)
    assert 'tests="6" failures="3" errors="0" skipped="1"' in text
    assert '<testcase classname="demo.keys" name="key_0" time="0.000" />' in text
    assert "key_1: 5 is missing\ufffd" in text
    assert '<testcase classname="demo.steps" name="server2: Kill" time="0.250" />' in text
    made_good = _junit.text({**result, "verdict": "pass", "violations": [], "violation_count": 0}, timeline)
    assert 'tests="6" failures="0" errors="0" skipped="2"' in made_good, "a step that was made good fails no build"
    caught = _junit.text({**result, "negative": {"caught": True}}, timeline)
    assert 'tests="6" failures="0" errors="0" skipped="3"' in caught, "what was damaged on purpose fails no build"
    assert 'message="Damaged on purpose.&#10;key_1: 5 is missing' in caught
    assert 'failures="3"' in _junit.text({**result, "negative": {"caught": False}}, timeline)
    assert 'failures="1"' in _junit.text({**result, "verdict": "pass"}, []), (
        "that cannot be, and is no damage on purpose"
    )
    hidden = _junit.text({**result, "violation_count": 30}, [])
    assert "only 1 of 30 violations are told" in hidden
    unknown = _junit.text({"name": "verify", "verdict": "unknown", "reason": "gone", "keys": 1, "expected": 3}, [])
    assert 'errors="1" skipped="1"' in unknown
