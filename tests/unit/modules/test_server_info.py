# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``server_info``."""

from __future__ import annotations

import importlib
import json
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._faults.kill import Kill
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import times
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import Superseded, acting
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.server_state import answer
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _here

from tests.damaged_records import DAMAGE, damage
from tests.deploying import deploy, digest
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


def test_a_file_where_the_programs_go_is_a_problem(server: Path) -> None:
    server.mkdir()
    (server / "runtime").touch()
    state = succeed("server_info", {"base": str(server), "server": "server1"})
    assert state["problem"] == f"{server}/runtime is not a directory; remove it, or set wallaroo_base to another place."


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
        # The module's code in this process; as a module of its own it is called at the end.
        state = _here.run("server_info", {"base": str(server), "server": "server1"}, check_mode=False)
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
    assert "argument 'checkpoint_interval' is of type" in refuse(
        "server_info", {**wrong, "cluster": {**cluster, "checkpoint_interval": "soon"}}
    )


def test_a_look_waits_for_what_an_interrupted_run_had_begun_and_says_when_it_lasts(server: Path) -> None:
    (server / "run").mkdir(parents=True)
    with acting(str(server)):
        state = succeed("server_info", {"base": str(server), "server": "server1", "acts_timeout": 0.1})
        assert "waited 0.1 s for what an interrupted run had begun here to end" in state["problem"]
        assert succeed("server_info", {"base": str(server), "server": "server1"})["problem"] is None
    assert succeed("server_info", {"base": str(server), "server": "server1", "acts_timeout": 0.1})["problem"] is None


def enter(server: Path, run: str = "r2", **others: Any) -> dict[str, Any]:
    arguments = {"base": str(server), "server": "server1", "run": run, "enter": True, "acts_timeout": 0.1}
    return succeed("server_info", {**arguments, **others})


def test_a_server_is_entered_before_it_is_looked_at(server: Path) -> None:
    (server / "run").mkdir(parents=True)
    assert enter(server, "r1")["problem"] is None
    with acting(str(server), run="r1"):
        assert "waited 0.1 s for what an interrupted run had begun here to end" in enter(server)["problem"]
    assert enter(server)["problem"] is None
    with pytest.raises(Superseded, match="another run has taken over"), acting(str(server), run="r1"):
        pass
    later = succeed("server_info", {"base": str(server), "server": "server1", "run": "r1"})
    assert "it did not answer when this run began, or another run has taken over" in later["problem"]


def test_what_a_fault_has_left_is_healed_before_the_look(
    server: Path, start_process: Callable[..., ProcessRecord]
) -> None:
    """Its death is known, although the run that killed it could not note it."""
    record = start_process(server, "worker2", "worker")
    fault = Kill("worker2", record.identity, time.time())
    (server / "faults").mkdir(mode=0o700)
    (server / "faults" / "kill-worker2.json").write_text(json.dumps({"kill": vars(fault)}, default=vars))
    (server / "faults" / "kill-worker3.json").write_text("?")
    kill(record.identity)
    state = enter(server)
    assert state["workers"]["worker2"]["alive"] is False
    assert times.read(str(server), "worker2")["killed"] == fault.at
    assert [path.name for path in (server / "faults").iterdir()] == ["kill-worker3.json"], "nobody understands it"
    assert "kill-worker3.json" in str(state["warnings"])


def test_a_look_alone_enters_and_heals_nothing(server: Path) -> None:
    (server / "faults").mkdir(parents=True)
    (server / "faults" / "kill-worker2.json").write_text("?")
    for others in ({"enter": False}, {"run": ""}):
        assert enter(server, **others)["problem"] is None
    assert sorted(path.name for path in server.iterdir()) == ["faults"]


def test_a_server_that_cannot_be_entered_is_one_with_a_problem(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.mkdir()
    module = importlib.import_module(acting.__module__)
    monkeypatch.setattr(module, "write_whole", Mock(side_effect=OSError(30, "Read-only file system")))
    wanted = (str(server), "server1", None, False, 0.1, "r1")
    state, damaged = answer(*wanted, enter=True)
    assert "it cannot be entered ([Errno 30] Read-only file system)" in state["problem"]
    assert damaged == []


def test_the_programs_of_a_server_are_known(server: Path) -> None:
    arguments = {"base": str(server), "server": "server1", "programs": digest()}
    assert succeed("server_info", arguments)["prepared"] is False
    deploy(server)
    assert succeed("server_info", arguments)["prepared"] is True
    assert succeed("server_info", {**arguments, "programs": "0" * 64})["prepared"] is False
    archive = (server / "runtime" / "programs.pyz").resolve()
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes(data)
    assert succeed("server_info", arguments)["prepared"] is False, "a disk has damaged them"
