# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``server_prepare``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord

from tests.module_runner import contents, refuse, succeed


def test_a_server_is_prepared_once(server: Path, cluster: dict[str, Any]) -> None:
    given = {"base": str(server), "server": "server1", "cluster": cluster}
    assert succeed("server_prepare", given, check=True)["changed"] is True
    assert not server.exists()
    first = succeed("server_prepare", given)
    assert (first["changed"], first["runtime"], first["removed"]) == (True, str(server / "runtime"), [])
    before = contents(server)
    assert succeed("server_prepare", given)["changed"] is False
    assert contents(server) == before
    assert oct(server.stat().st_mode & 0o777) == "0o700"
    # What was deployed runs without the collection.
    launcher = [sys.executable, "-E", "-s", str(server / "runtime" / "launch.py"), "sender", "--last", "0"]
    ended = subprocess.run(launcher, capture_output=True, text=True, check=False, env={})
    assert (ended.returncode, ended.stderr[:8]) == (2, "sender: ")


def test_what_an_earlier_cluster_left_is_removed(
    server: Path, cluster: dict[str, Any], start_process: Callable[..., ProcessRecord]
) -> None:
    given = {"base": str(server), "server": "server1", "cluster": cluster}
    succeed("server_prepare", given)
    (server / "received" / "received.bin").touch()
    later = {**given, "cluster": {**cluster, "identifier": "cluster-2"}}
    assert "received" in succeed("server_prepare", later, check=True)["removed"]
    assert (server / "received" / "received.bin").exists()
    start_process(server, "worker2")
    assert "worker2 still runs; stop it first" in refuse("server_prepare", later)
    succeed("server_stop", {"base": str(server), "server": "server1"})
    assert "received" in succeed("server_prepare", later)["removed"]
    assert list((server / "received").iterdir()) == []


def test_what_an_interrupted_start_left_running_is_stopped(
    server: Path, cluster: dict[str, Any], start_process: Callable[..., ProcessRecord]
) -> None:
    given = {"base": str(server), "server": "server1", "cluster": cluster}
    succeed("server_prepare", given)
    left = start_process(server, "receiver", "receiver")
    again = {**given, "cluster": {**cluster, "identifier": "cluster-2"}}
    assert succeed("server_prepare", again, check=True)["stopped"] == ["receiver"]
    assert is_alive(left.identity)
    assert succeed("server_prepare", given)["stopped"] == [], "of the same cluster it is none that was left"
    assert is_alive(left.identity)
    assert succeed("server_prepare", again)["stopped"] == ["receiver"]
    assert not is_alive(left.identity)


def test_refusals_are_sentences(server: Path) -> None:
    server.touch()
    assert refuse("server_prepare", {"base": str(server), "server": "server1"}).startswith(
        "server1 could not be prepared: "
    )
    wrong = {"base": str(server), "server": "server1", "cluster": {"workers": 1}}
    assert "this is no record of a cluster" in refuse("server_prepare", wrong)
