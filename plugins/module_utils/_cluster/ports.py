# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of a cluster (wallaroo.md, B.1).

On one machine all addresses are 127.0.0.1, because peers dial the source address of a connection
(wallaroo.md, Trap 8). So the ports of a worker depend on its number only, and a worker keeps them
when it moves: that is also what lets the address files of the others be mended (wallaroo.md, Trap 6).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from .naming import worker_number

HIGHEST = 65535

WORKERS_FROM = 10
"""With one number for all ports ``workers`` is so far above it: behind the other ten."""


class Ports(NamedTuple):
    """One TCP port a role; the defaults are those of the Wallaroo resilience demo where it has one."""

    orders: int = 7000
    """Source 0: the detector's only source, market-spread's orders."""
    nbbo: int = 7001
    """Source 1: market-spread's NBBO quotes."""
    sink: int = 5555
    """The receiver."""
    metrics: int = 5001
    """Where workers send metrics."""
    metrics_ui: int = 4000
    """The page that shows them."""
    external: int = 5050
    """The initializer's external control channel."""
    control: int = 12500
    """The initializer's control channel."""
    data: int = 12501
    """The initializer's data channel."""
    journal: int = 9999
    """The journal server."""
    log: int = 7002
    """Where the source log serves engines that dial."""
    workers: int = 13100
    """Worker N listens for control on ``workers + 2 N`` and for data on the next port."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Ports:
        """Ports from what a user wrote; names that are left out keep their default.

        :raises ValueError: with a sentence, on an unknown name or a value that is no port.
        """
        known = set(cls._fields)
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"wallaroo_ports knows no {', '.join(unknown)}: it has {', '.join(sorted(known))}.")
        return cls(**{name: _port(f"wallaroo_ports.{name}", value) for name, value in values.items()})

    @classmethod
    def from_first(cls, value: Any) -> Ports:
        """All ports from one number on: ``orders`` has it, the others follow in the order of this class.

        ``workers`` is ten above it.

        :raises ValueError: with a sentence, when that is no port, or leaves no room for the others.
        """
        first = _port("wallaroo_ports", value)
        if first + WORKERS_FROM > HIGHEST:
            raise ValueError(f"wallaroo_ports={first} leaves no room for the other ports above it.")
        names = [name for name in cls._fields if name != "workers"]
        numbers = {name: first + number for number, name in enumerate(names)}
        return cls(**numbers, workers=first + WORKERS_FROM)

    def clash(self, workers: int) -> str:
        """Two that have the same port in a cluster of this size, as a sentence; empty when each has its own."""
        taken: dict[int, str] = {}
        for name, number in self.to_dict().items():
            if name == "workers":
                continue
            if number in taken:
                return f"wallaroo_ports: {taken[number]} and {name} are both {number}; give each a port of its own."
            taken[number] = name
        first, last = self.workers + 4, self.workers + 2 * workers + 1
        for number, name in taken.items():
            if first <= number <= last:
                return (
                    f"wallaroo_ports: {name} is {number}, and workers 2 to {workers} have the ports {first} to {last} "
                    f"(workers is {self.workers}); give {name} another port, or workers."
                )
        return ""

    def to_dict(self) -> dict[str, int]:
        """The ports by name."""
        return self._asdict()

    def control_of(self, worker: str) -> int:
        """The port of a worker's control channel."""
        number = worker_number(worker)
        return self.control if number == 1 else self.workers + 2 * number

    def data_of(self, worker: str) -> int:
        """The port of a worker's data channel."""
        number = worker_number(worker)
        return self.data if number == 1 else self.workers + 2 * number + 1

    def sources(self, count: int) -> list[int]:
        """The ports of so many sources, in the order of their ``-i`` addresses (wallaroo.md, A.2).

        :raises ValueError: when there are not so many ports for sources.
        """
        found = [self.orders, self.nbbo]
        if count > len(found):
            raise ValueError(f"there are ports for {len(found)} sources, not for {count}")
        return found[:count]

    def listened_by(self, worker: str, sources: int) -> list[int]:
        """Every port on which a worker listens.

        :param sources: of its application; worker 1 listens for them.
        """
        listened = [self.control_of(worker), self.data_of(worker)]
        if worker_number(worker) == 1:
            listened += [*self.sources(sources), self.external]
        return listened


def _port(what: str, value: Any) -> int:
    # int() alone would take 1_0 and the digits of other scripts, which nobody means.
    text = str(value).strip()
    number = int(text) if re.fullmatch(r"[0-9]{1,5}", text) else 0
    if not 1 <= number <= HIGHEST:
        raise ValueError(f"{what}: {value!r} is no port (1 to {HIGHEST}).")
    return number
