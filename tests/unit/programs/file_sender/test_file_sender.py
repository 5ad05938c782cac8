# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file sender: whole records, counted rightly, to a source that the test plays."""

from __future__ import annotations

import json
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frames

from tests.program_runner import Programs

LIMIT = 20.0


class Reader:
    """A source that reads everything and closes at the end, as Wallaroo's does."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.chunks: list[tuple[float, bytes]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def data(self) -> bytes:
        self._thread.join(LIMIT)
        assert not self._thread.is_alive()
        return b"".join(chunk for _moment, chunk in self.chunks)

    def _read(self) -> None:
        try:
            connection, _address = self.listener.accept()
        except OSError:
            return
        with connection:
            while chunk := connection.recv(1 << 16):
                self.chunks.append((time.monotonic(), chunk))


@pytest.fixture
def reader() -> Iterator[Reader]:
    source = Reader()
    try:
        yield source
    finally:
        source.listener.close()


def record(number: int) -> bytes:
    return struct.pack(">IQ", 8, number)


RECORDS = [record(number) for number in range(10)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Ten records of 12 bytes."""
    path = tmp_path / "records.msg"
    path.write_bytes(b"".join(RECORDS))
    return path


def send(programs: Programs, tmp_path: Path, *arguments: object) -> tuple[int, dict[str, Any]]:
    result = tmp_path / "result.json"
    code, output = programs.run("file_sender", *arguments, "--result", result)
    assert "Traceback" not in output
    said = json.loads(result.read_text())
    assert said["exit_code"] == code
    assert said["message"] in output
    return code, said


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        ((), list(range(10))),
        (("--messages", 7, "--batch", 3), list(range(7))),
        (("--messages", 25, "--repeat", "--batch", 4), [*range(10), *range(10), *range(5)]),
        (("--messages", 25, "--batch", 4), list(range(10))),
        (("--batch", 1, "--interval", 0), list(range(10))),
    ],
)
@pytest.mark.parametrize("size", [("--msg-size", 12), ("--variable-size",)])
def test_whole_records_in_their_order(
    programs: Programs, reader: Reader, tmp_path: Path, file: Path, arguments: Any, numbers: list[int], size: Any
) -> None:
    code, said = send(programs, tmp_path, "--to", reader.address, "--file", file, *size, *arguments)
    assert code == 0
    assert reader.data() == b"".join(RECORDS[number] for number in numbers)
    assert (said["messages"], said["bytes"], said["closed"]) == (len(numbers), 12 * len(numbers), True)
    assert said["begun"]


def test_several_files_one_after_the_other(programs: Programs, reader: Reader, tmp_path: Path, file: Path) -> None:
    other = tmp_path / "other.msg"
    other.write_bytes(frames([b"longer than the others", b""]))
    where = ("--to", reader.address, "--file", file, "--file", other)
    _code, said = send(programs, tmp_path, *where, "--variable-size")
    assert reader.data() == file.read_bytes() + other.read_bytes()
    assert said["messages"] == 12


def test_lines_become_frames(programs: Programs, reader: Reader, tmp_path: Path) -> None:
    text = tmp_path / "lines"
    text.write_bytes(b"one\n\ntwo\r\nthree")
    send(programs, tmp_path, "--to", reader.address, "--file", text)
    assert reader.data() == frames([b"one", b"", b"two", b"three"])


def test_a_batch_a_tick(programs: Programs, reader: Reader, tmp_path: Path, file: Path) -> None:
    where = ("--to", reader.address, "--file", file, "--msg-size", 12)
    _code, said = send(programs, tmp_path, *where, "--batch", 5, "--interval", 0.5)
    reader.data()
    assert [len(chunk) for _moment, chunk in reader.chunks] == [60, 60]
    assert reader.chunks[1][0] - reader.chunks[0][0] > 0.4
    assert said["seconds"] >= 0.5


@pytest.mark.parametrize(
    ("content", "size", "reason"),
    [
        (b"".join(RECORDS) + b"\x00", ("--msg-size", 12), r"at byte 120 stands 00, and 1 bytes are left"),
        (RECORDS[0] + b"\x00\x00\x00\x09" + bytes(8), ("--msg-size", 12), r"at byte 12 stands 00000009"),
        (b"".join(RECORDS), ("--msg-size", 13), r"at byte 0 stands 00000008"),
        (b"".join(RECORDS)[:-1], ("--variable-size",), r"is not made of frames"),
        (b"", ("--msg-size", 12), r"holds no records"),
    ],
)
def test_a_file_that_is_not_made_of_records_is_refused_before_anything_is_sent(
    programs: Programs, reader: Reader, tmp_path: Path, content: bytes, size: Any, reason: str
) -> None:
    path = tmp_path / "bad.msg"
    path.write_bytes(content)
    code, said = send(programs, tmp_path, "--to", reader.address, "--file", path, *size)
    assert code == 1
    assert str(path) in said["message"]
    assert reason in said["message"]
    assert (said["messages"], said["begun"], reader.chunks) == (0, False, [])


def test_a_file_that_is_not_there(programs: Programs, reader: Reader, tmp_path: Path) -> None:
    code, said = send(programs, tmp_path, "--to", reader.address, "--file", tmp_path / "no", "--variable-size")
    assert (code, said["message"]) == (1, f"{tmp_path / 'no'} cannot be read (No such file or directory)")


def test_a_source_that_is_not_there_is_named(programs: Programs, tmp_path: Path, file: Path) -> None:
    where = ("--to", "127.0.0.1:1", "--file", file, "--msg-size", 12)
    code, said = send(programs, tmp_path, *where, "--connect-limit", 0.3)
    assert code == 1
    assert said["message"].startswith("no connection to the source 127.0.0.1:1 within 0.3 s (Connection refused)")


def _break_off(listener: socket.socket) -> None:
    listener.accept()[0].close()


def test_a_source_that_breaks_off_or_reads_nothing_is_no_success(
    programs: Programs, tmp_path: Path, file: Path
) -> None:
    many = ("--file", file, "--msg-size", 12, "--messages", 10**7, "--repeat", "--batch", 10**4, "--interval", 0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=_break_off, args=(listener,), daemon=True).start()
        code, said = send(programs, tmp_path, "--to", address, *many)
        assert code == 1
        assert "the connection to the source" in said["message"]
        code, said = send(programs, tmp_path, "--to", address, *many, "--stall-limit", 0.5)
    assert code == 1
    assert "has read nothing for 0.5 s" in said["message"]
    assert 0 < said["messages"] < 10**7


def test_a_signal_ends_it_with_what_was_sent(programs: Programs, reader: Reader, tmp_path: Path, file: Path) -> None:
    result = tmp_path / "result.json"
    process = programs.start(
        *("file_sender", "--to", reader.address, "--file", file, "--msg-size", 12, "--batch", 5, "--interval", 60),
        *("--result", result),
    )
    end = time.monotonic() + LIMIT
    while not reader.chunks:
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(LIMIT) == 1
    assert json.loads(result.read_text())["message"] == "stopped by a signal after 5 of 10 records"
    assert reader.data() == b"".join(RECORDS[:5])


@pytest.mark.parametrize(
    "arguments", [("--repeat",), ("--msg-size", 4), ("--msg-size", 12, "--variable-size"), ("--batch", 0)]
)
def test_wrong_use_is_one_sentence(programs: Programs, file: Path, arguments: Any) -> None:
    code, output = programs.run("file_sender", "--to", "127.0.0.1:1", "--file", file, *arguments)
    assert (code, output.count("\n")) == (2, 1)
