# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``worker_kill``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord

from tests.module_runner import refuse, succeed


def test_exactly_one_worker_is_killed_once(server: Path, start_process: Callable[..., ProcessRecord]) -> None:
    victim, neighbour = start_process(server, "worker2"), start_process(server, "worker20")
    given = {"base": str(server), "server": "server1", "worker": "2"}
    foreseen = succeed("worker_kill", given, check=True)
    assert (foreseen["changed"], foreseen["pid"], foreseen["killed"]) == (True, victim.identity.pid, None)
    assert is_alive(victim.identity)
    killed = succeed("worker_kill", given)
    assert (killed["changed"], killed["worker"], killed["pid"]) == (True, "worker2", victim.identity.pid)
    assert killed["killed"] <= killed["died"]
    assert killed["diff"] == {"before": {"process": "alive"}, "after": {"process": "dead"}}
    again = succeed("worker_kill", given)
    assert (again["changed"], again["pid"], again["killed"], again["died"]) == (False, None, None, None)
    assert "was dead already on server1" in again["message"]
    assert is_alive(neighbour.identity)


def test_who_was_never_started_is_not_killed(server: Path) -> None:
    sentence = refuse("worker_kill", {"base": str(server), "server": "server1", "worker": "worker2"})
    assert "worker2 was never started there" in sentence
    assert "is no worker" in refuse("worker_kill", {"base": str(server), "server": "server1", "worker": "all"})


def test_a_worker_whose_record_is_damaged_is_found_and_killed(
    server: Path, start_process: Callable[..., ProcessRecord]
) -> None:
    victim, neighbour = start_process(server, "worker2"), start_process(server, "worker3")
    Path(victim.log).with_name("process.json").write_bytes(b"")
    assert succeed("worker_kill", {"base": str(server), "server": "server1", "worker": 2})["pid"] == victim.identity.pid
    assert (is_alive(victim.identity), is_alive(neighbour.identity)) == (False, True)


def test_a_damaged_record_is_named(server: Path) -> None:
    path = server / "run" / "worker2" / "process.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"[]")
    assert str(path) in refuse("worker_kill", {"base": str(server), "server": "server1", "worker": 2})
