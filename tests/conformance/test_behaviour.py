# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a runbook relies on: lines and their order, ports, files, exit codes (wallaroo.md, A, B, C.1, F, Traps)."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.external import MessageType, encode
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame

from tests.engines import Engine
from tests.worker_runner import INITIALIZED, KEYS, READY, RESUMED, Cluster, crash_and_restart, fed, wait_for

OWNERS = {
    1: [set(KEYS)],
    2: [{"key_2", "key_3", "key_5", "key_7", "key_8"}, {"key_0", "key_1", "key_4", "key_6", "key_9", "key_10"}],
    3: [{"key_2", "key_3", "key_5", "key_7", "key_8"}, {"key_0", "key_6", "key_9"}, {"key_1", "key_4", "key_10"}],
}
"""wallaroo.md, B.6."""


LOCAL = sorted(OWNERS[2][0])
"""In a cluster of two: keys of the initializer."""


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_message_goes_through_once_and_in_order(cluster: Cluster, workers: int) -> None:
    receiver = cluster.receiver()
    cluster.start_all(workers)
    cluster.send(1, 200)
    receiver.assert_exactly_once(200)
    assert len(receiver.connections) == workers, "every worker has one connection of its own to the sink"
    assert sorted(map(sorted, receiver.keys_of)) == sorted(map(sorted, OWNERS[workers]))


def test_a_cluster_says_what_a_real_one_says(cluster: Cluster) -> None:
    cluster.receiver()
    cluster.start_all(2)
    first, second = cluster["initializer"].log(), cluster["worker2"].log()
    control, data = cluster.ports["worker2"]
    _assert_in_order(
        first,
        [
            "****RESILIENCE MODE is active****",
            f"||| Resilience directory: {cluster.directory}/initializer|||",
            "||| Log-rotation: false|||",
            f"Set up external channel listener on 127.0.0.1:{cluster.external}",
            "Running as Initializer...",
            f"initializer control: listening on 127.0.0.1:{cluster.ports['initializer'][0]}",
            "Worker worker2 control channel identified",
            "All worker control channels identified",
            f"initializer data channel: listening on 127.0.0.1:{cluster.ports['initializer'][1]}",
            "Worker worker2 data channel identified",
            "All worker data channels identified",
            "Saving connection addresses!",
            "Initializing application",
            "vvvvvv|Initializing Topologies for Workers|vvvvvv",
            "Finished distributing",
            "|v|v|v|Initializing Local Topology|v|v|v|",
            "|^|^|^|Finished Initializing Local Topology|^|^|^|",
            "|~~ INIT PHASE I: Application is created! ~~|",
            f"Detector source attempting to listen on 127.0.0.1:{cluster.source}",
            "Detector source is listening",
            "|~~ INIT PHASE II: Application is initialized! ~~|",
            f"TCPSink initializing connection to 127.0.0.1:{cluster.sink}",
            "TCPSink connected",
            READY,
            "All 2 workers reporting Topology ready!",
            INITIALIZED,
        ],
    )
    _assert_in_order(
        second,
        [
            f"worker2 control: listening on 127.0.0.1:{control}",
            "ControlSenderConnectNotifier: connected to initializer.",
            f"worker2 data channel: listening on 127.0.0.1:{data}",
            "Saving connection addresses!",
            "worker2: Interconnections with other workers created.",
            "|~~ INIT PHASE I: Application is created! ~~|",
            "|~~ INIT PHASE II: Application is initialized! ~~|",
            READY,
        ],
    )
    assert "worker2 reported topology ready!" in first
    assert "source" not in second, "only the initializer listens for senders"


def _assert_in_order(log: str, lines: list[str]) -> None:
    found = log.splitlines()
    position = 0
    for line in lines:
        assert line in found[position:], f"{line!r} is missing after {found[:position][-1:]}"
        position = found.index(line, position) + 1


