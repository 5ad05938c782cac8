# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file ``.connection-addresses``: where a worker looks for the others when it restarts (wallaroo.md, C.1, Trap 6).

Wallaroo writes it when the cluster is formed and not when a worker has moved, so that another worker which restarts
later dials an address where nobody is, and hangs. So it is written anew here, as Wallaroo would have written it.

It holds two tables, ``control`` and ``data``, each with name, host and port of workers. What the bytes are stands in
:mod:`.pony_tables`. A worker must find everybody in it: control has all workers but the initializer, whose control
address is on the command line, and data has all of them; in the initializer's own file it has not the initializer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from . import pony_tables
from .pony_tables import Row, TablesError

CONTROL, DATA = "control", "data"
MOST_BYTES = 16 << 20
"""A larger file is none of addresses: a thousand workers need less than a megabyte."""

_INITIALIZER = "initializer"

HostPort = tuple[str, int]


class AddressesError(ValueError):
    """A file in which not all addresses can be found with certainty."""


class Entry(NamedTuple):
    """Where one channel of one worker is, according to the file."""

    table: str
    worker: str
    host: str
    port: int


@dataclass
class Mended:
    """What became of a file."""

    data: bytes
    changes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Worker -> its host before and now."""


def entries(data: bytes) -> list[Entry]:
    """All entries, those of control first.

    :raises AddressesError: when this is no such file.
    """
    return [Entry(title, row.name, row.host, _port(row)) for title, row in _rows(_read(data))]


def hosts(data: bytes) -> dict[str, str]:
    """Worker -> its host. Where control and data differ, which no engine writes, that of data.

    :raises AddressesError: when this is no such file.
    """
    return {entry.worker: entry.host for entry in entries(data)}


def mend(data: bytes, wanted: Mapping[str, str], owner: str) -> Mended:
    """Give workers other hosts, of any length.

    :param wanted: worker -> the host where it is now; workers that are not named keep theirs.
    :param owner: the worker whose file it is.
    :raises AddressesError: when not everybody can be found with certainty; nothing of it may be written then.
    """
    tables = _read(data)
    _require_everybody(tables, wanted, owner)
    changes: dict[str, tuple[str, str]] = {}
    for _title, row in _rows(tables):
        host = wanted.get(row.name, row.host)
        if host != row.host:
            changes[row.name] = (row.host, host)
            row.set_host(_checked(host))
    return Mended(tables.encode() if changes else data, changes)


def encode(control: Mapping[str, HostPort], data: Mapping[str, HostPort]) -> bytes:
    """The file of a cluster, as the recorded executable of Wallaroo 0.5.4 writes it."""
    return pony_tables.build(
        {
            title: [(name, _checked(host), str(port)) for name, (host, port) in table.items()]
            for title, table in ((DATA, data), (CONTROL, control))
        }
    )


def decode(data: bytes) -> tuple[dict[str, HostPort], dict[str, HostPort]]:
    """The reverse of :func:`encode`.

    :raises AddressesError: when this is no such file.
    """
    found: dict[str, dict[str, HostPort]] = {CONTROL: {}, DATA: {}}
    for entry in entries(data):
        found[entry.table][entry.worker] = (entry.host, entry.port)
    return found[CONTROL], found[DATA]


def _read(data: bytes) -> pony_tables.Tables:
    if len(data) > MOST_BYTES:
        raise AddressesError(f"{len(data)} bytes are no map of addresses")
    try:
        tables = pony_tables.decode(data)
        if sorted(tables.titles) != [CONTROL, DATA]:
            raise AddressesError(f"its tables are {', '.join(sorted(tables.titles))} and not {CONTROL} and {DATA}")
        for title, row in _rows(tables):
            _port(row)
            if not row.name or not row.host:
                raise AddressesError(f"an entry of {title} has no name or no host")
    except TablesError as error:
        raise AddressesError(f"no addresses can be found in it: {error}") from error
    return tables


def _rows(tables: pony_tables.Tables) -> Iterable[tuple[str, Row]]:
    for title in (CONTROL, DATA):
        for row in tables.rows(title):
            yield title, row


def _port(row: Row) -> int:
    if not (row.port.isascii() and row.port.isdigit()) or int(row.port) > 65535:
        raise AddressesError(f"{row.port[:40]!r} is no port of {row.name[:80]}")
    return int(row.port)


def _checked(host: str) -> str:
    if not host or len(host) > 255 or not host.isascii() or not host.isprintable() or " " in host:
        raise AddressesError(f"{host[:80]!r} is no address of a server")
    return host


def _require_everybody(tables: pony_tables.Tables, wanted: Mapping[str, str], owner: str) -> None:
    """Half a change would be worse than none: a worker whose control is found and its data is not hangs as well."""
    named = {title: [row.name for row in tables.rows(title)] for title in (CONTROL, DATA)}
    everybody = {*named[CONTROL], *wanted, owner} - {_INITIALIZER}
    awaited = {CONTROL: everybody, DATA: everybody | ({_INITIALIZER} - {owner})}
    for title, names in named.items():
        if len(set(names)) != len(names):
            raise AddressesError(f"a worker stands twice in its table {title}")
        missing, strange = sorted(awaited[title] - set(names)), sorted(set(names) - awaited[title])
        if missing or strange:
            what = f"lacks {', '.join(missing)}" if missing else f"names {', '.join(strange)}"
            raise AddressesError(f"its table {title} {what}")
