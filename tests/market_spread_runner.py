# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A receiver of market-spread's results, and a way to send to its sources."""

from __future__ import annotations

import socket
from collections import Counter

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import FrameSplitter

from .listening import Listening
from .worker_runner import LIMIT, Cluster, wait_for

TIMESTAMP = 8
"""Bytes at the end of a result that differ from run to run."""


class Results(Listening):
    """What the workers' sinks connect to: the results of each connection, without their timestamps."""

    def __init__(self, port: int) -> None:
        self.of: list[Counter[bytes]] = []
        super().__init__(port)

    @property
    def all(self) -> Counter[bytes]:
        return sum(self.of, Counter())

    def wait_for(self, count: int) -> None:
        wait_for(f"{count} results, there are {self.all.total()}", lambda: self.all.total() >= count)

    def serve(self, connection: socket.socket) -> None:
        results: Counter[bytes] = Counter()
        self.of.append(results)
        splitter = FrameSplitter()
        while chunk := connection.recv(1 << 18):
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
