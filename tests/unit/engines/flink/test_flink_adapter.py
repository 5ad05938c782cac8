# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Flink's processes are started, and what their files and logs tell. The lines were printed by Flink 2.3.0."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.ports import Ports
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import ClusterRecord, ServerAddress
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.contract import (
    COVERED,
    FORMED,
    FORMING,
    MOVED,
    RESTARTED,
    UNKNOWN,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.flink import files as flink_files
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.flink.adapter import Flink
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import ProcessIdentity
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import ResilienceSet

FLINK = Flink()
SERVERS = [ServerAddress(f"server{number}", f"10.0.0.{number}", f"/w{number}") for number in (1, 2, 3, 4)]
PLACEMENT = {"initializer": "server1", "worker2": "server2", "worker3": "server3"}
CLUSTER = ClusterRecord(
    "id", "multi_partition_detector", "flink", "2.3", 3, SERVERS, PLACEMENT, Ports().to_dict(), engine_home="/opt/flink"
)

RUNS = (
    "16:31:30.724 INFO  Task - windows -> sink: Writer (1/2)#0 (62c0d406caf24732f462b259462b9e05_dd33_0_0) "
    "switched from INITIALIZING to RUNNING."
)


def told(worker: str, server: ServerAddress, cluster: ClusterRecord = CLUSTER) -> dict[str, object]:
    (text,) = FLINK.command(cluster, worker, server, "python3").files.values()
    lines = (line.partition(": ") for line in text.splitlines())
    return {name: json.loads(value) for name, _, value in lines}


def test_each_process_has_the_ports_of_its_worker_and_the_address_of_its_server() -> None:
    leader, moved = told("initializer", SERVERS[0]), told("worker2", SERVERS[3])
    assert leader["jobmanager.rpc.address"] == moved["jobmanager.rpc.address"] == "10.0.0.1"
    assert leader["jobmanager.rpc.port"] == moved["jobmanager.rpc.port"] == 12500
    assert (leader["blob.server.port"], leader["rest.port"]) == (12501, 5050)
    assert moved["taskmanager.host"] == moved["taskmanager.bind-host"] == "10.0.0.4"
    assert (moved["taskmanager.rpc.port"], moved["taskmanager.data.port"]) == (13104, 13105)
    assert FLINK.listens(CLUSTER, "initializer") == [12500, 12501, 5050]
    assert FLINK.listens(CLUSTER, "worker2") == [13104, 13105]


def test_absolute_paths_of_the_state_hold_wherever_a_worker_runs() -> None:
    command = FLINK.command(CLUSTER, "worker2", SERVERS[3], "python3")
    configured = told("worker2", SERVERS[3])
    assert configured["process.working-dir"] == "/proc/self/cwd/state"
    assert configured["execution.checkpointing.dir"] == "file:///proc/self/cwd/state/checkpoints"
    assert command.links == {"run/worker2/state": "../../resilience/worker2"}
    assert "/w2" not in "".join(command.files.values())
    # What a killed process leaves there is no state.
    assert command.emptied == ["run/worker2/scratch"]
    assert configured["io.tmp.dirs"] == configured["web.tmpdir"] == "/proc/self/cwd/scratch"


def test_names_of_both_lines_of_flink_are_told() -> None:
    configured = told("worker2", SERVERS[1])
    for older, newer in (
        ("state.backend.local-recovery", "execution.state-recovery.from-local"),
        ("state.checkpoints.dir", "execution.checkpointing.dir"),
        ("state.storage.fs.memory-threshold", "execution.checkpointing.data-inline-threshold"),
        ("state.checkpoints.num-retained", "execution.checkpointing.num-retained"),
    ):
        assert configured[older] == configured[newer]


def test_the_job_gets_its_ends_from_the_cluster() -> None:
    argv = FLINK.command(CLUSTER, "initializer", SERVERS[0], "python3").argv
    assert argv[0] == "/opt/flink/usrlib/java"
    options = dict(zip(argv, argv[1:]))
    assert options["--source"] == "10.0.0.1:7002"
    assert options["--sink"] == "10.0.0.1:5555"
    assert options["--parallelism"] == "2"
    assert options["--configDir"] == "/w1/resilience/initializer"
    assert options["--checkpoints"] == "/proc/self/cwd/state/checkpoints"
    assert "--plain-source" in argv
    assert "--committing-sink" not in argv
    other = dataclasses.replace(CLUSTER, source="replayable", sink="committing")
    chosen = FLINK.command(other, "initializer", SERVERS[0], "python3").argv
    assert "--committing-sink" in chosen
    assert "--plain-source" not in chosen


@pytest.mark.parametrize("worker", ["initializer", "worker2"])
def test_no_process_answers_over_a_call_that_the_other_may_give_up(worker: str) -> None:
    options = FLINK.command(CLUSTER, worker, SERVERS[0], "python3").argv
    # What stands behind the class path is not for Java.
    assert "-Dpekko.remote.classic.use-passive-connections=off" in options[: options.index("-cp")]


def test_a_task_manager_is_known_by_its_name() -> None:
    argv = FLINK.command(CLUSTER, "worker2", SERVERS[3], "python3").argv
    assert argv[-2:] == ["-D", "taskmanager.resource-id=worker2"]
    assert "--source" not in argv


def test_the_job_manager_can_be_restarted_and_not_moved() -> None:
    leader, worker = FLINK.role("initializer"), FLINK.role("worker2")
    assert leader.allows(RESTARTED)
    assert not leader.allows(MOVED)
    assert worker.allows(RESTARTED)
    assert worker.allows(MOVED)


def test_the_checkpoints_of_each_are_found_and_half_ones_do_not_count(tmp_path: Path) -> None:
    job = "00000000000000000000000000000001"
    for name in (f"checkpoints/{job}/chk-9/_metadata", f"checkpoints/{job}/chk-10/_metadata"):
        _write(tmp_path / "initializer" / name)
    _write(tmp_path / "initializer" / f"checkpoints/{job}/chk-11/5a6b")
    state = f"tm_worker2/localState/aid_c8/jid_{job}/vtx_e5_sti_0/chk_10"
    _write(tmp_path / "worker2" / state / "_task_state_snapshot")
    _write(tmp_path / "worker2" / "tm_worker2/blobStorage/chk_99/blob")
    leader = ResilienceSet(tmp_path / "initializer", flink_files.layout("initializer"), "initializer")
    worker = ResilienceSet(tmp_path / "worker2", flink_files.layout("worker2"), "worker2")
    assert flink_files.checkpoints(leader) == [9, 10]
    assert flink_files.checkpoints(worker) == [10]
    assert list(worker.names()) == [f"{state}/_task_state_snapshot"]
    assert FLINK.progress(leader) == {"committed": 10, "written": 10, "checkpoints": 2, "journals": {}}


def _write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("state")


def test_the_job_manager_knows_how_far_the_cluster_has_come_together(tmp_path: Path) -> None:
    log = tmp_path / "log"
    known = ProcessRecord(
        "initializer", "worker", ProcessIdentity(1, 2, "boot", ("java",)), ["java"], str(tmp_path), str(log), 0.0, {}
    )
    assert FLINK.formation(str(tmp_path), CLUSTER, {}) == UNKNOWN
    log.write_text("16:31:29.649 INFO  ExecutionGraph - switched from SCHEDULED to DEPLOYING.\n")
    assert FLINK.formation(str(tmp_path), CLUSTER, {"initializer": known}) == FORMING
    log.write_text(f"{RUNS}\n")
    assert FLINK.formation(str(tmp_path), CLUSTER, {"initializer": known}) == FORMED
    _write(tmp_path / "resilience/initializer/checkpoints/01/chk-1/_metadata")
    assert FLINK.formation(str(tmp_path), CLUSTER, {"initializer": known}) == COVERED


@pytest.mark.parametrize(
    ("line", "elsewhere"),
    [
        (
            "16:31:53.828 INFO  TaskLocalStateStoreImpl - Found registered local state for checkpoint 18 in subtask "
            "(00000000000000000000000000000001 - dd3360f6b8ab0363c9992569bf1b7cca - 0)",
            "",
        ),
        (
            "16:33:19.690 INFO  TaskLocalStateStoreImpl - Did not find registered local state for checkpoint 94 in "
            "subtask (00000000000000000000000000000001 - e5a72f353fc1e6bbf3bd96a41384998c - 0)",
            "worker2 has its state from the JobManager, and not from its own files: they do not hold checkpoint 94",
        ),
    ],
)
def test_a_state_that_did_not_come_from_the_files_is_noticed(line: str, elsewhere: str) -> None:
    assert FLINK.foreign_state("worker2", [line, RUNS]).startswith(elsewhere)
    assert bool(FLINK.foreign_state("worker2", [line, RUNS])) is bool(elsewhere)
    assert FLINK.foreign_state("initializer", [line, RUNS]) == ""


def test_the_last_words_are_the_innermost_cause() -> None:
    lines = [
        "16:31:27.859 ERROR TaskManagerRunner - Terminating TaskManagerRunner with exit code 1.",
        "org.apache.flink.util.FlinkException: Failed to start the TaskManagerRunner.",
        "Caused by: java.io.IOException: Could not create the working directory",
        "\tat org.apache.flink.runtime.entrypoint.WorkingDirectory.create(WorkingDirectory.java:58)",
        "Caused by: java.nio.file.FileSystemException: No space left on device",
    ]
    assert FLINK.last_words(lines) == "Caused by: java.nio.file.FileSystemException: No space left on device"
    assert FLINK.last_words(lines[:1]) == lines[0]
    assert FLINK.last_words([RUNS]) == ""


class TestSpare:
    cluster = dataclasses.replace(CLUSTER, spare=True)

    def configured(self) -> dict[str, object]:
        (text,) = FLINK.spare(self.cluster).files.values()
        return {name: json.loads(value) for name, _, value in (line.partition(": ") for line in text.splitlines())}

    def test_it_stands_where_one_more_worker_would_with_a_name_of_its_own(self) -> None:
        command = FLINK.spare(self.cluster)
        assert list(command.files) == ["run/spare/config.yaml"]
        assert command.argv[-4:] == ["--configDir", "/w4/run/spare", "-D", "taskmanager.resource-id=spare"]
        assert FLINK.spare_listens(self.cluster) == [13108, 13109]
        assert self.configured()["taskmanager.host"] == "10.0.0.4"

    def test_it_keeps_nothing_that_it_could_claim_when_it_comes_back(self) -> None:
        configured = self.configured()
        for name in ("state.backend.local-recovery", "execution.state-recovery.from-local"):
            assert configured[name] is False
        assert configured["process.working-dir"] == "/proc/self/cwd/scratch"
        # All who move have it as before.
        assert told("worker2", SERVERS[1], self.cluster)["execution.state-recovery.from-local"] is True

    def test_a_death_is_known_sooner_where_somebody_can_take_over(self) -> None:
        assert told("worker2", SERVERS[1], self.cluster)["heartbeat.interval"] == 250
        assert told("worker2", SERVERS[1])["heartbeat.interval"] == 1000

    def test_that_the_state_came_from_elsewhere_is_told_as_what_a_spare_does(self) -> None:
        line = "16:33:19.690 INFO  TaskLocalStateStoreImpl - Did not find registered local state for checkpoint 94 in x"
        said = FLINK.foreign_state("worker2", [line], spared=True)
        assert said.endswith(
            "The spare went on meanwhile, as it should; leave spare=true out where a move is to be shown."
        )


def test_checkpoints_lie_in_a_folder_of_the_cluster_where_all_servers_see_it() -> None:
    cluster = dataclasses.replace(CLUSTER, checkpoints="/mnt/checkpoints")
    folder = "/mnt/checkpoints/wallaroo-id"
    for worker in ("initializer", "worker2"):
        configured = told(worker, SERVERS[0], cluster)
        assert configured["execution.checkpointing.dir"] == configured["state.checkpoints.dir"] == f"file://{folder}"
        # What does not travel inline is seen by all.
        assert configured["execution.checkpointing.data-inline-threshold"] == 20480
    leading, moved = (FLINK.command(cluster, worker, SERVERS[0], "python3") for worker in ("initializer", "worker2"))
    assert leading.argv[leading.argv.index("--checkpoints") + 1] == folder
    assert leading.shared == moved.shared == folder
    assert leading.links["resilience/initializer/checkpoints"] == folder
    assert list(moved.links) == ["run/worker2/state"]
