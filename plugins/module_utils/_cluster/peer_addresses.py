# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mending where a worker looks for the others when it restarts (reference, Trap 6 and "Observed").

A worker keeps the addresses of all others in ``.connection-addresses`` as they were when the cluster was formed. After
another worker has moved it hangs at a restart, since nobody is at the old address. So the file is mended before.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .._formats import connection_addresses
from .._formats.connection_addresses import AddressesError
from .._formats.whole_file import write_whole
from .._resilience import kept_manifest
from .._resilience.files import ResilienceSet

SUFFIX = "connection-addresses"


class StaleAddresses(Exception):
    """A worker would hang after a restart; the sentence says why, and how to get out."""


@dataclass
class Mending:
    """What was done to a worker's file, or would be."""

    changes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Worker -> the host in the file before, and now."""
    problems: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Worker -> the host in the file, and the one where it is now, which does not fit."""
    backup: str = ""
    """Where the file as it was is kept."""


def hosts(files: ResilienceSet) -> dict[str, str]:
    """Where a worker would look for the others; empty when that cannot be read."""
    try:
        return connection_addresses.hosts(files.path(SUFFIX).read_bytes())
    except (OSError, AddressesError):
        return {}


def mend(files: ResilienceSet, peers: Mapping[str, str], only_check: bool = False, base: str = "") -> Mending:
    """Make the file name the servers where the other workers are now. Their ports never change (reference B.1).

    The file as it was is kept beside it, under a name that Wallaroo does not look for.

    :param peers: worker -> the address of its server; the worker itself is left alone.
    :param base: the server's directory, where it keeps what a copy was proved to hold; that goes along.
    :raises OSError: when the file cannot be read or written.
    :raises AddressesError: when no addresses can be found in it although somebody has moved.
    """
    path = files.path(SUFFIX)
    wanted = {worker: _numeric(host) for worker, host in peers.items() if worker != files.worker}
    if not wanted or not path.is_file():
        return Mending()
    data = path.read_bytes()
    mended = connection_addresses.mend(data, wanted)
    result = Mending(mended.changes, mended.problems)
    if mended.changes and not mended.problems:
        backup = _backup_of(path)
        result.backup = str(backup)
        if not only_check:
            write_whole(backup, data)
            write_whole(path, mended.data)
            if base:
                kept_manifest.follow(base, files, path.name, data, mended.data)
    return result


def stale(server: str, worker: str, problems: Mapping[str, tuple[str, str]]) -> str:
    """Why a worker cannot be restarted, and what can be done."""
    moved = "; ".join(
        f"{name} is at {now}, and {worker} looks for it at {old}" for name, (old, now) in problems.items()
    )
    names = ", ".join(problems)
    return (
        f"{worker} on {server} would hang after a restart: {moved}. The file in which that is written can only be "
        f"given an address of the same number of characters. Migrate {names} to a server whose address is as long as "
        "the old one, or back and again with keep_address=true, or start the cluster afresh."
    )


def _backup_of(path: Path) -> Path:
    return path.with_name(f".before-{path.name}")


def _numeric(host: str) -> str:
    """An IPv4 address, as workers announce it."""
    try:
        return socket.gethostbyname(host)
    except OSError:
        return host
