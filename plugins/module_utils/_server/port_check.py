# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP ports of this machine: which are free, and who holds those that are not."""

from __future__ import annotations

import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Optional

_LISTEN = "0A"
"""State of a listening socket in /proc/net/tcp."""


_FREEBIND = 15
"""IP_FREEBIND of ip(7), which Python has no name for."""


@dataclass(frozen=True)
class TakenPort:
    """A port on which somebody listens."""

    address: str
    port: int
    pid: Optional[int]
    """None where the owner cannot be seen, as for another user's process."""
    program: str
    """Its name alone: a command line may hold passwords, and this is printed and published."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def is_free(address: str, port: int, comes: bool = False) -> bool:
    """Whether a program could listen there now; leftovers of closed connections do not count.

    :param comes: the address is going to belong to this machine.
    :raises OSError: when the address does not belong to this machine.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.setsockopt(socket.IPPROTO_IP, _FREEBIND, comes)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            if error.errno in (98, 13):
                return False
            raise
    return True


def taken(address: str, ports: list[int], comes: bool = False) -> list[TakenPort]:
    """Those of ``ports`` that are not free, with their owners where they can be seen.

    :param comes: as of :func:`is_free`.
    :raises OSError: when the address does not belong to this machine.
    """
    busy = [port for port in ports if not is_free(address, port, comes)]
    if not busy:
        return []
    owners = _owners(set(busy))
    found = []
    for port in busy:
        pid = owners.get(port)
        found.append(TakenPort(address, port, pid, _program(pid) if pid else ""))
    return found


def _owners(ports: set[int]) -> dict[int, int]:
    inodes = _listening_inodes(ports)
    owners: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or len(owners) == len(inodes):
            continue
        try:
            for descriptor in (entry / "fd").iterdir():
                link = os.readlink(descriptor)
                if link.startswith("socket:[") and link[8:-1] in inodes:
                    owners[inodes[link[8:-1]]] = int(entry.name)
        except OSError:
            continue
    return owners


def _listening_inodes(ports: set[int]) -> dict[str, int]:
    inodes = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            port = int(fields[1].rsplit(":", 1)[1], 16)
            if fields[3] == _LISTEN and port in ports:
                inodes[fields[9]] = port
    return inodes


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
