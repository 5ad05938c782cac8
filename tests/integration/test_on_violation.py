# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A violation that is found while messages come, and a verifier that throws."""

from __future__ import annotations

import socket
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import arrivals, online

from tests.integration.conftest import Loopback
from tests.program_runner import output_frames
from tests.strangers_check import agrees


def test_a_run_stops_at_the_first_violation_with_verdict_fail(loopback: Loopback, tmp_path: Path) -> None:
    loopback.bring_programs()
    received = loopback.base(1) / "received" / "received.bin"
    wanted = "workers=2 values=20000 batch=10 on_violation=stop"
    with (tmp_path / "output").open("w+") as output:
        run = loopback.start("verify_restart", wanted, output)
        wait_until(lambda: received.exists() and received.stat().st_size > 0, 60, "the first messages")
        # What only a broken sink would do: a message that came already comes again.
        with socket.create_connection(("127.0.0.1", int(loopback.ports["sink"]))) as connection:
            connection.sendall(output_frames("key_3", 1, 1))
        # All of it would take a hundred seconds.
        assert run.wait(60) != 0
        output.seek(0)
        said = " ".join(output.read().replace("''", "'").split())
    note = online.noted(str(received))
    assert (note.key, note.found) == ("key_3", "[0,0,0,1]")
    assert 0 <= note.known - note.arrived < 1
    assert "Stopped at the first violation (on_violation=stop), known 0." in said
    (result,) = loopback.results()
    assert result["verdict"] == "fail"
    assert "on_violation=stop" in result["then"], "what was done about it follows"
    assert "[0,0,0,1]" in result["reason"]
    assert any(one["key"] == "key_3" and one["around"] for one in result["violations"])
    assert result["received"] < 40_000
    assert "fail (key_3: 1 came after " in agrees(loopback.runs / "latest")
    assert not loopback.alive()


def test_a_verifier_that_throws_leaves_a_result_that_is_unknown_and_no_cluster(
    loopback: Loopback, tmp_path: Path
) -> None:
    loopback.bring_programs()
    received = loopback.base(1) / "received" / "received.bin"
    times = Path(arrivals.path_of(str(received)))
    with (tmp_path / "output").open("w") as output:
        run = loopback.start("verify_restart", "workers=2 values=50", output)
        wait_until(lambda: times.exists() and times.stat().st_size > 0, 60, "the first messages")
        # What the verifier opens is no file.
        times.rename(times.with_name("kept"))
        times.mkdir()
        assert run.wait(60) != 0
    (result,) = loopback.results()
    assert result["verdict"] == "unknown"
    assert "it is a directory" in result["reason"]
    assert not loopback.alive()
