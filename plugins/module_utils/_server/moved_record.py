# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was done with addresses on a server: read at each look, so apart from what moves them, :mod:`.moved_address`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from .._formats.json_record import Damaged, made, read_object

RECORD = "moved-addresses.json"
"""Below ``wallaroo_base``: what this server gave away and what it took, and what was changed for that."""
TAKEN, RELEASED = "taken", "released"


@dataclass(frozen=True)
class Moved:
    """What was done with one address on this server."""

    kind: str
    interface: str
    prefix: int
    """The length of its network's prefix."""
    routes: list[str]
    """Routes as they were."""


def read(path: Path) -> dict[str, Moved]:
    """The record; empty when nothing was moved.

    :raises Damaged: when it cannot be understood.
    """
    do = "look with ip addr which addresses were moved, give them back, and remove this"
    data = read_object(path, do) or {}
    try:
        found = {}
        for address, moved in data.items():
            ipaddress.IPv4Address(address)
            found[address] = made(Moved, moved)
            if found[address].kind not in (TAKEN, RELEASED) or not 0 <= found[address].prefix <= 32:
                raise ValueError(f"{address} is {found[address].kind!r} with a prefix of {found[address].prefix}")
    except ValueError as error:
        raise Damaged(path, str(error), do) from error
    return found


def moved_here(base: str) -> dict[str, str]:
    """Address -> ``taken`` or ``released``, of this server.

    :raises Damaged: when that cannot be read.
    """
    return {address: moved.kind for address, moved in read(Path(base) / RECORD).items()}
