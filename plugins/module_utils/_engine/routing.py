# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which worker and which step a key belongs to (reference B.6)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

STEPS = 10
"""Steps of a state collection on each worker."""

_CACHE_LIMIT = 1_000_000


def key_hash(key: bytes) -> int:
    """MD5 of the key, read as a 128-bit big-endian number."""
    return int.from_bytes(hashlib.md5(key, usedforsecurity=False).digest(), "big")


def owner(key: bytes, workers: int) -> int:
    """Index of the worker that owns a key: equal intervals, the last worker takes the rest."""
    return min(key_hash(key) // ((2**128 - 1) // workers), workers - 1)


def step_number(key: bytes) -> int:
    """Which of its worker's steps holds a key."""
    return key_hash(key) % STEPS


def step_id(state: str, worker: str, number: int) -> int:
    """A step's id. Derived, so that it is the same after a restart."""
    return int.from_bytes(hashlib.md5(f"{state}/{worker}/{number}".encode(), usedforsecurity=False).digest(), "big")


class Owners(dict[bytes, int]):
    """Key -> index of its worker, computed once a key."""

    def __init__(self, workers: Sequence[str]) -> None:
        super().__init__()
        self._count = len(workers)

    def __missing__(self, key: bytes) -> int:
        if len(self) > _CACHE_LIMIT:
            self.clear()
        found = self[key] = owner(key, self._count)
        return found
