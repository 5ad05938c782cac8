# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until checkpoints cover what was sent: a real source log, and an engine that acknowledges."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import record as cluster_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import ClusterRecord, ServerAddress
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import encode_input
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frames
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.whole_file import write_whole
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import LimitReached
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.covered import Covered, NoSourceLog

from tests.program_runner import Programs


@pytest.fixture
def programs() -> Iterator[Programs]:
    found = Programs()
    try:
        yield found
    finally:
        found.end()


def input_frames(first: int, last: int) -> bytes:
    return frames([encode_input(value, "key_0") for value in range(first, last + 1)])


def belongs(base: Path, port: int) -> Covered:
    """A first server whose cluster has its source log there."""
    cluster = ClusterRecord(
        "id",
        "multi_partition_detector",
        "bytewax",
        "0.21.1",
        1,
        [ServerAddress("server1", "127.0.0.1", str(base))],
        {"initializer": "server1"},
        ports={"log": port},
        engine_home="/b",
        source="replayable",
        checkpoint_interval=0.1,
    )
    path = cluster_record.record_path(str(base))
    path.parent.mkdir(parents=True)
    write_whole(path, json.dumps(cluster.to_dict()).encode())
    return Covered(str(base), "server1")


def test_everything_that_is_there_has_to_be_covered_and_nothing_that_comes_later(
    programs: Programs, tmp_path: Path
) -> None:
    _process, senders, log = programs.source_log(tmp_path / "sent")
    covered = belongs(tmp_path / "base", log[1])
    assert covered.wait(None, 5)["finished"], "nothing was sent"
    with socket.create_connection(senders) as sending, socket.create_connection(log) as engine:
        sending.sendall(input_frames(1, 50))
        engine.sendall(b"FROM 0\n")
        got = b""
        while not got.endswith(input_frames(50, 50)):
            got += engine.recv(1 << 16)
        engine.sendall(b"ACK 49\n")
        with pytest.raises(LimitReached, match=r"covers 50 records on server1; last seen: 49 are covered"):
            covered.wait(None, 0.3)
        early = covered.wait(None, 5, return_after=0.1)
        assert (early["finished"], early["message"]) == (False, "49 of 50 records are covered by a checkpoint")
        assert covered.wait(49, 5)["finished"]
        engine.sendall(b"ACK 50\n")
        assert covered.wait(50, 5)["checkpoint"] == 50


def test_who_does_not_say_is_named(tmp_path: Path, free_ports: Sequence[int]) -> None:
    port = free_ports[0]
    with pytest.raises(NoSourceLog, match=rf"The source log on server1 \(127\.0\.0\.1:{port}\) does not say"):
        belongs(tmp_path, port).wait(None, 1)
    with pytest.raises(NoSourceLog, match="server1 belongs to no cluster"):
        Covered(str(tmp_path / "elsewhere"), "server1").wait(None, 1)


def test_in_check_mode_nobody_is_asked(tmp_path: Path) -> None:
    covered = belongs(tmp_path, 1)
    covered.only_check = True
    assert covered.wait(None, 1)["finished"]
