# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file ``.connection-addresses``: where a worker looks for the others when it restarts (reference C.1, Trap 6).

Wallaroo writes it when the cluster is formed and not when a worker has moved, so that another worker which restarts
later dials an address where nobody is, and hangs. Its map of addresses is serialised by the Pony runtime: objects that
point to one another by offsets. Hosts and ports are plain texts among them. What is found here is found by that
structure, not by looking for the text of an address, which several workers may share:

* a text object is four 64-bit little-endian numbers: its type, its size, its size and 1, and the offset of its bytes;
* an entry is four as well: its type, and the offsets of the text objects of worker, host and port.

A host is replaced by one of equal length, which was seen to work on a real engine (reference, "Observed"); other
lengths were not tried there, and are refused here. The embedded engine writes the same entries as JSON.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

_WORDS = struct.Struct("<4Q")
_JSON_ENTRY = re.compile(rb'"([^"\\]+)":\["([^"\\]*)","([0-9]+)"\]')
_PRINTABLE = re.compile(rb"[\x21-\x7e]*")
_PORT = re.compile(rb"[0-9]{1,5}")
MOST_BYTES = 16 << 20
"""A larger file is none of addresses: a thousand workers need less than a megabyte."""


class AddressesError(ValueError):
    """A file in which no addresses can be found."""


@dataclass(frozen=True)
class Entry:
    """Where one channel of one worker is, according to the file."""

    worker: str
    host: str
    port: int
    offset: int
    """Of the host's text in the file."""


@dataclass
class Mended:
    """What became of a file."""

    data: bytes
    changes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Worker -> its host before and now."""
    problems: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Worker -> the host in the file, and the one that does not fit in its place."""


def entries(data: bytes) -> list[Entry]:
    """All entries, in the order of the file; two a worker, one for control and one for data.

    :raises AddressesError: when this is no such file.
    """
    if len(data) > MOST_BYTES:
        raise AddressesError(f"{len(data)} bytes are no map of addresses")
    if data[:1] == b"{":
        found = [
            Entry(match[1].decode(), match[2].decode(), int(match[3]), match.start(2))
            for match in _JSON_ENTRY.finditer(data)
        ]
    else:
        found = list(_pony_entries(data))
    if data and not found:
        raise AddressesError("no addresses can be found in it")
    return found


def hosts(data: bytes) -> dict[str, str]:
    """Worker -> its host. Where control and data differ, which no engine writes, the last one.

    :raises AddressesError: when this is no such file.
    """
    return {entry.worker: entry.host for entry in entries(data)}


def mend(data: bytes, wanted: Mapping[str, str]) -> Mended:
    """Give workers other hosts.

    :param wanted: worker -> the host where it is now; workers that are not named keep theirs.
    :raises AddressesError: when this is no such file.
    """
    found = entries(data)
    result = Mended(data)
    fresh = bytearray(data)
    for entry in found:
        host = wanted.get(entry.worker, entry.host)
        if host == entry.host:
            continue
        if len(host) != len(entry.host) or _shared(entry, found, wanted):
            result.problems[entry.worker] = (entry.host, host)
            continue
        fresh[entry.offset : entry.offset + len(host)] = host.encode("ascii")
        result.changes[entry.worker] = (entry.host, host)
    # Half a change would be worse than none: a worker whose control is found and its data is not hangs as well.
    if any(worker in result.changes for worker in result.problems):
        return Mended(data, {}, {**result.problems, **result.changes})
    result.data = bytes(fresh)
    return result


def _shared(entry: Entry, found: list[Entry], wanted: Mapping[str, str]) -> bool:
    """Whether the same bytes are the host of another worker, too, that is not to get the same one."""
    return any(
        other.offset == entry.offset and wanted.get(other.worker, other.host) != wanted[entry.worker] for other in found
    )


def _pony_entries(data: bytes) -> list[Entry]:
    texts: dict[int, tuple[int, bytes, int]] = {}
    for offset in range(0, len(data) - _WORDS.size + 1, 8):
        kind, size, room, start = _WORDS.unpack_from(data, offset)
        if room != size + 1 or start + room > len(data) or data[start + size] != 0:
            continue
        text = data[start : start + size]
        if _PRINTABLE.fullmatch(text):
            texts[offset] = (kind, text, start)
    found = []
    for offset in range(0, len(data) - _WORDS.size + 1, 8):
        _kind, *pointers = _WORDS.unpack_from(data, offset)
        if not all(pointer in texts for pointer in pointers):
            continue
        worker, host, port = (texts[pointer] for pointer in pointers)
        if worker[0] == host[0] == port[0] and worker[1] and host[1] and _PORT.fullmatch(port[1]):
            found.append(Entry(worker[1].decode(), host[1].decode(), int(port[1]), host[2]))
    return found
