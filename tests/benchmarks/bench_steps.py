# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long whole steps and verified runs take over SSH, beside the same steps by hand.

Run: ``make bench`` as root, or ``PYTHONPATH=.collections python3 tests/benchmarks/bench_steps.py [rounds]``

Two workers of the embedded engine on four servers with networks of their own, reached by real SSH (network namespaces
of this machine, which has to do the work of four; no latency). Beside the playbooks a shell rendering of what the
original scripts do (wallaroo.md, I.2): one ssh a command, one after the other, with their sleeps, and no checks.
They take turns, so that whatever else the machine does meets both.

``migrate`` waits until a checkpoint covers what has come out: for the next one behind its look at the servers, here one
second behind the last. The checkpoints begin anew with each move, so moves that follow each other directly would all
meet the same moment of that second. Each waits for another part of it before, as people come at any moment; what it
takes itself is measured. And ``migrate`` is made without waiting for a checkpoint, too.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from shlex import join, quote

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

# All of these are found through the line above.
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import checkpoints  # noqa: E402
from ansible_collections.wallaroo.resilience.plugins.modules import ordering_verify  # noqa: E402

from tests.namespaces import Networks, can_be_made  # noqa: E402
from tests.port_block import PortBlock  # noqa: E402

WAIT, SHORT, SETTLE = 2, 1, 4
"""Seconds of sleep in the scripts: after a start, after the metrics UI, and before a kill."""

DEFAULTS = {name: one.get("default") for name, one in ordering_verify.SPEC["argument_spec"].items()}
"""What a call of the verifier has beside what is asked: whoever calls the program itself says everything."""

SINGLE = ("start_cluster workers=2", "start_sender last=1000", "kill_worker worker=2")
SINGLE_MOVE = ("copy_resilience worker=2 src=2 dst=3", "restart_worker worker=2 server=3")
MOVES = ("migrate worker=2 dst=4", "migrate worker=2 dst=2", "migrate worker=2 dst=4")
LIMITS = {
    "verify_migration": 10,
    "verify_restart": 10,
    "five single steps": 12,
    "migrate": 3,
    "migrate, no wait": 3,
    "a refusal": 2,
}


class Scripts:
    """The original scripts' steps, with the programs and command lines that a playbook has used before."""

    def __init__(self, networks: Networks) -> None:
        self.networks = networks
        networks.play("start_cluster", "workers=2 metrics_ui=false")
        self.argv = {name: self._argv(server, name) for server, name in ((1, "receiver"), (1, "initializer"))}
        self.argv["worker2"] = self._argv(2, "worker2")
        networks.play("start_sender", "last=10")
        sender = self._argv(1, "sender")
        self.sender = [*sender[: sender.index("--first")], *sender[sender.index("--interval") :]]
        networks.play("migrate", "worker=2 src=2 dst=3 settle=false")
        self.argv["moved"] = self._argv(3, "worker2")
        # The two files that KLUDGE-TCP-FILES writes.
        self.addresses = {
            path.name: path.read_text() for path in (networks.base(3) / "resilience" / "worker2").glob("*.tcp-*")
        }
        networks.play("stop_cluster")

    def start(self) -> None:
        """99, and 20."""
        self.stop()
        for server in range(1, 4):
            base = quote(str(self.networks.base(server)))
            self.ssh(
                server, f"rm -rf {base}/resilience {base}/received/* {base}/hand; mkdir -p {base}/hand {base}/received"
            )
            for worker in ("initializer", "worker2"):
                self.ssh(server, f"mkdir -p {base}/resilience/{worker}")
        time.sleep(SHORT)
        self.begin(1, "receiver", self.argv["receiver"])
        time.sleep(WAIT)
        self.begin(1, "initializer", self.argv["initializer"])
        time.sleep(WAIT)
        self.begin(2, "worker2", self.argv["worker2"])
        self.ready(1, "initializer", "INIT PHASE III")
        self.ready(2, "worker2", "INIT PHASE III")

    def send(self, first: int, last: int) -> None:
        """30, and the wait for what comes out."""
        self.ssh(1, join([*self.sender, "--first", str(first), "--last", str(last)]))

    def kill(self) -> None:
        """40."""
        self.ssh(2, f"kill -9 $(cat {self.hand(2)}/worker2.pid)")

    def copy(self) -> None:
        """50, from the files of the dead worker, and the two small ones."""
        source = f"{self.networks.account(2)}:{self.networks.base(2)}/resilience/worker2/"
        target = f"{self.networks.base(3)}/resilience/worker2/"
        self.ssh(3, join(["rsync", "-a", "-e", join(self.networks.ssh()), source, target]))
        for name, text in self.addresses.items():
            self.ssh(3, f"printf %s {quote(text)} > {quote(target + name)}")

    def restart(self, server: int = 3) -> None:
        """60, or 62 in place."""
        self.ssh(server, f"rm -f {self.hand(server)}/worker2.out")
        self.begin(server, "worker2", self.argv["moved" if server == 3 else "worker2"])
        time.sleep(WAIT)
        self.ready(server, "worker2", "Resuming message processing")

    def single(self) -> None:
        """The README's chain: 20, 30, 40, 50, 60."""
        self.start()
        self.send(1, 1000)
        self.kill()
        self.copy()
        self.restart()

    def verified(self, moves: bool) -> None:
        """VERIFY.2worker, or its simple restart."""
        self.start()
        self.send(1, 500)
        for last in range(600, 1001, 100):
            self.send(last - 99, last)
        time.sleep(SETTLE)
        self.kill()
        if moves:
            self.copy()
        self.restart(3 if moves else 2)
        self.send(1001, 2000)
        received = f"{self.networks.base(1)}/received/received.bin"
        end = time.monotonic() + 30
        while True:
            asked = {"path": received, "last": 2000, "key_count": 11, "fail_on": "never"}
            verify = join([*self._archive(), "module", "ordering_verify"])
            given = json.dumps({"calls": [{**DEFAULTS, **asked}], "check_mode": False})
            said = self.ssh(1, f"{verify} <<< {quote(given)}")
            if '"verdict": "pass"' in said:
                return
            assert time.monotonic() < end, said
            time.sleep(0.2)

    def stop(self) -> None:
        """99, by the pids instead of by name."""
        for server in range(1, 5):
            self.ssh(server, f"kill -9 $(cat {self.hand(server)}/*.pid 2>/dev/null) 2>/dev/null; true")

    def begin(self, server: int, name: str, argv: list[str]) -> None:
        """In the background."""
        place = f"{self.hand(server)}/{name}"
        self.ssh(
            server,
            f"mkdir -p {self.hand(server)}; nohup {join(argv)} > {place}.out 2>&1 < /dev/null & echo $! > {place}.pid",
        )

    def ready(self, server: int, name: str, words: str) -> None:
        """Up to 150 looks of 0.2 s (30 in the scripts, which end with TIMEOUT then)."""
        for _ in range(150):
            if self.ssh(server, f"grep -c {quote(words)} {self.hand(server)}/{name}.out; true").strip() not in (
                "",
                "0",
            ):
                return
            time.sleep(0.2)
        raise AssertionError(f"TIMEOUT: {self.ssh(server, f'tail -5 {self.hand(server)}/{name}.out')}")

    def ssh(self, server: int, command: str) -> str:
        """One command, over a connection of its own."""
        argv = [*self.networks.ssh(), self.networks.account(server), command]
        ended = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
        assert ended.returncode == 0, f"{command}: {ended.stderr}"
        return ended.stdout

    def hand(self, server: int) -> str:
        """Where its pids and logs are."""
        return quote(f"{self.networks.base(server)}/hand")

    def _argv(self, server: int, name: str) -> list[str]:
        record = json.loads((self.networks.base(server) / "run" / name / "process.json").read_text())
        return [str(word) for word in record["argv"]]

    def _archive(self) -> list[str]:
        return [sys.executable, str(self.networks.base(1) / "runtime" / "programs.pyz")]


