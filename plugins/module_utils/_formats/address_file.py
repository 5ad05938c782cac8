# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address files ``.tcp-control`` and ``.tcp-data`` (wallaroo.md, B.5, C.1).

A restarted worker listens where these files say and announces what its command line says, so a
migration rewrites both with the same values.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from .whole_file import write_whole

_READ_SIZE = 4096
_HIGHEST_PORT = 65535


class AddressFileError(ValueError):
    """A file that holds no address; the sentence names it."""


class Address(NamedTuple):
    """Where a channel of a worker listens."""

    host: str
    """May be empty, as in the file of an initializer that was given no ``--my-control``."""
    port: int
    """0 likewise."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """An address written as ``host:port``.

        :raises ValueError: with a sentence.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not _is_port(port):
            raise ValueError(f"{text!r} is no address: write it as host:port")
        return cls(host, int(port))


def encode(address: Address) -> bytes:
    """The file's bytes: host and port, a line each.

    :raises ValueError: when the host would not stay on its line.
    """
    if "\n" in address.host:
        raise ValueError(f"{address.host!r} is no host: it holds a line break")
    return f"{address.host}\n{address.port}\n".encode()


def read_address(path: str | os.PathLike[str]) -> Address:
    """The address in a file; only its first two lines count, since writers do not truncate (wallaroo.md, B.5).

    :raises AddressFileError: when there are no two whole lines, or the second is no port. A port
        without its line end counts as torn: ``313`` could be the beginning of ``3131``.
    :raises OSError: when it cannot be read.
    """
    with Path(path).open("rb") as stream:
        lines = stream.read(_READ_SIZE).split(b"\n")
    try:
        host, port = lines[0].decode("ascii"), lines[1].decode("ascii")
    except (IndexError, UnicodeDecodeError):
        host, port = "", ""
    if len(lines) < 3 or not _is_port(port):
        raise AddressFileError(
            f"{os.fspath(path)} holds no address: it begins with {b'/'.join(lines[:2])[:60]!r} "
            "instead of a host and a port, a line each"
        )
    return Address(host, int(port))


def write_address(path: str | os.PathLike[str], host: str, port: int) -> None:
    """Write an address file as a whole or not at all; mode 0600.

    :raises OSError: when it cannot be written.
    """
    write_whole(path, encode(Address(host, port)))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= _HIGHEST_PORT
