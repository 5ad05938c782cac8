# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source log, as a process with real sockets."""

from __future__ import annotations

import json
import re
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import source_log
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import decode_input, encode_input
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import (
    FrameSplitter,
    frame,
    frames,
    iterate_file,
    whole,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.source_log import STATUS, Event, Status
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

from tests.program_runner import Programs

LIMIT = 20
Place = tuple[str, int]


def records(first: int, last: int, key: str = "key_0") -> bytes:
    return b"".join(frame(encode_input(value, key)) for value in range(first, last + 1))


def send(place: Place, data: bytes) -> None:
    with socket.create_connection(place, LIMIT) as connection:
        connection.sendall(data)


def happened(directory: Path) -> list[tuple[object, ...]]:
    """The events without times and peers."""
    fields = {"open": ("records",), "from": ("reader", "at", "asked"), "ack": ("reader", "at")}
    fields.update({"closed": ("reader", "sent"), "refused": ("reader", "at", "asked")})
    found = source_log.events(directory / "sent.events")
    return [(one.event, *(getattr(one, name) for name in fields[one.event])) for one in found]


def until_size(directory: Path, size: int) -> None:
    log = directory / "sent.log"
    wait_until(lambda: log.stat().st_size == size, LIMIT, f"{size} bytes", lambda: f"{log.stat().st_size}")


class Engine:
    """One that reads the log."""

    def __init__(self, place: Place, asks: bytes) -> None:
        self.socket = socket.create_connection(place, LIMIT)
        self.socket.sendall(asks)
        self.stream: BinaryIO = self.socket.makefile("rb")
        self.answer = self.stream.readline()

    def values(self, count: int) -> list[int]:
        """The values of the next records."""
        found = []
        for _ in range(count):
            found.append(decode_input(self.stream.read(int.from_bytes(self.stream.read(4), "big")))[0])
        return found

    def at_end(self) -> bool:
        """Whether the log closes the connection, whatever comes before."""
        try:
            while self.stream.read(1 << 16):
                pass
        except ConnectionResetError:
            pass
        return True


@contextmanager
def engine(place: Place, asks: bytes) -> Iterator[Engine]:
    reading = Engine(place, asks)
    with reading.socket, reading.stream:
        yield reading


def test_what_is_sent_is_kept_and_read_from_any_record_on_while_more_comes(programs: Programs, tmp_path: Path) -> None:
    directory, result = tmp_path / "sent", tmp_path / "result.json"
    process, sources, log = programs.source_log(directory, "--result", result)
    send(sources, records(1, 50))
    until_size(directory, len(records(1, 50)))
    with engine(log, b"FROM 20\n") as reading:
        assert (reading.answer, reading.values(30)) == (b"AT 20\n", list(range(21, 51)))
        send(sources, records(51, 60))
        assert reading.values(10) == list(range(51, 61))
        reading.socket.sendall(b"ACK 30\nACK 30\nAC")
        reading.socket.sendall(b"K 60\n")
    wait_until(lambda: happened(directory)[-1] == ("closed", 1, 60), LIMIT, "the end of the reader")
    assert happened(directory)[:2] == [("open", 0), ("from", 1, 20, "FROM")]
    assert happened(directory)[2:] == [("ack", 1, 30), ("ack", 1, 60), ("closed", 1, 60)]
    process.send_signal(signal.SIGTERM)
    assert process.wait(LIMIT) == 0
    said = json.loads(result.read_text())
    assert (said["records"], said["received"], said["readers"], said["covered"]) == (60, 60, 1, 60)
    assert (said["message"], said["torn"]) == ("60 records received, 60 kept", [])
    assert (directory / "sent.log").read_bytes() == records(1, 60)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()} == {
        "sent.log": 0o600,
        "sent.events": 0o600,
    }


