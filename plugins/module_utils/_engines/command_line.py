# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines of workers, for either engine, role and version (wallaroo.md, A).

What differs between the engines and the versions is the data at the head of this file; the flags
themselves are the same, so that a runbook learnt on the embedded engine holds on the real one.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from .._cluster.naming import INITIALIZER
from .._cluster.record import ClusterRecord, ServerAddress

PROGRAMS = "programs.pyz"
"""The archive in ``<base>/runtime`` that starts every deployed program by its name."""

EXECUTABLES = {
    "market_spread": "testing/performance/apps/market-spread/market-spread",
    "multi_partition_detector": "testing/correctness/apps/multi_partition_detector/multi_partition_detector",
}
"""Application -> its executable in a Wallaroo source tree (wallaroo.md, H.2)."""

VERSIONS_WITH_RESILIENCE_FLAG = ("0.5.4", "0.6.1")
"""Where a resilience build must be given ``--run-with-resilience`` (wallaroo.md, section 0); 0.5.3 does not know it."""


def runtime_argv(python: str, base: str, program: str) -> list[str]:
    """How a deployed program is started on a server.

    ``-u`` keeps its log current line by line, ``-E -s`` keep the environment and the home
    directory of whoever runs Ansible out of it.
    """
    return [python, "-u", "-E", "-s", str(PurePosixPath(base) / "runtime" / PROGRAMS), program]


def executable_argv(record: ClusterRecord, base: str, python: str) -> list[str]:
    """The start of a worker's command line: what is executed."""
    if record.engine == "embedded":
        return runtime_argv(python, base, record.application)
    return [str(PurePosixPath(record.wallaroo_home) / EXECUTABLES[record.application]), "--ponynoblock"]


def resilience_directory(base: str, worker: str) -> str:
    """A worker's resilience directory on a server.

    One directory a worker, since Wallaroo looks its event log up by the beginning of the file
    name (wallaroo.md, Trap 9), and without a slash at the end, which it refuses (wallaroo.md, A.3).
    """
    return str(PurePosixPath(base) / "resilience" / worker)


def worker_argv(record: ClusterRecord, worker: str, server: ServerAddress, python: str) -> list[str]:
    """The command line of a worker on a server.

    The same for the first start and for every restart: the addresses are those of the server
    it runs on, and agree with what the copy wrote into its address files (wallaroo.md, B.5).

    :param python: the interpreter for the embedded engine.
    """
    ports = record.port_numbers
    first = record.server(record.placement[INITIALIZER])
    argv = [
        *executable_argv(record, server.base, python),
        "-i",
        ",".join(f"{first.address}:{port}" for port in ports.sources(record.application)),
        "-o",
        f"{record.first_server.address}:{ports.sink}",
        "-m",
        f"{record.first_server.address}:{ports.metrics}",
        "-c",
        f"{first.address}:{ports.control}",
        "--my-control",
        f"{server.address}:{ports.control_of(worker)}",
        "--my-data",
        f"{server.address}:{ports.data_of(worker)}",
        "-r",
        resilience_directory(server.base, worker),
    ]
    if worker == INITIALIZER:
        argv += [
            "-t",
            "-d",
            f"{first.address}:{ports.data}",
            "-e",
            f"{server.address}:{ports.external}",
            "-w",
            str(record.workers),
            "--time-between-checkpoints",
            str(round(record.checkpoint_interval * 1e9)),
        ]
    else:
        argv += ["-n", worker]
    if record.application == "market_spread" and record.symbols_file:
        argv += ["--symbols-file", record.symbols_file]
    if record.version in VERSIONS_WITH_RESILIENCE_FLAG:
        argv.append("--run-with-resilience")
    if record.journal:
        argv += [
            "--resilience-enable-io-journal",
            "--resilience-dos-server",
            f"{record.first_server.address}:{ports.journal}",
        ]
    return argv
