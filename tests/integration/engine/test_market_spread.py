# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""market-spread in real worker processes, compared with what a real engine was recorded to say."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import local_keys
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frames
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.market_spread import (
    Order,
    Quote,
    encode_order,
    encode_quote,
)

from tests.decoders import decode_result
from tests.market_spread_runner import TIMESTAMP, Results, send
from tests.worker_runner import LIMIT, RESUMED, Cluster


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


def order(symbol: str, number: int = 1) -> bytes:
    return encode_order(Order(1, 7, f"{number:06}", symbol.rjust(4), 100.0, 20.5, "20151204-14:30:00.000"))


def quote(symbol: str, bid: float, offer: float) -> bytes:
    return encode_quote(Quote(symbol.rjust(4), "20151204-14:30:00.000", bid, offer))


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
