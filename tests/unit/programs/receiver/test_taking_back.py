# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sink that has the receiver take back what no checkpoint covers."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import committing
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import arrivals

from tests.program_runner import Programs, output_frames

FIRST, SECOND = output_frames("key_0", 1, 100), output_frames("key_0", 101, 150)


class Sink:
    """One connection, and what is answered on it."""

    def __init__(self, address: tuple[str, int], size: int) -> None:
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.sendall(committing.begin(size))
        self._answers = self.socket.makefile("rb")
        self.begun = self.answer()

    def answer(self) -> bytes:
        return self._answers.readline()

    def settled(self) -> bytes:
        self.socket.sendall(committing.question())
        return self.answer()


def test_what_lies_behind_the_checkpoint_is_cut_off_and_comes_again(programs: Programs, tmp_path: Path) -> None:
    file = tmp_path / "received"
    _process, address = programs.receiver("--file", file)
    sink = Sink(address, 0)
    assert sink.begun == b"AT 0\n"
    sink.socket.sendall(FIRST)
    assert sink.settled() == b"AT %d\n" % len(FIRST)
    sink.socket.sendall(SECOND)
    assert sink.settled() == b"AT %d\n" % len(FIRST + SECOND)

    again = Sink(address, len(FIRST))

    assert again.begun == b"AT %d\n" % len(FIRST)
    assert file.read_bytes() == FIRST
    again.socket.sendall(SECOND)
    assert again.settled() == b"AT %d\n" % len(FIRST + SECOND)
    assert file.read_bytes() == FIRST + SECOND


def test_it_is_known_when_what_is_left_came(programs: Programs, tmp_path: Path) -> None:
    """Also where the cut goes through a piece that was written at once."""
    file = tmp_path / "received"
    _process, address = programs.receiver("--file", file)
    sink = Sink(address, 0)
    sink.socket.sendall(FIRST)
    sink.settled()
    sink.socket.sendall(SECOND)
    sink.settled()
    before = time.time_ns()
    cut = len(output_frames("key_0", 1, 120))

    assert Sink(address, cut).begun == b"AT %d\n" % cut

    found = list(arrivals.iterate(str(file)))
    assert (found[-1].bytes, found[-1].frames) == (cut, 120)
    assert [one.bytes for one in found] == sorted(one.bytes for one in found)
    assert all(one.nanoseconds < before for one in found), "it came when it came first"


def test_the_newest_connection_is_the_one_that_counts(programs: Programs, tmp_path: Path) -> None:
    file = tmp_path / "received"
    _process, address = programs.receiver("--file", file)
    old = Sink(address, 0)
    new = Sink(address, 0)
    with pytest.raises(OSError, match=r"reset|closed|Broken"):
        wait_until(lambda: old.socket.sendall(FIRST) is not None, 10, "the end of the old connection")
    new.socket.sendall(SECOND)
    assert new.settled() == b"AT %d\n" % len(SECOND)
    assert file.read_bytes() == SECOND


def test_more_than_there_is_cannot_be_kept(programs: Programs, tmp_path: Path) -> None:
    _process, address = programs.receiver("--file", tmp_path / "received")
    sink = Sink(address, 0)
    sink.socket.sendall(FIRST)
    sink.settled()

    assert Sink(address, len(FIRST) + 1).begun == b"AT %d\n" % len(FIRST)
    assert (tmp_path / "received").read_bytes() == FIRST
