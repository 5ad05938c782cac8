# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sender when the source goes away, does not answer, or is full."""

from __future__ import annotations

import asyncio
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
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import Address
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import decode_input
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import FrameSplitter
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.sending_progress import Progress, Sending
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.sender.main import Limits, Link

from tests.program_runner import Programs, Source

ONE_KEY = ("--keys", 1)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A source of which the test says what it does."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        server.settimeout(20)
        yield server


def address(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


def read(connection: socket.socket, frames: int = 1 << 30) -> list[int]:
    """At least so many values, or all until the end."""
    splitter, values = FrameSplitter(), []
    connection.settimeout(20)
    while len(values) < frames and (chunk := connection.recv(1 << 16)):
        values += [decode_input(payload)[0] for payload in splitter.feed(chunk)]
    return values


def reset(connection: socket.socket) -> None:
    """Close as a process that was killed does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def result_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("how", ["reset", "closed"])
def test_a_connection_that_breaks_ends_the_sender_with_what_is_known(
    programs: Programs, listener: socket.socket, tmp_path: Path, how: str
) -> None:
    result = tmp_path / "result.json"
    process = programs.start(
        "sender", "--to", address(listener), "--last", 10**6, *ONE_KEY, "--batch", 10, "--result", result
    )
    connection, _address = listener.accept()
    assert read(connection, 30)[:30] == list(range(1, 31))
    reset(connection) if how == "reset" else connection.close()
    output, _nothing = process.communicate(timeout=20)
    assert process.returncode == 1
    said = result_of(result)
    assert said["message"] in output
    assert f"the connection to the source {address(listener)} broke (" in said["message"]
    assert ") after value " in said["message"]
    assert said["message"].endswith("of key_0; what arrived of the values sent last is not known")
    assert 20 <= said["messages"] == said["last_values"]["key_0"] < 10**6
    assert "Traceback" not in output


def test_a_sender_that_may_resume_repeats_the_batch_that_broke(
    programs: Programs, listener: socket.socket, tmp_path: Path
) -> None:
    result = tmp_path / "result.json"
    process = programs.start(
        *("sender", "--to", address(listener), "--last", 100, *ONE_KEY, "--batch", 10, "--on-break", "resume"),
        *("--result", result),
    )
    first, _address = listener.accept()
    values = read(first, 30)
    reset(first)
    second, _address = listener.accept()
    with second:
        rest = read(second)
    assert process.wait(20) == 0
    assert rest[0] % 10 == 1, "the beginning of a batch"
    assert rest[0] <= values[-1] + 11
    assert rest == list(range(rest[0], 101))
    assert (result_of(result)["exit_code"], result_of(result)["messages"]) == (0, 100)


def test_a_source_that_does_not_come_back_is_waited_for_in_vain(programs: Programs, listener: socket.socket) -> None:
    process = programs.start(
        *("sender", "--to", address(listener), "--last", 10**6, *ONE_KEY, "--on-break", "resume"),
        *("--reconnect-limit", 0.3),
    )
    connection, _address = listener.accept()
    read(connection, 1)
    listener.close()
    reset(connection)
    output, _nothing = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "within 0.3 s" in output


@pytest.mark.parametrize("mode", ["fail", "resume"])
def test_a_break_after_the_last_value_is_no_success(programs: Programs, listener: socket.socket, mode: str) -> None:
    # Only what the kernel of the other side has not taken yet is left then: it lies in this side's queue.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    process = programs.start(
        *("sender", "--to", address(listener), "--last", 10_000, "--batch", 10_000, *ONE_KEY, "--on-break", mode),
        *("--result", "", "--interval", 0),
    )
    connection, _address = listener.accept()
    connection.settimeout(20)
    connection.recv(1)
    reset(connection)
    if mode == "resume":
        again, _address = listener.accept()
        with again:
            assert read(again) == list(range(1, 10_001))
        assert process.wait(20) == 0
    else:
        output, _nothing = process.communicate(timeout=20)
        assert process.returncode == 1
        assert "broke (" in output
        assert "Traceback" not in output


def test_a_source_that_reads_slowly_is_not_taken_for_a_stalled_one(programs: Programs, listener: socket.socket) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    last = 12_000
    process = programs.start(
        *("sender", "--to", address(listener), "--last", last, "--batch", last, *ONE_KEY, "--stall-limit", 0.6)
    )
    connection, _address = listener.accept()
    pause, begin = threading.Event(), time.monotonic()
    with connection:
        while connection.recv(1 << 15):
            pause.wait(0.04)
    assert time.monotonic() - begin > 0.8, "slower in all than the limit"
    assert process.wait(20) == 0


def test_a_source_that_takes_everything_and_reads_nothing_is_success_for_the_kernel_has_it(
    programs: Programs, listener: socket.socket
) -> None:
    code, output = programs.run("sender", "--to", address(listener), "--last", 10, *ONE_KEY, "--stall-limit", 2)
    assert code == 0, output


def test_a_source_whose_queue_is_full_is_not_waited_for_beyond_the_limit(programs: Programs) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        try:
            code, output = programs.run("sender", "--to", address(full), "--last", 1, *ONE_KEY, "--connect-limit", 0.5)
        finally:
            for filler in fillers:
                filler.close()
    assert code == 1
    assert "no connection to the source" in output
    assert "within 0.5 s (no answer)" in output


def test_a_limit_for_everything_says_how_far_it_came(programs: Programs, source: Source, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    code, output = programs.run(
        "sender", "--to", source.address, "--last", 10**6, "--rate", 100, "--batch", 1, "--limit", 1, "--result", result
    )
    assert code == 1
    assert "of 11,000,000 messages sent when the limit of 1 s passed" in output
    # 100 a second are asked for; the first round is free.
    assert 11 <= result_of(result)["messages"] <= 132


def test_a_signal_while_there_is_no_source_yet_ends_it_too(programs: Programs, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    process = programs.start("sender", "--to", "127.0.0.1:1", "--last", 5, "--connect-limit", 60, "--result", result)
    # Python needs a moment until it listens to signals, and would die of this one without a result before.
    wait_until(lambda: _catches(process.pid, signal.SIGTERM), 20, "the sender's signal handler")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 1
    assert result_of(result)["message"] == "stopped by a signal after 0 of 55 messages"


def _catches(pid: int, number: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    mask = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(mask & 1 << number - 1)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (["--key", "a", "--key", "a"], "--key a is given twice"),
        (["--key", ""], "--key needs a name"),
        (["--last", str(1 << 64)], "is more than a message can hold"),
        (["--to", ":7000"], "--to :7000 is no address of a source"),
        (["--to", "127.0.0.1:0"], "is no address of a source"),
        (["--on-break", "ignore"], "invalid choice: 'ignore'"),
        (["--result", "/no/such/directory/result.json"], "is no file in a directory that exists"),
        (["--batch", "0"], "'0' is no whole number above 0"),
        (["--rate", "nan"], "'nan' is no number of seconds"),
        (["--surprise"], "unrecognized arguments: --surprise"),
    ],
)
def test_every_wrong_value_is_named(programs: Programs, wrong: list[str], why: str) -> None:
    code, output = programs.run("sender", "--to", "127.0.0.1:1", "--last", 5, *wrong)
    assert code == 2
    assert output.startswith("sender: ")
    assert why in output
    assert len(output.splitlines()) == 1


def test_a_result_that_cannot_be_written_is_no_success(programs: Programs, source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    process = programs.start(
        *("sender", "--to", source.address, "--last", 20, "--batch", 1, "--result", folder / "result.json")
    )
    wait_until(lambda: source.values, 20, "the first values")
    folder.rmdir()
    output, _nothing = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "the result cannot be written to" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("turns", range(8))
def test_a_stop_is_not_forgotten_in_whatever_moment_of_a_refused_connection_it_comes(
    monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    async def refused(*_address: Any) -> Any:
        raise ConnectionRefusedError("nobody is there")

    async def stopped() -> bool:
        link = Link(
            Address("127.0.0.1", 1), ["key_0"], 0, Progress("", Sending(1, 2, [["key_0"]])), Limits(False, 60.0, 60.0)
        )
        task = asyncio.ensure_future(link.connect(60.0))
        for _turn in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=5.0)
        return task.cancelled()

    monkeypatch.setattr(asyncio, "open_connection", refused)
    assert asyncio.run(stopped())