def test_what_comes_from_now_on_and_how_far_it_is_can_be_asked_for(programs: Programs, tmp_path: Path) -> None:
    directory = tmp_path / "sent"
    _process, sources, log = programs.source_log(directory)
    send(sources, records(1, 5))
    until_size(directory, len(records(1, 5)))
    with engine(log, b"NOW\n") as reading:
        assert reading.answer == b"AT 5\n"
        send(sources, records(6, 8))
        assert reading.values(3) == [6, 7, 8]
        reading.socket.sendall(b"ACK 7\n")
        wait_until(lambda: happened(directory)[-1] == ("ack", 1, 7), LIMIT, "the event")
        with engine(log, STATUS) as asking:
            assert Status.decoded(asking.answer) == Status(8, 7)
            assert asking.at_end()
        send(sources, records(9, 9))
        assert reading.values(1) == [9], "who asks for the status takes nobody's place"
    assert happened(directory)[1] == ("from", 1, 5, "NOW")


def test_the_newest_reader_takes_the_place_of_the_one_before(programs: Programs, tmp_path: Path) -> None:
    directory = tmp_path / "sent"
    _process, sources, log = programs.source_log(directory)
    send(sources, records(1, 5))
    with engine(log, b"FROM 0\n") as older:
        assert older.values(5) == [1, 2, 3, 4, 5]
        older.socket.sendall(b"ACK 4\n")
        with engine(log, b"FROM 4\n") as newer:
            assert older.at_end()
            assert newer.values(1) == [5]
            assert happened(directory)[1:] == [
                ("from", 1, 0, "FROM"),
                ("ack", 1, 4),
                ("closed", 1, 5),
                ("from", 2, 4, "FROM"),
            ]


@pytest.mark.parametrize("asks", [b"FROM 4\n", b"FROM -1\n", b"FROM\n", b"GET / HTTP/1.1\n", b"x" * 100, b"ACK 1\n"])
def test_who_asks_for_what_is_not_there_is_told_and_disturbs_nobody(
    programs: Programs, tmp_path: Path, asks: bytes
) -> None:
    directory = tmp_path / "sent"
    _process, sources, log = programs.source_log(directory)
    send(sources, records(1, 3))
    with engine(log, b"FROM 0\n") as reading:
        assert reading.values(3) == [1, 2, 3]
        with engine(log, asks) as refused:
            assert re.fullmatch(rb"ERROR [A-Z].*\.\n", refused.answer)
            assert refused.at_end()
        send(sources, records(4, 4))
        assert reading.values(1) == [4]
    noted = [one for one in happened(directory) if one[0] == "refused"]
    assert noted == ([("refused", 2, 4, "FROM")] if asks == b"FROM 4\n" else [])


def test_who_covers_what_was_not_sent_to_it_is_cut_off(programs: Programs, tmp_path: Path) -> None:
    directory = tmp_path / "sent"
    _process, sources, log = programs.source_log(directory)
    send(sources, records(1, 3))
    with engine(log, b"FROM 0\n") as reading:
        assert reading.values(3) == [1, 2, 3]
        reading.socket.sendall(b"ACK 4\nACK 3\n")
        assert reading.at_end()
    assert happened(directory)[2:] == [("refused", 1, 4, "ACK"), ("closed", 1, 3)]


def test_what_a_reader_covered_before_it_died_is_known(programs: Programs, tmp_path: Path) -> None:
    directory = tmp_path / "sent"
    _process, sources, log = programs.source_log(directory)
    with engine(log, b"FROM 0\n") as reading, socket.create_connection(sources) as sending:
        sending.sendall(records(1, 100))
        assert reading.values(100)[-1] == 100
        # What is unread when it is closed makes the kernel reset the connection, as after a SIGKILL.
        sending.sendall(records(101, 50_000))
        until_size(directory, len(records(1, 50_000)))
        reading.socket.sendall(b"ACK 100\n")
    wait_until(lambda: happened(directory)[-1][0] == "closed", LIMIT, "the end of the reader")
    assert happened(directory)[2] == ("ack", 1, 100)


