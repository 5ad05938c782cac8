# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers that journal to a journal server, all of them real processes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.restoration import replay
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.restoring import from_journal_server
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import Address
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.journal import iterate
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import ResilienceSet
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.plan import Addresses

from tests.program_runner import Programs
from tests.worker_runner import LIMIT, RESUMED, Cluster, failed_start, fed, wait_for

JOURNALS = ("journal", "evlog.journal")
WORKERS = ("initializer", "worker2")


class Server:
    """A journal server that can be killed and started again."""

    def __init__(self, programs: Programs, cluster: Cluster) -> None:
        self._programs = programs
        self.directory = cluster.directory / "journals"
        self.address = Address("127.0.0.1", cluster.journal)
        self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        self.process = self._programs.start(
            "journal_server", "--listen", self.address, "--directory", self.directory, "--keep-free", 1
        )
        assert self.process.stdout
        assert re.search("listening on", self.process.stdout.readline())
        return self.process

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(LIMIT)

    def of(self, name: str) -> ResilienceSet:
        return resilience_set(self.directory / name, "multi_partition_detector", name)

    def has_what_the_worker_has(self, cluster: Cluster, name: str) -> bool:
        return all(
            self.of(name).path(suffix).exists()
            and self.of(name).path(suffix).read_bytes() == cluster.files(name).path(suffix).read_bytes()
            for suffix in JOURNALS
        )

    def has_what_the_workers_have(self, cluster: Cluster) -> bool:
        return all(self.has_what_the_worker_has(cluster, name) for name in WORKERS)


@pytest.fixture
def server(cluster: Cluster) -> Iterator[Server]:
    programs = Programs()
    cluster.journal = cluster.port()
    try:
        yield Server(programs, cluster)
    finally:
        programs.end()


def operations(files: ResilienceSet, until: str) -> list[tuple[str, str]]:
    """What was done to which file, each kind of change once in a row."""
    found: list[tuple[str, str]] = []
    for _offset, record in iterate(files.path("journal")):
        one = (record.operation.name, files.suffix_of(os.path.basename(record.path)) or "")
        if found and one == (until, "checkpoint_ids") and ("WRITE", "workers") in found:
            break
        if not found or found[-1] != one:
            found.append(one)
    return found


def test_both_journals_are_here_and_there_and_say_what_the_files_say(
    cluster: Cluster, server: Server, fixtures: Path, tmp_path: Path
) -> None:
    receiver = cluster.receiver()
    cluster.start_all()
    cluster.send(1, 50)
    receiver.wait_until_all_have(50)
    cluster.wait_for_checkpoints()
    for name in WORKERS:
        cluster[name].kill()
        files = cluster.files(name)
        assert files.path("evlog.journal").read_bytes() == files.path("evlog").read_bytes()
        restored = replay(files, tmp_path / f"restored-{name}")
        before = {suffix: path.read_bytes() for suffix, path in files.present().items()}
        assert {suffix: path.read_bytes() for suffix, path in restored.files.present().items()} == before
        wait_for("the last bytes", lambda: server.has_what_the_worker_has(cluster, name))  # noqa: B023
        recorded = fixtures / "wallaroo-0.5.4" / "multi_partition_detector" / "journals-after-kill" / name
        real = operations(resilience_set(recorded, "multi_partition_detector", name), "WRITE")
        ours = operations(files, "WRITE")
        assert sorted(ours) == sorted(real)
        # A file that gets another content is cut before it is written by a real worker, and after it here.
        assert [one for one in ours if one[0] == "WRITE"] == [one for one in real if one[0] == "WRITE"]


def test_a_worker_comes_back_elsewhere_from_the_journal_server_alone(
    cluster: Cluster, server: Server, tmp_path: Path
) -> None:
    receiver = cluster.receiver()
    cluster.start_all()
    last = 0
    for stay in ("first", "second"):
        cluster.send(last + 1, last + 50)
        last += 50
        receiver.wait_until_all_have(last)
        cluster.wait_for_checkpoints()
        cluster["worker2"].kill()
        gone = cluster.files("worker2").directory
        gone.rename(tmp_path / f"gone-{stay}")
        cluster.ports["worker2"] = (cluster.port(), cluster.port())
        control, data = (Address("127.0.0.1", port) for port in cluster.ports["worker2"])
        outcome = from_journal_server(
            server.address, cluster.files("worker2"), Addresses(control, data), tmp_path / "workshop", LIMIT
        )
        assert outcome.warnings == []
        cluster.start("worker2").wait_for(RESUMED)
    cluster.send(last + 1, last + 50)
    receiver.assert_exactly_once(last + 50)
    wait_for("the journals to be equal again", lambda: server.has_what_the_workers_have(cluster))


