# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns a worker: its epoch, and the fence that keeps an old owner from starting it again.

A worker has one owner. A migration raises its epoch, on the target by a claim and on the source by
a fence (DESIGN.md, "State on a server"). Each server keeps ``<base>/run/<worker>/ownership.json``.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Optional

OWNER, MOVED = "owner", "moved"


@dataclass(frozen=True)
class Ownership:
    """What a server knows of a worker's owner."""

    worker: str
    epoch: int
    state: str
    """``owner``: this server. ``moved``: no longer this server."""
    server: str
    """The server that wrote this."""
    moved_to: str = ""
    since: str = ""
    """ISO 8601, UTC."""
    copied_from: str = ""
    """Where the files of this epoch came from; empty for the first owner."""


def path_of(base: str, worker: str) -> Path:
    """Where a server keeps it."""
    return Path(base) / "run" / worker / "ownership.json"


def read(base: str, worker: str) -> Optional[Ownership]:
    """What this server knows, or None when it never had the worker.

    :raises ValueError: when the file cannot be understood; the sentence names it.
    """
    path = path_of(base, worker)
    try:
        return Ownership(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} cannot be read ({error}): who owns {worker} is not known; look at it by hand") from error


def write(base: str, ownership: Ownership) -> None:
    """Keep it, as a whole or not at all."""
    path = path_of(base, ownership.worker)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".ownership.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(asdict(ownership), stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def claim(base: str, worker: str, server: str, epoch: int, copied_from: str = "") -> bool:
    """Make this server the owner; returns whether that was new."""
    known = read(base, worker)
    if known and (known.state, known.epoch, known.copied_from) == (OWNER, epoch, copied_from):
        return False
    write(base, Ownership(worker, epoch, OWNER, server, since=_now(), copied_from=copied_from))
    return True


def fence(base: str, worker: str, server: str, moved_to: str, epoch: int) -> bool:
    """Keep this server from starting the worker; returns whether that was new."""
    known = read(base, worker)
    if known and (known.state, known.epoch, known.moved_to) == (MOVED, epoch, moved_to):
        return False
    write(base, Ownership(worker, epoch, MOVED, server, moved_to=moved_to, since=_now()))
    return True


def refusal(ownership: Optional[Ownership]) -> Optional[str]:
    """Why this server must not start the worker; None when it may."""
    if ownership is None or ownership.state != MOVED:
        return None
    return (
        f"{ownership.worker} moved to {ownership.moved_to} at {ownership.since}, epoch {ownership.epoch}; "
        "migrate it back instead."
    )


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
