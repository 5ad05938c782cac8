# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker comes back wherever in its checkpoints it was killed, with journals and without, here and elsewhere.

One that is killed while a checkpoint is being committed ends once more at its next start; the start after that works.
The moment for it is made wide: another worker, for which the checkpoint waits, is stopped until the kill.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import record
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.contract import READY
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import living
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import ProcessIdentity, is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import move, worker_start

from tests.integration.conftest import LIMIT, Loopback, send_directly, start_directly
from tests.integration.trust.watching import never_two
from tests.moving import OnOneMachine, fence, prepared

ROUNDS, MOST_ROUNDS = 6, 30


def identity_of(base: str, worker: str) -> ProcessIdentity:
    process = living.alive(base, worker)
    assert process is not None
    return process.identity


@contextmanager
def commit_that_waits(known: record.ClusterRecord, here: str, chance: random.Random) -> Iterator[None]:
    """A checkpoint waits for worker 3 alone until worker 2 is dead."""
    stopped = identity_of(known.server("server3").base, "worker3")
    killed = identity_of(known.server(here).base, "worker2")
    before, after = chance.uniform(0.02, 0.1), chance.uniform(0, 0.03)
    os.kill(stopped.pid, signal.SIGSTOP)

    def go_on() -> None:
        try:
            wait_until(lambda: not is_alive(killed), LIMIT, "the kill", pause=0.001)
            time.sleep(after)
        finally:
            os.kill(stopped.pid, signal.SIGCONT)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        time.sleep(before)
        yield
    finally:
        thread.join()


def brought_back(known: record.ClusterRecord, here: str, there: str) -> dict[str, Any]:
    """Kill worker 2, and start it where it was or elsewhere."""
    server = known.server(here)
    if there != here:
        back = move.run(prepared(server.base, here, there, None), LIMIT)
        fence(server.base, here, there)
        return back
    kill(identity_of(server.base, "worker2"))
    again = OnOneMachine(server.base, here, known, "worker2", worker_start.RECOVER, sys.executable)
    return worker_start.run(again, READY, LIMIT, None)


def test_a_worker_comes_back_wherever_in_a_checkpoint_it_was_killed(loopback: Loopback, seed: int) -> None:
    chance = random.Random(seed)
    start_directly(loopback, journal=str(bool(seed % 2)).lower(), checkpoint_interval="0.01", workers="3")
    base = str(loopback.base(1))
    known = record.read(base)
    assert known is not None
    here, retried = "server2", 0
    for number in range(MOST_ROUNDS):
        if number >= ROUNDS and retried:
            break
        there = chance.choice([server.name for server in known.servers[1:]])
        with commit_that_waits(known, here, chance):
            back = brought_back(known, here, there)
        assert "event_log_phase" in back["retried"] or not back["retried"], back["retried"]
        retried += bool(back["retried"])
        here = there
        send_directly(known, str(300 + 100 * number))
        never_two(loopback)
    assert retried, "the moment was never met"
