# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real engine was recorded to do with recorded input, and to write down."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.restoring import from_journal_server
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import Address
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import FrameSplitter
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.plan import Addresses

from tests.engines import Engine
from tests.market_spread_runner import TIMESTAMP, Results, send
from tests.program_runner import Programs
from tests.worker_runner import LIMIT, RESUMED, Cluster, wait_for

STEPS = (("nbbo", "initial-nbbo-350"), ("orders", "orders-1000"), ("nbbo", "nbbo-1000"), ("orders", "orders-1000"))


def recorded(shared_data: Path, worker: str) -> Counter[bytes]:
    data = (shared_data / "wallaroo-0.5.4" / "market_spread" / f"sink-{worker}.bin").read_bytes()
    return Counter(payload[:-TIMESTAMP] for payload in FrameSplitter().feed(data))


@pytest.fixture
def market(tmp_path: Path, engine: Engine) -> Iterator[tuple[Cluster, Results]]:
    """A cluster for market-spread, and where its results go."""
    workers = Cluster(tmp_path, application="market_spread", engine=engine)
    results = Results(workers.sink)
    try:
        yield workers, results
    finally:
        workers.close()
        results.close()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_results_are_those_of_the_real_engine(
    market: tuple[Cluster, Results], shared_data: Path, workers: int
) -> None:
    """Market data to both sources: 119 results, and with two workers the same split between them."""
    cluster, results = market
    real = {worker: recorded(shared_data, worker) for worker in ("initializer", "worker2")}
    assert sum(real.values(), Counter()).total() == 119
    cluster.start_all(workers)
    for source, name in STEPS:
        send(cluster, source, (shared_data / "market_spread" / f"{name}.msg").read_bytes())
    results.wait_for(119)
    assert results.all == sum(real.values(), Counter())
    if workers == 2:
        assert [results.of[0], results.of[1]] in (list(real.values()), list(real.values())[::-1])


@pytest.fixture
def programs() -> Iterator[Programs]:
    started = Programs()
    try:
        yield started
    finally:
        started.end()


def test_a_worker_is_restored_through_the_journal_server(
    cluster: Cluster, engine: Engine, programs: Programs, tmp_path: Path
) -> None:
    """Restore of worker2 through journal server + replay: the files come back byte for byte; recovery passes."""
    cluster.journal = cluster.port()
    server = programs.start(
        *("journal_server", "--listen", f"127.0.0.1:{cluster.journal}", "--directory", tmp_path / "journals"),
        *("--keep-free", 1),
    )
    assert server.stdout
    assert re.search("listening on", server.stdout.readline())
    receiver = cluster.receiver()
    cluster.start_all(2)
    cluster.send(1, 100)
    receiver.wait_until_all_have(100)
    cluster.wait_for_checkpoints()
    files = cluster.files("worker2")
    # The initializer first, so that no checkpoint is under way when the worker is killed.
    cluster["initializer"].kill()
    cluster["worker2"].kill()
    gone = tmp_path / "gone"
    shutil.move(files.directory, gone)
    control, data = (Address("127.0.0.1", port) for port in cluster.ports["worker2"])
    address = Address("127.0.0.1", cluster.journal)
    from_journal_server(address, files, Addresses(control, data), tmp_path / "workshop", LIMIT)
    for path in gone.iterdir():
        if path.name.endswith("journal") and not engine.is_embedded:
            # A real worker may die with the end of them in a buffer (wallaroo.md, Trap 18).
            continue
        assert (files.directory / path.name).read_bytes() == path.read_bytes(), path.name
    for name in ("initializer", "worker2"):
        cluster.start(name)
    wait_for(
        "worker2 to resume or to end",
        lambda: cluster["worker2"].popen.poll() is not None or RESUMED in cluster["worker2"].log(),
    )
    if cluster["worker2"].popen.poll() is not None:
        # Killed in the moment of a commit it ends once at its next start, in the real engine too (event_log_phase).
        cluster.start("worker2")
    for name in ("initializer", "worker2"):
        cluster[name].wait_for(RESUMED)
    cluster.send(101, 200)
    receiver.assert_exactly_once(200)
