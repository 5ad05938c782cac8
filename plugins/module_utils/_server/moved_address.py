# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An address that goes with a worker from server to server, so that nobody has to look for it elsewhere.

What was seen to work with a real engine (wallaroo.md, Trap 6, "Observed"): the old address as an alias on the new
server, a gratuitous ARP, and the old address as the source of what the new server sends, since peers dial the source
address of a worker's connections. Everything that is changed is noted first, and is undone when the address moves on.
"""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .._formats.whole_file import replacing
from .._problem import Problem
from .._process.piped import PipeBroken, run
from .moved_record import RECORD, RELEASED, TAKEN, Moved, read

LIMIT = 10.0
PROBE_SECONDS = 1.0
"""How long to wait for somebody who has an address; he answers in milliseconds."""
_ARP = 0x0806
_STATES = ("linkdown", "dead", "pervasive", "offload")
"""Words of a listed route that say how it is, and are no part of it."""


class AddressProblem(Problem):
    """An address that cannot be moved; the sentence says why. Nothing was changed."""


class ServerAddresses:
    """The addresses of this server."""

    def __init__(self, base: str, only_check: bool = False) -> None:
        self._record = Path(base) / RECORD
        self._only_check = only_check

    def known(self) -> dict[str, Moved]:
        """Address -> what was done with it here."""
        return read(self._record)

    def present(self, address: str, own: str, probe: bool = False) -> bool:
        """Have an address; returns whether anything was changed.

        :param own: an address of this server, whose interface takes it.
        :param probe: ask the network first whether somebody has it.
        :raises AddressProblem: when that is not possible.
        """
        _must_be_ipv4(address)
        known = self.known()
        there = self._interfaces()
        if address in there and address not in known:
            return False
        moved = known.get(address)
        if moved is None:
            if own not in there:
                raise AddressProblem(f"no interface has {own}; mend wallaroo_address")
            interface = there[own][0]
            moved = Moved(TAKEN, interface, 32, self._routes(interface))
        elif moved.kind == TAKEN and address in there and self._goes_out_as(address, moved):
            return False
        self._must_be_root()
        if probe and answers(moved.interface, address):
            raise AddressProblem(
                f"somebody has {address} still; switch that server off, or take the address from it. "
                "Two servers with one address would destroy the worker's state"
            )
        if self._only_check:
            return True
        if moved.kind == RELEASED:
            self._restore(address, moved)
        else:
            self._note({**known, address: moved})
            self._ip("addr", "replace", f"{address}/32", "dev", moved.interface)
            for route in moved.routes:
                self._ip("route", "replace", *_from(route, address))
        announce(moved.interface, address)
        return True

    def absent(self, address: str) -> bool:
        """Have an address no longer; returns whether anything was changed.

        :raises AddressProblem: when that is not possible.
        """
        _must_be_ipv4(address)
        known = self.known()
        moved = known.get(address)
        there = self._interfaces()
        if moved is not None and moved.kind == TAKEN:
            self._must_be_root()
            if not self._only_check:
                self._restore(address, moved)
            return True
        if address not in there:
            return False
        interface, prefix = there[address]
        self._must_be_root()
        self._refuse_losing_others(address, interface, prefix, there)
        if self._only_check:
            return True
        mine = [route for route in self._routes(interface) if _source(route) == address]
        self._note({**known, address: Moved(RELEASED, interface, prefix, mine)})
        self._ip("addr", "del", f"{address}/{prefix}", "dev", interface)
        self._reroute(address, interface, prefix, mine)
        return True

    def original(self) -> list[str]:
        """Undo everything; returns the addresses that were given back or taken back.

        :raises AddressProblem: when that is not possible.
        """
        known = self.known()
        if known:
            self._must_be_root()
        # What was taken goes first: its owner may be the same server.
        for address, moved in sorted(known.items(), key=lambda item: item[1].kind != TAKEN):
            if not self._only_check:
                self._restore(address, moved)
                if moved.kind == RELEASED:
                    announce(moved.interface, address)
        return sorted(known)

    def _restore(self, address: str, moved: Moved) -> None:
        there = self._interfaces()
        if moved.kind == RELEASED:
            if address not in there:
                self._ip("addr", "add", f"{address}/{moved.prefix}", "dev", moved.interface)
            present = self._routes(moved.interface)
            for route in moved.routes:
                if route not in present:
                    self._ip("route", "replace", *route.split())
        else:
            # Before the address goes, since the kernel removes the routes that have it as their source.
            for route in moved.routes:
                self._ip("route", "replace", *route.split())
            if address in there:
                self._ip("addr", "del", f"{address}/{moved.prefix}", "dev", moved.interface)
        left = self.known()
        left.pop(address, None)
        self._note(left)

    def _reroute(self, address: str, interface: str, prefix: int, routes: Sequence[str]) -> None:
        """Go on reaching the network with another address of this server: the kernel took the routes along."""
        network = ipaddress.ip_interface(f"{address}/{prefix}").network
        others = [other for other, (where, _unused) in self._interfaces().items() if where == interface]
        near = [other for other in others if ipaddress.ip_address(other) in network]
        if not near:
            return
        reached = {route.split()[0] for route in self._routes(interface)}
        for route in routes:
            if route.split()[0] not in reached:
                self._ip("route", "replace", *_from(route, near[0]))

    def _goes_out_as(self, address: str, moved: Moved) -> bool:
        return any(_source(route) == address for route in self._routes(moved.interface))

    def _refuse_losing_others(
        self, address: str, interface: str, prefix: int, there: Mapping[str, tuple[str, int]]
    ) -> None:
        """The kernel takes the second addresses of a network along with the first, unless told to promote them."""
        network = ipaddress.ip_interface(f"{address}/{prefix}").network
        others = [
            other
            for other, (where, _unused) in there.items()
            if where == interface and other != address and ipaddress.ip_address(other) in network
        ]
        first = next(
            other for other, (where, _unused) in there.items() if where == interface and other in (address, *others)
        )
        # Either of both does.
        settings = (Path(f"/proc/sys/net/ipv4/conf/{name}/promote_secondaries") for name in ("all", interface))
        kept = any(path.exists() and path.read_text(encoding="ascii").strip() != "0" for path in settings)
        if others and first == address and not kept:
            raise AddressProblem(
                f"removing {address} from {interface} would remove {', '.join(others)} too; "
                f"run: sysctl net.ipv4.conf.{interface}.promote_secondaries=1"
            )

    def _interfaces(self) -> dict[str, tuple[str, int]]:
        """Address -> its interface and the length of its prefix, in the order of the kernel."""
        found = {}
        for line in self._ip("-4", "-o", "addr", "show").splitlines():
            words = line.split()
            if len(words) > 3 and words[2] == "inet":
                # Of a point-to-point connection only the own end counts.
                address, _unused, prefix = words[3].partition("/")
                found[address] = (words[1], int(prefix or 32))
        return found

    def _routes(self, interface: str) -> list[str]:
        """The routes through an interface, as ``ip route`` takes them."""
        lines = self._ip("-4", "route", "show", "table", "main").splitlines()
        routes = [[word for word in line.split() if word not in _STATES] for line in lines]
        return [" ".join(words) for words in routes if interface in words[words.index("dev") + 1 :][:1]]

    def _note(self, known: Mapping[str, Moved]) -> None:
        if not known:
            self._record.unlink(missing_ok=True)
            return
        data = {address: asdict(moved) for address, moved in known.items()}
        # Without waiting for the disk: a worker is down, and a machine that loses its power loses the addresses, too.
        with replacing(self._record, sync=False) as stream:
            stream.write(json.dumps(data, indent=2).encode())
        # It is root's, and everybody's to read: server_info tells what is moved.
        self._record.chmod(0o644)

    def _must_be_root(self) -> None:
        if os.geteuid() != 0:
            raise AddressProblem(
                "moving an address needs root on both servers; give the account sudo without a password"
            )

    @staticmethod
    def _ip(*words: str) -> str:
        program = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if program is None:
            raise AddressProblem("there is no program ip; install iproute2")
        try:
            ended = run([program, *words], LIMIT)
        except PipeBroken as error:
            raise AddressProblem(f"ip {' '.join(words)}: {error}") from error
        if ended.code:
            raise AddressProblem(f"ip {' '.join(words)} failed: {ended.errors.strip()}")
        return ended.output.decode("utf-8", "replace")


def arp(operation: int, mac: bytes, sender: str, asked: str) -> bytes:
    """An ARP frame to everybody (RFC 826).

    :param operation: 1 asks, 2 answers.
    :param sender: the address that this MAC has; 0.0.0.0 in a probe (RFC 5227).
    """
    everybody = b"\xff" * 6
    head = struct.pack("!6s6sHHHBBH", everybody, mac, _ARP, 1, 0x0800, 6, 4, operation)
    target = everybody if operation == 2 else bytes(6)
    return head + mac + socket.inet_aton(sender) + target + socket.inet_aton(asked)


def announce(interface: str, address: str) -> None:
    """Tell the network who has an address now: gratuitous ARP, as question and as answer, since some read only one."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((interface, 0))
        mac = _mac(link)
        for _unused in range(3 if mac else 0):
            for operation in (1, 2):
                link.send(arp(operation, mac, address, address))


