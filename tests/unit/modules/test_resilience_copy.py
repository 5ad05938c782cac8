# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``resilience_copy``."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import Address, read_address
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import ownership

from tests.module_runner import contents, refuse, succeed
from tests.program_runner import Programs

PutFiles = Callable[[Path], Path]


def wanted(source: Path, target: Path, **options: Any) -> dict[str, Any]:
    return {
        "base": str(target),
        "server": "server2",
        "worker": "2",
        "application": "multi_partition_detector",
        "source_server": "server1",
        "source_base": str(source),
        "control": "127.0.0.1:13104",
        "data": "127.0.0.1:13105",
        "epoch": 2,
        **options,
    }


def test_a_set_is_copied_once(server: Path, other_server: Path, resilience_files: PutFiles) -> None:
    directory = resilience_files(server)
    before = contents(server)
    foreseen = succeed("resilience_copy", wanted(server, other_server), check=True)
    assert (foreseen["changed"], foreseen["manifest"]) == (True, None)
    assert not other_server.exists()
    first = succeed("resilience_copy", wanted(server, other_server))
    assert first["changed"] is True
    assert sorted(first["copied"]) == sorted(path.name for path in directory.iterdir())
    assert first["copied_bytes"] > 0
    assert first["manifest"]["worker"] == "worker2"
    assert contents(server) == before
    copied = other_server / "resilience" / "worker2"
    control = read_address(copied / "multi_partition_detector-worker2.tcp-control")
    assert control == Address("127.0.0.1", 13104)
    known = ownership.read(str(other_server), "worker2")
    assert known is not None
    assert (known.state, known.epoch, known.copied_from) == ("owner", 2, "server1")
    again = succeed("resilience_copy", wanted(server, other_server))
    assert (again["changed"], again["copied"], again["copied_bytes"]) == (False, [], 0)
    assert again["manifest"] == first["manifest"]
    newer = wanted(server, other_server, epoch=4)
    assert succeed("resilience_copy", newer, check=True)["changed"] is True, "the same files, but a new owner"
    assert succeed("resilience_copy", newer)["changed"] is True


def test_half_a_set_is_refused_with_what_is_missing(
    server: Path, other_server: Path, resilience_files: PutFiles
) -> None:
    next(resilience_files(server).glob("*.workers")).unlink()
    sentence = refuse("resilience_copy", wanted(server, other_server))
    assert sentence.startswith("2 could not be copied from server1 to server2: ")
    assert "missing: multi_partition_detector-worker2.workers;" in sentence
    assert not other_server.exists()


def test_a_worker_that_runs_is_not_copied(
    server: Path, other_server: Path, resilience_files: PutFiles, start_process: Callable[..., ProcessRecord]
) -> None:
    resilience_files(server)
    pid = start_process(server).identity.pid
    assert f"it still runs on server1 (pid {pid})" in refuse("resilience_copy", wanted(server, other_server))


def test_wrong_arguments_are_named(server: Path, other_server: Path, resilience_files: PutFiles) -> None:
    resilience_files(server)
    assert "'x' is no address" in refuse("resilience_copy", wanted(server, other_server, control="x"))
    assert "'x' is no worker" in refuse("resilience_copy", wanted(server, other_server, worker="x"))


@pytest.fixture
def journal_server(fixtures: Path, tmp_path: Path) -> Iterator[str]:
    """A journal server that holds the journals of a real worker2."""
    programs, directory = Programs(), tmp_path / "journals"
    recorded = fixtures / "wallaroo-0.5.4" / "multi_partition_detector" / "journals-after-kill" / "worker2"
    shutil.copytree(recorded, directory / "worker2", copy_function=shutil.copyfile)
    try:
        server = programs.start("journal_server", "--listen", "127.0.0.1:0", "--directory", directory, "--keep-free", 1)
        assert server.stdout
        yield server.stdout.readline().split()[-1]
    finally:
        programs.end()


def test_a_worker_is_restored_from_the_journal_server_once(
    server: Path, other_server: Path, journal_server: str
) -> None:
    given = wanted(server, other_server, journal_server=journal_server)
    del given["source_base"]
    assert succeed("resilience_copy", given, check=True)["changed"] is True
    assert not other_server.exists()
    first = succeed("resilience_copy", given)
    assert (first["changed"], first["journal"]["checkpoint"], first["journal"]["torn"]) == (True, 5, [])
    assert first["journal"]["directory"] == "/tmp/wallaroo-demo/resilience"
    copied = other_server / "resilience" / "worker2"
    assert read_address(copied / "multi_partition_detector-worker2.tcp-data") == Address("127.0.0.1", 13105)
    known = ownership.read(str(other_server), "worker2")
    assert known is not None
    assert (known.state, known.epoch, known.copied_from) == ("owner", 2, "server1")
    again = succeed("resilience_copy", given)
    assert (again["changed"], again["manifest"]) == (False, first["manifest"])


def test_files_come_from_one_place(server: Path, other_server: Path) -> None:
    both = wanted(server, other_server, journal_server="127.0.0.1:1")
    assert "mutually exclusive" in refuse("resilience_copy", both)
    del both["source_base"]
    sentence = refuse("resilience_copy", both)
    assert sentence.startswith(
        "2 could not be restored on server2 from the journal server: the journal server 127.0.0.1:1"
    )
    del both["journal_server"]
    assert "one of the following is required" in refuse("resilience_copy", both)
