# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a worker is down in each of the ways in which a playbook crashes it and brings it back.

Run: ``make bench`` as root, or ``PYTHONPATH=.collections python3 tests/benchmarks/bench_acts.py [rounds]``

Two workers of the embedded engine on four servers with networks of their own, reached by real SSH (network namespaces
of this machine; no latency). The acts take turns, so that whatever else the machine does meets all of them.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from contextlib import closing
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.namespaces import Networks, can_be_made  # noqa: E402  # found through the line above
from tests.port_block import PortBlock  # noqa: E402

MOVE, IN_PLACE, JOURNAL, ADDRESS = "move", "restart in place", "via=journal", "keep_address=true"
PLAIN = "worker=2 settle=false"
ROUND = (
    (MOVE, "migrate", f"{PLAIN} src=2 dst=4"),
    (IN_PLACE, "restart_worker", "worker=2 crash=true"),
    (JOURNAL, "migrate", f"{PLAIN} src=4 dst=2 via=journal"),
    (IN_PLACE, "restart_worker", "worker=2 crash=true"),
    # An address that went along has to go on: the second one gives it back.
    (ADDRESS, "migrate", f"{PLAIN} src=2 dst=4 keep_address=true"),
    (ADDRESS, "migrate", f"{PLAIN} src=4 dst=2 keep_address=true"),
    (MOVE, "migrate", f"{PLAIN} src=2 dst=4"),
    (JOURNAL, "migrate", f"{PLAIN} src=4 dst=2 via=journal"),
)
"""Name, playbook and arguments; the worker is on server 2 before and after."""
MOST = {IN_PLACE: (1.1, 0.0), JOURNAL: (1.0, 0.15), ADDRESS: (1.0, 0.2)}
"""How long each may take: as long as a move, times this, and so many seconds more."""


def marks(networks: Networks) -> dict[str, float]:
    """The last moments that the servers have noted of worker 2."""
    found: dict[str, float] = {}
    for number in (2, 4):
        path = networks.base(number) / "run" / "worker2" / "times.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        for name in ("killed", "died", "started", "ready"):
            found[name] = max(found.get(name, 0.0), known.get(name, 0.0))
    return found


def measure(rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Each act, and how long after the SIGKILL the worker was started and processed messages again."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name, _, _ in ROUND}
    with tempfile.TemporaryDirectory() as name, closing(PortBlock()) as block:
        networks = Networks(REPOSITORY, Path(name), block)
        try:
            networks.play("start_cluster", "workers=2 keys=2 journal=true")
            networks.play("start_sender", "last=20")
            for _ in range(rounds):
                for what, playbook, arguments in ROUND:
                    networks.play(playbook, arguments)
                    times = marks(networks)
                    found[what].append((times["started"] - times["killed"], times["ready"] - times["killed"]))
        finally:
            networks.play("stop_cluster", succeed=None)
            networks.remove()
    return found


def main() -> int:
    """Print the table: seconds after the SIGKILL, medians, and what the act may take beside a move."""
    if not can_be_made():
        print("no network namespaces can be made here; run it as root, with iproute2")
        return 0
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
    move = statistics.median(resumed for _, resumed in found[MOVE])
    print(f"{'seconds from the SIGKILL':28}{'times':>6}{'started':>9}{'resumed':>9}{'worst':>8}{'at most':>9}")
    for what, times in found.items():
        started, resumed = (statistics.median(one) for one in zip(*times))
        factor, more = MOST.get(what, (1.0, 0.0))
        worst = max(resumed for _, resumed in times)
        print(f"{what:28}{len(times):6}{started:9.3f}{resumed:9.3f}{worst:8.3f}{move * factor + more:9.3f}")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
