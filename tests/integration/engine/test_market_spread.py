# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""market-spread in real worker processes, compared with what a real engine was recorded to say."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import local_keys
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import FrameSplitter, frames
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.market_spread import (
    Order,
    Quote,
    decode_result,
    encode_order,
    encode_quote,
)

from tests.worker_runner import LIMIT, RESUMED, Cluster, wait_for

TIMESTAMP = 8
"""Bytes at the end of a result that differ from run to run."""

STEPS = (("nbbo", "initial-nbbo-350"), ("orders", "orders-1000"), ("nbbo", "nbbo-1000"), ("orders", "orders-1000"))


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


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    workers = Cluster(tmp_path, application="market_spread")
    try:
        yield workers
    finally:
        workers.close()


@pytest.fixture
def results(cluster: Cluster) -> Iterator[Results]:
    sink = Results(cluster.sink)
    try:
        yield sink
    finally:
        sink.close()


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


def recorded(shared_data: Path, worker: str) -> Counter[bytes]:
    data = (shared_data / "wallaroo-0.5.4" / "market_spread" / f"sink-{worker}.bin").read_bytes()
    return Counter(payload[:-TIMESTAMP] for payload in FrameSplitter().feed(data))


def order(symbol: str, number: int = 1) -> bytes:
    return encode_order(Order(1, 7, f"{number:06}", symbol.rjust(4), 100.0, 20.5, "20151204-14:30:00.000"))


def quote(symbol: str, bid: float, offer: float) -> bytes:
    return encode_quote(Quote(symbol.rjust(4), "20151204-14:30:00.000", bid, offer))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_results_are_those_of_the_real_engine(
    cluster: Cluster, results: Results, shared_data: Path, workers: int
) -> None:
    real = {worker: recorded(shared_data, worker) for worker in ("initializer", "worker2")}
    assert sum(real.values(), Counter()).total() == 119
    cluster.start_all(workers)
    for source, name in STEPS:
        send(cluster, source, (shared_data / "market_spread" / f"{name}.msg").read_bytes())
    results.wait_for(119)
    assert results.all == sum(real.values(), Counter())
    if workers == 2:
        assert [results.of[0], results.of[1]] in (list(real.values()), list(real.values())[::-1])


def test_quotes_survive_a_crash_and_the_first_symbols_are_noted(cluster: Cluster, results: Results) -> None:
    cluster.start_all(2)
    keys = {
        name: [record.key for record in local_keys.iterate(cluster.files(name).path("local-keys"))]
        for name in ("initializer", "worker2")
    }
    assert len(set(keys["initializer"] + keys["worker2"])) == len(keys["initializer"] + keys["worker2"]) == 350
    good, bad, unknown = (key.strip() for key in keys["worker2"][:3])
    send(cluster, "nbbo", frames([quote(good, 10.0, 10.01), quote(bad, 10.0, 10.5), quote("ZZ99", 10.0, 10.01)]))
    cluster.wait_for_checkpoints()
    cluster["worker2"].kill()
    cluster.start("worker2").wait_for(RESUMED)
    send(cluster, "orders", frames([order(good, 1), order(bad, 2), order(unknown, 3), order("ZZ99", 4)]))
    results.wait_for(2)
    found = {result.order_id: result for result in (decode_result(each + bytes(TIMESTAMP)) for each in results.all)}
    assert (found["000002"].bid, found["000002"].offer) == (10.0, 10.5)
    assert (found["000003"].bid, found["000003"].offer) == (0.0, 0.0)
    assert set(found) == {"000002", "000003"}


@pytest.mark.parametrize(("source", "line"), [("orders", "Got FixNbbo"), ("nbbo", "Got FixOrder")])
def test_a_message_of_the_other_source_ends_the_worker(
    cluster: Cluster, results: Results, source: str, line: str
) -> None:
    initializer = cluster.start("initializer", 1)
    initializer.wait_for("Application has successfully initialized.")
    data = quote("AA", 1.0, 2.0) if source == "orders" else order("AA")
    port = cluster.source if source == "orders" else cluster.second_source
    with socket.create_connection(("127.0.0.1", port), LIMIT) as connection:
        connection.sendall(frames([data]))
        assert initializer.exit_code() == 1
    assert line in initializer.log()


def test_what_is_no_message_is_left_out(cluster: Cluster, results: Results) -> None:
    cluster.start_all(1)
    wrong_side = b"\x01\x03" + order("AA")[2:]
    send(cluster, "orders", frames([b"", b"\x01", order("AA", 1)[:-1], wrong_side, b"\x09" * 53, order("AA", 2)]))
    results.wait_for(1)
    assert [decode_result(each + bytes(TIMESTAMP)).order_id for each in results.all] == ["000002"]
    assert "Unable to decode message at Orders source" in cluster["initializer"].log()
