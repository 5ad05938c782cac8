# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves and starts that fail, as their user meets them: real workers whose next starts go wrong."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import record as cluster_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as process_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _moves, _timeline

from tests.integration.conftest import LIMIT, QUICK, Loopback, send_directly, start_directly
from tests.planting import CRASH, SILENT, left, mend, plant
from tests.strangers_check import agrees

MOVE = "worker=2 src=2 dst=4"
SECOND = "second start; the first one failed: "


def works(loopback: Loopback, server: int) -> None:
    """Worker 2 runs on a server and nowhere else, and what is sent comes out."""
    assert loopback.alive()["worker2"] == f"server{server}"
    known = cluster_record.read(str(loopback.base(1)))
    assert known is not None
    send_directly(known, "300")


def process(loopback: Loopback, server: int) -> ProcessRecord:
    known = process_record.read(str(loopback.base(server)), "worker2")
    assert known is not None
    return known


def last_result(loopback: Loopback) -> dict[str, Any]:
    return loopback.results()[-1]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("journal", ["true", "false"])
def test_a_first_start_that_fails_is_followed_by_a_second_one(loopback: Loopback, journal: str) -> None:
    start_directly(loopback, journal=journal)
    plant(loopback, 4, CRASH, 1)

    run = loopback.play("migrate", MOVE)

    assert "The first start of worker2 on server4 failed: " in run.message, run.output
    result = last_result(loopback)
    assert (result["outcome"], result["verdict"]) == ("moved", None)
    assert "None (a move alone looks at no message)" in agrees(loopback.runs / "latest")
    assert result["migrations"][0]["note"].startswith(SECOND)
    assert result["migrations"][0]["downtime_seconds"] > 0
    assert left(loopback, 4) == -1

    kill(process(loopback, 4).identity)
    plant(loopback, 4, CRASH, 1)
    run = loopback.play("restart_worker", "worker=2 server=4")
    assert "The first start of worker2 on server4 failed: " in run.message, run.output
    works(loopback, 4)
    loopback.play("verify")


def test_while_nobody_has_gone_on_the_source_s_files_are_gone_back_to(loopback: Loopback) -> None:
    start_directly(loopback, journal="true")
    plant(loopback, 4, CRASH, 2)
    # As for somebody who has installed the collection, and not the ansible.cfg of a checkout.
    config = loopback.directory / "ansible.cfg"
    places = {"collections_path": ".collections", "inventory": "inventory/loopback/hosts.yml"}
    lines = [f"{name} = {loopback.repository / place}" for name, place in places.items()]
    config.write_text("\n".join(["[defaults]", *lines, ""]))
    loopback.environment["ANSIBLE_CONFIG"] = str(config)

    run = loopback.play("migrate", MOVE, succeed=False)

    assert "worker2 was started again on server2, where it was" in run.message, run.output
    assert "nobody has taken a checkpoint or journalled since" in run.message, run.output
    result = last_result(loopback)
    assert (result["outcome"], result["verdict"]) == ("rolled back", None)
    assert "None (a move alone looks at no message)" in agrees(loopback.runs / "latest")
    assert result["migrations"][0]["downtime_seconds"] > 0
    assert left(loopback, 4) == 0, "the target is tried twice before"
    folder = loopback.runs / "latest"
    logs = {server: (folder / "logs" / server / "worker2.log").read_text() for server in ("server2", "server4")}
    assert "the program is broken" in logs["server4"]
    assert "Resuming message processing" in logs["server2"]
    steps = {record.get("step"): record for record in _timeline.read(folder / "timeline.jsonl")}
    assert steps["Start worker2"]["server"] == "server2"
    assert (steps["Move worker2"]["outcome"], steps["Move worker2"]["server"]) == ("failed", "server4")
    works(loopback, 2)


def test_once_the_cluster_has_gone_on_nothing_is_started_and_the_same_command_completes_it(loopback: Loopback) -> None:
    start_directly(loopback, journal="true")
    plant(loopback, 4, SILENT, 9)

    run = loopback.play("migrate", f"{MOVE} wallaroo_restart_timeout=6", succeed=False)

    assert "worker2 runs nowhere. It was not started again on server2" in run.message, run.output
    assert "has written checkpoint" in run.message, run.output
    assert 'restart_worker.yml -e "worker=worker2 server=server4"' in run.message, run.output
    assert "worker2" not in loopback.alive()
    assert last_result(loopback)["outcome"] == "unfinished"
    mend(loopback.base(4))
    loopback.play("migrate", MOVE)
    works(loopback, 4)
    loopback.play("verify")


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("playbook", "server", "arguments"), [("verify_restart", 2, ""), ("verify_migration", 3, "dst=3")]
)
def test_a_verified_run_tries_again_too_and_says_so(
    loopback: Loopback, playbook: str, server: int, arguments: str
) -> None:
    loopback.bring_programs()
    plant(loopback, server, CRASH, 1)

    run = loopback.play(playbook, f"workers=2 {arguments} {QUICK}")

    assert f"The first start of worker2 on server{server} failed: " in run.message, run.output
    assert last_result(loopback)["verdict"] == "pass"
    assert "pass (all came)" in agrees(loopback.runs / "latest")
    (migration,) = last_result(loopback)["migrations"]
    assert migration["note"].startswith(SECOND)
    assert migration["downtime_seconds"] > 0


def test_a_worker_that_was_dead_before_is_back_with_an_unknown_downtime(cluster: Loopback) -> None:
    kill(process(cluster, 2).identity)

    run = cluster.play("migrate", MOVE)

    (migration,) = last_result(cluster)["migrations"]
    assert migration["downtime_seconds"] is None
    assert migration["resumed"]
    assert last_result(cluster)["outcome"] == "moved"
    assert "worker2 was dead already, moved from server2 to server4" in run.message, run.output
    assert "back, downtime unknown" in run.message, run.output


def test_a_migration_that_is_cut_leaves_its_times_to_the_run_that_completes_it(cluster: Loopback) -> None:
    known = process(cluster, 2)
    with (cluster.directory / "first").open("wb") as output:
        first = cluster.start("migrate", MOVE, output)
        wait_until(lambda: not is_alive(known.identity), LIMIT, "the kill", pause=0.005)
        os.killpg(first.pid, signal.SIGINT)
        first.wait(LIMIT)
    (half,) = cluster.results()
    assert "unknown (the run did not end" in agrees(cluster.runs / "latest")
    assert (half["ended"], half["verdict"], half["outcome"]) == (False, "unknown", "unfinished")

    run = cluster.play("migrate", MOVE)

    (whole,) = cluster.results()
    assert {path.parent.name for path in cluster.runs.glob("latest/logs/*/worker2.log")} == {"server2", "server4"}
    assert (whole["ended"], whole["started"]) == (True, half["started"]), "it goes on with the same folder"
    assert [bool(part["finished"]) for part in whole["parts"]] == [False, True]
    timeline = _timeline.read(cluster.runs / "latest" / "timeline.jsonl")
    assert [record["record"] for record in timeline].count("run") == 2
    (migration,) = whole["migrations"]
    away = _moves.time_of(migration["resumed"]) - _moves.time_of(migration["killed"])
    assert migration["downtime_seconds"] == pytest.approx(away, abs=0.002)
    assert (last_result(cluster)["outcome"], last_result(cluster)["verdict"]) == ("moved", None)
    assert migration["killed"], "noted on the source by whoever killed it"
    assert migration["resumed"]
    assert "worker2 killed (SIGKILL), moved from server2 to server4" in run.message, run.output
    assert "did not come back" not in run.message, run.output
    works(cluster, 4)
