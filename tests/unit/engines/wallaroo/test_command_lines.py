# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines of workers, by engine, application and version."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import ClusterRecord, ServerAddress
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.registry import engine


def record(**values: Any) -> ClusterRecord:
    servers = [ServerAddress(f"server{number}", f"10.0.0.{number}", f"/w/server{number}") for number in range(1, 5)]
    given = {
        "identifier": "x",
        "application": "multi_partition_detector",
        "engine": "wallaroo",
        "version": "0.5.4",
        "workers": 3,
        "servers": servers,
        "placement": {"initializer": "server1", "worker2": "server2", "worker3": "server3"},
        "engine_home": "/opt/wallaroo",
    }
    return ClusterRecord(**{**given, **values})


def command(cluster: ClusterRecord, worker: str, server: ServerAddress, python: str) -> list[str]:
    """A worker's command line, of the cluster's engine."""
    return engine(cluster.engine).command(cluster, worker, server, python).argv


INITIALIZER = [
    "/opt/wallaroo/testing/correctness/apps/multi_partition_detector/multi_partition_detector", "--ponynoblock",
    "-i", "10.0.0.1:7000", "-o", "10.0.0.1:5555", "-m", "10.0.0.1:5001", "-c", "10.0.0.1:12500",
    "--my-control", "10.0.0.1:12500", "--my-data", "10.0.0.1:12501", "-r", "/w/server1/resilience/initializer",
    "-t", "-d", "10.0.0.1:12501", "-e", "10.0.0.1:5050", "-w", "3", "--time-between-checkpoints", "1000000000",
]  # fmt: skip
WORKER_ON_4 = [
    "/opt/wallaroo/testing/correctness/apps/multi_partition_detector/multi_partition_detector", "--ponynoblock",
    "-i", "10.0.0.1:7000", "-o", "10.0.0.1:5555", "-m", "10.0.0.1:5001", "-c", "10.0.0.1:12500",
    "--my-control", "10.0.0.4:13104", "--my-data", "10.0.0.4:13105",
    "-r", "/w/server4/resilience/worker2", "-n", "worker2",
]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "flag"), [("0.5.3", []), ("0.5.4", ["--run-with-resilience"]), ("0.6.1", ["--run-with-resilience"])]
)
def test_command_lines_by_role_and_version(version: str, flag: list[str]) -> None:
    cluster = record(version=version)
    assert command(cluster, "initializer", cluster.server("server1"), "python") == INITIALIZER + flag
    assert command(cluster, "worker2", cluster.server("server4"), "python") == WORKER_ON_4 + flag


@pytest.mark.parametrize(("version", "with_flag"), [("0.5.3", False), ("0.5.4", True), ("0.6.1", True)])
@pytest.mark.parametrize(("worker", "expected"), [("initializer", INITIALIZER), ("worker2", WORKER_ON_4)])
def test_command_lines_of_market_spread(version: str, with_flag: bool, worker: str, expected: list[str]) -> None:
    cluster = record(application="market_spread", version=version)
    server = cluster.server("server1" if worker == "initializer" else "server4")
    words = ["/opt/wallaroo/testing/performance/apps/market-spread/market-spread", *expected[1:]]
    words[words.index("-i") + 1] = "10.0.0.1:7000,10.0.0.1:7001"
    assert command(cluster, worker, server, "python") == words + ["--run-with-resilience"] * with_flag


def test_every_worker_journals_to_the_first_server() -> None:
    cluster = record(journal=True)
    flags = ["--resilience-enable-io-journal", "--resilience-dos-server", "10.0.0.1:9999"]
    for worker in cluster.worker_names():
        assert command(cluster, worker, cluster.server("server4"), "python")[-3:] == flags


def test_market_spread_has_two_sources_and_may_have_symbols_of_its_own() -> None:
    cluster = record(application="market_spread", symbols_file="/data/symbols")
    argv = command(cluster, "worker2", cluster.server("server4"), "python")
    assert argv[0] == "/opt/wallaroo/testing/performance/apps/market-spread/market-spread"
    assert argv[argv.index("-i") + 1] == "10.0.0.1:7000,10.0.0.1:7001"
    assert argv[argv.index("--symbols-file") + 1] == "/data/symbols"
    assert "--symbols-file" not in command(record(), "worker2", cluster.server("server4"), "python")


@pytest.mark.parametrize("version", ["0.5.3", "0.5.4", "0.6.1"])
def test_the_embedded_engine_has_the_same_command_line_behind_another_program(version: str) -> None:
    """It stands for one version, whichever is asked for, so its flags are those of that one."""
    cluster = record(engine="embedded", version=version)
    argv = command(cluster, "worker2", cluster.server("server4"), "/usr/bin/python3")
    begin = ["/usr/bin/python3", "-u", "-E", "-s", "/w/server4/runtime/programs.pyz", "multi_partition_detector"]
    assert argv == [*begin, *WORKER_ON_4[2:], "--run-with-resilience"]
