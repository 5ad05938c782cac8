# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When which part of a received file came."""

from __future__ import annotations

from pathlib import Path
from random import Random

from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.arrivals import (
    RECORD,
    Arrival,
    Gap,
    encode,
    gap_around,
    iterate,
    path_of,
)

SECOND = 1_000_000_000


def write(tmp_path: Path, *records: tuple[int, int, int], torn: bytes = b"") -> str:
    received = str(tmp_path / "received.bin")
    Path(path_of(received)).write_bytes(b"".join(encode(*record) for record in records) + torn)
    return received


def test_a_record_is_three_numbers_big_endian() -> None:
    assert RECORD.size == 24
    assert encode(1, 2, 3) == bytes.fromhex("0000000000000001 0000000000000002 0000000000000003")


def test_records_lie_beside_the_received_file_and_come_back_in_order(tmp_path: Path) -> None:
    received = write(tmp_path, (45, 1, 10), (135, 3, 20))
    assert (tmp_path / "received.bin.arrivals").is_file()
    assert list(iterate(received)) == [Arrival(45, 1, 10), Arrival(135, 3, 20)]


def test_many_records(tmp_path: Path) -> None:
    records = [(number, number, number * SECOND) for number in range(1, 10_001)]
    received = write(tmp_path, *records, torn=b"\x00" * 23)
    assert sum(1 for _ in iterate(received)) == 10_000
    assert gap_around(received, 5000.5) == Gap(5000.0, 5001.0)


def test_a_torn_last_record_is_left_out(tmp_path: Path) -> None:
    for length in range(1, 24):
        assert list(iterate(write(tmp_path, (45, 1, 10), torn=b"\xff" * length))) == [Arrival(45, 1, 10)]


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    received = str(tmp_path / "received.bin")
    assert list(iterate(received)) == []
    assert gap_around(received, 1.0) == Gap(None, None)


def test_the_gap_around_a_kill(tmp_path: Path) -> None:
    received = write(tmp_path, *[(0, 0, round(at * SECOND)) for at in (10.0, 10.5, 12.25, 13.0)])
    gap = gap_around(received, 11.0)
    assert gap == Gap(10.5, 12.25)
    assert gap.seconds == 1.75
    assert gap_around(received, 9.0) == Gap(None, 10.0)
    assert gap_around(received, 9.0).seconds is None
    assert gap_around(received, 14.0) == Gap(13.0, None)
    assert gap_around(received, 10.5) == Gap(10.5, 12.25)


def test_a_clock_that_was_set_back_does_not_matter(tmp_path: Path) -> None:
    times = [round(at * SECOND) for at in (10.0, 10.5, 12.25, 13.0)]
    Random(1).shuffle(times)
    assert gap_around(write(tmp_path, *[(0, 0, at) for at in times]), 11.0) == Gap(10.5, 12.25)
