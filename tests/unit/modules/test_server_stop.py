# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``server_stop``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord

from tests.module_runner import refuse, succeed


def wanted(server: Path, **options: Any) -> dict[str, Any]:
    return {"base": str(server), "server": "server1", **options}


def test_everything_is_stopped_once(
    server: Path, start_process: Callable[..., ProcessRecord], resilience_files: Callable[[Path], Path]
) -> None:
    started = [start_process(server, "worker2"), start_process(server, "receiver", "receiver")]
    directory = resilience_files(server)
    pids = {record.name: record.identity.pid for record in started}
    foreseen = succeed("server_stop", wanted(server), check=True)
    assert (foreseen["changed"], foreseen["stopped"], foreseen["removed"]) == (True, pids, ["resilience"])
    assert all(is_alive(record.identity) for record in started)
    kept = succeed("server_stop", wanted(server, keep_files=True))
    assert (kept["changed"], kept["stopped"], kept["removed"]) == (True, pids, [])
    assert not any(is_alive(record.identity) for record in started)
    assert list(directory.iterdir())
    assert succeed("server_stop", wanted(server, keep_files=True))["changed"] is False
    assert succeed("server_stop", wanted(server))["removed"] == ["resilience"]
    assert succeed("server_stop", wanted(server))["changed"] is False
    assert Path(started[0].log).exists()


def test_a_server_that_was_never_used_is_left_alone(server: Path) -> None:
    assert succeed("server_stop", wanted(server))["changed"] is False
    assert not server.exists()


def test_refusals_are_sentences(server: Path) -> None:
    damaged = server / "run" / "worker2" / "process.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"{}")
    sentence = refuse("server_stop", wanted(server))
    assert sentence.startswith("server1 could not be stopped: ")
    assert str(damaged) in sentence