def test_a_reader_that_does_not_read_holds_up_nobody_and_costs_no_memory(programs: Programs, tmp_path: Path) -> None:
    directory = tmp_path / "sent"
    process, sources, log = programs.source_log(directory)
    status = Path(f"/proc/{process.pid}/status")

    def memory() -> int:
        return int(re.findall(r"VmRSS:\s+(\d+)", status.read_text())[0]) << 10

    block = frames([bytes(1000)] * 1000)
    with engine(log, b"FROM 0\n") as reading:
        before = memory()
        # Over one connection: each has a buffer of its own.
        with socket.create_connection(sources) as sending:
            for _ in range(128):
                sending.sendall(block)
            until_size(directory, 128 * len(block))
        assert memory() - before < 24 << 20
        assert len(reading.stream.read(128 * len(block))) == 128 * len(block)


def test_the_sender_sends_to_it_as_to_any_source(programs: Programs, tmp_path: Path) -> None:
    directory = tmp_path / "sent"
    _process, sources, log = programs.source_log(directory)
    to = f"{sources[0]}:{sources[1]}"
    code, output = programs.run("sender", "--to", to, "--last", 500, "--interval", 0, "--batch", 50)
    assert code == 0, output
    values: dict[str, list[int]] = {}
    with engine(log, b"FROM 0\n") as reading:
        for _ in range(5500):
            value, key = decode_input(reading.stream.read(int.from_bytes(reading.stream.read(4), "big")))
            values.setdefault(key, []).append(value)
    assert values == {f"key_{number}": list(range(1, 501)) for number in range(11)}
    (last,) = source_log.values_at(directory / "sent.log", [5500])
    assert last == dict.fromkeys(values, 500)


def test_frames_that_are_large_torn_or_too_long_harm_nobody_else(programs: Programs, tmp_path: Path) -> None:
    directory, result = tmp_path / "sent", tmp_path / "result.json"
    process, sources, log = programs.source_log(directory, "--frame-limit", 1_000_000, "--result", result)
    large = frame(bytes(1_000_000))
    with engine(log, b"FROM 0\n") as reading:
        send(sources, frame(b"one") + b"\0\0\0\x09torn")
        assert reading.stream.read(7) == frame(b"one")
        send(sources, frame(b"two") + b"\xff\xff\xff\xff")
        assert reading.stream.read(7) == frame(b"two")
        send(sources, large + frame(b""))
        assert reading.stream.read(len(large) + 4) == large + frame(b"")
    with engine(log, b"FROM 3\n") as reading:
        assert reading.stream.read(4) == frame(b"")
    process.send_signal(signal.SIGTERM)
    output, _nothing = process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    assert "Traceback" not in output
    assert len(json.loads(result.read_text())["torn"]) == 2


def test_it_goes_on_after_its_own_crash_and_what_was_torn_is_cut_off(programs: Programs, tmp_path: Path) -> None:
    directory = tmp_path / "sent"
    process, sources, log = programs.source_log(directory)
    sender = programs.start(
        "sender", "--to", f"{sources[0]}:{sources[1]}", "--last", 1_000_000_000, "--interval", 0, "--batch", 1000
    )
    with engine(log, b"FROM 0\n") as reading:
        first = reading.stream.read(len(records(1, 1000)))
        reading.socket.sendall(b"ACK 700\n")
        wait_until(lambda: happened(directory)[-1][0] == "ack", LIMIT, "the event")
        process.kill()
        process.wait(LIMIT)
    output, _nothing = sender.communicate(timeout=LIMIT)
    assert sender.returncode == 1
    assert "the connection to the source" in output
    assert "broke" in output
    path = directory / "sent.log"
    kept = path.read_bytes()
    assert kept.startswith(first)
    count, size = whole(kept)
    # Where the kernel was not killed in the middle of a write nothing is torn, so it is torn here.
    path.write_bytes(kept[:size] + b"\0\0\0\x0dhalf")
    with (directory / "sent.events").open("ab") as events:
        events.write(b'{"time":17,"ev')
    _process, sources, log = programs.source_log(directory)
    assert path.stat().st_size == size
    assert happened(directory)[-1] == ("open", count)
    with engine(log, STATUS) as asking:
        assert Status.decoded(asking.answer) == Status(count, 700)
    with engine(log, b"FROM 700\n") as reading:
        assert reading.stream.read(len(first)) == kept[_offset_of(path, 700) :][: len(first)]
    with engine(log, b"FROM %d\n" % count) as reading:
        send(sources, records(1, 3))
        assert reading.values(3) == [1, 2, 3]
    assert ("from", 2, 700, "FROM") in happened(directory), "readers are counted since the file began"


