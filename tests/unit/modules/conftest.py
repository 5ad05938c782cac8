# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers for modules: directories of which every recorded process is ended after the test."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.start import start

from tests.module_runner import kill_everything
from tests.port_block import PortBlock

StartProcess = Callable[..., ProcessRecord]
DETECTOR = "multi_partition_detector"
SLEEP = "import time; print('ready', flush=True); time.sleep(600)"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Path]:
    """The directory of server1."""
    path = tmp_path / "server1"
    yield path
    kill_everything(path)


@pytest.fixture
def other_server(tmp_path: Path) -> Iterator[Path]:
    """The directory of server2."""
    path = tmp_path / "server2"
    yield path
    kill_everything(path)


@pytest.fixture
def start_process() -> StartProcess:
    """Starts a process under a name, on a server whose fixture ends it."""

    def starter(base: Path, name: str = "worker2", kind: str = "worker") -> ProcessRecord:
        return start(str(base), name, kind, [sys.executable, "-c", SLEEP])

    return starter


@pytest.fixture
def resilience_files(fixtures: Path) -> Callable[[Path], Path]:
    """Puts the recorded files of worker2 on a server."""

    def put(base: Path) -> Path:
        directory = base / "resilience" / "worker2"
        directory.mkdir(parents=True)
        for path in (fixtures / "wallaroo-0.5.4" / DETECTOR / "resilience-end").glob("*-worker2.*"):
            shutil.copyfile(path, directory / path.name)
        return directory

    return put


@pytest.fixture
def cluster(server: Path) -> Iterator[dict[str, Any]]:
    """A cluster of one worker on the embedded engine, on ports that no other test has."""
    with closing(PortBlock()) as block:
        yield {
            "identifier": "cluster-1",
            "application": DETECTOR,
            "engine": "embedded",
            "version": "0.5.4",
            "workers": 1,
            "servers": [{"name": "server1", "address": "127.0.0.1", "base": str(server)}],
            "placement": {"initializer": "server1"},
            "ports": block.ports(),
        }
