# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever somebody sends to a port: the process serves the next client, has not grown, and shows no traceback.

Real processes, one for all cases of a port. Left out is only what is meant to end a worker: a clean shutdown, and
a message of the other source.
"""

from __future__ import annotations

import re
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.external_client import (
    ExternalChannelError,
    ExternalClient,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.restoring import from_journal_server
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import source_log
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import Address
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.external import MessageType, encode
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import FrameSplitter, frame, frames
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.market_spread import Order, encode_order
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import journal_fetch
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.plan import Addresses
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.source import CopyError
from hypothesis import assume, given

from tests.journal_client import Client
from tests.listening import Listening
from tests.program_runner import Programs
from tests.worker_runner import INITIALIZED, LIMIT, Cluster, wait_for

from .inputs import fuzzed, inputs, pieces, refusal_allowed

GROWTH = 64 << 20
"""Bytes that a process may have grown after all cases."""

ORDER = encode_order(Order(1, 7, "000042", " BTU", 100.0, 20.5, "20151204-14:30:00.000"))
CONTROL = frames([b'{"type":"identify_control","name":"worker2","port":1}', b'{"type":"shutdown","name":"x"}'])
HELLO = frame(b'\x00{"name":"worker2","incarnation":"abc"}')
BATCH = frame(b"\x01" + struct.pack(">BQQ", 0, 1, 2) + frames([ORDER]))


def throw(port: int, chunks: list[bytes]) -> None:
    """Send, say that this was all, and wait until the other side has closed: it must not hang on it."""
    with socket.create_connection(("127.0.0.1", port), LIMIT) as connection:
        connection.settimeout(LIMIT)
        try:
            for chunk in chunks:
                connection.sendall(chunk)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 16):
                pass
        except TimeoutError:
            raise AssertionError(f"the connection was not closed after {chunks!r}") from None
        except OSError:
            pass


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One worker of market-spread, with a receiver that throws everything away."""
    cluster = Cluster(tmp_path_factory.mktemp("worker"), application="market_spread")
    listener = socket.create_server(("127.0.0.1", cluster.sink))
    threading.Thread(target=_swallow, args=(listener,), daemon=True).start()
    try:
        cluster.start("initializer", 1).wait_for(INITIALIZED)
        yield cluster
    finally:
        cluster.close()
        listener.close()


def _swallow(listener: socket.socket) -> None:
    connection, _address = listener.accept()
    with connection:
        while connection.recv(1 << 16):
            pass


@pytest.mark.parametrize("port", ["source", "control", "data", "external"])
def test_a_worker_serves_on_whatever_comes(worker: Cluster, port: str) -> None:
    control, data = worker.ports_of("initializer")
    number = {"source": worker.source, "control": control, "data": data, "external": worker.external}[port]
    samples = {
        "source": [frames([ORDER, ORDER])],
        "control": [CONTROL],
        "data": [HELLO, HELLO + BATCH],
        "external": [encode(MessageType.CLUSTER_STATUS_QUERY), encode(MessageType.PRINT, b"hello")],
    }[port]
    initializer = worker["initializer"]
    before = initializer.memory()

    @fuzzed(40)
    @given(pieces(samples))
    def case(chunks: list[bytes]) -> None:
        data = b"".join(chunks)
        assume(port != "external" or b"\x00\x03" not in data)
        assume(port != "source" or not _holds_a_quote(data))
        throw(number, chunks)
        assert initializer.popen.poll() is None, initializer.log()[-2000:]

    case()
    status = worker.ask(MessageType.CLUSTER_STATUS_QUERY)
    assert status is not None
    assert status[1]["processing_messages"] is True
    throw(worker.source, [frames([ORDER])])
    assert "Traceback" not in initializer.log()
    assert initializer.memory() - before < GROWTH


def _holds_a_quote(data: bytes) -> bool:
    try:
        return any(payload.startswith(b"\x02") for payload in FrameSplitter().feed(data))
    except ValueError as error:
        return any(payload.startswith(b"\x02") for payload in getattr(error, "complete", []))


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    started = Programs()
    try:
        yield started
    finally:
        started.end()


def memory(pid: int) -> int:
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) << 10


