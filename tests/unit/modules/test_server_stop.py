# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``server_stop``."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord

from tests.damaged_records import DAMAGE, damage
from tests.module_runner import succeed


def wanted(server: Path, **options: Any) -> dict[str, Any]:
    return {"base": str(server), "server": "server1", **options}


def test_everything_is_stopped_once(
    server: Path, start_process: Callable[..., ProcessRecord], resilience_files: Callable[[Path], Path]
) -> None:
    started = [start_process(server, "worker2"), start_process(server, "receiver", "receiver")]
    directory = resilience_files(server)
    pids = {record.name: record.identity.pid for record in started}
    Path(started[0].log).write_text("its last words\n")
    foreseen = succeed("server_stop", wanted(server), check=True)
    assert (foreseen["changed"], foreseen["stopped"], foreseen["removed"]) == (True, pids, ["resilience"])
    assert all(is_alive(record.identity) for record in started)
    assert "state" not in foreseen
    kept = succeed("server_stop", wanted(server, keep_files=True, logs=True))
    assert (kept["state"]["server"], kept["state"]["processes"]["worker2"]["alive"]) == ("server1", True)
    assert kept["state"]["logs"]["worker2"] == "its last words"
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


@pytest.mark.parametrize("how", list(DAMAGE))
def test_a_damaged_record_keeps_nobody_from_being_stopped(
    server: Path, start_process: Callable[..., ProcessRecord], how: str
) -> None:
    started = [start_process(server, name, name) for name in ("worker2", "worker3", "receiver")]
    damage(server / "run" / "worker2" / "process.json", how)
    damage(server / "run" / "receiver" / "ownership.json", how)
    damage(server / "run" / "cluster.json", how)
    stopped = succeed("server_stop", wanted(server))
    assert stopped["stopped"] == {record.name: record.identity.pid for record in started}
    assert not any(is_alive(record.identity) for record in started)
    # All processes of this account can be seen, so it is known that none is left.
    assert stopped["unknown"] == []
    assert not (server / "run" / "cluster.json").exists()


def test_a_process_without_a_record_is_stopped_and_a_stranger_is_not(
    server: Path, start_process: Callable[..., ProcessRecord], tmp_path: Path
) -> None:
    started = start_process(server, "worker2")
    folder = server / "run" / "worker2"
    (folder / "process.json").unlink()
    with (
        (tmp_path / "log").open("wb") as elsewhere,
        (folder / "log").open("ab") as log,
        # Who looks around in the folder, and who only writes into the log, are none of ours.
        subprocess.Popen(["sleep", "60"], cwd=folder, stdout=elsewhere) as visitor,
        subprocess.Popen(["sleep", "60"], cwd=tmp_path, stdout=log) as writer,
    ):
        try:
            assert succeed("server_stop", wanted(server))["stopped"] == {"worker2": started.identity.pid}
            assert (visitor.poll(), writer.poll()) == (None, None)
        finally:
            visitor.kill()
            writer.kill()
    assert not is_alive(started.identity)
