# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics UI as the playbooks run it: started and stopped with a cluster, and told what happens to its workers."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as process_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

from tests.metrics_ui_runner import PAGE

from .conftest import QUICK, Loopback, start_directly

LIMIT = 40.0
APPLICATION = "Multi Partition Detector"


@pytest.fixture
def shown(loopback: Loopback) -> Loopback:
    """Servers whose cluster is started with the metrics UI, as by default."""
    loopback.metrics_ui = ""
    loopback.bring_programs()
    return loopback


def get(loopback: Loopback, path: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", loopback.ports["metrics_ui"], timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return json.loads(body) if answer.headers["Content-Type"] == "application/json" else body.decode()
    finally:
        connection.close()


def overview(loopback: Loopback) -> dict[str, Any]:
    found: dict[str, Any] = get(loopback, f"/api/overview?application={quote(APPLICATION)}")
    return found


def workers(loopback: Loopback) -> dict[str, tuple[str, str]]:
    return {row["name"]: (row["state"], row["server"]) for row in overview(loopback)["workers"]}


def marks(loopback: Loopback) -> list[tuple[str, str, str]]:
    return [(mark["kind"], mark["worker"], mark["server"]) for mark in get(loopback, "/api/marks")["marks"]]


def test_it_starts_and_stops_with_a_cluster_and_shows_every_step(shown: Loopback) -> None:
    run = shown.play("start_cluster", "workers=2 checkpoint_interval=0.2")
    url = f"http://127.0.0.1:{shown.ports['metrics_ui']}/"
    assert f"metrics UI: {url}" in run.message
    assert shown.alive()["metrics_ui"] == "server1"
    assert "<title>Wallaroo metrics</title>" in get(shown, "/")
    assert get(shown, "/static/figure.js") == (PAGE / "figure.js").read_text(encoding="utf-8")
    assert f"metrics UI: {url}" in shown.play("status").message
    assert shown.play("start_cluster", "workers=2 checkpoint_interval=0.2").changed == 0

    # Values come for longer than the period of two seconds, after which its numbers are sent.
    shown.play("start_sender", "last=600 batch=20 interval=0.1")
    wait_until(lambda: len(workers(shown)) == 2, LIMIT, "both workers")
    assert {server for _state, server in workers(shown).values()} == {"server1", "server2"}
    assert overview(shown)["pipelines"][0]["count"] > 0

    shown.play("migrate", "worker=2 src=2 dst=4")
    kinds = ["crash", "copy", "start", "resumed"]
    places = ["server2", "server4", "server4", "server4"]
    assert marks(shown) == [(kind, "worker2", place) for kind, place in zip(kinds, places)]
    (result,) = (result for result in shown.results() if result["name"] == "migrate")
    crash, *_others, resumed = get(shown, "/api/marks")["marks"]
    assert resumed["time"] - crash["time"] == pytest.approx(result["migrations"][0]["downtime_seconds"], abs=0.01)
    wait_until(lambda: workers(shown)["worker2"] == ("idle", "server4"), LIMIT, "worker2 on server4")

    shown.play("kill_worker", "worker=2")
    wait_until(lambda: workers(shown)["worker2"][0] == "gone", LIMIT, "worker2 to be gone")
    shown.play("copy_resilience", "worker=2 src=4 dst=3")
    shown.play("restart_worker", "worker=2 server=3")
    assert marks(shown)[4:] == [
        ("crash", "worker2", "server4"),
        ("copy", "worker2", "server3"),
        ("start", "worker2", "server3"),
        ("resumed", "worker2", "server3"),
    ]
    before = get(shown, "/api/marks")
    for playbook, arguments in (("kill_worker", "worker=2"), ("restart_worker", "worker=2"), ("stop_cluster", "")):
        shown.play(playbook, arguments)
        if playbook == "kill_worker":
            assert len(get(shown, "/api/marks")["marks"]) == len(before["marks"]) + 1
    assert shown.alive() == {}


def test_a_cluster_that_runs_can_get_it_lose_it_and_get_it_back(cluster: Loopback) -> None:
    arguments = "workers=2 checkpoint_interval=0.2"
    before = cluster.alive()
    assert cluster.play("start_cluster", arguments).changed == 0, "without it, as the cluster was started"
    assert cluster.play("start_cluster", f"{arguments} metrics_ui=true", "--check").changed > 0
    assert cluster.alive() == before
    assert cluster.play("start_cluster", f"{arguments} metrics_ui=true").changed > 0
    assert cluster.alive() == {**before, "metrics_ui": "server1"}

    known = process_record.read(str(cluster.base(1)), "metrics_ui")
    assert known is not None
    kill(known.identity)
    migrated = cluster.play("migrate", "worker=2 src=2 dst=4")
    assert "moved from server2 to server4" in migrated.output, "a cluster does not depend on it"
    assert cluster.play("start_cluster", f"{arguments} metrics_ui=true").changed > 0
    assert cluster.play("start_cluster", f"{arguments} metrics_ui=true").changed == 0
    # A worker comes back by itself within ten seconds, and where it is is known from the playbook.
    wait_until(lambda: workers(cluster).get("worker2") == ("idle", "server4"), LIMIT, "worker2")
    assert marks(cluster) == []

    assert cluster.play("start_cluster", f"{arguments} metrics_ui=false").changed == 1
    assert cluster.alive() == {**before, "worker2": "server4"}


def test_that_it_does_not_answer_fails_nothing(loopback: Loopback) -> None:
    start_directly(loopback, metrics_ui="true")
    known = process_record.read(str(loopback.base(1)), "metrics_ui")
    assert known is not None
    os.kill(known.identity.pid, signal.SIGSTOP)
    try:
        run = loopback.play("migrate", "worker=2 src=2 dst=4")
    finally:
        os.kill(known.identity.pid, signal.SIGCONT)
    assert "Its time axis does not show what was done" in run.message
    assert loopback.results()[-1]["outcome"] == "moved"


def test_where_it_cannot_start_a_cluster_is_started_unless_it_was_asked_for(shown: Loopback) -> None:
    # An address for documents, which no machine has.
    nowhere = "workers=1 metrics_ui_listen=192.0.2.1"
    asked = shown.play("start_cluster", f"{nowhere} metrics_ui=true", succeed=False)
    assert f"nobody can listen on 192.0.2.1:{shown.ports['metrics_ui']}" in asked.message
    assert "Everything was stopped again." in asked.message
    assert shown.alive() == {}
    run = shown.play("start_cluster", nowhere)
    assert "No metrics UI: server1: " in run.message
    assert "The cluster is started without it." in run.message
    assert "metrics UI: http" not in run.message
    assert set(shown.alive()) == {"initializer", "receiver"}
    assert "metrics UI: http" in shown.play("start_cluster", "workers=1").message
    assert set(shown.alive()) == {"initializer", "metrics_ui", "receiver"}


def test_a_start_that_was_interrupted_is_completed_by_another(shown: Loopback, tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb") as stream:
        first = shown.start("start_cluster", "workers=2", stream)
        wait_until(lambda: "metrics_ui" in shown.alive(), LIMIT, "the metrics UI")
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    shown.play("start_cluster", "workers=2")
    assert set(shown.alive()) == {"initializer", "metrics_ui", "receiver", "worker2"}


def test_its_port_is_asked_for_only_where_it_is_wanted(shown: Loopback) -> None:
    with socket.create_server(("127.0.0.1", shown.ports["metrics_ui"])):
        refused = shown.play("start_cluster", "workers=1", succeed=False)
        assert "or go without the metrics UI (metrics_ui=false)" in refused.message
        shown.play("start_cluster", "workers=1 metrics_ui=false")
    assert set(shown.alive()) == {"initializer", "receiver"}


def test_a_move_that_failed_is_shown_with_the_way_back(loopback: Loopback) -> None:
    start_directly(loopback, metrics_ui="true")
    (loopback.base(4) / "run" / "worker2" / ".log.new").mkdir(parents=True)
    run = loopback.play("migrate", "worker=2 src=2 dst=4", succeed=False)
    assert "worker2 was started again on server2, where it was" in run.message
    assert marks(loopback) == [(kind, "worker2", "server2") for kind in ("crash", "start", "resumed")]
    assert get(loopback, "/api/marks")["marks"][1]["text"] == "back where it was: the move failed"


def test_verified_runs_show_crashes_in_place_too_and_what_they_have_found(loopback: Loopback, tmp_path: Path) -> None:
    loopback.metrics_ui = ""
    loopback.bring_programs()
    loopback.play("demo", f"{QUICK} workers=2 path=2,4 restarts=1 keep_running=true")
    moved = [("crash", "server2"), ("copy", "server4"), ("start", "server4"), ("resumed", "server4")]
    restarted = [("crash", "server4"), ("start", "server4"), ("resumed", "server4")]
    assert [(kind, server) for kind, _worker, server in marks(loopback)] == moved + restarted
    (result,) = loopback.results()
    verdict = get(loopback, "/api/verdict")["verdict"]
    counts = {name: result[name] for name in ("verdict", "reason", "received", "expected")}
    assert verdict == {**counts, "run": "demo", "violations": 0, "workers": ["worker2"], "time": verdict["time"]}
    assert (verdict["verdict"], verdict["received"]) == ("pass", verdict["expected"])
    assert verdict["time"] > get(loopback, "/api/marks")["marks"][-1]["time"]
