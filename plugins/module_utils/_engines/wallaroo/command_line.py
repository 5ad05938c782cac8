# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines of workers, for every role and version (wallaroo.md, A).

The flags are the same for the embedded engine, so that a runbook learnt on it holds on the real one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._catalogue.applications import application as application_of
from ..._catalogue.versions import VERSIONS
from ..._cluster.naming import INITIALIZER
from ..._resilience.files import resilience_directory

if TYPE_CHECKING:
    from ..._cluster.record import ClusterRecord, ServerAddress


def worker_argv(record: ClusterRecord, worker: str, server: ServerAddress, head: list[str]) -> list[str]:
    """The command line of a worker on a server.

    The same for the first start and for every restart: the addresses are those of the server
    it runs on, and agree with what the copy wrote into its address files (wallaroo.md, B.5).

    :param head: what is executed.
    """
    application, ports = application_of(record.application), record.port_numbers
    first = record.server(record.placement[INITIALIZER])
    argv = [
        *head,
        "-i",
        ",".join(f"{first.address}:{port}" for port in ports.sources(application.sources)),
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
    if application.symbols and record.symbols_file:
        argv += ["--symbols-file", record.symbols_file]
    argv += VERSIONS[record.version].flags
    if record.journal:
        argv += [
            "--resilience-enable-io-journal",
            "--resilience-dos-server",
            f"{record.first_server.address}:{ports.journal}",
        ]
    return argv