def _offset_of(path: Path, position: int) -> int:
    return next(offset for number, (offset, _payload) in enumerate(iterate_file(path)) if number == position)


@pytest.mark.parametrize("file", ["sent.log", "sent.events"])
def test_a_full_disk_ends_it_with_a_sentence(programs: Programs, tmp_path: Path, file: str) -> None:
    directory = tmp_path / "sent"
    directory.mkdir(mode=0o700)
    # As if the disk were full here: a limit of the process, on which a write takes a part and then fails.
    code, output = _limited(programs, directory, 1000, file)
    assert code == 1
    assert f"{directory / file} cannot be written after " in output
    assert "make room" in output
    assert "Traceback" not in output
    splitter = FrameSplitter()
    splitter.feed((directory / "sent.log").read_bytes())
    assert splitter.pending == 0
    assert (directory / "sent.events").read_bytes().endswith(b"\n")


def _limited(programs: Programs, directory: Path, size: int, file: str) -> tuple[int, str]:
    process, sources, log = programs.source_log(directory)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))
    if file == "sent.log":
        # The rest may be refused, since it ends meanwhile.
        with socket.create_connection(sources) as connection:
            connection.sendall(records(1, 100))
            output, _nothing = process.communicate(timeout=LIMIT)
    else:
        while process.poll() is None:
            try:
                with socket.create_connection(log) as connection:
                    connection.sendall(b"NOW\n")
                    connection.recv(100)
            except OSError:
                break
        output, _nothing = process.communicate(timeout=LIMIT)
    return process.returncode, output


def test_a_taken_port_leaves_nothing_and_a_log_has_one_keeper(programs: Programs, tmp_path: Path) -> None:
    directory = tmp_path / "sent"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = f"127.0.0.1:{listener.getsockname()[1]}"
        for places in (("--listen", taken, "--serve", "127.0.0.1:0"), ("--listen", "127.0.0.1:0", "--serve", taken)):
            code, output = programs.run("source_log", *places, "--directory", directory)
            assert (code, f"nobody can listen on {taken}" in output) == (1, True)
            assert not directory.exists()
    programs.source_log(directory)
    code, output = programs.run(
        "source_log", "--listen", "127.0.0.1:0", "--serve", "127.0.0.1:0", "--directory", directory
    )
    assert code == 1
    assert f"another source log keeps {directory / 'sent.log'}" in output


def test_a_damaged_log_is_not_gone_on_with(programs: Programs, tmp_path: Path) -> None:
    directory = tmp_path / "sent"
    directory.mkdir()
    words = ("source_log", "--listen", "127.0.0.1:0", "--serve", "127.0.0.1:0", "--directory", directory)
    (directory / "sent.log").write_bytes(records(1, 2) + b"\xff" * 100)
    code, output = programs.run(*words)
    assert (code, "is damaged: the frame at byte 34 announces 4294967295 bytes" in output) == (1, True)
    (directory / "sent.log").write_bytes(records(1, 2))
    (directory / "sent.events").write_bytes(b"nonsense\n" + Event(1.0, "open").encode())
    code, output = programs.run(*words)
    assert (code, "sent.events is damaged in line 1" in output) == (1, True)


@pytest.mark.parametrize("wrong", [["--frame-limit", "0"], ["--serve", "nowhere"], ["--result", "/no/such/file"]])
def test_wrong_arguments_are_named(programs: Programs, tmp_path: Path, wrong: list[str]) -> None:
    places = ["--listen", "127.0.0.1:0", "--serve", "127.0.0.1:0", "--directory", str(tmp_path / "sent")]
    code, output = programs.run("source_log", *places, *wrong)
    assert code == 2
    assert output.startswith("source_log: ")
    assert not (tmp_path / "sent").exists()