def timed(act: Callable[[], object]) -> float:
    """How many seconds it takes."""
    begin = time.monotonic()
    act()
    return time.monotonic() - begin


def measure(rounds: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """What the playbooks take, and what the scripts take."""
    playbooks: dict[str, list[float]] = {name: [] for name in LIMITS}
    by_hand: dict[str, list[float]] = {name: [] for name in LIMITS}
    with tempfile.TemporaryDirectory() as name, closing(PortBlock()) as block:
        networks = Networks(REPOSITORY, Path(name), block)
        # What is measured is what a user waits for, the imports of Ansible with it.
        networks.as_users_do = True

        def play(*lines: str, succeed: bool = True) -> float:
            return timed(lambda: [networks.play(*line.split(" ", 1), succeed=succeed) for line in lines])

        scripts = None
        try:
            scripts = Scripts(networks)
            for _ in range(rounds):
                playbooks["verify_migration"].append(play("verify_migration workers=2 dst=3 metrics_ui=false"))
                by_hand["verify_migration"].append(timed(lambda: scripts.verified(moves=True)))
                scripts.stop()
                playbooks["verify_restart"].append(play("verify_restart workers=2 metrics_ui=false"))
                by_hand["verify_restart"].append(timed(lambda: scripts.verified(moves=False)))
                scripts.stop()
                playbooks["five single steps"].append(play(*SINGLE, *SINGLE_MOVE))
                for number, move in enumerate(MOVES):
                    # Another part of the second between two checkpoints: nothing is waited for here.
                    time.sleep(number / len(MOVES) * checkpoints.INTERVAL)
                    playbooks["migrate"].append(play(move))
                playbooks["migrate, no wait"].append(play("migrate worker=2 dst=3 settle=false"))
                playbooks["a refusal"].append(play("migrate worker=7 dst=2", succeed=False))
                networks.play("stop_cluster")
                by_hand["five single steps"].append(timed(scripts.single))
                scripts.stop()
        finally:
            if scripts is not None:
                scripts.stop()
            networks.play("stop_cluster", succeed=None)
            networks.remove()
    return playbooks, by_hand


def main() -> int:
    """Print the table: seconds, medians, and what each may take."""
    if not can_be_made():
        print("no network namespaces can be made here; run it as root, with iproute2")
        return 0
    playbooks, by_hand = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
    print(f"{'seconds':20}{'times':>6}{'playbooks':>11}{'worst':>8}{'scripts':>9}{'at most':>9}")
    for what, most in LIMITS.items():
        scripts = f"{statistics.median(by_hand[what]):9.1f}" if by_hand[what] else f"{'-':>9}"
        times = playbooks[what]
        print(f"{what:20}{len(times):6}{statistics.median(times):11.1f}{max(times):8.1f}{scripts}{most:9}")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
