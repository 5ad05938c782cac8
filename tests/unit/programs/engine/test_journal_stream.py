# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a worker brings a journal to the journal server, whatever that server is like (wallaroo.md, C.5)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine import journal_stream
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.journal_stream import JournalStream

from tests.listening import Listening

LIMIT = 15.0
NAME = "multi_partition_detector-worker2.journal"


class Ended(BaseException):
    """The worker ended itself; not an Exception, as its real end is none either."""


class PlainServer(Listening):
    """A journal server as plain as Wallaroo's own. Keeps one file, and notes what it was asked."""

    def __init__(self, knows_how_to_cut: bool = False) -> None:
        self.content: bytearray | None = None
        self.asked: list[str] = []
        self.blocks: list[int] = []
        self.busy = 0
        """So many times somebody else appends still."""
        self.silent = 0
        """So many connections get no answer."""
        self._knows_how_to_cut = knows_how_to_cut
        super().__init__()

    def commands(self) -> str:
        return "".join(request[:1] for request in self.asked)

    def serve(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while header := stream.read(4):
                request = stream.read(struct.unpack(">I", header)[0]).decode()
                self.asked.append(request)
                if self.silent:
                    self.silent -= 1
                    stream.read()
                    return
                answer = self._answer(request)
                connection.sendall(struct.pack(">I", len(answer)) + answer)
                if request[0] == "a":
                    self._append(connection, answer)
                    return

    def _answer(self, request: str) -> bytes:
        command, fields = request[0], request[1:].split("\t")
        if command == "l":
            flag = "yes" if self.busy else "no"
            self.busy = max(0, self.busy - 1)
            return b"" if self.content is None else f"{NAME}\t{len(self.content)}\t{flag}\n".encode()
        if command == "a":
            self.content = bytearray() if self.content is None else self.content
            return b"ok" if int(fields[1]) == len(self.content) else b"ERROR: another size"
        if command == "d":
            self.content = None
        if command == "t":
            if not self._knows_how_to_cut or self.content is None:
                return b'ERROR: unknown command "t"'
            del self.content[int(fields[1]) :]
        return b"ok"

    def _append(self, connection: socket.socket, answer: bytes) -> None:
        while answer == b"ok" and self.content is not None:
            try:
                data = connection.recv(1 << 20)
            except OSError:
                return
            if not data:
                return
            self.content += data
            self.blocks.append(len(data))


def fail(line: str, where: str = "") -> NoReturn:
    """In place of the engine's own, which ends the process."""
    raise Ended(f"{line} {where}")


@pytest.fixture
def server() -> Iterator[PlainServer]:
    one = PlainServer()
    yield one
    one.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_stream, "RECONNECT_PAUSE", 0.01)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(os.urandom(150_000))
    return path


def arrived(server: PlainServer, journal: Path) -> Callable[[], bool]:
    """Whether all of a journal is on the server, and is being appended to."""
    return lambda: server.commands().endswith("a") and server.content == journal.read_bytes()


def streaming(
    stream: JournalStream, reached: Callable[[], object], meanwhile: Callable[[], None] | None = None
) -> None:
    """Stream until something is so; ``meanwhile`` is done once that is, and it has to become so again."""

    async def run() -> None:
        task = asyncio.ensure_future(stream.run())
        try:
            for then in (meanwhile, None):
                end = asyncio.get_running_loop().time() + LIMIT
                while not reached():
                    if task.done():
                        task.result()
                    assert asyncio.get_running_loop().time() < end, "what was to be streamed did not arrive"
                    await asyncio.sleep(0.005)
                if then is None:
                    return
                then()
        finally:
            task.cancel()
            await asyncio.wait({task})

    asyncio.run(run())


def test_a_session_is_that_of_a_real_worker(server: PlainServer, journal: Path) -> None:
    stream = JournalStream(journal, "worker2", server.address)
    streaming(stream, arrived(server, journal))
    assert server.asked == ["uworker2", "l", f"a{NAME}\t0"]


def test_what_is_written_later_follows_on_the_same_connection(server: PlainServer, journal: Path) -> None:
    stream = JournalStream(journal, "worker2", server.address)
    streaming(stream, arrived(server, journal), lambda: stream.append(b"more"))
    assert server.commands() == "ula"


@pytest.mark.parametrize("there", [1, 65536, 149_999, 150_000])
def test_only_what_the_server_lacks_is_sent(server: PlainServer, journal: Path, there: int) -> None:
    server.content = bytearray(journal.read_bytes()[:there])
    stream = JournalStream(journal, "worker2", server.address)
    streaming(stream, arrived(server, journal))
    assert server.asked[-1] == f"a{NAME}\t{there}"
    assert sum(server.blocks) == 150_000 - there


