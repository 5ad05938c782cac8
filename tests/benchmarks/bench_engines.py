# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a crash costs on each engine: from the SIGKILL until messages come out again, and how many messages it takes.

Run: ``make bench``, or ``PYTHONPATH=.collections python3 tests/benchmarks/bench_engines.py [moves] [engine ...]``

Two workers on one machine, and worker 2 moves to and fro between two servers while messages flow. *Ours* is what lies
between the kill and the start of the process: the collection's own part. The rest is the engine's: its start, its
recovery, and its first message. *Ready* with a spare is when the worker has its work back. The embedded engine has a
plain source, through which nothing flows while it is crashed.
Engines that ``make bytewax`` and ``make flink`` have not brought are left out.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.flink.job import JAR
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import arrivals

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.integration.conftest import Loopback  # noqa: E402  # found through the line above
from tests.port_block import PortBlock  # noqa: E402

KEYS = 11
ARCHIVE = JAR.replace(".jar", ".jsa")
SECONDS = 5.0
"""For so long messages are sent as fast as they are taken; the rate of fewer is that of a start."""
FIRST = 20_000
"""Values of each of the 11 keys from which it is estimated how many that takes."""
UNDER_WAY = 0.2
"""So long after a kill messages may come that the worker had sent before."""
MOST = 2_000_000
"""Values of each key, where an engine takes them faster than all others."""
STEADY = 10**6
"""More values than come in the time of all moves, behind those of the rate: one of each key in ten milliseconds."""


def engines(place: Path) -> dict[str, str]:
    """What is here: name -> variables."""
    found = {"embedded": ""}
    bytewax = Path(os.environ.get("BYTEWAX_HOME") or REPOSITORY / ".venv-bytewax")
    if (bytewax / "bin" / "python").exists():
        found["bytewax"] = f"engine=bytewax bytewax_home={bytewax}"
    flink = Path(os.environ.get("FLINK_HOME") or REPOSITORY / ".flink")
    if (flink / "usrlib" / JAR).exists():
        found["flink, cold"] = f"engine=flink flink_home={without_archive(flink, place / 'flink')}"
        if (flink / "usrlib" / ARCHIVE).exists():
            found["flink"] = f"engine=flink flink_home={flink}"
            found["flink, spare"] = f"engine=flink flink_home={flink} spare=true"
    return found


def without_archive(home: Path, copy: Path) -> Path:
    """The same Flink without its archive of classes."""
    (copy / "usrlib").mkdir(parents=True)
    (copy / "lib").symlink_to(home / "lib")
    for path in (home / "usrlib").iterdir():
        if path.suffix != Path(ARCHIVE).suffix:
            # What stands in the jar leads from its own place to lib.
            shutil.copy2(path, copy / "usrlib" / path.name, follow_symlinks=False)
    return copy


def silence(received: str, killed: float) -> tuple[float, float]:
    """The longest time without a message around and behind a kill, and how long after the kill the first one ended.

    Where a spare takes over there is a second one, as the worker gets its work back.
    """
    moments = sorted(one.nanoseconds / 1e9 for one in arrivals.iterate(received))
    around = [moment for moment in moments if moment > killed - 1]
    pairs = [(later - earlier, later) for earlier, later in itertools.pairwise(around)]
    _length, first = max(pair for pair in pairs if pair[1] - pair[0] < killed + UNDER_WAY)
    return max(pairs)[0], first - killed


def rate(servers: Loopback, received: str) -> tuple[float, float, int]:
    """Messages a second, from the first that comes out to the last; how many seconds those are, and the last value."""
    last = FIRST
    while True:
        # Each tells how many have come in all.
        before = max((one.frames for one in arrivals.iterate(received)), default=0)
        servers.play("start_sender", f"last={last} interval=0 batch=1000")
        came = [one for one in arrivals.iterate(received) if one.frames > before]
        length = (came[-1].nanoseconds - came[0].nanoseconds) / 1e9
        found = (came[-1].frames - came[0].frames) / length
        if length >= SECONDS or last >= MOST:
            return found, length, last
        last = min(MOST, last + round(1.3 * SECONDS * found / KEYS))


def measure(variables: str, moves: int) -> tuple[list[dict[str, float]], tuple[float, float]]:
    """Move worker 2 to and fro; of each move the seconds after the kill, and the rate before them."""
    found = []
    with tempfile.TemporaryDirectory() as name, closing(PortBlock()) as block:
        servers = Loopback(REPOSITORY, Path(name), block)
        received = str(servers.base(1) / "received" / "received.bin")
        try:
            servers.play("start_cluster", f"workers=2 {variables}")
            *taken, last = rate(servers, received)
            flows = bool(variables)
            if flows:
                servers.play("start_sender", f"last={last + STEADY} batch=1 interval=0.01 wait=false")
            for number in range(moves):
                src, dst = (2, 4) if number % 2 == 0 else (4, 2)
                servers.play("migrate", f"worker=2 src={src} dst={dst} settle=false")
                times: dict[str, float] = {}
                for server in (src, dst):
                    path = servers.base(server) / "run/worker2/times.json"
                    times.update(json.loads(path.read_text()) if path.exists() else {})
                long, out = silence(received, times["killed"]) if flows else (math.nan, math.nan)
                marks = {name: times[name] - times["killed"] for name in ("started", "ready")}
                found.append({**marks, "out": out, "silence": long})
        finally:
            servers.play("stop_cluster", succeed=None)
            servers.stop()
    return found, (taken[0], taken[1])


def main() -> int:
    """Print the table: medians in seconds after the SIGKILL."""
    moves, *only = sys.argv[1:] or ["5"]
    print(
        f"{'seconds from the SIGKILL':26}{'moves':>6}{'ours':>8}{'ready':>8}{'first out':>11}{'worst':>8}{'silence':>9}"
        f"{'messages/s':>12}{'for s':>7}"
    )
    with tempfile.TemporaryDirectory() as place:
        for name, variables in engines(Path(place)).items():
            if only and name not in only:
                continue
            times, (taken, length) = measure(variables, int(moves))
            medians = {mark: statistics.median(one[mark] for one in times) for mark in times[0]}
            flows = [medians["out"], max(one["out"] for one in times), medians["silence"]]
            shown = [
                f"{'-' if math.isnan(value) else f'{value:.3f}':>{width}}" for value, width in zip(flows, (11, 8, 9))
            ]
            print(
                f"{name:26}{moves:>6}{medians['started']:8.3f}{medians['ready']:8.3f}{''.join(shown)}"
                f"{taken:12,.0f}{length:7.1f}",
                flush=True,
            )
    print("-: with a plain source nothing flows while a worker is crashed (what is sent then is lost).")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
