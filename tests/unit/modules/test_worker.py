# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``worker``, with the embedded engine."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import identify, is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

from tests.deploying import deploy
from tests.module_runner import contents, refuse, succeed


def wanted(server: Path, cluster: dict[str, Any], **options: Any) -> dict[str, Any]:
    given = {"base": str(server), "server": "server1", "worker": 1, "cluster": cluster, "wait_timeout": 40}
    return {**given, "wait_for": "listening", **options}


def test_a_worker_is_started_and_stopped_once(server: Path, cluster: dict[str, Any]) -> None:
    deploy(server)
    succeed("server_prepare", {"base": str(server), "server": "server1", "cluster": cluster})
    before = contents(server)
    foreseen = succeed("worker", wanted(server, cluster), check=True)
    assert (foreseen["changed"], foreseen["pid"]) == (True, None)
    assert contents(server) == before
    first = succeed("worker", wanted(server, cluster))
    assert (first["changed"], first["worker"], first["finished"], first["epoch"]) == (True, "initializer", True, 1)
    assert first["ready"] >= first["started"]
    again = succeed("worker", wanted(server, cluster))
    assert (again["changed"], again["pid"]) == (False, first["pid"])
    stop = wanted(server, cluster, state="stopped")
    assert succeed("worker", stop, check=True)["changed"] is True
    stopped = succeed("worker", stop)
    assert (stopped["changed"], stopped["pid"]) == (True, first["pid"])
    assert succeed("worker", stop)["changed"] is False


def test_a_worker_that_dies_between_two_parts_of_a_wait_is_not_started_again(
    server: Path, cluster: dict[str, Any]
) -> None:
    deploy(server)
    # It waits for the other one, which never comes: it cannot be ready before it is killed.
    two = {**cluster, "workers": 2, "placement": {**cluster["placement"], "worker2": "server1"}}
    succeed("server_prepare", {"base": str(server), "server": "server1", "cluster": two})
    first = succeed("worker", wanted(server, two, wait_for="ready", return_after=0))
    assert not first["finished"]
    identity = identify(first["pid"])
    assert identity is not None
    os.kill(first["pid"], signal.SIGKILL)
    wait_until(lambda: not is_alive(identity), 30, "the end of the initializer")
    sentence = refuse("worker", wanted(server, two, wait_for="ready", pid=first["pid"]))
    assert sentence.startswith("initializer did not start on server1: initializer (pid")
    assert not list((server / "resilience" / "initializer").iterdir()), "nothing half-done stays behind"
    assert "was replaced by another run" in refuse("worker", wanted(server, two, pid=first["pid"]))


def test_a_taken_port_is_named_with_its_owner(server: Path, cluster: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", cluster["ports"]["control"])):
        sentence = refuse("worker", wanted(server, cluster))
    assert f"Port {cluster['ports']['control']} of initializer on server1 (127.0.0.1) is taken by process" in sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"worker": "w2"}, "'w2' is no worker: give its number"),
        ({"cluster": {}}, "missing required arguments: application, engine, identifier, placement"),
        ({"server": "server9"}, "server9 does not belong to the cluster of server1"),
        ({"mode": "recover"}, "server1 holds no resilience files of initializer"),
    ],
)
def test_refusals_are_sentences(server: Path, cluster: dict[str, Any], options: Any, sentence: str) -> None:
    assert refuse("worker", {**wanted(server, cluster), **options}).startswith(sentence)
    assert not server.exists()