def test_a_broken_connection_is_made_anew_and_goes_on_where_it_was(server: PlainServer, journal: Path) -> None:
    stream = JournalStream(journal, "worker2", server.address)

    def break_off() -> None:
        server.break_off()
        stream.append(b"more")

    streaming(stream, arrived(server, journal), break_off)
    assert sum(server.blocks) == 150_004


def test_while_somebody_else_appends_it_asks_again_and_again(server: PlainServer, journal: Path) -> None:
    server.content, server.busy = bytearray(), 3
    stream = JournalStream(journal, "worker2", server.address)
    streaming(stream, arrived(server, journal))
    assert server.commands() == "ulllla"


def test_a_server_that_does_not_answer_is_left_and_tried_again(
    server: PlainServer, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_stream, "REQUEST_LIMIT", 0.2)
    server.silent = 2
    stream = JournalStream(journal, "worker2", server.address)
    streaming(stream, arrived(server, journal))
    assert server.commands() == "uuula"


def test_more_on_the_server_than_here_ends_the_worker(
    server: PlainServer, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_stream, "fail", fail)
    server.content = bytearray(150_001)
    with pytest.raises(Ended, match=r"holds 150001 bytes of .* only 150000 were in .* remove both.*_client\.pony"):
        streaming(JournalStream(journal, "worker2", server.address), lambda: False)
    assert server.commands() == "ul"
    assert len(server.content) == 150_001


@pytest.mark.parametrize("cut", [False, True])
def test_what_another_instance_wrote_on_ends_a_worker_whatever_it_has_written_by_then(
    server: PlainServer, journal: Path, monkeypatch: pytest.MonkeyPatch, cut: bool
) -> None:
    monkeypatch.setattr(journal_stream, "fail", fail)
    server.content = bytearray(journal.read_bytes() + b"of another instance")
    stream = JournalStream(journal, "worker2", server.address)
    if cut:
        stream.cut(149_990)
    stream.append(b"of this one, and longer than what the other one wrote")
    with pytest.raises(
        Ended, match=r"holds 150019 bytes .* If worker2 has run on another server since, start it there"
    ):
        streaming(stream, lambda: False)
    assert server.commands() == "ul"
    assert not stream.is_accepted


@pytest.mark.parametrize("meanwhile", [b"", b"longer than what was cut off by far"])
def test_what_is_cut_here_is_cut_there(journal: Path, meanwhile: bytes) -> None:
    with contextlib.closing(PlainServer(knows_how_to_cut=True)) as server:
        server.content = bytearray(journal.read_bytes())
        stream = JournalStream(journal, "worker2", server.address)
        stream.cut(149_990)
        stream.append(meanwhile)
        streaming(stream, arrived(server, journal))
        assert server.asked[2:] == [f"t{NAME}\t149990", f"a{NAME}\t149990"]


def test_a_server_that_cannot_cut_gets_a_cut_journal_anew_and_once(server: PlainServer, journal: Path) -> None:
    server.content = bytearray(journal.read_bytes())
    stream = JournalStream(journal, "worker2", server.address)
    stream.cut(149_990)
    stream.append(b"more than was cut off")

    def break_off() -> None:
        server.break_off()
        stream.append(b"and more")

    streaming(stream, arrived(server, journal), break_off)
    assert server.commands() == "ultdulaula"


def test_a_cut_that_the_server_never_had_costs_nothing(server: PlainServer, journal: Path) -> None:
    server.content = bytearray(journal.read_bytes()[:1000])
    stream = JournalStream(journal, "worker2", server.address)
    stream.cut(149_990)
    streaming(stream, arrived(server, journal))
    assert server.commands() == "ula"


def test_a_journal_that_somebody_made_shorter_does_not_keep_the_worker_busy(
    server: PlainServer, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = iter(range(1000))
    real = os.pread

    def read(handle: int, size: int, offset: int) -> bytes:
        assert next(reads, None) is not None, "it reads on and on"
        return real(handle, size, offset)

    monkeypatch.setattr(os, "pread", read)
    stream = JournalStream(journal, "worker2", server.address)
    os.truncate(journal, 1000)
    streaming(stream, lambda: server.commands().count("a") >= 3)


def test_a_server_that_is_away_costs_no_memory(tmp_path: Path, server: PlainServer) -> None:
    stream = JournalStream(tmp_path / NAME, "worker2", ("127.0.0.1", 1))
    block = os.urandom(1 << 20)
    tracemalloc.start()
    try:

        def write() -> None:
            for _ in range(32):
                stream.append(block)

        streaming(stream, lambda: True, write)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    again = JournalStream(tmp_path / NAME, "worker2", server.address)
    streaming(again, lambda: server.content is not None and len(server.content) == 32 << 20)
    assert server.content == block * 32
