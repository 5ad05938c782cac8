# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sender and the receiver, as processes with real sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import FrameSplitter
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import arrivals

from tests.program_runner import Programs, Source, output_frames


def all_values(source: Source, keys: int, last: int) -> bool:
    return source.values == {f"key_{key}": list(range(1, last + 1)) for key in range(keys)}


def test_eleven_keys_come_in_order_over_the_ten_connections_of_a_source(
    programs: Programs, source: Source, tmp_path: Path
) -> None:
    result = tmp_path / "result.json"
    code, output = programs.run(
        "sender", "--to", source.address, "--last", 500, "--interval", 0, "--batch", 50, "--result", result
    )
    assert code == 0, output
    wait_until(lambda: all_values(source, 11, 500), 10, "all values of all keys")
    assert source.accepted == 10
    assert source.most <= 10
    said = json.loads(result.read_text())
    assert (said["exit_code"], said["messages"], said["first"], said["last"]) == (0, 5500, 1, 500)
    assert result.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("source", [1], indirect=True)
def test_a_source_with_one_place_gets_everything_when_told_so(programs: Programs, source: Source) -> None:
    code, output = programs.run("sender", "--to", source.address, "--last", 100, "--interval", 0, "--connections", 1)
    assert code == 0, output
    wait_until(lambda: all_values(source, 11, 100), 10, "all values of all keys")


def test_a_part_of_a_sequence_and_keys_by_name(programs: Programs, source: Source) -> None:
    code, _output = programs.run(
        "sender", "--to", source.address, "--first", 8, "--last", 13, "--batch", 4, "--key", "a", "--key", "b"
    )
    assert code == 0
    wait_until(lambda: source.values == {"a": list(range(8, 14)), "b": list(range(8, 14))}, 10, "the values")


def test_a_source_that_is_not_there_yet_is_waited_for(programs: Programs, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    process = programs.start("sender", "--to", f"127.0.0.1:{port}", "--last", 5, "--keys", 1, "--connect-limit", 30)
    with socket.create_server(("127.0.0.1", port)) as listener:
        connection, _address = listener.accept()
        with connection:
            received = b""
            while chunk := connection.recv(1 << 16):
                received += chunk
    assert len(FrameSplitter().feed(received)) == 5
    assert process.wait(10) == 0


def test_a_source_that_never_comes_is_named(programs: Programs, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    result.write_text("stale")
    code, output = programs.run(
        "sender", "--to", "127.0.0.1:1", "--last", 5, "--connect-limit", 0.3, "--result", result
    )
    assert code == 1
    assert "no connection to the source 127.0.0.1:1 within 0.3 s" in output
    assert json.loads(result.read_text())["exit_code"] == 1


def test_a_source_that_does_not_read_is_reported(programs: Programs) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        code, output = programs.run(
            "sender",
            "--to",
            address,
            "--last",
            1_000_000,
            "--batch",
            100_000,
            "--interval",
            0,
            "--keys",
            1,
            "--stall-limit",
            1,
        )
    assert code == 1
    assert "has read nothing for 1 s" in output


def test_sigterm_ends_the_sender_and_it_says_how_far_it_came(
    programs: Programs, source: Source, tmp_path: Path
) -> None:
    result = tmp_path / "result.json"
    process = programs.start(
        "sender", "--to", source.address, "--last", 100000, "--batch", 1, "--interval", 0.05, "--result", result
    )
    # The first ones are counted when the second ones are sent.
    wait_until(lambda: any(len(values) > 1 for values in source.values.values()), 10, "the second values")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 1
    said = json.loads(result.read_text())
    assert "stopped by a signal" in said["message"]
    assert 0 < said["messages"] < 100000


@pytest.mark.parametrize(
    "wrong",
    [["--to", "nowhere"], ["--last", "0"], ["--last", "x"], ["--interval", "-1"], ["--first", "9", "--last", "3"]],
)
def test_wrong_arguments_are_answered_in_one_sentence(programs: Programs, wrong: list[str]) -> None:
    code, output = programs.run("sender", "--to", "127.0.0.1:1", "--last", 5, *wrong)
    assert code == 2
    assert "Traceback" not in output
    assert len(output.strip().splitlines()) == 1


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


@pytest.mark.parametrize("source", [3], indirect=True)
def test_a_source_with_fewer_places_than_connections_gets_everything_in_the_end(
    programs: Programs, source: Source
) -> None:
    # More than the kernel's buffers hold, so that a connection without a place really waits.
    code, output = programs.run(
        "sender", "--to", source.address, "--last", 300_000, "--interval", 0, "--batch", 50_000, "--stall-limit", 20
    )
    assert code == 0, output
    wait_until(
        lambda: (
            {key: len(values) for key, values in source.values.items()}
            == dict.fromkeys((f"key_{n}" for n in range(11)), 300_000)
        ),
        20,
        "all values of all keys",
    )
