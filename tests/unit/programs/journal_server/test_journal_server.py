# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal server: its protocol, and what no client can make it do."""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

from tests.journal_client import LIMIT, Client
from tests.program_runner import Programs

Address = tuple[str, int]


def start(
    programs: Programs, directory: Path, *options: object, port: int = 0
) -> tuple[subprocess.Popen[str], Address]:
    process = programs.start(
        "journal_server", "--listen", f"127.0.0.1:{port}", "--directory", directory, "--keep-free", 1, *options
    )
    assert process.stdout
    line = process.stdout.readline()
    found = re.match(r"journal server: listening on (.*):(\d+)", line)
    assert found, line
    return process, (found.group(1), int(found.group(2)))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Address, Path]]:
    """One server for all tests that do not end it; each has a worker of its own."""
    programs, directory = Programs(), tmp_path_factory.mktemp("journals") / "kept"
    try:
        yield start(programs, directory, "--idle-limit", 2)[1], directory
    finally:
        programs.end()


@pytest.fixture
def client(running: tuple[Address, Path]) -> Iterator[Client]:
    one = Client(running[0])
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def another(running: tuple[Address, Path]) -> Iterator[Client]:
    one = Client(running[0])
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def worker(running: tuple[Address, Path], request: pytest.FixtureRequest) -> Path:
    """The directory of a worker of this test, with a journal of 10 bytes."""
    directory = running[1] / re.sub(r"\W+", "-", request.node.name)[:100]
    directory.mkdir()
    (directory / "a.journal").write_bytes(b"0123456789")
    return directory


def test_a_session_as_a_worker_has_it(client: Client, running: tuple[Address, Path]) -> None:
    assert client.ask(b"usession") == b"ok"
    assert client.ask(b"l") == b""
    assert client.ask(b"app-worker2.journal\t0") == b"ok"
    client.socket.sendall(b"abc")
    assert client.answer() in (b"3\t3", b"6\t6")
    client.socket.sendall(b"def")
    assert client.finish() == b"6\t6"
    path = running[1] / "session" / "pp-worker2.journal"
    assert path.read_bytes() == b"abcdef"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"l", b"a.journal\t10\tno\n"),
        (b"ga.journal\t0\t0", b"0123456789"),
        (b"ga.journal\t3\t4", b"3456"),
        (b"ga.journal\t-5\t4", b"0123"),
        (b"ga.journal\t8\t100", b"89"),
        (b"ga.journal\t99\t1", b""),
        (b"gb.journal\t0\t0", None),
        (b"ga.journal\t0", None),
        (b"da.journal", b"ok"),
        (b"db.journal", b"ERROR"),
        (b"sa.journal", b"10\t10"),
        (b"snew", b"0\t0"),
        (b"ta.journal\t4", b"ok"),
        (b"ta.journal\t11", b"ERROR: a.journal has 10 bytes and cannot be cut to 11"),
        (b"ta.journal\tx", b"ERROR: b'x' is no number"),
        (b"aa.journal\t9", b"ERROR: a.journal has 10 bytes, not 9"),
        (b"aa.journal", b"ERROR: 2 fields are needed, 1 came"),
        (b"x", b'ERROR: unknown command "x"'),
        (b"\xff", b'ERROR: unknown command "\\xff"'),
        (b"", b'ERROR: unknown command ""'),
    ],
)
def test_every_request_has_its_answer(client: Client, worker: Path, request_: bytes, answer: bytes | None) -> None:
    assert client.ask(b"u" + worker.name.encode()) == b"ok"
    assert client.ask(request_) == answer
    assert (worker / "a.journal").exists() is (request_[:1] != b"d" or answer == b"ERROR")


def test_a_client_that_named_no_worker_uses_the_directory_itself(client: Client, running: tuple[Address, Path]) -> None:
    assert client.ask(b"stop-level") == b"0\t0"
    assert (running[1] / "top-level").exists()


