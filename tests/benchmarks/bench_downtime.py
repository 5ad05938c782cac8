# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a worker is down in a migration: from the SIGKILL until it processes messages again.

Run: ``make bench``, or ``PYTHONPATH=.collections python3 tests/benchmarks/bench_downtime.py [moves]``

Two workers of the embedded engine, and one move after another between two servers: as a copy on one machine, and over
real SSH (sshd and rsync on 127.0.0.1; no network latency). Beside them what a real 0.5.4 was measured with
(wallaroo.md, "Four hosts over SSH"): the original scripts, and the floor of hand-written commands over connections that
stood before.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._server import move

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.integration.conftest import Loopback, start_directly  # noqa: E402  # found through the line above
from tests.moving import fence, prepared  # noqa: E402
from tests.port_block import PortBlock  # noqa: E402
from tests.ssh_server import SshServer  # noqa: E402

REAL = {"the scripts, journal": "2.1", "the scripts, SSH shared": "0.50", "floor, rsync": "0.46", "floor, tar": "0.13"}


def measure(ssh: SshServer | None, moves: int) -> list[dict[str, float]]:
    """Move worker 2 to and fro."""
    found = []
    with tempfile.TemporaryDirectory() as name, closing(PortBlock()) as block:
        servers = Loopback(REPOSITORY, Path(name), block)
        try:
            start_directly(servers)
            base = str(servers.base(1))
            for number in range(moves):
                src, dst = ("server2", "server4") if number % 2 == 0 else ("server4", "server2")
                result = move.run(prepared(base, src, dst, ssh.as_argument() if ssh else None), 60.0)
                fence(base, src, dst)
                begin = result["killed"]
                marks = {"dead": "died", "copied": "finished_at", "started": "started", "resumed": "ready"}
                found.append({mark: result[key] - begin for mark, key in marks.items()})
        finally:
            servers.stop()
    return found


def main() -> int:
    """Print the table: seconds after the SIGKILL, medians, and the worst."""
    moves = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(
        f"{'seconds from the SIGKILL':28}{'moves':>6}{'dead':>8}{'copied':>8}{'started':>9}{'resumed':>9}{'worst':>8}"
    )
    with tempfile.TemporaryDirectory() as name, closing(PortBlock()) as block:
        sshd = SshServer(Path(name) / "sshd", block.ports()["orders"])
        try:
            for what, ssh in (("one machine", None), ("over SSH", sshd)):
                times = measure(ssh, moves)
                medians = {mark: statistics.median(one[mark] for one in times) for mark in times[0]}
                print(
                    f"{what:28}{moves:6}{medians['dead']:8.3f}{medians['copied']:8.3f}{medians['started']:9.3f}"
                    f"{medians['resumed']:9.3f}{max(one['resumed'] for one in times):8.3f}"
                )
        finally:
            sshd.stop()
    for what, seconds in REAL.items():
        print(f"{'real 0.5.4: ' + what:28}{'':>31}{seconds:>9}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