def test_a_server_that_is_killed_and_comes_back_gets_what_it_missed(cluster: Cluster, server: Server) -> None:
    receiver = cluster.receiver()
    cluster.start_all()
    cluster.wait_for_checkpoints()
    server.kill()
    cluster.send(1, 50)
    receiver.wait_until_all_have(50)
    cluster.wait_for_checkpoints(4)
    server.start()
    wait_for("the journals to be equal again", lambda: server.has_what_the_workers_have(cluster))
    cluster.send(51, 100)
    receiver.assert_exactly_once(100)


def test_a_server_that_is_killed_again_and_again_while_the_workers_write_loses_nothing(
    cluster: Cluster, server: Server
) -> None:
    receiver = cluster.receiver()
    cluster.start_all()
    copy = server.of("worker2").path("evlog.journal")

    def has_more_than(size: int) -> bool:
        return copy.exists() and copy.stat().st_size > size

    sender = cluster.sender()
    for _ in range(3):
        size = copy.stat().st_size if copy.exists() else 0
        wait_for("the server to get more", partial(has_more_than, size))
        server.kill()
        server.start()
    receiver.assert_exactly_once(sender.stop())
    wait_for("the journals to be equal again", lambda: server.has_what_the_workers_have(cluster))


def test_a_kill_between_a_journal_and_its_file_is_mended_at_the_restart(cluster: Cluster, server: Server) -> None:
    receiver = cluster.receiver()
    cluster.start_all()
    cluster.send(1, 50)
    receiver.wait_until_all_have(50)
    cluster.wait_for_checkpoints()
    cluster["worker2"].kill()
    wait_for("the last bytes", lambda: server.has_what_the_workers_have(cluster))
    files = cluster.files("worker2")
    # Of the event log the journal has a record and a half more, and of the journal half a record is there.
    for path, extra in (
        (files.path("evlog.journal"), b"\x01" + bytes(7) + b"\x63" + b"\x00" * 5),
        (files.path("journal"), b"\x00\x00\x00\x40\x00\x01"),
    ):
        for place in (path, server.of("worker2").directory / path.name):
            with place.open("ab") as stream:
                stream.write(extra)
    cluster.start("worker2").wait_for(RESUMED)
    cluster.send(51, 100)
    receiver.assert_exactly_once(100)
    wait_for("the journals to be equal again", lambda: server.has_what_the_workers_have(cluster))
    assert files.path("evlog.journal").read_bytes() == files.path("evlog").read_bytes()


def test_journals_of_another_cluster_on_the_server_end_a_worker(cluster: Cluster, server: Server) -> None:
    stale = server.of("initializer")
    stale.directory.mkdir(parents=True)
    stale.path("journal").write_bytes(b"x" * 100_000)
    initializer = cluster.start("initializer", 1)
    assert initializer.exit_code() == 1
    assert "The journal server holds 100000 bytes of multi_partition_detector-initializer.journal" in initializer.log()
    assert "remove both, always together." in initializer.log()


def test_old_files_of_a_worker_that_went_on_from_them_elsewhere_end_it_at_once(
    cluster: Cluster, server: Server, tmp_path: Path
) -> None:
    cluster.interval = 1.0
    receiver = fed(cluster, 2, last=10)
    cluster["worker2"].kill()
    files = cluster.files("worker2").directory
    old, newest = tmp_path / "old", tmp_path / "newest"
    shutil.copytree(files, old)
    cluster.start("worker2").wait_for(RESUMED)
    cluster["worker2"].kill()
    files.rename(newest)
    # No checkpoint was taken in between: the old files hold all that the cluster goes back to.
    shutil.copytree(old, files)
    log = failed_start(cluster, "worker2")
    assert "This should never happen: failure in remote_journal_client.pony" in log
    assert "If worker2 has run on another server since, start it there: its files are the newest." in log
    assert RESUMED not in log
    shutil.rmtree(files)
    newest.rename(files)
    cluster.start("worker2").wait_for(RESUMED)
    cluster.send(11, 20)
    receiver.assert_exactly_once(20)
    wait_for("the journals to be equal again", lambda: server.has_what_the_workers_have(cluster))


def test_without_a_journal_server_the_workers_go_on(cluster: Cluster) -> None:
    cluster.journal = cluster.port()
    receiver = cluster.receiver()
    cluster.start_all()
    cluster.send(1, 50)
    receiver.assert_exactly_once(50)
    assert cluster.files("worker2").path("evlog.journal").stat().st_size > 0
