# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns a worker: its epoch, and the fence that keeps an old owner from starting it again.

A worker has one owner. A migration raises its epoch, on the target by a claim and on the source by
a fence (design.md, "State on a server"). Each server keeps ``<base>/run/<worker>/ownership.json``.
Epochs only rise: what a server has learned of a later owner is never overwritten by an older claim.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from .._formats.json_record import Damaged, made, read_object
from .._formats.whole_file import make_private_directory, write_whole

OWNER, MOVED = "owner", "moved"


class OwnershipError(ValueError):
    """An epoch that is over; the sentence says what to do."""


class Claim(NamedTuple):
    """What makes a server the owner of a worker."""

    server: str
    epoch: int
    copied_from: str = ""


@dataclass(frozen=True)
class Ownership:
    """What a server knows of a worker's owner."""

    worker: str
    epoch: int
    """1 for the first owner; each migration adds 1."""
    state: str
    """``owner``: this server. ``moved``: no longer this server."""
    server: str
    """The server that wrote this."""
    moved_to: str = ""
    since: str = ""
    """ISO 8601, UTC."""
    copied_from: str = ""
    """Where the files of this epoch came from; empty for the first owner."""

    def claim(self) -> Claim | None:
        """By what this server owns the worker; None when it does not."""
        return Claim(self.server, self.epoch, self.copied_from) if self.state == OWNER else None


def path_of(base: str, worker: str) -> Path:
    """Where a server keeps it."""
    return Path(base) / "run" / worker / "ownership.json"


def read(base: str, worker: str) -> Ownership | None:
    """What this server knows, or None when it never had the worker.

    :raises Damaged: when it cannot be understood; the sentence names it.
    """
    path = path_of(base, worker)
    do = (
        f"look with playbooks/status.yml who has {worker}: where that is another server, remove this, "
        "else start the cluster afresh"
    )
    data = read_object(path, do)
    if data is None:
        return None
    try:
        found = made(Ownership, data)
        _check(found, worker)
    except ValueError as error:
        raise Damaged(path, str(error), do) from error
    return found


def write(base: str, ownership: Ownership) -> None:
    """Keep it, as a whole or not at all; it survives a power failure.

    :raises OSError: when it cannot be written.
    """
    path = path_of(base, ownership.worker)
    make_private_directory(path.parent)
    write_whole(path, json.dumps(asdict(ownership)).encode())


def claim(base: str, worker: str, server: str, epoch: int, copied_from: str = "") -> bool:
    """Make this server the owner; returns whether that was new.

    :raises OwnershipError: when the worker has moved on in this or a later epoch.
    """
    known = read(base, worker)
    if known and known.claim() == (server, epoch, copied_from):
        return False
    if known and (known.epoch > epoch or (known.epoch == epoch and known.state == MOVED)):
        owner = known.moved_to if known.state == MOVED else known.server
        raise OwnershipError(
            f"{server} cannot own {worker} in epoch {epoch}: it belongs to {owner} since {known.since}, "
            f"epoch {known.epoch}; migrate it from there"
        )
    write(base, Ownership(worker, epoch, OWNER, server, since=_now(), copied_from=copied_from))
    return True


def fence(base: str, worker: str, server: str, moved_to: str, epoch: int) -> bool:
    """Keep this server from starting the worker; returns whether that was new.

    :raises OwnershipError: when this server knows of a later epoch.
    """
    known = read(base, worker)
    if known and (known.state, known.epoch, known.moved_to) == (MOVED, epoch, moved_to):
        return False
    if known and known.epoch > epoch:
        raise OwnershipError(
            f"{server} cannot be fenced for epoch {epoch} of {worker}: it knows epoch {known.epoch} since "
            f"{known.since}; look with playbooks/status.yml who owns it"
        )
    write(base, Ownership(worker, epoch, MOVED, server, moved_to=moved_to, since=_now()))
    return True


def refusal(ownership: Ownership | None, server: str | None = None) -> str | None:
    """Why a server must not start the worker; None when it may.

    :param ownership: what the server knows; None when it never had the worker.
    :param server: the server that asks. A base that was copied from another server is then found out too.
    """
    if ownership is None:
        return None
    if ownership.state == MOVED:
        return (
            f"{ownership.worker} moved to {ownership.moved_to} at {ownership.since}, epoch {ownership.epoch}; "
            "migrate it back instead."
        )
    if server is not None and ownership.server != server:
        return (
            f"{ownership.worker} belongs to {ownership.server} since {ownership.since}, epoch {ownership.epoch}; "
            f"start it there, or migrate it to {server}."
        )
    return None


def _check(found: Ownership, worker: str) -> None:
    if found.epoch < 1:
        raise ValueError(f"epoch is {found.epoch}")
    if found.worker != worker:
        raise ValueError(f"it is the one of {found.worker!r}")
    if found.state not in (OWNER, MOVED):
        raise ValueError(f"state is {found.state!r}")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
