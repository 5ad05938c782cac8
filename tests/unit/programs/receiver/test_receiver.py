# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The receiver, as a process with real sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import FrameSplitter
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import arrivals, online

from tests.program_runner import Programs, output_frames


def test_whole_frames_of_all_connections_are_kept_and_the_target_ends_it(programs: Programs, tmp_path: Path) -> None:
    file, result = tmp_path / "received", tmp_path / "result.json"
    process, address = programs.receiver("--file", file, "--until", 50, "--keys", 2, "--limit", 30, "--result", result)
    first, second = socket.create_connection(address), socket.create_connection(address)
    with first, second:
        data = output_frames("key_0", 1, 50)
        first.sendall(data[:1001])
        second.sendall(output_frames("key_1", 1, 25))
        wait_until(lambda: file.stat().st_size > 1000, 10, "the first frames")
        first.sendall(data[1001:])
        second.sendall(output_frames("key_1", 26, 50))
        assert process.wait(20) == 0
    received = FrameSplitter()
    assert len(received.feed(file.read_bytes())) == 100
    assert received.pending == 0
    assert json.loads(result.read_text())["messages"] == 100
    assert [arrival.bytes for arrival in arrivals.iterate(str(file))][-1] == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_is_missing_is_said_when_the_limit_passes(programs: Programs, tmp_path: Path) -> None:
    process, address = programs.receiver("--file", tmp_path / "received", "--until", 50, "--keys", 2, "--limit", 1)
    with socket.create_connection(address) as connection:
        connection.sendall(output_frames("key_0", 1, 50) + output_frames("key_1", 1, 7))
        output, _nothing = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "1 of 2 keys have not reached 50: key_1 is at 7" in output


def test_a_torn_frame_and_one_that_is_too_long_harm_nobody_else(programs: Programs, tmp_path: Path) -> None:
    file, result = tmp_path / "received", tmp_path / "result.json"
    process, address = programs.receiver("--file", file, "--result", result)
    with socket.create_connection(address) as good:
        with socket.create_connection(address) as torn:
            torn.sendall(output_frames("key_0", 1, 1) + b"\x00\x00\x00\x30(key")
        with socket.create_connection(address) as long:
            long.sendall(output_frames("key_0", 2, 2) + b"\xff\xff\xff\xff")
            assert long.recv(1) == b""
        good.sendall(output_frames("key_0", 3, 3))
        wait_until(lambda: file.stat().st_size == len(output_frames("key_0", 1, 3)), 10, "three frames")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert len(json.loads(result.read_text())["torn"]) == 2


def test_a_taken_port_and_a_file_that_exists_are_named(programs: Programs, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        code, output = programs.run("receiver", "--listen", address, "--file", tmp_path / "received")
    assert code == 1
    assert f"nobody can listen on {address}" in output
    assert list(tmp_path.iterdir()) == [], "an empty file would be in the way of the next start"
    (tmp_path / "received").touch()
    code, output = programs.run("receiver", "--listen", "127.0.0.1:0", "--file", tmp_path / "received")
    assert code == 1
    assert "exists already" in output


def test_a_full_disk_ends_the_receiver_with_a_sentence(programs: Programs, tmp_path: Path) -> None:
    full = tmp_path / "received"
    full.symlink_to("/dev/full")
    process, address = programs.receiver("--file", full, "--append")
    with socket.create_connection(address) as connection:
        connection.sendall(output_frames("key_0", 1, 1))
        output, _nothing = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "No space left on device" in output
    assert "Traceback" not in output
    assert os.path.islink(full)


def test_a_violation_is_told_while_messages_come_and_everything_is_received(programs: Programs, tmp_path: Path) -> None:
    file = tmp_path / "received"
    process, address = programs.receiver("--file", file, "--keys", 2, "--on-violation", "continue")
    with socket.create_connection(address) as connection:
        connection.sendall(output_frames("key_0", 1, 5) + output_frames("key_0", 7, 9))
        wait_until(lambda: online.noted(str(file)).sentence, 10, "the violation")
        note = online.noted(str(file))
        assert (note.kind, note.key, note.found) == ("gap", "key_0", "[4,5,6,7]")
        assert note.known - note.arrived < 1
        connection.sendall(output_frames("key_1", 1, 5))
        whole = len(output_frames("key_0", 1, 5) + output_frames("key_0", 7, 9) + output_frames("key_1", 1, 5))
        wait_until(lambda: file.stat().st_size == whole, 10, "the rest")
    process.send_signal(signal.SIGTERM)
    output, _nothing = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "receiver: first violation: key_0: 6 is missing: at frame 5" in output


def test_a_receiver_can_stop_at_the_first_violation(programs: Programs, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    arguments = ("--keys", 2, "--on-violation", "stop", "--result", result, "--until", 9)
    process, address = programs.receiver("--file", tmp_path / "received", *arguments)
    with socket.create_connection(address) as connection:
        connection.sendall(output_frames("key_1", 1, 5) + output_frames("key_1", 5, 9))
        assert process.wait(10) == 1
    found = json.loads(result.read_text())
    assert found["violation"].startswith("key_1: repeated: at frame 5")
    assert found["message"] == f"stopped at the first violation: {found['violation']}"
