# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast received files are verified, in frames per second of one process.

Run: ``PYTHONPATH=.collections python3 tests/benchmarks/bench_verification.py [messages per key]``
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    encode_output,
    expected_window,
    key_name,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import (
    ordering,
    progress,
    validator_rule,
)

KEYS = [key_name(number) for number in range(11)]


def write_good_stream(path: Path, last: int, seed: int = 1) -> int:
    """A file of all keys in bursts of 1 to 20 messages; returns the number of frames."""
    random, following, alive = Random(seed), dict.fromkeys(KEYS, 1), list(KEYS)
    with path.open("wb") as stream:
        while alive:
            key = random.choice(alive)
            begin = following[key]
            end = min(begin + random.randint(1, 20), last + 1)
            stream.write(b"".join(frame(encode_output(key, expected_window(value))) for value in range(begin, end)))
            following[key] = end
            if end > last:
                alive.remove(key)
    return last * len(KEYS)


def write_replayed(good: Path, path: Path) -> int:
    """The same file, of which the last third comes twice, as after a recovery."""
    data = good.read_bytes()
    cut = data.index(b"\x00\x00\x00", 2 * len(data) // 3)
    path.write_bytes(data + data[cut:])
    return data.count(b"])") + data.count(b"])", cut)


def measure(name: str, frames: int, size: int, act: Callable[[], object], rounds: int = 3) -> float:
    """Print and return frames per second, the best of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        gc.collect()
        begin = time.perf_counter()
        act()
        best = min(best, time.perf_counter() - begin)
    print(
        f"{name:42} {frames:>10,} frames {best:8.3f} s {frames / best / 1e6:8.2f} M frames/s"
        f" {size / best / 1e6:8.0f} MB/s"
    )
    return frames / best


def main() -> int:
    """Measure and print."""
    last = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        good, replayed = Path(folder, "received.bin"), Path(folder, "replayed.bin")
        frames = write_good_stream(good, last)
        size = good.stat().st_size
        measure("exactly once", frames, size, lambda: _passes(ordering.verify(good, KEYS, last)))
        measure("progress", frames, size, lambda: progress.Progress(good, KEYS).update())
        measure("Wallaroo's own rule", frames, size, lambda: validator_rule.validate(good, KEYS, last), rounds=1)
        frames = write_replayed(good, replayed)
        size = replayed.stat().st_size
        replay = lambda: _passes(ordering.verify(replayed, KEYS, last, "at_least_once"))  # noqa: E731
        measure("at least once, a third comes twice", frames, size, replay)
        measure("exactly once, fails 11 times", frames, size, lambda: ordering.verify(replayed, KEYS, last))
    return 0


def _passes(result: ordering.OrderingResult) -> None:
    if result.verdict != "pass":
        raise SystemExit(result.message())


if __name__ == "__main__":
    sys.exit(main())
