# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is Flink's own: local recovery from what was copied, its JobManager, and what it does not look after itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.ports import Ports
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.flink import log_lines
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import living
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

from tests.integration.conftest import Loopback
from tests.integration.test_metrics_ui import get
from tests.namespaces import four_servers, in_networks

from .conftest import FLINK, asked

QUICK = "checkpoint_interval=0.5"
WORKS = re.compile(log_lines.RUNS, re.MULTILINE)
STATE = "resilience/worker2/tm_worker2/localState"


def log(servers: Loopback, server: int, worker: str) -> str:
    """What a worker says since its last start."""
    return (servers.base(server) / "run" / worker / "log").read_text()


def memory(servers: Loopback) -> int:
    """Bytes of memory that all processes of a cluster take, what they share counted once."""
    pids = [
        process.identity.pid
        for server in range(1, 5)
        for process in living.survey(str(servers.base(server))).living().values()
    ]
    assert len(pids) == len(servers.alive())
    rolled = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
    return sum(int(re.findall(r"^Pss: +([0-9]+) kB$", one, re.MULTILINE)[0]) << 10 for one in rolled)


def calls(port: int) -> int:
    """How many connections to a port somebody has made and holds."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return sum(state == "01" and int(remote.rsplit(":", 1)[1], 16) == port for _, _, remote, state, *_ in rows)


def shown(servers: Loopback) -> Any:
    """What the page of the metrics UI shows of the job."""
    return get(servers, "/api/overview?application=detector")


def test_a_worker_goes_on_from_the_files_that_were_copied_and_the_job_manager_from_its_own(flink: Loopback) -> None:
    flink.play("start_cluster", f"{flink.engine} workers=3 {QUICK} metrics_ui=true")
    flink.play("start_sender", "last=50 interval=0")
    # Neither answers over a call of the other's: where two calls cross, one of them is given up.
    ports = Ports.from_mapping(flink.ports)
    assert [calls(ports.control_of(worker)) for worker in ("initializer", "worker2", "worker3")] == [2, 1, 1]
    # Whatever of it has come to its end where, all of it has.
    wait_until(lambda: [row["count"] for row in shown(flink)["pipelines"]] == [550], 30, "550 messages on the page")

    said = flink.play("migrate", "worker=2 src=2 dst=4").message

    assert "WARNING" not in said
    told = log(flink, 4, "worker2")
    assert "Found registered local state for checkpoint" in told
    assert "Did not find registered local state" not in told
    # Through its own working directory: whatever lies on the old server is not read.
    assert "File State: file:/proc/self/cwd/state/tm_worker2/localState" in told
    assert flink.play("migrate", "worker=2 src=2 dst=4").changed == 0

    # The source cannot come back: neither by a step, nor by hand, with the command line that it had.
    fenced = flink.play("restart_worker", "worker=2 server=2", succeed=False).message
    assert "worker2 runs on server4" in fenced
    argv = json.loads((flink.base(2) / "run/worker2/process.json").read_text())["argv"]
    by_hand = subprocess.run(
        argv, check=False, cwd=flink.base(2) / "run/worker2", capture_output=True, text=True, timeout=60
    )
    assert by_hand.returncode != 0
    assert "config.yaml" in by_hand.stdout + by_hand.stderr

    moved = flink.play("migrate", "worker=1 dst=2", succeed=False).message
    assert "Worker 1 cannot be moved: it is the JobManager" in moved
    page = shown(flink)
    assert {row["name"]: row["server"] for row in page["workers"]} == {
        "initializer": "server1",
        "worker2": "server4",
        "worker3": "server3",
    }
    assert (page["problems"], {row["state"] for row in page["workers"]} & {"gone"}) == ([], set())
    flink.play("kill_worker", "worker=1")
    wait_until(lambda: "Connection refused" in str(shown(flink)["problems"]), 30, "that nobody answers")
    lost = flink.play("restart_worker", "worker=3 crash=true", succeed=False).message
    assert "The initializer does not run" in lost
    assert "Restart it first: restart_worker.yml -e worker=1" in lost
    flink.play("restart_worker", "worker=1")
    wait_until(lambda: shown(flink)["problems"] == [], 30, "that it answers again")
    assert "Going on with checkpoint" in log(flink, 1, "initializer")
    # Of the one that was killed nothing is left, there or in a directory that nobody empties.
    made = [path.name for path in (flink.base(1) / "run/initializer/scratch").glob("flink-web-*")]
    assert len(made) == 1
    flink.play("start_sender", "last=100 interval=0")
    assert "1,100 of 1,100 messages" in flink.play("verify", "mode=exactly_once").message
    assert memory(flink) < 1.5 * 2**30
    status = " ".join(flink.play("status").message.split())
    assert "worker2 server4 running" in status


def test_a_set_that_is_not_what_was_copied_is_refused_and_a_stale_one_is_told(flink: Loopback) -> None:
    flink.play("start_cluster", f"{flink.engine} workers=2 {QUICK}")
    flink.play("start_sender", "last=50 interval=0")
    stale = flink.directory / "stale"
    shutil.copytree(flink.base(2) / STATE, stale, symlinks=True)
    flink.play("start_sender", "last=100 interval=0")
    flink.play("kill_worker", "worker=2")
    flink.play("copy_resilience", "worker=2 src=2 dst=4")

    (lost,) = (flink.base(4) / STATE).glob("aid_*/jid_*/vtx_*/chk_*/[0-9a-f]*-*")
    aside = lost.rename(flink.directory / "aside")
    without = flink.play("restart_worker", "worker=2 server=4", succeed=False).message
    assert "are not those whose copy was proved" in without
    assert f"{lost.name} is missing" in without.replace(" ", " ")
    aside.rename(lost)
    assert "WARNING" not in flink.play("restart_worker", "worker=2 server=4").message

    flink.play("kill_worker", "worker=2")
    shutil.rmtree(flink.base(4) / STATE)
    shutil.copytree(stale, flink.base(4) / STATE)
    told = flink.play("restart_worker", "worker=2").message
    assert "worker2 has its state from the JobManager, and not from its own files" in told
    flink.play("start_sender", "last=150 interval=0")
    assert "1,650 of 1,650 messages" in flink.play("verify", "mode=exactly_once").message


def test_a_spare_has_the_work_of_a_worker_until_that_is_back_and_all_see_the_checkpoints(flink: Loopback) -> None:
    shared = flink.directory / "shared"
    options = f"workers=2 spare=true keys=500 {QUICK} flink_checkpoints={shared}"
    missing = flink.play("start_cluster", f"{flink.engine} {options}", succeed=False).message
    assert f"there is no directory {shared}" in missing
    shared.mkdir()
    flink.play("start_cluster", f"{flink.engine} {options}")
    (folder,) = shared.iterdir()
    assert flink.alive()["spare"] == "server3"
    first = log(flink, 3, "spare")
    assert not WORKS.search(first)
    flink.play("start_sender", "last=100000 batch=1 interval=0.01 wait=false")

    moved = flink.play("migrate", "worker=2 src=2 dst=4 settle=false").message

    # Each is where it was in the beginning, but for the worker, and it is told where its state came from.
    assert flink.alive()["spare"] == "server3"
    assert WORKS.search(log(flink, 4, "worker2"))
    assert not WORKS.search(log(flink, 3, "spare"))
    assert "The spare went on meanwhile, as it should" in moved
    # Every reading behind the first follows a death: of the worker, whose work the spare took, and of the spare.
    assert len(asked(flink)) >= 3
    shown = " ".join(flink.play("status").message.split())
    assert "spare server3 running" in shown

    # State that is too large to travel inline lies beside the checkpoint, where all see it.
    assert any(path.name != "_metadata" for path in folder.glob("*/chk-*/*"))

    # The JobManager gives all work away anew: to the worker, though the spare was there first.
    flink.play("restart_worker", "worker=1 crash=true")
    assert f"Going on with checkpoint {folder}/" in log(flink, 1, "initializer")
    assert not WORKS.search(log(flink, 3, "spare"))
    assert flink.play("start_cluster", f"{flink.engine} {options}").changed == 0
    os.kill(living.alive(str(flink.base(3)), "spare").identity.pid, signal.SIGKILL)
    assert flink.play("start_cluster", f"{flink.engine} {options}").changed == 1
    assert flink.alive()["spare"] == "server3"

    stopped = " ".join(flink.play("stop_cluster").message.split())
    assert "spare on server3" in stopped
    assert flink.alive() == {}
    assert list(shared.iterdir()) == []


@in_networks
def test_workers_move_between_servers_with_addresses_of_their_own(repository: Path, tmp_path: Path) -> None:
    """Over SSH."""
    home = FLINK.home(repository)
    with four_servers(repository, tmp_path) as networks:
        networks.play_in_turn(
            ("start_cluster", f"workers=3 engine=flink flink_home={home} {QUICK}"),
            ("start_sender", "last=50"),
            ("migrate", "worker=2 src=2 dst=4"),
            ("start_sender", "last=100"),
        )
        assert "verdict: pass" in networks.play("verify", "mode=exactly_once").message
        told = (networks.base(4) / "run" / "worker2" / "log").read_text()
        assert "Found registered local state for checkpoint" in told


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("playbook", "arguments", "sentence"),
    [
        ("start_cluster", "engine=flink", "engine=flink needs flink_home: a Flink distribution"),
        ("start_cluster", "engine=flink flink_home=/no/such", "bring or prepare it with setup_flink.yml"),
        ("start_cluster", "{engine} workers=1", "workers=1 is too few: with engine=flink worker 1 leads the others"),
        ("start_cluster", "{engine} app=market_spread", "app=market_spread is not for engine=flink"),
        ("start_cluster", "engine=embedded spare=true", "has no process that could stand by"),
        ("start_cluster", "engine=embedded flink_checkpoints=/mnt/c", "keeps its checkpoints among the files"),
        ("start_cluster", "{engine} flink_checkpoints=/mnt/c%20d", "stands in an address"),
        ("verify_migration", "{engine} via=journal", "The engine flink keeps no journals"),
        ("verify_migration", "{engine} worker=1", "Worker 1 cannot be moved: it is the JobManager"),
        ("verify_migration", "{engine} negative=dropped_state", "has files of which it is not known how"),
        ("verify_migration", "{engine} negative=two_owners", "so what comes of it is chance"),
    ],
)
def test_what_does_not_go_together_is_refused(flink: Loopback, playbook: str, arguments: str, sentence: str) -> None:
    said = flink.play(playbook, arguments.format(engine=flink.engine), succeed=False).message

    assert sentence in said
    assert flink.alive() == {}