def _assert_recovery(log: str, control_port: int, entries: int) -> None:
    position = 0
    for line in (
        "Recovering from recovery files!",
        "Attempting to recover...",
        f"Restarting a listener at 127.0.0.1:{control_port}",
        "|~~ INIT PHASE I: Application is created! ~~|",
        "Connecting OutgoingBoundary to 127.0.0.1:",
        "BoundaryNotify: connected",
        "|~~ INIT PHASE II: Application is initialized! ~~|",
        "|~~ - Recovery Phase: Reconnect - ~~|",
        "|~~ -- Reconnect Phase 1: Wait for Boundary Counts -- ~~|",
        "|~~ -- Reconnect Phase 2: Wait for Reconnections -- ~~|",
        "|~~ -- Reconnect COMPLETE -- ~~|",
        "|~~ - Recovery Phase: Prepare Rollback - ~~|",
        "|~~ - Recovery Phase: Rollback Local Keys - ~~|",
        "|~~ - Recovery Phase: Rollback Barrier - ~~|",
        "|~~ - Recovery Phase: AwaitDataReceiversAck - ~~|",
        "|~~ - Recovery Phase: Await Recovery Initiated Acks - ~~|",
        "|~~ - Recovery Phase: Rollback - ~~|",
        "RESILIENCE: Rolling back to checkpoint ",
        "RESILIENCE: write _LogRestartEntry at offset ",
        f"RESILIENCE: Replayed {entries} entries from recovery log file.",
        "|~~ - Recovery COMPLETE - ~~|",
        RESUMED,
        READY,
    ):
        assert line in log[position:], line
        position = log.index(line, position)


def test_the_recorded_recovery_says_what_is_expected_here(fixtures: Path) -> None:
    """Of three workers, of which the third had been restarted before: 28648 was worker2's control port."""
    log = (fixtures / "wallaroo-0.5.4/three_workers/worker2-restarted.log").read_text()
    _assert_recovery(log, 28648, 3)


