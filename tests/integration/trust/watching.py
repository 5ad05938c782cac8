# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs and who owns, seen in /proc and in the files themselves, without the collection's own code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.conftest import Loopback


def living(loopback: Loopback, worker: str = "worker2") -> dict[str, list[int]]:
    """Server -> the processes of a worker that live there."""
    found: dict[str, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            continue
        named = any(pair == ("-n", worker) for pair in zip(words, words[1:]))
        if state == "Z" or not named:
            continue
        for number in range(1, 5):
            if any(str(loopback.base(number)) + "/" in word for word in words):
                found.setdefault(f"server{number}", []).append(int(folder.name))
                break
    return found


def owners(loopback: Loopback, worker: str = "worker2") -> list[tuple[int, str]]:
    """Epoch and server of every server that takes itself for the owner, the newest last."""
    found = []
    for number in range(1, 5):
        path = loopback.base(number) / "run" / worker / "ownership.json"
        if path.exists():
            known: dict[str, Any] = json.loads(path.read_text())
            if known["state"] == "owner":
                found.append((int(known["epoch"]), f"server{number}"))
    return sorted(found)


def never_two(loopback: Loopback) -> None:
    """The invariant: no two processes of a worker, and no two owners of one epoch."""
    alive = living(loopback)
    assert sum(len(pids) for pids in alive.values()) <= 1, alive
    epochs = [epoch for epoch, _server in owners(loopback)]
    assert len(epochs) == len(set(epochs)), owners(loopback)
