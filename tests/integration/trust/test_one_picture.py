# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers are looked at in one moment: whatever an interrupted run left behind ends before the next one decides."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time

from tests.integration.conftest import Loopback
from tests.integration.trust.watching import living, never_two, owners


def test_a_run_after_one_that_was_killed_in_its_move_never_makes_two(shared: Loopback, seed: int) -> None:
    chance = random.Random(seed)
    here = owners(shared)[-1][1]
    other, third = chance.sample([name for name in ("server2", "server3", "server4") if name != here], 2)
    with open(shared.directory / "first.log", "wb") as output:
        first = shared.start("migrate", f"worker=2 src={here} dst={other} settle=false", output)
    # A move takes about two seconds; its bulk copy lies at the end.
    time.sleep(chance.uniform(0.5, 4.0))
    _kill_controller(first, group=chance.random() < 0.5)

    second = shared.play("migrate", f"worker=2 src={here} dst={third} settle=false", succeed=None)

    never_two(shared)
    if second.code == 0:
        assert list(living(shared)) == [third], second.output[-3000:]
    else:
        assert any(sentence in second.message for sentence in ("Use src=", "runs on", "belongs to")), second.output
    _complete(shared, third if second.code == 0 else other)


def _complete(shared: Loopback, there: str) -> None:
    """Whatever was left half-done is completed, and the cluster is as before for the next seed."""
    if not living(shared):
        home = next((server for _epoch, server in reversed(owners(shared))), there)
        shared.play("restart_worker", f"worker=2 server={home}")
    never_two(shared)
    assert living(shared)


def _kill_controller(run: subprocess.Popen[bytes], group: bool) -> None:
    try:
        if group:
            os.killpg(run.pid, signal.SIGKILL)
        else:
            run.kill()
    except ProcessLookupError:
        pass
    run.wait()
