# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the receiver keeps, and when it ends."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame, iterate_file
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import arrivals

from tests.program_runner import Programs, output_frames


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "received.bin"


def send(address: tuple[str, int], data: bytes) -> None:
    with socket.create_connection(address, 20) as connection:
        connection.sendall(data)


def came(file: Path, size: int) -> None:
    wait_until(lambda: file.stat().st_size == size, 20, f"{size} bytes", lambda: f"{file.stat().st_size} bytes")


def test_frames_of_many_connections_are_never_mixed(programs: Programs, file: Path) -> None:
    keys, last = 20, 300
    process, address = programs.receiver("--file", file, "--until", last, "--keys", keys, "--limit", 40)

    def worker(key: int) -> None:
        data = output_frames(f"key_{key}", 1, last)
        with socket.create_connection(address, 20) as connection:
            # Pieces that end anywhere but at the end of a frame.
            for begin in range(0, len(data), 1237):
                connection.sendall(data[begin : begin + 1237])
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)

    threads = [threading.Thread(target=worker, args=(key,)) for key in range(keys)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert process.wait(20) == 0
    payloads = [payload for _offset, payload in iterate_file(file)]
    assert len(payloads) == keys * last
    for key in range(keys):
        mine = b"".join(frame(payload) for payload in payloads if payload.startswith(f"(key_{key}.".encode()))
        assert mine == output_frames(f"key_{key}", 1, last)


def test_the_target_is_reached_also_when_more_comes(programs: Programs, file: Path) -> None:
    process, address = programs.receiver("--file", file, "--until", 5, "--key", "a", "--limit", 20)
    send(address, output_frames("a", 1, 9))
    assert process.wait(20) == 0
    assert file.read_bytes() == output_frames("a", 1, 9)


def test_what_is_no_message_of_the_detector_is_kept_and_does_not_count(programs: Programs, file: Path) -> None:
    process, address = programs.receiver("--file", file, "--until", 1, "--key", "a", "--limit", 20)
    send(address, frame(b"garbage") + frame(b"") + output_frames("other", 1, 1) + output_frames("a", 1, 1))
    assert process.wait(20) == 0
    assert [payload for _offset, payload in iterate_file(file)][:2] == [b"garbage", b""]


@pytest.mark.parametrize(("keys", "shown"), [(2, "key_1 is at 0"), (12, "key_5 is at 0 and 6 more")])
def test_nothing_coming_for_long_is_reported_with_who_is_missing(
    programs: Programs, file: Path, tmp_path: Path, keys: int, shown: str
) -> None:
    result = tmp_path / "result.json"
    process, address = programs.receiver(
        "--file", file, "--until", 2, "--keys", keys, "--idle-limit", 0.3, "--result", result
    )
    send(address, output_frames("key_0", 1, 2))
    output, _nothing = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "nothing came for 0.3 s: " in output
    said = json.loads(result.read_text(encoding="utf-8"))
    assert said["message"].endswith(f"of {keys} keys have not reached 2: {said['message'].rpartition(': ')[2]}")
    assert said["message"].endswith(shown) or keys == 12
    assert said["missing"] == {f"key_{number}": 0 for number in range(1, keys)}
    assert (said["messages"], said["bytes"]) == (2, file.stat().st_size)


def test_sigterm_ends_it_and_what_came_is_kept(programs: Programs, file: Path, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    process, address = programs.receiver("--file", file, "--result", result)
    with socket.create_connection(address) as connection:
        connection.sendall(output_frames("a", 1, 3) + b"\x00\x00")
        came(file, len(output_frames("a", 1, 3)))
        process.send_signal(signal.SIGTERM)
        output, _nothing = process.communicate(timeout=20)
    assert process.returncode == 0
    assert output.splitlines()[-1] in ("receiver: 3 messages received", f"receiver: {_peer(output)} closed")
    assert "Traceback" not in output
    assert json.loads(result.read_text(encoding="utf-8"))["message"] == "3 messages received"
    assert file.read_bytes() == output_frames("a", 1, 3)


def _peer(output: str) -> str:
    return next(line.split()[1] for line in output.splitlines() if line.endswith(" connected"))


def test_a_signal_before_the_target_is_a_failure(programs: Programs, file: Path) -> None:
    process, address = programs.receiver("--file", file, "--until", 3, "--key", "a")
    send(address, output_frames("a", 1, 2))
    came(file, len(output_frames("a", 1, 2)))
    process.send_signal(signal.SIGTERM)
    output, _nothing = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "stopped by a signal: 1 of 1 keys have not reached 3: a is at 2" in output


def test_arrivals_tell_when_which_part_came(programs: Programs, file: Path) -> None:
    process, address = programs.receiver("--file", file)
    one = len(output_frames("a", 1, 1))
    before = time.time_ns()
    with socket.create_connection(address) as connection:
        connection.sendall(output_frames("a", 1, 1))
        came(file, one)
        middle = time.time_ns()
        connection.sendall(output_frames("a", 2, 4))
        came(file, 4 * one)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    found = list(arrivals.iterate(str(file)))
    assert [(arrival.bytes, arrival.frames) for arrival in found] == [(one, 1), (4 * one, 4)]
    assert before <= found[0].nanoseconds <= middle <= found[1].nanoseconds <= time.time_ns()
    assert oct(Path(arrivals.path_of(str(file))).stat().st_mode & 0o777) == "0o600"


def test_a_file_may_be_gone_on_with_and_what_it_holds_counts(programs: Programs, file: Path) -> None:
    for first, last in ((1, 3), (4, 5)):
        process, address = programs.receiver("--file", file, "--append", "--until", last, "--key", "a", "--limit", 20)
        send(address, output_frames("a", first, last))
        assert process.wait(20) == 0
    assert file.read_bytes() == output_frames("a", 1, 5)
    assert [arrival.bytes for arrival in arrivals.iterate(str(file))][-1] == file.stat().st_size
    code, output = programs.run(
        "receiver", "--listen", "127.0.0.1:0", "--file", file, "--append", "--until", 5, "--key", "a"
    )
    assert code == 0, output
    assert "0 messages received" in output


def test_a_file_that_ends_inside_a_frame_is_not_gone_on_with(programs: Programs, file: Path) -> None:
    torn = output_frames("a", 1, 3)[:-1]
    file.write_bytes(torn)
    code, output = programs.run("receiver", "--listen", "127.0.0.1:0", "--file", file, "--append")
    assert code == 1
    assert "the stream ends inside the frame at byte" in output
    assert "move it away" in output
    assert file.read_bytes() == torn


def test_the_arrivals_of_an_earlier_file_are_not_mixed_in(programs: Programs, file: Path) -> None:
    beside = Path(arrivals.path_of(str(file)))
    beside.write_bytes(b"earlier")
    code, output = programs.run("receiver", "--listen", "127.0.0.1:0", "--file", file)
    assert code == 1
    assert f"{beside} exists already; move it away, or use --append" in output
    assert not file.exists()
    assert beside.read_bytes() == b"earlier"


def test_a_frame_longer_than_allowed_is_cut_off_before_memory_is_taken(
    programs: Programs, file: Path, tmp_path: Path
) -> None:
    result = tmp_path / "result.json"
    process, address = programs.receiver("--file", file, "--frame-limit", 100, "--result", result)
    with socket.create_connection(address, 20) as connection:
        connection.sendall(frame(b"x" * 100) + frame(b"y" * 101))
        assert connection.recv(1) == b""
    came(file, 104)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    (torn,) = json.loads(result.read_text(encoding="utf-8"))["torn"]
    assert "the frame at byte 104 announces 101 bytes, more than the 100 allowed" in torn


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (["--listen", "nowhere"], "'nowhere' is no address"),
        (["--until", "-3"], "'-3' is no whole number above 0"),
        (["--limit", "soon"], "'soon' is no number of seconds"),
        (["--key", "a", "--key", "a"], "--key a is given twice"),
        (["--result", "/no/such/directory/x"], "is no file in a directory that exists"),
    ],
)
def test_every_wrong_value_is_named(programs: Programs, file: Path, wrong: list[str], why: str) -> None:
    code, output = programs.run("receiver", "--listen", "127.0.0.1:0", "--file", file, *wrong)
    assert code == 2
    assert why in output
    assert len(output.splitlines()) == 1
    assert not file.exists()


def test_a_place_where_nothing_can_be_written_is_named(programs: Programs) -> None:
    code, output = programs.run("receiver", "--listen", "127.0.0.1:0", "--file", "/no/such/directory/received")
    assert code == 1
    assert output == "receiver: /no/such/directory/received cannot be written: No such file or directory\n"
