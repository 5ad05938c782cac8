# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A move in one call, over a real SSH connection that stands before the kill."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as process_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import stop
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import move, server_state

from tests.integration.conftest import Loopback
from tests.moving import fence, ownership_of, prepared

LIMIT = 30.0


def alive(cluster: Loopback, server: int) -> bool:
    known = process_record.read(str(cluster.base(server)), "worker2")
    return known is not None and is_alive(known.identity)


def test_everything_between_kill_and_resumed_is_one_call(cluster, ssh):
    base = str(cluster.base(1))
    before = process_record.read(str(cluster.base(2)), "worker2")
    result = move.run(prepared(base, "server2", "server4", ssh.as_argument()), LIMIT)

    assert result["killed_pid"] == before.identity.pid
    assert result["killed"] <= result["died"] <= result["finished_at"] <= result["ready"]
    assert result["early_bytes"] > 0, "what is there comes before the kill"
    assert not alive(cluster, 2)
    assert alive(cluster, 4)
    assert ownership_of(str(cluster.base(4)), "worker2") == "owner"
    fence(base, "server2", "server4")
    back = move.run(prepared(base, "server4", "server2", ssh.as_argument()), LIMIT)
    assert back["epoch"] == 3
    assert alive(cluster, 2)


def test_check_mode_looks_at_everything_and_touches_nothing(cluster, ssh):
    before = cluster.snapshot()
    result = move.run(prepared(str(cluster.base(1)), "server2", "server4", ssh.as_argument()), LIMIT, only_check=True)
    assert result["changed"]
    assert cluster.snapshot() == before


@pytest.mark.parametrize("what", ["port", "key", "peers", "owner"])
def test_what_would_go_wrong_is_found_before_the_kill(cluster, ssh, what):
    act = prepared(str(cluster.base(1)), "server2", "server4", ssh.as_argument())
    if what == "port":
        # Beyond what the worker itself holds: as if somebody on the target had it.
        act.worker.check_place = lambda but=None, comes=False: type(act.worker).__mro__[1].check_place(act.worker, None)
        sentence = "Port .* of worker2 on server4 .* is taken by process"
    elif what == "key":
        argument = {**ssh.as_argument(), "identity": "/nowhere/key"}
        act = prepared(str(cluster.base(1)), "server2", "server4", argument)
        sentence = "there is no key /nowhere/key on this server; run preflight.yml -e fix=true"
    elif what == "peers":
        argument = ssh.as_argument()
        act = prepared(str(cluster.base(1)), "server2", "server4", argument, peers={"worker9": "127.0.0.100"})
        sentence = "Nothing was killed: worker2 on server4 would hang after a restart: .* table control lacks worker9"
    else:
        act.epoch = 0
        move.ownership.claim(str(cluster.base(4)), "worker2", "server4", 5)
        sentence = "server4 knows epoch 5 of worker2"
    with pytest.raises(move.MoveFailed, match=sentence) as failed:
        move.run(act, LIMIT)
    assert failed.value.stage == move.BEFORE
    assert failed.value.times["killed"] is None
    assert alive(cluster, 2)
    assert not list((cluster.base(4) / "resilience").glob("worker2/*"))


def test_a_worker_that_cannot_start_is_told_with_how_far_it_had_come(cluster, ssh, monkeypatch):
    act = prepared(str(cluster.base(1)), "server2", "server4", ssh.as_argument())
    kill = move._crash

    def killed_and_taken(*arguments: object) -> None:
        kill(*arguments)
        # Somebody takes a port in the very moment in which it is free.
        port = act.worker.cluster.port_numbers.control_of("worker2")
        blocker = socket.socket()
        blocker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        blocker.bind(("127.0.0.1", port))
        blocker.listen()
        blockers.append(blocker)

    blockers: list[socket.socket] = []
    monkeypatch.setattr(move, "_crash", killed_and_taken)
    try:
        with pytest.raises(move.MoveFailed) as failed:
            move.run(act, LIMIT)
    finally:
        for blocker in blockers:
            blocker.close()
    assert failed.value.stage == move.START
    assert failed.value.times["killed"] is not None
    state = server_state.describe(str(cluster.base(2)), "server2")
    assert state["workers"]["worker2"]["resilience"] == "complete", "from here it is started again"


def test_a_dead_worker_is_moved_too(cluster, ssh):
    known = process_record.read(str(cluster.base(2)), "worker2")
    os.kill(known.identity.pid, 9)
    result = move.run(prepared(str(cluster.base(1)), "server2", "server4", ssh.as_argument()), LIMIT)
    assert result["killed"] is None
    assert alive(cluster, 4)


def in_place(cluster: Loopback, **options: object) -> move.Move:
    act = prepared(str(cluster.base(1)), "server2", "server2", None, **options)
    act.epoch -= 1
    return act


def test_a_restart_in_place_is_the_same_call_without_a_copy(cluster):
    base = str(cluster.base(2))
    before = process_record.read(base, "worker2")
    result = move.run(in_place(cluster), LIMIT)
    assert result["killed_pid"] == before.identity.pid
    assert result["killed"] <= result["died"] <= result["started"] <= result["ready"]
    assert (result["finished_at"], result["copied_bytes"], result["epoch"]) == (None, 0, 1)
    assert alive(cluster, 2)
    noted = server_state.describe(base, "server2")["workers"]["worker2"]["times"]
    assert (noted["killed"], noted["ready"]) == (result["killed"], result["ready"])

    stop.kill(process_record.read(base, "worker2").identity)
    again = move.run(in_place(cluster, kill=False), LIMIT)
    assert again["killed"] is None
    assert alive(cluster, 2), "one that is dead is started"


def test_in_place_nothing_is_killed_that_could_not_come_back(cluster):
    files = server_state.describe(str(cluster.base(2)), "server2")["workers"]["worker2"]["directory"]
    before = cluster.snapshot()
    assert move.run(in_place(cluster), LIMIT, only_check=True)["changed"]
    for act, sentence in (
        (in_place(cluster, peers={"worker9": "127.0.0.100"}), "Nothing was killed: worker2 on server2 would hang"),
        (in_place(cluster, kill=False), "worker2 still runs on server2"),
    ):
        with pytest.raises(move.MoveFailed, match=sentence) as failed:
            move.run(act, LIMIT)
        assert failed.value.stage == move.BEFORE
    assert cluster.snapshot() == before
    assert os.listdir(files)


def test_in_place_a_newer_epoch_is_taken(cluster):
    """A worker that a lost server may have had one epoch ahead."""
    act = prepared(str(cluster.base(1)), "server2", "server2", None)
    assert move.run(act, LIMIT)["epoch"] == 2
    assert ownership_of(str(cluster.base(2)), "worker2") == "owner"


def test_no_connection_is_left_behind(cluster, ssh):
    move.run(prepared(str(cluster.base(1)), "server2", "server4", ssh.as_argument()), LIMIT)
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in shown.splitlines() if str(ssh.directory / "user") in line]
