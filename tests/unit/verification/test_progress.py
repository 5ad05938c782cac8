# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far each key has come in a file that is being written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import progress
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.progress import Progress

Message = Callable[..., bytes]
Stream = Callable[..., list[bytes]]


def test_the_recorded_run(shared_data: Path, tmp_path: Path, keys: list[str]) -> None:
    import gzip

    packed = shared_data / "wallaroo-0.5.4" / "multi_partition_detector" / "received.txt.gz"
    path = tmp_path / "received.bin"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    seen = Progress(path, keys)
    assert seen.update() == dict.fromkeys(keys, 2000)
    assert seen.messages == 22_000
    assert seen.missing(2000) == {}
    assert seen.missing(2001) == dict.fromkeys(keys, 2000)


def test_a_file_that_is_not_there_yet_has_no_messages(tmp_path: Path) -> None:
    seen = Progress(tmp_path / "received.bin", ["a", "b"])
    assert not seen.exists
    assert seen.update() == {"a": 0, "b": 0}
    assert seen.missing(1) == {"a": 0, "b": 0}


@pytest.mark.parametrize("step", [1, 3, 50, 1000])
def test_it_reads_on_where_it_stopped_also_inside_a_frame(
    tmp_path: Path, keys: list[str], good_stream: Stream, step: int
) -> None:
    path, seen, reference = tmp_path / "received.bin", None, dict.fromkeys(keys, 0)
    data = b"".join(good_stream(keys, 12))
    seen = Progress(path, keys)
    with path.open("wb", buffering=0) as stream:
        for at in range(0, len(data), step):
            stream.write(data[at : at + step])
            now = seen.update()
            assert all(now[key] >= reference[key] for key in keys)
            reference = now
    assert reference == dict.fromkeys(keys, 12)
    assert seen.messages == len(keys) * 12


def test_only_what_has_come_is_read(tmp_path: Path, message: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "received.bin"
    path.write_bytes(b"".join(message("a", value) for value in range(1, 100)))
    seen = Progress(path, ["a"])
    seen.update()
    # Spoil what was read already: it must not be looked at again.
    with path.open("r+b") as stream:
        stream.write(b"\xff" * (path.stat().st_size - 10))
        stream.seek(0, os.SEEK_END)
        stream.write(message("a", 100))
    assert seen.update() == {"a": 100}
    assert seen.messages == 100


def test_the_highest_value_counts_also_when_a_key_goes_back(tmp_path: Path, message: Message) -> None:
    path = tmp_path / "received.bin"
    path.write_bytes(b"".join(message("a", value) for value in [*range(1, 1001), *range(95, 105)]))
    assert Progress(path, ["a"]).update() == {"a": 1000}


def test_a_replaced_or_cut_file_is_read_anew(tmp_path: Path, message: Message) -> None:
    path = tmp_path / "received.bin"
    path.write_bytes(b"".join(message("a", value) for value in range(1, 20)))
    seen = Progress(path, ["a"])
    assert seen.update() == {"a": 19}
    os.truncate(path, 0)
    assert seen.update() == {"a": 0}
    path.write_bytes(message("a", 1))
    assert seen.update() == {"a": 1}
    other = tmp_path / "other"
    other.write_bytes(message("a", 1) + message("a", 2))
    other.replace(path)
    assert seen.update() == {"a": 2}
    path.unlink()
    assert seen.update() == {"a": 0}


def test_other_keys_and_garbage_are_passed_over(tmp_path: Path, message: Message) -> None:
    path = tmp_path / "received.bin"
    garbage = [frame(b"hello"), frame(b"(a.TraceID-1.TraceWindow-1,[x])"), b"\xff" * 100_000, b"])])"]
    path.write_bytes(b"".join([message("b", 7), *garbage, message("a", 1), message("a", 2), message("key_11", 9)]))
    seen = Progress(path, ["a", "key_1"])
    assert seen.update() == {"a": 2, "key_1": 0}


def test_garbage_without_an_end_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_BLOCK", 10_000)
    path = tmp_path / "received.bin"
    path.write_bytes(b"x" * 1_000_000)
    seen = Progress(path, ["a"])
    seen.update()
    assert len(seen._held) <= 10_000


@pytest.mark.parametrize("step", [1, 50, 100_000])
def test_a_key_that_repeats_what_it_has_sent_has_not_come_to_the_end(
    tmp_path: Path, message: Message, step: int
) -> None:
    path = tmp_path / "received.bin"
    seen = Progress(path, ["a", "b"])
    values = [*range(1, 13), *range(8, 12)]
    data = b"".join(message(key, value) for value in values for key in ("a", "b"))
    with path.open("wb", buffering=0) as stream:
        for at in range(0, len(data), step):
            stream.write(data[at : at + step])
            seen.update()
        assert seen.last == {"a": 12, "b": 12}
        assert seen.missing(12) == {"a": 11, "b": 11}
        stream.write(message("b", 12))
        seen.update()
        assert seen.missing(12) == {"a": 11}
