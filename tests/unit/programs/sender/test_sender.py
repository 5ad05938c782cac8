# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sender, as a process with real sockets."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import FrameSplitter
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

from tests.program_runner import Programs, Source


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


def test_a_source_that_is_not_there_yet_is_waited_for(programs: Programs, free_ports: Sequence[int]) -> None:
    port = free_ports[0]
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
