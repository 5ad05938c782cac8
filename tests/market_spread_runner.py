# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A receiver of market-spread's results, and a way to send to its sources."""

from __future__ import annotations

import socket
import threading
from collections import Counter

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import FrameSplitter

from .worker_runner import LIMIT, Cluster, wait_for

TIMESTAMP = 8
"""Bytes at the end of a result that differ from run to run."""


class Results:
    """What the workers' sinks connect to: the results of each connection, without their timestamps."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.connections: list[socket.socket] = []
        self.of: list[Counter[bytes]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def all(self) -> Counter[bytes]:
        return sum(self.of, Counter())

    def wait_for(self, count: int) -> None:
        wait_for(f"{count} results, there are {self.all.total()}", lambda: self.all.total() >= count)

    def close(self) -> None:
        for connection in [self._listener, *self.connections]:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            results: Counter[bytes] = Counter()
            self.of.append(results)
            threading.Thread(target=self._read, args=(connection, results), daemon=True).start()

    @staticmethod
    def _read(connection: socket.socket, results: Counter[bytes]) -> None:
        splitter = FrameSplitter()
        while True:
            try:
                chunk = connection.recv(1 << 18)
            except OSError:
                return
            if not chunk:
                return
            results.update(payload[:-TIMESTAMP] for payload in splitter.feed(chunk))


def send(cluster: Cluster, source: str, data: bytes) -> None:
    """Send to a source and wait until it has handed everything on: it closes when it has read the end."""
    port = cluster.source if source == "orders" else cluster.second_source
    with socket.create_connection(("127.0.0.1", port), LIMIT) as connection:
        connection.settimeout(LIMIT)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            pass
