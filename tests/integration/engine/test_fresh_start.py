# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh cluster: forming, processing, its ports, and its orderly end."""

from __future__ import annotations

import os
import socket
import struct

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import encode_input
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame

from tests.worker_runner import Cluster


def test_nobody_else_reads_the_resilience_files(cluster: Cluster) -> None:
    cluster.receiver()
    cluster.start_all(2)
    for name in ("initializer", "worker2"):
        files = cluster.files(name)
        control, _data = cluster.ports[name]
        assert files.path("tcp-control").read_bytes() == f"127.0.0.1\n{control}\n".encode()
        assert all(path.stat().st_mode & 0o077 == 0 for path in files.present().values())
    assert b"127.0.0.1\0worker2\0" in cluster.files("worker2").path("connection-addresses").read_bytes()


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
