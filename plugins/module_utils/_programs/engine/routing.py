# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which worker and which step a key belongs to (wallaroo.md, B.6)."""

from __future__ import annotations

import hashlib

STEPS = 10
"""Steps of a state collection on each worker."""

NOBODY = -1
"""Owner of a key that cannot be written down: it is no UTF-8."""

_SPACE = 2**128 - 1
_CACHE_LIMIT = 1_000_000


def key_hash(key: bytes) -> int:
    """MD5 of the key, read as a 128-bit big-endian number."""
    return int.from_bytes(hashlib.md5(key, usedforsecurity=False).digest(), "big")


def owner(key: bytes, workers: int) -> int:
    """Index of the worker that owns a key: equal intervals, the last worker takes the rest."""
    return min(key_hash(key) // (_SPACE // workers), workers - 1)


def step_number(key: bytes) -> int:
    """Which of its worker's steps holds a key."""
    return key_hash(key) % STEPS


def step_id(state: str, worker: str, number: int) -> int:
    """A step's id, an unsigned 128-bit number. Derived, so that it is the same after a restart."""
    return key_hash(f"{state}/{worker}/{number}".encode())


def source_id(pipeline: str, worker: str, number: int) -> int:
    """A source's id, likewise derived: one for each of the connections that its listener takes."""
    return key_hash(f"{pipeline} source/{worker}/{number}".encode())


class Owners(dict[bytes, int]):
    """Key as it came -> index of its worker, computed once a key.

    With a separator a key belongs to where the part before its first separator belongs (wallaroo.md, D.3).
    """

    def __init__(self, workers: int, separator: bytes = b"") -> None:
        super().__init__()
        self._workers = workers
        self._separator = separator

    def __missing__(self, key: bytes) -> int:
        if len(self) >= _CACHE_LIMIT:
            self.clear()
        try:
            key.decode()
        except UnicodeDecodeError:
            return NOBODY
        base = key.partition(self._separator)[0] if self._separator else key
        found = self[key] = owner(base, self._workers)
        return found