def answers(interface: str, address: str) -> bool:
    """Whether somebody else on the network has an address (RFC 5227, probing)."""
    wanted = socket.inet_aton(address)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP)) as link:
        link.bind((interface, _ARP))
        mac = _mac(link)
        for _unused in range(2 if mac else 0):
            link.send(arp(1, mac, "0.0.0.0", address))
            end = time.monotonic() + PROBE_SECONDS / 2
            while (left := end - time.monotonic()) > 0:
                link.settimeout(left)
                try:
                    frame = link.recv(128)
                except (TimeoutError, socket.timeout):
                    break
                if frame[28:32] == wanted and frame[22:28] != mac:
                    return True
    return False


def _mac(link: socket.socket) -> bytes:
    """The hardware address of the interface that a socket is bound to; empty where there is none, as with ``lo``."""
    found = link.getsockname()[4]
    return bytes(found) if len(found) == 6 and any(found) else b""


def _from(route: str, address: str) -> Sequence[str]:
    """A route with another source address."""
    words = route.split()
    if "src" in words:
        words[words.index("src") + 1] = address
        return words
    return [*words, "src", address]


def _source(route: str) -> str:
    words: list[Any] = route.split()
    return str(words[words.index("src") + 1]) if "src" in words else ""


def _must_be_ipv4(address: str) -> None:
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        raise AddressProblem(
            f"{address!r} is no IPv4 address, so it cannot be moved; put numbers in wallaroo_address"
        ) from None
