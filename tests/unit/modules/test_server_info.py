# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``server_info``."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord

from tests.damaged_records import DAMAGE, damage
from tests.module_runner import contents, refuse, succeed


def test_a_server_that_was_never_used_is_empty_and_stays_so(server: Path) -> None:
    state = succeed("server_info", {"base": str(server), "server": "server1"})
    assert state["changed"] is False
    assert (state["problem"], state["cluster"], state["processes"], state["workers"]) == (None, None, {}, {})
    assert state["free_bytes"] > 0
    assert not server.exists()


def test_what_runs_and_listens_is_told(
    server: Path, cluster: dict[str, Any], start_process: Callable[..., ProcessRecord]
) -> None:
    succeed("server_prepare", {"base": str(server), "server": "server1", "cluster": cluster})
    record = start_process(server, "initializer")
    before = contents(server)
    with socket.create_server(("127.0.0.1", cluster["ports"]["control"])) as taken:
        state = succeed("server_info", {"base": str(server), "server": "server1", "cluster": cluster, "logs": True})
        assert [port["port"] for port in state["ports_taken"]] == [taken.getsockname()[1]]
    assert state["cluster"]["identifier"] == "cluster-1"
    assert state["processes"]["initializer"]["pid"] == record.identity.pid
    assert state["processes"]["initializer"]["alive"] is True
    assert state["workers"]["initializer"]["resilience"] == "none"
    assert set(state["logs"]) == {"initializer"}
    assert contents(server) == before | {"run/initializer/log": (server / "run/initializer/log").read_bytes()}


def test_a_base_that_cannot_be_used_is_a_problem_and_no_failure(server: Path) -> None:
    server.touch()
    state = succeed("server_info", {"base": str(server), "server": "server1"})
    assert state["problem"] == f"{server} is not a directory; remove it, or set wallaroo_base to another place."


RECORDS = {
    "run/initializer/process.json": ("process", "initializer"),
    "run/initializer/ownership.json": ("ownership", "initializer"),
    "run/cluster.json": ("cluster", ""),
    "run/sender/progress": ("sent", "sender"),
    "moved-addresses.json": ("addresses", ""),
}


@pytest.mark.parametrize("how", list(DAMAGE))
def test_each_record_is_read_alone_and_a_damaged_one_is_named(
    server: Path, cluster: dict[str, Any], start_process: Callable[..., ProcessRecord], how: str
) -> None:
    succeed("server_prepare", {"base": str(server), "server": "server1", "cluster": cluster})
    known = start_process(server, "initializer")
    for place, (record, name) in RECORDS.items():
        if (record, how) == ("addresses", "no keys"):
            # Nothing was moved, which is a whole record.
            continue
        path = server / place
        before = path.read_bytes() if path.exists() else None
        damage(path, how)
        state = succeed("server_info", {"base": str(server), "server": "server1"})
        found = [one for one in state["damaged"] if (one["record"], one["name"]) == (record, name)]
        assert [one["path"] for one in found] == [str(path)], place
        assert len(state["damaged"]) == 1
        assert (bool(found[0]["what"]), bool(found[0]["do"])) == (True, True)
        # A process proves itself what it is.
        assert state["processes"]["initializer"]["pid"] == known.identity.pid
        assert state["workers"]["initializer"]["alive"] is True
        assert bool(state["cluster"]) is (record != "cluster")
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        if before is not None:
            path.write_bytes(before)
    assert succeed("server_info", {"base": str(server), "server": "server1"})["damaged"] == []


def test_refusals_are_sentences(server: Path, cluster: dict[str, Any]) -> None:
    wrong = {"base": str(server), "server": "server1", "cluster": {**cluster, "engine": "steam"}}
    assert "this is no record of a cluster: engine is 'steam'" in refuse("server_info", wrong)
    half = {**wrong, "cluster": {"workers": 1}}
    assert "identifier, placement, servers, version found in cluster" in refuse("server_info", half)
    assert "argument 'checkpoint_interval' is of type str" in refuse(
        "server_info", {**wrong, "cluster": {**cluster, "checkpoint_interval": "soon"}}
    )


def test_a_look_waits_for_what_an_interrupted_run_had_begun_and_says_when_it_lasts(server: Path) -> None:
    (server / "run").mkdir(parents=True)
    with acting(str(server)):
        state = succeed("server_info", {"base": str(server), "server": "server1", "acts_timeout": 0.1})
        assert "waited 0.1 s for what an interrupted run had begun here to end" in state["problem"]
        assert succeed("server_info", {"base": str(server), "server": "server1"})["problem"] is None
    assert succeed("server_info", {"base": str(server), "server": "server1", "acts_timeout": 0.1})["problem"] is None