def test_a_recovery_says_what_a_real_one_says(cluster: Cluster) -> None:
    fed(cluster, 2)
    crash_and_restart(cluster, "worker2")
    cluster["worker2"].wait_for(READY)
    _assert_recovery(cluster["worker2"].log(), cluster.ports["worker2"][0], 5)
    cluster["initializer"].wait_for(RESUMED)
    survivor = cluster["initializer"].log()
    for line in (
        "ControlSenderConnectNotifier (to worker2): server closed",
        "ControlChannelConnectNotifier: server closed",
        "DataChannelConnectNotifier: server closed",
        "BoundaryNotify: closed",
    ):
        assert line in survivor, line
    position = 0
    for line in (
        "Control Ch: Received Mute Request from worker2",
        "Informed worker2 that I have 11 boundaries to it",
        "|~~ - Recovery initiated at worker2. Ceding control. - ~~|",
        "RESILIENCE: Rolling back to checkpoint ",
        "RESILIENCE: Replayed 4 entries from recovery log file.",
        RESUMED,
    ):
        assert line in survivor[position:], line
        position = survivor.index(line, position)


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        ([], 0, "Couldn't build topology!"),
        (["-i", "127.0.0.1:1", "-o", "127.0.0.1"], 0, "Couldn't build topology!"),
        (["-w", "0"], 1, "--worker-count must be at least 1."),
        (["-t"], 1, "needs its data channel address"),
        (["-n", "worker2", "-w", "2"], 1, "Only supply --worker-count to cluster initializer"),
        (["-n", "worker2", "-d", "127.0.0.1:1"], 1, "Only supply --data to cluster initializer."),
        (["-n", "worker2"], 1, "--my-control"),
        (["-t", "-d", "127.0.0.1:1", "-r", "/tmp/"], 1, "/"),
        (["-t", "-d", "127.0.0.1:1", "-r", "/nowhere"], 1, ""),
    ],
)
def test_wrong_command_lines(cluster: Cluster, engine: Engine, argv: list[str], code: int, said: str) -> None:
    addresses = [] if "topology" in said else ["-i", "127.0.0.1:1", "-o", "127.0.0.1:2", "-m", "127.0.0.1:3"]
    where = [*([] if "-r" in argv else ["-r", str(cluster.directory)]), *engine.flags]
    executable = engine.executable(cluster.application, cluster.directory / "launcher.py")
    ended = subprocess.run(
        [*executable, *addresses, *argv, *where], capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.returncode == code
    assert said in ended.stdout + ended.stderr
    assert not list(cluster.directory.glob("*.evlog")), "nothing was begun"


def test_a_resilience_build_wants_to_be_told_so(cluster: Cluster, engine: Engine) -> None:
    if not engine.flags:
        pytest.skip(f"{engine.version} knows no such flag")
    executable = engine.executable(cluster.application, cluster.directory / "launcher.py")
    addresses = ["-i", "127.0.0.1:1", "-o", "127.0.0.1:2", "-m", "127.0.0.1:3", "-d", "127.0.0.1:4"]
    argv = [*executable, *addresses, "-t", "-r", str(cluster.directory)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert "--run-with-resilience" in ended.stdout + ended.stderr


def test_the_files_of_a_fresh_worker(cluster: Cluster) -> None:
    cluster.receiver()
    cluster.start_all(2)
    for name in ("initializer", "worker2"):
        files = cluster.files(name)
        assert files.state() == "complete"
        assert files.path("workers").read_bytes() == b"initializer\nworker2\n"
        assert files.path("local-keys").read_bytes() == b""
        assert files.path("evlog").read_bytes()[:9] == b"\x01" + bytes(8)
        assert files.path("checkpoint_ids").read_bytes()[:16] == bytes(16)
        assert files.path("tcp-data").read_bytes() == f"127.0.0.1\n{cluster.ports[name][1]}\n".encode()


def test_an_initializer_without_addresses_of_its_own_writes_an_empty_control_file(cluster: Cluster) -> None:
    cluster.receiver()
    cluster.start_all(1, own=False)
    assert cluster.files("initializer").path("tcp-control").read_bytes() == b"\n0\n"


def test_the_external_channel_answers(cluster: Cluster) -> None:
    initializer = cluster.start("initializer", 2)
    initializer.wait_for("initializer external: listening on")
    assert cluster.ask(MessageType.CLUSTER_STATUS_QUERY) == (MessageType.CLUSTER_STATUS_NOT_INITIALIZED, None)
    cluster.receiver()
    initializer.wait_for("initializer control: listening on")
    cluster.start("worker2")
    initializer.wait_for(INITIALIZED)
    status = {"worker_count": 2, "worker_names": ["initializer", "worker2"], "processing_messages": True}
    with socket.create_connection(("127.0.0.1", cluster.external)) as connection:
        # Several requests on one connection; what is not understood and what is empty is passed over.
        connection.sendall(encode(MessageType.PRINT, b"hello") + frame(b"") + encode(4711) + frame(b"x"))
    initializer.wait_for("$$$ ExternalPrint: hello $$$")
    assert cluster.ask(MessageType.CLUSTER_STATUS_QUERY) == (MessageType.CLUSTER_STATUS_RESPONSE, status)


def test_a_port_that_is_taken_ends_a_worker_unless_it_is_the_external_one(cluster: Cluster) -> None:
    cluster.receiver()
    with socket.create_server(("127.0.0.1", cluster.external)):
        cluster.start_all(1)
        assert "initializer external: couldn't listen" in cluster["initializer"].log()
        with socket.create_server(("127.0.0.1", cluster.ports_of("worker2")[0])):
            worker = cluster.start("worker2")
            assert worker.exit_code() == 1
            assert f"worker2 control: unable to listen on (127.0.0.1:{cluster.ports['worker2'][0]})" in worker.log()


def test_phase_three_waits_for_the_receiver(cluster: Cluster) -> None:
    initializer = cluster.start("initializer", 1)
    initializer.wait_for(f"RE-Connecting TCPSink to 127.0.0.1:{cluster.sink}")
    initializer.never_says(READY, 0.3)


@pytest.mark.parametrize("value", [0, 2])
def test_a_key_that_does_not_begin_with_one_ends_the_worker(cluster: Cluster, value: int) -> None:
    cluster.receiver()
    cluster.start_all(1)
    cluster.send(value, value, ["key_0"])
    initializer = cluster["initializer"]
    assert initializer.exit_code() == 1
    _fails = [line for line in initializer.log().splitlines() if line.startswith("Increments test failed")]
    assert _fails
    assert "This should never happen: failure in" in initializer.log()
    assert cluster.files("initializer").state() == "complete", "its files stay"


def test_a_status_query_does_not_tell_that_a_survivor_stands_still(cluster: Cluster) -> None:
    """So it is no sign of readiness: that is the line in the log alone."""
    fed(cluster, 2, last=10)
    assert cluster.is_processing()
    cluster["worker2"].kill()
    assert cluster.is_processing()
    cluster.ports["worker2"] = (cluster.port(), cluster.port())
    cluster.start("worker2").wait_for("Reconnect Phase 1")
    cluster["initializer"].wait_for("Control Ch: Received Mute Request from worker2")
    assert cluster.is_processing()
    assert RESUMED not in cluster["worker2"].log()
    cluster["worker2"].kill()
    cluster.write_addresses("worker2")
    cluster.start("worker2").wait_for(RESUMED)
    assert cluster.is_processing()


def test_a_killed_worker_has_not_deleted_anything(cluster: Cluster) -> None:
    fed(cluster, 2, last=10)
    before = {path.name for path in cluster.files("worker2").present().values()}
    cluster["worker2"].kill()
    assert {path.name for path in cluster.files("worker2").present().values()} == before
    assert cluster.files("worker2").state() == "complete"


def test_one_missing_file_ends_the_restart_with_a_list(cluster: Cluster) -> None:
    fed(cluster, 2, last=10)
    cluster["worker2"].kill()
    files = cluster.files("worker2")
    for suffix in ("local-keys", "tcp-data"):
        files.path(suffix).unlink()
    worker = cluster.start("worker2")
    assert worker.exit_code() == 1
    lines = worker.log().splitlines()
    begin = lines.index("Some resilience/recovery files are missing! Cannot continue!")
    assert lines[begin + 1] == "The missing files are:"
    listed = [line for line in lines if line.startswith(" " * 4)]
    assert sorted(listed) == [f"    {files.path(suffix)}" for suffix in ("local-keys", "tcp-data")]


def test_a_crash_before_the_first_checkpoint_ends_the_initializer(cluster: Cluster) -> None:
    cluster.receiver()
    for _attempt in range(5):
        cluster.start_all(2)
        cluster["worker2"].kill()
        worker, initializer = cluster.start("worker2"), cluster["initializer"]
        wait_for("an end", lambda: initializer.popen.poll() is not None or RESUMED in worker.log())  # noqa: B023
        if initializer.popen.poll() is not None:
            assert initializer.exit_code() == 1
            assert "No checkpoints were taken!" in initializer.log()
            return
        # On a machine that is slow at this moment the first checkpoint had begun.
        cluster.forget()
    raise AssertionError("a checkpoint came between every time")


def test_keys_of_survivors_go_on_while_a_worker_is_dead(cluster: Cluster) -> None:
    receiver = fed(cluster, 2, last=10)
    cluster["worker2"].kill()
    cluster["initializer"].wait_for("BoundaryNotify: closed")
    cluster.send(11, 60, LOCAL)
    receiver.wait_until_all_have(60, LOCAL)
    stalled = cluster.last_checkpoint()
    time.sleep(3 * cluster.interval)
    assert cluster.last_checkpoint() == stalled, "a dead worker stalls checkpoints"
