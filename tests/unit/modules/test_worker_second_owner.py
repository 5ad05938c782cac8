# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``worker_second_owner``, and the other damage of negative runs: on no cluster that is not for it."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import record as cluster_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import ClusterRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import read_address
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as process_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import ownership
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import negative
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.worker_start import RECOVER, WorkerStart

from tests.deploying import deploy
from tests.module_runner import contents, refuse, succeed

PutFiles = Callable[[Path], Path]
DETECTOR = "multi_partition_detector"


@pytest.fixture
def moved(server: Path, cluster: dict[str, Any], resilience_files: PutFiles) -> ClusterRecord:
    """Worker 2 was here, has moved to server2 and is fenced here, in a negative run with two owners."""
    both = [*cluster["servers"], {"name": "server2", "address": "127.0.0.1", "base": str(server.with_name("server2"))}]
    placement = {**cluster["placement"], "worker2": "server1"}
    record = ClusterRecord.from_dict(
        {**cluster, "workers": 2, "servers": both, "placement": placement, "negative": "two_owners"}
    )
    write(server, record)
    resilience_files(server)
    deploy(server)
    ownership.claim(str(server), "worker2", "server1", 3)
    succeed("worker_fence", {**wanted(server), "moved_to": "server2", "epoch": 4})
    return record


def write(server: Path, record: ClusterRecord) -> None:
    path = cluster_record.record_path(str(server))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record.to_dict()))


def wanted(server: Path, **options: Any) -> dict[str, Any]:
    return {"base": str(server), "server": "server1", "worker": 2, **options}


def files(server: Path, record: ClusterRecord) -> Any:
    return WorkerStart(str(server), "server1", record, "worker2", RECOVER, sys.executable).files


def test_a_second_owner_is_refused_by_the_fence_and_starts_without_it(server: Path, moved: ClusterRecord) -> None:
    before = contents(server)
    foreseen = succeed("worker_second_owner", wanted(server), check=True)
    assert foreseen["pid"] is None
    assert contents(server) == before

    # The first owner has its ports, on the same machine.
    port = moved.port_numbers.control_of("worker2")
    with socket.create_server(("127.0.0.1", port)):
        found = succeed("worker_second_owner", wanted(server, wait_timeout=0.5))

    assert found["refused"] == foreseen["refused"]
    assert found["refused"].startswith("worker2 moved to server2 at ")
    assert found["refused"].endswith(", epoch 4; migrate it back instead.")
    known = ownership.read(str(server), "worker2")
    assert known is not None
    assert (known.state, known.server, known.epoch, known.moved_to) == ("owner", "server1", 3, "")
    there = files(server, moved)
    assert there.state() == "complete"
    assert not there.put_aside.exists()
    control, data = (read_address(there.path(suffix)).port for suffix in ("tcp-control", "tcp-data"))
    assert (control, data) == (port + 2, port + 3), "behind those of the last worker"
    started = process_record.read(str(server), "worker2")
    assert started is not None
    assert (started.identity.pid, str(control) in " ".join(started.argv)) == (found["pid"], True)
    assert found["ended"], "it has nobody with whom it could become ready"


def test_without_a_fence_the_negative_run_has_found_a_fault_and_starts_nothing(
    server: Path, moved: ClusterRecord
) -> None:
    # The engine would start it.
    files(server, moved).lift_fence()
    assert "No fence kept server1 from starting worker2 a second time" in refuse("worker_second_owner", wanted(server))
    # And so would the collection.
    ownership.path_of(str(server), "worker2").unlink()
    said = refuse("worker_second_owner", wanted(server))
    assert said == "No fence keeps server1 from starting worker2 a second time; nothing was started"
    assert process_record.read(str(server), "worker2") is None


@pytest.mark.parametrize("purpose", ["", "old_copy"])
def test_a_cluster_that_is_not_for_it_gets_no_second_owner(server: Path, moved: ClusterRecord, purpose: str) -> None:
    write(server, ClusterRecord.from_dict({**moved.to_dict(), "negative": purpose}))
    before = contents(server)
    assert refuse("worker_second_owner", wanted(server)) == (
        "server1 belongs to no cluster that was started for a negative run with two_owners, so nothing is damaged "
        "there; verify_migration.yml -e negative=two_owners starts one"
    )
    cluster_record.record_path(str(server)).unlink()
    assert "so nothing is damaged there" in refuse("worker_second_owner", wanted(server))
    assert {**before, **contents(server)} == before


class TestDamage:
    """What a move does to the files that it has brought."""

    @pytest.fixture
    def brought(self, server: Path, cluster: dict[str, Any], resilience_files: PutFiles) -> Callable[..., WorkerStart]:
        directory = resilience_files(server)
        log = directory / f"{DETECTOR}-worker2.evlog"
        self.log, self.before = log, log.read_bytes()
        placement = {**cluster["placement"], "worker2": "server1"}

        def made(here: str, told: str) -> WorkerStart:
            """.

            :param here: what this server's own record says.
            :param told: what the move was told.
            """
            record = ClusterRecord.from_dict({**cluster, "workers": 2, "placement": placement, "negative": told})
            write(server, ClusterRecord.from_dict({**record.to_dict(), "negative": here}))
            return WorkerStart(str(server), "server1", record, "worker2", RECOVER, sys.executable)

        return made

    @pytest.mark.parametrize(
        ("wanted", "what"),
        [
            ("dropped_state", "the state of every checkpoint is gone from"),
            ("old_copy", f"{DETECTOR}-worker2.evlog has the state of checkpoint"),
        ],
    )
    def test_it_is_done_where_both_the_record_and_the_move_say_so(
        self, brought: Callable[..., WorkerStart], wanted: str, what: str
    ) -> None:
        said = negative.damage(brought(wanted, wanted))
        assert said is not None
        assert said.startswith(f"Negative run ({wanted}): on server1 {what} ")
        assert self.log.read_bytes() != self.before

    @pytest.mark.parametrize("told", ["", "two_owners"])
    def test_nothing_is_done_by_other_moves(self, brought: Callable[..., WorkerStart], told: str) -> None:
        assert negative.damage(brought("dropped_state", told)) is None
        assert self.log.read_bytes() == self.before

    @pytest.mark.parametrize("here", ["", "old_copy"])
    def test_nothing_is_done_where_the_server_knows_of_no_such_run(
        self, brought: Callable[..., WorkerStart], here: str
    ) -> None:
        with pytest.raises(negative.NotDone, match="so nothing is damaged there"):
            negative.damage(brought(here, "dropped_state"))
        assert self.log.read_bytes() == self.before
