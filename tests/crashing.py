# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that crashes, as simple as can be: what comes out of it when it keeps its guarantee.

A seed decides when it takes checkpoints, when it crashes and how often it begins again before it goes on. It shares
nothing with the verifier but the format of a message and of what is known of a crash.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import encode_output, key_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.guarantees import Crash

Record = tuple[str, int]


@dataclass
class Run:
    """What came out, and what is known."""

    keys: list[str]
    last: int
    log: list[Record]
    out: list[bytes] = field(default_factory=list)
    crashes: list[Crash] = field(default_factory=list)
    repeated: int = 0
    lost: dict[Record, int] = field(default_factory=dict)
    """What never came out, with the number of the crash that took it."""

    @property
    def data(self) -> bytes:
        return b"".join(self.out)

    def values(self, position: int) -> dict[str, int]:
        """Key -> its last value among the first records."""
        return dict(self.log[:position])


class Engine:
    """Reads the log; has a state and a checkpoint."""

    def __init__(self, run: Run, random: Random, replays: bool) -> None:
        self.run, self.random, self.replays = run, random, replays
        self.position = self.sent = self.covered = 0
        self.state: dict[str, tuple[int, ...]] = {}
        self.checkpoint: tuple[int, dict[str, tuple[int, ...]]] = (0, {})
        self.came: set[Record] = set()

    def work(self, count: int) -> None:
        """Process so many records; some of these moments are checkpoints, of which not all are acknowledged."""
        for key, value in self.run.log[self.position : self.position + count]:
            ring = (*self.state.get(key, (0, 0, 0, 0))[1:], value)
            self.state[key] = ring
            self.run.out.append(frame(encode_output(key, ring)))
            self.run.repeated += (key, value) in self.came
            self.came.add((key, value))
            self.position += 1
            if self.random.random() < 0.04:
                self.checkpoint = (self.position, dict(self.state))
                self.covered = self.position if self.random.random() < 0.8 else self.covered
        self.sent = max(self.sent, self.position)

    def crash(self, times: int) -> None:
        """Die, and begin so many times, working a little in between."""
        covered, froms = self.covered, []
        number = len(self.run.crashes)
        for time in range(times):
            self.position, self.state = self.checkpoint[0], dict(self.checkpoint[1])
            if not self.replays:
                self.sent = min(self.sent + self.random.randint(0, 12), len(self.run.log))
                for record in self.run.log[: self.sent]:
                    if record not in self.came:
                        self.run.lost.setdefault(record, number)
                self.position = self.sent
            froms.append(self.position)
            if time < times - 1:
                self.work(self.random.choice([0, 0, 1, 5, 20]))
        known = [self.run.values(position) for position in froms]
        crash = Crash(float(number), self.run.values(covered), known, self.replays, covered, froms)
        self.run.crashes.append(crash)


def crashed_run(seed: int, replays: bool) -> Run:
    """A run with a few crashes.

    :param replays: the source reads again what was sent (``at_least_once``); otherwise that is lost (``none``).
    """
    random = Random(f"crashed {seed} {replays}")
    keys, last = [key_name(number) for number in range(random.choice([1, 2, 3, 7]))], random.choice([3, 12, 40, 110])
    run = Run(keys, last, list(_order(random, keys, last)))
    engine = Engine(run, random, replays)
    for _ in range(random.randint(0, 4)):
        engine.work(random.randint(0, len(run.log) // 2))
        engine.crash(random.choice([1, 1, 2, 3]))
    engine.work(len(run.log))
    return run


def _order(random: Random, keys: list[str], last: int) -> list[Record]:
    following, found = dict.fromkeys(keys, 1), []
    while alive := [key for key in keys if following[key] <= last]:
        key = random.choice(alive)
        for _ in range(min(random.randint(1, 8), last + 1 - following[key])):
            found.append((key, following[key]))
            following[key] += 1
    return found
