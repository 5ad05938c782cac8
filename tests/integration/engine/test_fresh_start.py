# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh cluster: forming, processing, its ports, and its orderly end."""

from __future__ import annotations

import os
import socket
import struct

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import encode_input
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.external import MessageType, encode
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame

from tests.worker_runner import INITIALIZED, KEYS, READY, Cluster, wait_for

OWNERS = {
    1: [set(KEYS)],
    2: [{"key_2", "key_3", "key_5", "key_7", "key_8"}, {"key_0", "key_1", "key_4", "key_6", "key_9", "key_10"}],
    3: [{"key_2", "key_3", "key_5", "key_7", "key_8"}, {"key_0", "key_6", "key_9"}, {"key_1", "key_4", "key_10"}],
}
"""Reference B.6."""


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


def test_the_resilience_files_are_those_of_a_real_worker(cluster: Cluster) -> None:
    cluster.receiver()
    cluster.start_all(2)
    for name in ("initializer", "worker2"):
        files = cluster.files(name)
        assert files.state() == "complete"
        assert files.path("workers").read_bytes() == b"initializer\nworker2\n"
        assert files.path("local-keys").read_bytes() == b""
        assert files.path("evlog").read_bytes()[:9] == b"\x01" + bytes(8)
        assert files.path("checkpoint_ids").read_bytes()[:16] == bytes(16)
        control, data = cluster.ports[name]
        assert files.path("tcp-control").read_bytes() == f"127.0.0.1\n{control}\n".encode()
        assert files.path("tcp-data").read_bytes() == f"127.0.0.1\n{data}\n".encode()
        assert all(path.stat().st_mode & 0o077 == 0 for path in files.present().values())
    assert b'"127.0.0.1"' in cluster.files("worker2").path("connection-addresses").read_bytes()


def test_an_initializer_without_addresses_of_its_own_writes_an_empty_control_file(cluster: Cluster) -> None:
    cluster.receiver()
    cluster.start_all(1, own=False)
    assert cluster.files("initializer").path("tcp-control").read_bytes() == b"\n0\n"


def test_a_signal_to_one_worker_ends_all_and_deletes_all_files(cluster: Cluster) -> None:
    receiver = cluster.receiver()
    cluster.start_all(3)
    cluster.send(1, 20)
    receiver.wait_until_all_have(20)
    cluster["worker2"].terminate()
    for name, process in cluster.processes.items():
        assert process.exit_code(6) == 0, process.log()
        assert cluster.files(name).present() == {}
        log = process.log()
        assert f"...Removing {cluster.files(name).path('evlog')}..." in log
        _assert_in_order(log, ["Removing recovery files", "Recovery files removed."])
        assert "Connections: Finished shutdown procedure." in log


def test_a_clean_shutdown_through_the_external_channel(cluster: Cluster) -> None:
    cluster.receiver()
    cluster.start_all(2)
    with socket.create_connection(("127.0.0.1", cluster.external)) as connection:
        connection.sendall(b"\0\0\0\2\0\3")
    for name, process in cluster.processes.items():
        assert process.exit_code(6) == 0
        assert cluster.files(name).present() == {}
    assert "External Clean Shutdown received." in cluster["initializer"].log()


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


def test_the_eleventh_sender_waits(cluster: Cluster) -> None:
    receiver = cluster.receiver()
    cluster.start_all(1)
    senders = [socket.create_connection(("127.0.0.1", cluster.source)) for _ in KEYS]
    try:
        for connection, key in zip(senders, KEYS):
            connection.sendall(frame(encode_input(1, key)))
        receiver.wait_until_all_have(1, KEYS[:10])
        cluster["initializer"].wait_for("TCPSourceListener: Already reached connection limit")
        assert receiver.last(KEYS[10]) == 0
        senders[0].close()
        receiver.wait_until_all_have(1)
    finally:
        for connection in senders:
            connection.close()
    wait_for(
        "the end of all connections",
        lambda: cluster["initializer"].log().count("TCPSource connection closed") == 11,
    )


def test_a_worker_that_starts_before_the_initializer_hangs_for_ever(cluster: Cluster) -> None:
    cluster.receiver()
    worker = cluster.start("worker2")
    worker.wait_for("ControlSenderConnectNotifier (to initializer): connection failed!")
    initializer = cluster.start("initializer", 2)
    initializer.wait_for("initializer control: listening on")
    worker.never_says("connected to initializer", 0.7)
    assert "identified" not in initializer.log()
    assert cluster.files("worker2").state() == "incomplete", "and it has already written files"
    worker.kill()
    again = cluster.start("worker2")
    assert again.exit_code() == 1
    assert "Some resilience/recovery files are missing! Cannot continue!" in again.log()


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


GARBAGE = [
    b"\xff" * 4096,
    struct.pack(">I", 0xFFFFFFFF) + b"x" * 100,
    struct.pack(">I", 1 << 20) + b"x" * 100,
    frame(b""),
    frame(b"short"),
    b"\0\0",
]
"""Nothing that anybody could take for a message."""

FORGERIES = [
    os.urandom(4096),
    frame(b"[" * 100_000),
    frame(b'{"type":"hello","name":"worker9"}') + frame(b'{"type":"shutdown"}'),
    frame(b"\x00" + b'{"name":"worker9","incarnation":"1"}') + frame(b"\x01\x00abc"),
    frame(b"\x01\x00" + frame(encode_input(7, "key_0"))),
]
"""For the ports on which only workers speak."""


def test_a_stranger_on_any_port_harms_nobody(cluster: Cluster) -> None:
    receiver = cluster.receiver()
    cluster.start_all(2)
    half_open = []
    try:
        for data in GARBAGE:
            # A connection that is kept would take one of the ten places of the source, as in the real engine.
            with socket.create_connection(("127.0.0.1", cluster.source), 5) as connection:
                connection.sendall(data)
        for port in (cluster.external, *cluster.ports["initializer"], *cluster.ports["worker2"]):
            for data in (*GARBAGE, *FORGERIES):
                half_open.append(socket.create_connection(("127.0.0.1", port), 5))
                half_open[-1].sendall(data)
        for _ in range(100):
            half_open.append(socket.create_connection(("127.0.0.1", cluster.ports["worker2"][0]), 5))
        cluster.send(1, 50)
        receiver.assert_exactly_once(50)
        assert cluster.is_processing()
        assert all(process.popen.poll() is None for process in cluster.processes.values())
    finally:
        for connection in half_open:
            connection.close()


def test_input_that_cannot_be_decoded_is_said_and_dropped(cluster: Cluster) -> None:
    receiver = cluster.receiver()
    cluster.start_all(1)
    with socket.create_connection(("127.0.0.1", cluster.source)) as connection:
        good, bad = (
            [frame(encode_input(value, "key_0")) for value in (1, 2, 3)],
            [frame(b"short"), frame(b"12345678\xff")],
        )
        connection.sendall(bad[0] + good[0] + bad[1] + good[1] + b"\xff\xff\xff\xff" + good[2])
        assert connection.recv(1) == b"", "what follows a length beyond all bounds cannot be found again"
    receiver.assert_exactly_once(2, ["key_0"])
    assert "Unable to decode message at Detector source" in cluster["initializer"].log()


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
