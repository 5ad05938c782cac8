# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers that send nothing: their coordinator is asked, and may say anything."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.counting import Counted, Counts
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.flink.adapter import Flink
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import Address
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui import asking
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.asking import Asker, Counter
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.store import Store
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.views import Views

from tests.job_manager import JobManager, http, rounds
from tests.metrics_ui_runner import Ui
from tests.program_runner import Programs

BEGIN = 1_800_000_000


def counted(messages: Optional[int], life: str = "1", began: float = BEGIN + 4) -> Counts:
    part = Counted("computation", "windows", "worker2", "detector", 1, life, began, messages)
    return Counts("detector", ["worker2"], [part])


class TestCounter:
    """What becomes of counts."""

    @staticmethod
    def seen(counter: Counter, counts: Counts, at: int) -> list[tuple[int, int]]:
        """Which period's end has how many messages, oldest first."""
        return sorted((one.period_end // 10**9 - BEGIN, one.count) for one in counter.metrics(counts, BEGIN + at))

    def test_the_difference_is_what_came_in_the_period(self) -> None:
        counter = Counter(BEGIN)
        assert self.seen(counter, counted(100), 6) == [(6, 100)]
        assert self.seen(counter, counted(130), 8) == [(8, 30)]
        assert self.seen(counter, counted(130), 10) == [], "nothing came"

    def test_what_came_while_nobody_could_ask_is_spread_over_that_time(self) -> None:
        counter = Counter(BEGIN)
        assert self.seen(counter, counted(103, began=BEGIN + 1.9), 10) == [(4, 25), (6, 26), (8, 26), (10, 26)]
        assert self.seen(counter, counted(105), 18) == [(16, 1), (18, 1)]
        assert len(self.seen(counter, counted(10**9), 100_000)) == 150, "five minutes of it, and no endless list"

    def test_of_a_run_that_began_before_anybody_looked_only_what_comes_is_counted(self) -> None:
        counter = Counter(BEGIN)
        assert self.seen(counter, counted(10**6, began=BEGIN - 60), 6) == []
        assert self.seen(counter, counted(10**6 + 7, began=BEGIN - 60), 8) == [(8, 7)]

    def test_a_run_that_does_not_tell_yet_is_waited_for(self) -> None:
        counter = Counter(BEGIN)
        assert self.seen(counter, counted(None), 6) == []
        assert self.seen(counter, counted(20), 8) == [(6, 10), (8, 10)]

    def test_another_run_begins_at_nothing_and_so_does_one_that_has_less(self) -> None:
        counter = Counter(BEGIN)
        assert self.seen(counter, counted(100), 6) == [(6, 100)]
        assert self.seen(counter, counted(120, "2", BEGIN + 6), 8) == [(8, 120)]
        assert self.seen(counter, counted(20, "2", BEGIN + 6), 10) == [(10, 20)]

    def test_runs_that_are_over_are_forgotten_but_not_at_once(self) -> None:
        counter, nothing = Counter(BEGIN), Counts("detector", [], [])
        assert self.seen(counter, counted(100), 6) == [(6, 100)]
        assert self.seen(counter, nothing, 20) == []
        assert self.seen(counter, counted(102), 22) != []
        assert sum(count for _, count in self.seen(counter, counted(104), 24)) == 2
        assert self.seen(counter, nothing, 90) == []
        assert counter._known == {}


class Asked:
    """A store that is fed by asking at a port."""

    def __init__(self, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = float(rounds()[0].at)
        monkeypatch.setattr(Flink, "gathering", 0.0)
        self.store = Store(clock=lambda: self.now)
        self.said: list[str] = []
        self.asker = Asker(Flink(), Address("127.0.0.1", port), self.store, self.said.append)
        self.views = Views(self.store, self.asker.problems)

    def ask(self, at: int) -> None:
        self.now = float(at)
        asyncio.run(self.asker.look(at))

    def overview(self) -> dict[str, Any]:
        return self.views.view("overview", {"application": "detector"})

    def workers(self) -> dict[str, tuple[str, int]]:
        return {row["name"]: (row["state"], row["count"]) for row in self.overview()["workers"]}


@pytest.fixture
def manager() -> Iterator[JobManager]:
    with closing(JobManager(rounds()[0].answers)) as started:
        yield started


def test_a_move_of_a_real_flink_as_it_was_recorded(manager: JobManager, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(manager.port, monkeypatch)
    running, later, dead, waiting, back = rounds()
    asked.ask(running.at)
    assert asked.workers() == {"initializer": ("idle", 0), "worker2": ("idle", 0), "worker3": ("idle", 0)}
    assert manager.asked[0] == "/jobs/00000000000000000000000000000001"
    manager.answers = {**later.answers}
    asked.ask(later.at)
    # 385,580 less 378,000 through its source, and 210,340 less 205,940 through the windows of the other.
    assert asked.workers() == {"initializer": ("idle", 0), "worker2": ("sending", 7580), "worker3": ("sending", 4400)}
    manager.answers = {**dead.answers}
    asked.ask(dead.at)
    assert [asked.workers()[name][0] for name in ("worker2", "worker3")] == ["gone", "sending"]
    manager.answers = {**waiting.answers}
    asked.ask(waiting.at)
    manager.answers = {**back.answers}
    asked.ask(back.at)
    # The source's run began anew, and went back to the last checkpoint.
    assert asked.workers()["worker2"] == ("sending", 7580 + 40_100)
    (pipeline,) = asked.overview()["pipelines"]
    assert pipeline["count"] == 7580 + 18_020 + 21_640 + (3620 + 4400 - 7580)
    assert set(pipeline["percentiles"].values()) == {None}, "nobody has timed them"
    assert asked.overview()["problems"] == []
    assert asked.said == [f"metrics ui: 127.0.0.1:{manager.port} tells its counts"]


def test_who_is_dead_is_told_and_so_is_that_it_is_back(manager: JobManager, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(manager.port, monkeypatch)
    running, later = rounds()[:2]
    asked.ask(running.at)
    manager.close()
    for second in range(2, 12, 2):
        asked.ask(running.at + second)
    assert asked.overview()["problems"] == [
        f"The initializer tells nothing of the messages of its workers at 127.0.0.1:{manager.port}: Connection refused."
    ]
    states = {name: state for name, (state, _count) in asked.workers().items()}
    assert states == {"initializer": "gone", "worker2": "idle", "worker3": "idle"}
    with closing(JobManager(later.answers, manager.port)):
        asked.ask(running.at + 12)
        assert asked.overview()["problems"] == []
        assert asked.workers()["initializer"][0] == "idle"
        assert asked.workers()["worker2"] == ("sending", 7580)
    assert len(asked.said) == 3, "a line for each change, not for each period"


JOB = next(iter(rounds()[0].answers))
MANY = {"id": "a" * 32, "name": "x", "parallelism": 1}


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"", "no answer of a web server: ''"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no answer of a web server: 'SSH-2.0-OpenSSH_9.2'"),
        (http({"errors": ["Job could not be found"]}, "404 Not Found"), "it answered '404 Not Found'"),
        (http([]), "no answer of a JobManager: its 'name' is 'None'"),
        (http({"name": "x", "plan": {"nodes": []}, "vertices": [MANY] * 100}), "more than 64 questions"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", "an answer was cut off"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000, "an answer is no JSON"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (1 << 21), "an answer has more than 1 MiB"),
        (b"\xff" * 1000, "no answer of a web server"),
    ],
)
def test_an_odd_answer_is_told_and_harms_nothing(
    manager: JobManager, monkeypatch: pytest.MonkeyPatch, answer: bytes, sentence: str
) -> None:
    asked = Asked(manager.port, monkeypatch)
    running, later = rounds()[:2]
    asked.ask(running.at)
    empty = http({"id": "a" * 32, "subtasks": []})
    manager.answers = {**running.answers, JOB: answer, "*": empty}
    asked.ask(running.at)
    (problem,) = asked.overview()["problems"]
    assert sentence in problem
    assert len(problem) < 300
    json.dumps(asked.overview()).encode()
    manager.answers = {**later.answers}
    asked.ask(later.at)
    assert asked.workers()["worker2"] == ("sending", 7580)
    assert asked.overview()["problems"] == []


def test_whoever_takes_a_connection_and_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LIMIT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked = Asked(silent.getsockname()[1], monkeypatch)
        asked.ask(rounds()[0].at)
        (problem,) = asked.overview()["problems"]
        assert problem.endswith("no whole answer within 0.05 s.")


def test_a_name_that_is_too_long_for_the_page_is_told(manager: JobManager, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(manager.port, monkeypatch)
    workers = {"taskmanagers": [{"id": "w" * 300}]}
    manager.answers["/taskmanagers"] = http(workers)
    asked.ask(rounds()[0].at)
    (problem,) = asked.overview()["problems"]
    assert "a name has 300 characters" in problem


class TestProgram:
    def test_it_asks_by_itself_and_shows_what_it_was_told(
        self, programs: Programs, tmp_path: Path, manager: JobManager
    ) -> None:
        ui = Ui(programs, tmp_path, "--ask", "flink", "--at", f"127.0.0.1:{manager.port}")
        ui.until(lambda: ui.view("applications")["applications"])
        (application,) = ui.view("applications")["applications"]
        assert application["name"] == "detector"
        manager.answers = {**rounds()[1].answers}
        workers = ui.until(
            lambda: {
                row["name"]: row["count"]
                for row in ui.view("overview", application="detector")["workers"]
                if row["count"]
            }
        )
        assert workers == {"worker2": 7580, "worker3": 4400}
        _status, _headers, text = ui.get("/metrics")
        labels = 'application="detector",pipeline="detector",worker="worker2"'
        assert f'wallaroo_untimed_messages_total{{of="worker",{labels}}} 7580\n'.encode() in text
        assert f"wallaroo_worker_latency_seconds_count{{{labels}}} 0\n".encode() in text

    @pytest.mark.parametrize("words", [("--ask", "flink"), ("--at", "127.0.0.1:1")])
    def test_whom_and_where_go_together(self, programs: Programs, tmp_path: Path, words: tuple[str, str]) -> None:
        places = ("--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--token-file", tmp_path / "token")
        code, output = programs.run("metrics_ui", *places, *words)
        assert code == 2
        assert "neither goes without the other" in output

    def test_an_engine_whose_workers_send_their_metrics_is_not_asked(self, programs: Programs, tmp_path: Path) -> None:
        code, output = programs.run("metrics_ui", "--ask", "embedded", "--at", "127.0.0.1:1")
        assert code == 2
        assert "flink" in output
