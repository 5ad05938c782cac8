# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A crash at any moment of a checkpoint: before it, between the workers' writes, in the middle of a write, after the
commit on one worker and before that on the other. Always all workers come back to one committed checkpoint.

The moments are drawn from a seed. A worker kills itself with SIGKILL at the chosen write of its resilience files, which
only this test's launcher can make it do.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import checkpoint_ids
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import expected_window
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.event_log import (
    find_checkpoint,
    parse_state_payload,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.applications.detector import Detector

from tests.worker_runner import KEYS, LIMIT, RESUMED, Cluster, Receiver

POINTS = 50
CHAINS = 5
"""The points are spread over so many clusters, each of which goes from crash to crash."""

INTERVAL = 0.03
WRITES = 3
"""Of a worker for one checkpoint: its states, the id behind them, and the commit."""

_LAUNCHER = """\
import os, signal, sys
sys.path[0] = {path!r}
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine import file_layer
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.main import main

name = sys.argv[sys.argv.index("-n") + 1] if "-n" in sys.argv else "initializer"
order = os.path.join({directory!r}, name + ".dies")
write, left = file_layer.FileLayer.write, []

def dying_write(layer, path, offset, data):
    if not left and os.path.exists(order):
        left.extend(open(order).read().split())
    if left:
        left[0] = int(left[0]) - 1
        if left[0] == 0:
            part = int(len(data) * float(left[1]))
            write(layer, path, offset, data[:part])
            os.unlink(order)
            os.kill(os.getpid(), signal.SIGKILL)
    write(layer, path, offset, data)

file_layer.FileLayer.write = dying_write
sys.exit(main("multi_partition_detector", sys.argv[1:]))
"""


@pytest.fixture
def cluster(tmp_path: Path, repository: Path) -> Iterator[Cluster]:
    workers = Cluster(tmp_path, interval=INTERVAL)
    (tmp_path / "launcher.py").write_text(
        _LAUNCHER.format(path=str(repository / ".collections"), directory=str(tmp_path))
    )
    try:
        yield workers
    finally:
        workers.close()


def crash(cluster: Cluster, victim: str, others: bool, write: int, part: float) -> None:
    """Let a worker die at a write, and with ``others`` all of them."""
    order = cluster.directory / f"{victim}.dies"
    waiting = order.with_suffix(".waits")
    waiting.write_text(f"{write} {part}")
    waiting.rename(order)
    assert cluster[victim].exit_code(LIMIT) == -9
    if others:
        for name in ("initializer", "worker2"):
            if name != victim:
                cluster[name].kill()


def come_back(cluster: Cluster, victim: str, others: bool) -> set[int]:
    """Start what is dead; returns the checkpoints to which the workers went."""
    dead = ("initializer", "worker2") if others else (victim,)
    alive = {name: cluster[name].log().count(RESUMED) for name in ("initializer", "worker2") if name not in dead}
    if "initializer" in dead:
        cluster.start("initializer").wait_for("initializer control: listening on")
    if "worker2" in dead:
        cluster.start("worker2")
    for name in ("initializer", "worker2"):
        cluster[name].wait_for(RESUMED, times=alive.get(name, 0) + 1)
    return {
        int(re.findall(r"Rolling back to checkpoint (\d+)", cluster[name].log())[-1])
        for name in ("initializer", "worker2")
    }


def last_committed(cluster: Cluster) -> int:
    """The last whole record of the worker that commits."""
    data = cluster.files("initializer").path("checkpoint_ids").read_bytes()
    whole = len(data) // checkpoint_ids.SIZE * checkpoint_ids.SIZE
    return int.from_bytes(data[whole - checkpoint_ids.SIZE : whole - checkpoint_ids.SIZE + 8], "big")


def last_values(cluster: Cluster, checkpoint: int) -> dict[str, int]:
    """What every key had come to at a checkpoint, by the event logs of both workers."""
    found = {}
    for name in ("initializer", "worker2"):
        for record in find_checkpoint(cluster.files(name).path("evlog"), checkpoint):
            for key, state in parse_state_payload(record.payload):
                found[key] = Detector().revive(key.encode(), state)[-1]
    return found


def send_on(cluster: Cluster, receiver: Receiver, first: int, last: int) -> None:
    """Send and wait; the windows that come out are those of values that nothing is missing before."""
    before = {key: len(receiver.windows(key)) for key in KEYS}
    cluster.send(first, last)
    receiver.wait_until_all_have(last)
    for key in KEYS:
        assert receiver.windows(key)[before[key] :] == [expected_window(value) for value in range(first, last + 1)]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("chain", range(CHAINS))
def test_a_crash_at_any_moment_of_a_checkpoint(cluster: Cluster, chain: int) -> None:
    receiver = cluster.receiver()
    cluster.start_all()
    send_on(cluster, receiver, 1, 4)
    cluster.wait_for_checkpoints()
    value = 4
    for point in range(chain, POINTS, CHAINS):
        draw = random.Random(f"kill point {point}")
        victim = draw.choice(("initializer", "worker2", "worker2"))
        others = victim == "initializer" or draw.random() < 0.3
        write, part = draw.randint(1, 2 * WRITES), draw.choice((0.0, 0.5, 1.0))
        what = f"point {point}: {victim} at write {write}, part {part}, {'all die' if others else 'the other lives'}"
        # The next checkpoint is to hold something that the last one does not.
        value += 1
        send_on(cluster, receiver, value, value)

        crash(cluster, victim, others, write, part)
        committed = last_committed(cluster)
        targets = come_back(cluster, victim, others)

        assert targets == {committed}, what
        restored = last_values(cluster, committed)
        assert sorted(restored) == sorted(KEYS), what
        (reached,) = set(restored.values())
        assert reached in (value - 1, value), what
        send_on(cluster, receiver, reached + 1, value + 1)
        value += 1
        cluster.wait_for_checkpoints()
