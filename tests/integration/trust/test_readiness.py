# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever starts a process may be killed at any moment: the next one never believes what an older process said.

The process itself is the witness: what it has written is read through /proc, and not where its record says.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import record
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.contract import READY
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import program
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as process_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting, wait_for_acts
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import move, server_state, worker_start

from tests.integration.conftest import LIMIT, Loopback, send_directly
from tests.moving import OnOneMachine, fence, prepared

FORK = multiprocessing.get_context("fork")
ROUNDS = 8

SLOW = """
import os, sys, time
open(os.path.join(sys.argv[1], f"began-{os.getpid()}"), "w").close()
time.sleep(float(sys.argv[2]))
print("ready", flush=True)
time.sleep(600)
"""


def killed_after(seconds: float, act: Any, *arguments: Any) -> None:
    """Do something in a process of its own, and SIGKILL that in the middle of it."""
    process = FORK.Process(target=act, args=arguments)
    process.start()
    time.sleep(seconds)
    process.kill()
    process.join()


def said(pid: int) -> str:
    """What a process has written until now, whatever its record says."""
    return Path(f"/proc/{pid}/fd/1").read_text(encoding="utf-8")


def test_a_start_that_was_killed_is_completed_by_the_process_that_runs(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    base = str(tmp_path)
    wanted = program.Wanted(
        base, "slow", "test", [sys.executable, "-c", SLOW, base, str(chance.uniform(0, 0.1))], ready_pattern="^ready$"
    )
    for _round in range(ROUNDS):
        killed_after(chance.uniform(0, 0.06), program.ensure_started, wanted, 30.0)
        result = program.ensure_started(wanted, 30.0)

        known = process_record.read(base, "slow")
        assert known is not None
        assert "ready" in said(result["pid"])
        assert os.path.samefile(known.log, f"/proc/{result['pid']}/fd/1")
        began = {int(path.name.partition("-")[2]) for path in tmp_path.glob("began-*")}
        assert [pid for pid in began if _runs(pid)] == [result["pid"]]
        kill(known.identity)


def _runs(pid: int) -> bool:
    try:
        return b"began-" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_a_move_that_was_killed_loses_nothing_when_it_is_run_again(cluster: Loopback, seed: int) -> None:
    """The worker was on the target before: its log there says that it resumed, then."""
    base = str(cluster.base(1))
    for src, dst in (("server2", "server4"), ("server4", "server2")):
        move.run(prepared(base, src, dst, None), LIMIT)
        fence(base, src, dst)

    chance = random.Random(seed)
    killed_after(chance.uniform(0, 0.6), _move, base)
    wait_for_acts(str(cluster.base(4)), LIMIT)
    known = record.read(base)
    assert known is not None
    target = known.server("server4")
    if server_state.describe(target.base, "server4")["workers"].get("worker2", {}).get("alive"):
        # As migrate.yml decides: it runs on the target, and is waited for.
        again = OnOneMachine(target.base, "server4", known, "worker2", worker_start.RECOVER, sys.executable)
        pid = worker_start.run(again, READY, LIMIT, None)["pid"]
    else:
        pid = move.run(prepared(base, "server2", "server4", None), LIMIT)["pid"]

    assert "~~~Resuming message processing.~~~" in said(pid)
    fence(base, "server2", "server4")
    send_directly(known, "300")


def _move(base: str) -> None:
    target = Path(base).parent / "server4"
    with acting(str(target)):
        move.run(prepared(base, "server2", "server4", None), LIMIT)
