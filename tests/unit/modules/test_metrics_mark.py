# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``metrics_mark``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.metrics_ui_runner import Ui
from tests.module_runner import refuse, run_module, succeed
from tests.program_runner import Programs


@pytest.fixture
def ui(server: Path, tmp_path: Path) -> Iterator[Ui]:
    """A metrics UI with its token where the module looks for it."""
    (server / "run" / "metrics_ui").mkdir(parents=True)
    programs = Programs()
    yield Ui(programs, server / "run" / "metrics_ui")
    programs.end()


def wanted(server: Path, ui: Ui, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"base": str(server), "server": "server1", "address": f"127.0.0.1:{ui.port}", "marks": list(marks)}


def test_marks_are_posted_once(server: Path, ui: Ui) -> None:
    now = time.time()
    # As Ansible hands them over: numbers as texts, and empty texts for what is not there.
    crash = {"kind": "crash", "worker": "worker2", "server": "server2", "time": str(now)}
    resumed = {"kind": "resumed", "worker": "worker2", "server": "server4", "time": now + 0.5, "text": ""}
    assert succeed("metrics_mark", wanted(server, ui, crash, resumed), check=True)["changed"] is False
    assert ui.view("marks")["marks"] == []
    first = succeed("metrics_mark", wanted(server, ui, crash, resumed))
    assert (first["changed"], first["posted"]) == (True, 2)
    assert [mark["kind"] for mark in ui.view("marks")["marks"]] == ["crash", "resumed"]
    assert ui.view("marks")["marks"][0]["time"] == now
    again = succeed("metrics_mark", wanted(server, ui, crash, resumed))
    assert (again["changed"], again["posted"]) == (False, 0)


def test_what_has_not_happened_is_left_out(server: Path, ui: Ui) -> None:
    never = {"kind": "crash", "worker": "worker2", "server": "server2", "time": ""}
    assert succeed("metrics_mark", wanted(server, ui, never, {**never, "time": None}))["posted"] == 0
    assert ui.view("marks")["marks"] == []


def test_where_a_worker_is_is_told_once(server: Path, ui: Ui) -> None:
    placed = {"kind": "placed", "worker": "worker2", "server": "server2"}
    assert succeed("metrics_mark", wanted(server, ui, placed))["posted"] == 1
    assert succeed("metrics_mark", wanted(server, ui, placed))["posted"] == 0
    assert succeed("metrics_mark", wanted(server, ui, {**placed, "server": "server3"}))["posted"] == 1
    assert ui.view("marks")["marks"] == []


def test_the_verdict_of_a_run_is_posted_as_ansible_hands_it_over(server: Path, ui: Ui) -> None:
    verdict = {"verdict": "fail", "run": "demo", "reason": "x" * 2000, "received": "21990", "expected": 22000}
    wishes = {**wanted(server, ui), "verdict": {**verdict, "violations": 3, "workers": ["worker2"]}}
    assert succeed("metrics_mark", wishes, check=True)["posted"] == 0
    assert ui.view("verdict")["verdict"] is None
    assert succeed("metrics_mark", wishes)["posted"] == 1
    shown = ui.view("verdict")["verdict"]
    assert (shown["received"], shown["expected"], shown["violations"]) == (21990, 22000, 3)
    assert (shown["verdict"], shown["run"], shown["workers"]) == ("fail", "demo", ["worker2"])
    assert shown["reason"] == "x" * 999 + "…"
    ui.process.kill()
    ui.process.wait()
    answer = run_module("metrics_mark", wishes)
    assert not answer.get("failed")
    assert "It does not show what the run has found." in str(answer["warnings"])


def warning(server: Path, ui: Ui, mark: dict[str, Any]) -> str:
    """What a module says that does not fail; since ansible-core 2.19 a warning is more than its sentence."""
    answer = run_module("metrics_mark", wanted(server, ui, mark))
    assert (answer["changed"], answer.get("failed", False)) == (False, False)
    (one,) = answer["warnings"]
    return str(one if isinstance(one, str) else one["event"]["msg"])


def test_that_nobody_takes_them_is_a_warning_and_no_failure(server: Path, ui: Ui) -> None:
    mark = {"kind": "crash", "worker": "worker2", "server": "server2", "time": time.time()}
    assert warning(server, ui, {**mark, "time": 1}) == (
        f"server1: the metrics UI at 127.0.0.1:{ui.port} refused a mark: time is in seconds since the epoch and "
        "within a day of now. Its time axis does not show what was done."
    )
    ui.process.kill()
    ui.process.wait()
    assert "does not answer: " in warning(server, ui, mark)
    (server / "run" / "metrics_ui" / "token").unlink()
    assert "the token of the metrics UI cannot be read" in warning(server, ui, mark)


def test_the_token_is_shown_nowhere(server: Path, ui: Ui) -> None:
    mark = {"kind": "crash", "worker": "worker2", "time": time.time()}
    assert ui.token not in str(run_module("metrics_mark", wanted(server, ui, mark, {"kind": "no"}), diff=True))


def test_what_makes_no_sense_is_refused(server: Path, ui: Ui) -> None:
    assert "could not convert" in refuse("metrics_mark", wanted(server, ui, {"kind": "crash", "time": "now"}))
    assert refuse("metrics_mark", {**wanted(server, ui), "address": "nowhere"})
