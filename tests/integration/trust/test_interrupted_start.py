# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A start that is cut is completed by the same command, and takes no state away from a cluster that has one."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Mapping

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import record as cluster_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import living
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

from tests.integration.conftest import LIMIT, QUICK, Loopback, begin_directly, send_directly

START = "workers=3 journal=true checkpoint_interval=0.2"
SERVERS = {
    "receiver": "server1",
    "journal_server": "server1",
    "initializer": "server1",
    "worker2": "server2",
    "worker3": "server3",
}
FILES = ("checkpoint_ids", "evlog", "evlog.journal", "journal", "local-keys", "tcp-control")
"""What each of two workers makes that wait for a third one."""


def works(loopback: Loopback, wanted: Mapping[str, str] = SERVERS) -> None:
    """All of it runs, once, and what is sent comes out."""
    assert loopback.alive() == wanted
    for number in range(1, 5):
        assert not living.survey(str(loopback.base(number))).strays
    known = cluster_record.read(str(loopback.base(1)))
    assert known is not None
    send_directly(known, "100")


def test_a_start_that_is_cut_is_completed_by_the_same_command(loopback: Loopback, seed: int) -> None:
    chance = random.Random(seed)
    with (loopback.directory / "first").open("wb") as output:
        first = loopback.start("start_cluster", START, output)
        process = chance.choice([*SERVERS, ""])
        begun = loopback.base(int(SERVERS.get(process, "server1")[-1])) / "run" / process
        try:
            wait_until(lambda: begun.exists() or first.poll() is not None, LIMIT, f"the start of {process}")
            time.sleep(chance.uniform(0, 0.5))
        finally:
            # Ctrl-C reaches all processes of a terminal; what kills a controller leaves its modules to themselves.
            cut = chance.choice([(os.killpg, signal.SIGINT), (os.kill, signal.SIGKILL), (os.killpg, signal.SIGKILL)])
            if first.poll() is None:
                cut[0](first.pid, cut[1])
            first.wait(LIMIT)

    loopback.play("start_cluster", START)

    works(loopback)
    loopback.play("verify")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("started", [[], ["initializer"]], ids=["no worker", "initializer"])
def test_between_any_two_processes(loopback: Loopback, started: list[str]) -> None:
    begin_directly(loopback, ["receiver", *started], workers="3", journal="true")

    loopback.play("start_cluster", START)

    works(loopback)


def test_when_one_worker_is_missing_another_cluster_is_refused(loopback: Loopback) -> None:
    begin_directly(loopback, ["receiver", "initializer", "worker2"], workers="3", journal="true")
    # Who listens has not yet made all of its files; what makes the last ones is the journal server's answer.
    begun = [
        f"servers/{SERVERS[name]}/resilience/{name}/*-{name}.{kind}"
        for name in ("initializer", "worker2")
        for kind in FILES
    ]
    wait_until(lambda: all(list(loopback.directory.glob(one)) for one in begun), LIMIT, "the files of two workers")

    before = loopback.snapshot()
    run = loopback.play("start_cluster", "workers=2", succeed=False)
    assert (
        "The start of another cluster was interrupted (initializer on server1, worker2 on server2 runs)" in run.message
    )
    assert "workers=3 instead of 2" in run.message
    run = loopback.play("start_cluster", START, "--check")
    assert loopback.snapshot() == before
    loopback.play("start_cluster", START)

    works(loopback)


def test_when_all_are_started_they_are_waited_for(loopback: Loopback) -> None:
    # None of them gets ready without the receiver, which is the first to be started again.
    begin_directly(loopback, ["initializer", "worker2", "worker3"], workers="3")
    before = {name: known for name, known in loopback.snapshot()["files"].items() if "process.json" in name}

    run = loopback.play("start_cluster", "workers=3 checkpoint_interval=0.2")

    assert "worker3 on server3) is waited for" in run.message
    works(loopback, {name: server for name, server in SERVERS.items() if name != "journal_server"})
    after = loopback.snapshot()["files"]
    assert {name: after[name] for name in before} == before


def test_a_verified_run_begins_over_it(loopback: Loopback) -> None:
    begin_directly(loopback, ["receiver", "initializer"])

    loopback.play("verify_migration", f"workers=2 dst=3 {QUICK}")

    assert loopback.results()[-1]["verdict"] == "pass"


def test_a_cluster_that_lost_a_worker_is_none_that_was_half_started(loopback: Loopback) -> None:
    begin_directly(loopback, workers="3", journal="true", checkpoint_interval="300")
    log = loopback.base(1) / "run" / "initializer" / "log"
    wait_until(lambda: "successfully initialized" in log.read_text(), LIMIT, "the initializer")
    worker = living.alive(str(loopback.base(3)), "worker3")
    assert worker is not None
    kill(worker.identity)
    before = loopback.snapshot()

    run = loopback.play("start_cluster", "workers=3 journal=true checkpoint_interval=300", succeed=False)

    assert "Of a cluster of 3 workers only initializer, worker2 is running; stop it first" in run.message
    assert loopback.snapshot() == before