@pytest.mark.parametrize("command", [b"u%s", b"g%s\t0\t0", b"d%s", b"a%s\t0", b"s%s", b"t%s\t0"])
@pytest.mark.parametrize(
    "name", [b"..", b".", b"../x", b"/etc/passwd", b"x/y", b"x\0y", b"x\ny", b"", b".hidden", b"\xff", b"n" * 201]
)
def test_no_name_leads_out_of_the_directory(
    client: Client, running: tuple[Address, Path], command: bytes, name: bytes
) -> None:
    before = sorted(running[1].parent.rglob("*"))
    answer = client.ask(command % name)
    assert answer is None if command[:1] == b"g" else (answer or b"").startswith(b"ERROR: ")
    assert sorted(running[1].parent.rglob("*")) == before


def test_links_are_not_followed(client: Client, running: tuple[Address, Path], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (running[1] / "link").symlink_to(secret)
    (running[1] / "out").symlink_to(tmp_path)
    (running[1] / "pipe").mkdir()
    os.mkfifo(running[1] / "pipe" / "fifo")
    assert (client.ask(b"uout") or b"").startswith(b"ERROR")
    assert b"link" not in (client.ask(b"l") or b"")
    assert (client.ask(b"tlink\t0") or b"").startswith(b"ERROR")
    assert client.ask(b"upipe") == b"ok"
    assert client.ask(b"l") == b""
    assert client.ask(b"gfifo\t0\t0") is None
    assert secret.read_text() == "secret"


def test_one_session_appends_at_a_time_and_leaves_the_file_when_it_goes(client: Client, another: Client) -> None:
    assert client.append("locks", "one.journal") == b"ok"
    assert another.ask(b"ulocks") == b"ok"
    assert another.ask(b"l") == b"one.journal\t0\tyes\n"
    for request in (b"done.journal", b"tone.journal\t0"):
        assert another.ask(request) == b"ERROR: one.journal is being appended to"
    client.close()
    wait_until(lambda: another.ask(b"l") == b"one.journal\t0\tno\n", 20, "the file to be free")
    assert another.ask(b"aone.journal\t0") == b"ok"


def test_the_same_name_of_another_worker_is_another_file(client: Client, another: Client) -> None:
    assert client.append("first", "same.journal") == b"ok"
    assert another.append("second", "same.journal") == b"ok"


def test_what_a_killed_client_had_sent_is_kept(client: Client, another: Client, running: tuple[Address, Path]) -> None:
    assert client.append("killed", "one.journal") == b"ok"
    data = os.urandom(300_000)
    client.socket.sendall(data)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
    client.close()
    assert another.ask(b"ukilled") == b"ok"
    wait_until(lambda: b"\tno\n" in (another.ask(b"l") or b""), 20, "the file to be free")
    assert (running[1] / "killed" / "one.journal").read_bytes() == data


@pytest.mark.parametrize(
    "data", [b"\xff\xff\xff\xff", b"\x00\x00\x20\x00", b"\x00\x00", b"\x00\x00\x00\x09abc", b"GET / HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_request_costs_its_own_connection_only(client: Client, another: Client, data: bytes) -> None:
    client.socket.sendall(data)
    with suppress(OSError):
        # Unless it was cut off already.
        client.socket.shutdown(socket.SHUT_WR)
    assert client.answer() is None
    assert another.ask(b"uafterwards") == b"ok"


def test_a_client_that_asks_nothing_is_cut_off(client: Client) -> None:
    begin = time.monotonic()
    assert client.answer() is None
    assert time.monotonic() - begin < LIMIT


def test_a_big_file_is_read_without_being_held(client: Client, running: tuple[Address, Path]) -> None:
    directory = running[1] / "big"
    directory.mkdir()
    with (directory / "one.journal").open("wb") as stream:
        stream.truncate(40 << 20)
    assert client.ask(b"ubig") == b"ok"
    data = client.ask(b"gone.journal\t0\t0")
    assert data is not None
    assert len(data) == 40 << 20


def test_too_many_clients_are_turned_away_and_the_others_go_on(programs: Programs, tmp_path: Path) -> None:
    _process, address = start(programs, tmp_path / "journals", "--connections", 2)
    first, second, third = Client(address), Client(address), Client(address)
    assert first.ask(b"uone") == b"ok"
    assert second.ask(b"utwo") == b"ok"
    assert third.answer() is None
    first.close()
    wait_until(lambda: Client(address).ask(b"uthree") == b"ok", 20, "a place")


def test_a_full_disk_is_said_and_only_its_client_notices(programs: Programs, tmp_path: Path) -> None:
    free = os.statvfs(tmp_path)
    too_much = free.f_blocks * free.f_frsize * 2
    _process, address = start(programs, tmp_path / "journals", "--keep-free", too_much)
    client = Client(address)
    assert re.match(
        rb"ERROR: fewer than [0-9,]+ bytes are free on the disk", client.append("one", "one.journal") or b""
    )
    assert Client(address).ask(b"uone") == b"ok"


def test_killed_and_started_again_it_has_all_that_it_acknowledged(programs: Programs, tmp_path: Path) -> None:
    process, address = start(programs, tmp_path / "journals")
    clients = {name: Client(address) for name in ("one", "two")}
    for name, client in clients.items():
        assert client.append("both", f"{name}.journal") == b"ok"
    acknowledged = dict.fromkeys(clients, 0)
    blocks = {name: os.urandom(5000) for name in clients}
    sent = dict.fromkeys(clients, 0)
    end = time.monotonic() + LIMIT
    while min(acknowledged.values()) == 0:
        assert time.monotonic() < end, "no report came"
        for name, client in clients.items():
            client.socket.sendall(blocks[name])
            sent[name] += len(blocks[name])
            client.socket.settimeout(0.01)
            try:
                report = client.answer()
            except TimeoutError:
                continue
            assert report is not None
            acknowledged[name] = int(report.split(b"\t")[1])
    process.send_signal(signal.SIGKILL)
    process.wait(LIMIT)
    _process, address = start(programs, tmp_path / "journals", port=address[1])
    for name in clients:
        kept = (tmp_path / "journals" / "both" / f"{name}.journal").read_bytes()
        assert acknowledged[name] <= len(kept) <= sent[name]
        assert kept == (blocks[name] * (len(kept) // 5000 + 1))[: len(kept)]
        again = Client(address)
        assert again.append("both", f"{name}.journal", len(kept)) == b"ok"


def test_it_ends_when_it_is_told_to(programs: Programs, tmp_path: Path) -> None:
    process, address = start(programs, tmp_path / "journals")
    client = Client(address)
    assert client.append("one", "one.journal") == b"ok"
    client.socket.sendall(b"last words")
    wait_until(lambda: (tmp_path / "journals/one/one.journal").stat().st_size == 10, 20, "the bytes")
    process.terminate()
    output, _nothing = process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    assert output.endswith("journal server: stopped by a signal\n")


def test_wrong_use_is_one_sentence(programs: Programs, tmp_path: Path) -> None:
    code, output = programs.run("journal_server", "--listen", "x", "--directory", tmp_path)
    assert (code, output.count("\n")) == (2, 1)
    (tmp_path / "file").write_text("")
    code, output = programs.run("journal_server", "--listen", "127.0.0.1:0", "--directory", tmp_path / "file")
    assert (code, output) == (1, f"journal server: {tmp_path / 'file'} cannot be used (File exists); mend that\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, output = programs.run(
            "journal_server", "--listen", f"127.0.0.1:{taken.getsockname()[1]}", "--directory", tmp_path / "j"
        )
    assert code == 1
    assert "nobody can listen on 127.0.0.1:" in output