class Log:
    """What a program says, read while it runs: a full pipe would stop it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: list[str] = []
        self._thread = threading.Thread(target=lambda: self._lines.extend(process.stdout or ()), daemon=True)
        self._thread.start()

    def at_the_end(self) -> str:
        """All of it, after the program was told to end and did."""
        self._process.terminate()
        assert self._process.wait(LIMIT) == 0
        self._thread.join(LIMIT)
        return "".join(self._lines)


def test_the_receiver_keeps_whole_frames_whatever_comes(programs: Programs, tmp_path: Path) -> None:
    path = tmp_path / "received.bin"
    process, address = programs.receiver("--file", path)
    log = Log(process)
    before = memory(process.pid)

    @fuzzed(40)
    @given(pieces([frames([b"one", b"two"])]))
    def case(chunks: list[bytes]) -> None:
        throw(address[1], chunks)

    case()
    throw(address[1], [frames([b"the last one"])])
    wait_for("the last frame", lambda: path.read_bytes().endswith(b"the last one"))
    FrameSplitter().feed(path.read_bytes())
    assert memory(process.pid) - before < GROWTH
    assert "Traceback" not in log.at_the_end()


def test_the_source_log_keeps_whole_frames_and_serves_on_whatever_comes(programs: Programs, tmp_path: Path) -> None:
    directory = tmp_path / "sent"
    process, sources, engines = programs.source_log(directory)
    log = Log(process)
    before = memory(process.pid)

    @fuzzed(40)
    @given(pieces([frames([b"one", b"two"])]), pieces([b"FROM 0\nACK 1\n", b"NOW\n", b"STATUS\n"]))
    def case(sent: list[bytes], asked: list[bytes]) -> None:
        throw(sources[1], sent)
        throw(engines[1], asked)

    case()
    path = directory / "sent.log"
    throw(sources[1], [frames([b"the last one"])])
    wait_for("the last frame", lambda: path.read_bytes().endswith(b"the last one"))
    count = len(FrameSplitter().feed(path.read_bytes()))
    with socket.create_connection(engines, LIMIT) as connection, connection.makefile("rb") as stream:
        connection.sendall(b"FROM %d\n" % (count - 1))
        assert stream.readline() == b"AT %d\n" % (count - 1)
        assert stream.read(16) == frame(b"the last one")
    assert source_log.events(directory / "sent.events")
    assert memory(process.pid) - before < GROWTH
    assert "Traceback" not in log.at_the_end()


def test_the_journal_server_serves_on_whatever_comes(programs: Programs, tmp_path: Path) -> None:
    directory = tmp_path / "server" / "journals"
    process = programs.start("journal_server", "--listen", "127.0.0.1:0", "--directory", directory, "--keep-free", 1)
    assert process.stdout
    found = re.search(r"listening on .*:(\d+)", process.stdout.readline())
    assert found
    port = int(found.group(1))
    log = Log(process)
    before = memory(process.pid)
    use = frame(b"uworker2")
    samples = [
        use + frame(b"l") + frame(b"aone\t0") + b"data",
        use + frame(b"gone\t0\t0"),
        frame(b"done") + frame(b"sone") + frame(b"tone\t1"),
    ]

    @fuzzed(40)
    @given(pieces(samples))
    def case(chunks: list[bytes]) -> None:
        throw(port, chunks)

    case()
    client = Client(("127.0.0.1", port))
    assert client.append("afterwards", "one.journal") == b"ok"
    client.socket.sendall(b"data")
    assert client.finish() == b"4\t4"
    assert memory(process.pid) - before < GROWTH
    assert [path.name for path in (tmp_path / "server").iterdir()] == ["journals"]
    assert "Traceback" not in log.at_the_end()


class Answering(Listening):
    """A server that answers every request with the same bytes and closes."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        for answer in self.answers:
            connection.recv(1 << 12)
            connection.sendall(answer)


@pytest.fixture
def answering() -> Iterator[Answering]:
    server = Answering()
    try:
        yield server
    finally:
        server.close()


def run(answering: Answering, samples: list[bytes], ask: Callable[[], object], *errors: type[Exception]) -> None:
    @fuzzed(40)
    @given(inputs(samples), inputs(samples))
    def case(first: bytes, second: bytes) -> None:
        answering.answers = [first, second, second]
        with refusal_allowed(*errors):
            ask()

    case()


def test_who_asks_a_worker_survives_its_answers(answering: Answering) -> None:
    status = b'{"worker_count":1,"worker_names":["initializer"],"processing_messages":true}'
    samples = [encode(MessageType.CLUSTER_STATUS_RESPONSE, status)]
    client = ExternalClient(*answering.address, 0.05)
    run(answering, samples, client.cluster_status, ExternalChannelError)


def test_who_restores_from_a_journal_server_survives_its_answers(
    answering: Answering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_fetch, "ANSWER_LIMIT", 0.05)
    target = resilience_set(tmp_path / "target", "multi_partition_detector", "worker2")
    addresses = Addresses(Address("127.0.0.1", 1), Address("127.0.0.1", 2))
    samples = [frame(b"ok"), frame(b"multi_partition_detector-worker2.journal\t10\tno\n"), frame(bytes(10))]
    workshop = tmp_path / "workshop"

    def restore() -> None:
        from_journal_server(Address(*answering.address), target, addresses, workshop, 0.1)

    run(answering, samples, restore, CopyError)
    assert not target.directory.exists()
    assert not workshop.exists()
