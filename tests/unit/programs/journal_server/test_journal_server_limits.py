# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the journal server says is on the disk is there, and nobody can make it hold too much or serve it twice."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.journal_server.connection import (
    Connection,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.journal_server.session import Session
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.journal_server.store import (
    FILES_LIMIT,
    Store,
)

from tests.journal_client import LIMIT, Client
from tests.program_runner import Programs

TCP_REPAIR = 19


class Server:
    """A journal server of one test."""

    def __init__(self, programs: Programs, directory: Path, *options: object) -> None:
        self.directory = directory
        self.process = programs.start(
            "journal_server", "--listen", "127.0.0.1:0", "--directory", directory, "--keep-free", 1, *options
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        found = re.match(r"journal server: listening on (.*):(\d+)", line)
        assert found, line
        self.address = (found.group(1), int(found.group(2)))
        self._clients: list[Client] = []

    def client(self) -> Client:
        self._clients.append(Client(self.address))
        return self._clients[-1]

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def most_memory(self) -> int:
        """The most resident bytes that it ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found.group(1)) << 10


@pytest.fixture
def server(programs: Programs, tmp_path: Path) -> Iterator[Server]:
    with closing(Server(programs, tmp_path / "journals", "--vanished-after", 4)) as one:
        yield one


def test_a_name_that_is_no_utf8_keeps_nobody_from_his_journals(server: Server) -> None:
    client = server.client()
    assert client.append("worker2", "a.journal") == b"ok"
    with open(os.fsencode(server.directory / "worker2") + b"/\xff\xfe.journal", "wb"):
        pass
    another = server.client()
    assert another.ask(b"uworker2") == b"ok"
    assert another.ask(b"l") == b"a.journal\t0\tyes\n"


def test_there_are_only_so_many_directories_and_files(server: Server) -> None:
    assert server.client().append("worker2", "a.journal") == b"ok"
    for number in range(FILES_LIMIT):
        (server.directory / f"{number}").mkdir()
        (server.directory / "worker2" / f"{number}").touch()
    client = server.client()
    assert client.ask(b"uworker3") == b"ERROR: there are 1001 files already"
    # Who is there already is served on.
    assert client.ask(b"uworker2") == b"ok"
    assert client.ask(b"sb.journal") == b"ERROR: there are 1001 files already"
    assert client.ask(b"ab.journal\t0") == b"ERROR: there are 1001 files already"


def test_a_second_server_in_the_same_directory_is_refused(server: Server, programs: Programs) -> None:
    arguments = ("journal_server", "--listen", "127.0.0.1:0", "--directory", server.directory)
    code, output = programs.run(*arguments)
    assert (code, output) == (
        1,
        f"journal server: {server.directory} cannot be used (another journal server uses it); mend that\n",
    )
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(LIMIT)
    closing(Server(programs, server.directory)).__enter__()


def test_a_client_that_vanished_without_a_word_lets_others_append(server: Server) -> None:
    vanished, another = server.client(), server.client()
    try:
        vanished.socket.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        vanished.socket.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 0)
    except OSError as error:
        pytest.skip(f"this user cannot make a connection vanish: {error.strerror}")
    assert vanished.append("worker2", "a.journal") == b"ok"
    # What is closed so says nothing to the other side.
    vanished.socket.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    vanished.close()
    assert another.ask(b"uworker2") == b"ok"
    wait_until(lambda: another.ask(b"l") == b"a.journal\t0\tno\n", LIMIT, "the server to notice")
    assert another.ask(b"aa.journal\t0") == b"ok"


def test_an_answer_that_nobody_reads_is_not_held(server: Server) -> None:
    (server.directory / "worker2").mkdir()
    with (server.directory / "worker2" / "a.journal").open("wb") as stream:
        stream.truncate(1 << 30)
    clients = [server.client() for _ in range(5)]
    for client in clients:
        assert client.ask(b"uworker2") == b"ok"
        client.send(b"ga.journal\t0\t0")
        assert client.socket.recv(4) == (1 << 30).to_bytes(4, "big")
        assert client.socket.recv(1 << 16)
    assert server.client().ask(b"uworker3") == b"ok"
    assert server.most_memory() < 64 << 20


def test_a_disk_that_is_full_within_a_write_ends_that_session_only(server: Server) -> None:
    # A limit on the size of a file looks to the server as a full disk does.
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (100_000, 100_000))
    first, second = server.client(), server.client()
    assert first.append("one", "a.journal") == b"ok"
    assert second.append("two", "a.journal") == b"ok"
    with suppress(OSError):
        first.socket.sendall(bytes(300_000))
    wait_until(lambda: first.answer() is None, LIMIT, "the end of the session")
    second.socket.sendall(b"abc")
    assert second.finish() == b"3\t3"
    # What the disk took is there, and the worker may go on behind it.
    assert (server.directory / "one" / "a.journal").stat().st_size == 100_000
    assert server.client().append("one", "a.journal", 100_000) == b"ok"


def _serve_here(directory: Path) -> list[bytes]:
    """The reports of an append of 3 times 1000 bytes to a server in this process."""

    async def serve() -> list[bytes]:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            client = Client(listener.getsockname())
            accepted, _address = await loop.sock_accept(listener)
        session = Session(Store(str(directory)), Connection(accepted, LIMIT, 12), lambda line: None)
        serving = asyncio.ensure_future(session.serve())
        reports: list[bytes] = []
        try:
            assert await loop.run_in_executor(None, client.append, "worker2", "a.journal") == b"ok"
            for _ in range(3):
                client.socket.sendall(bytes(1000))
            client.socket.shutdown(socket.SHUT_WR)
            await serving
        finally:
            accepted.close()
            while (report := await loop.run_in_executor(None, client.answer)) is not None:
                reports.append(report)
            client.close()
        return reports

    return asyncio.run(serve())


def test_what_is_reported_as_synced_was_synced_and_so_was_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, directories = [0], []
    real_data, real_all = os.fdatasync, os.fsync

    def note_data(handle: int) -> None:
        size = os.fstat(handle).st_size
        real_data(handle)
        synced.append(size)

    def note_all(handle: int) -> None:
        real_all(handle)
        directories.append(os.readlink(f"/proc/self/fd/{handle}"))

    monkeypatch.setattr(os, "fdatasync", note_data)
    monkeypatch.setattr(os, "fsync", note_all)
    reports = _serve_here(tmp_path / "journals")
    assert reports[-1] == b"3000\t3000"
    assert synced[-1] == 3000
    assert directories[:2] == [str(tmp_path / "journals/worker2"), str(tmp_path / "journals")]


def test_what_the_disk_does_not_keep_is_not_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        _serve_here(tmp_path / "journals")
