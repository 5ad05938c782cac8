# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address files ``.tcp-control`` and ``.tcp-data`` (reference B.5, C.1).

A restarted worker listens where these files say and announces what its command line says, so a
migration rewrites both with the same values.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Union


class AddressFileError(ValueError):
    """A file that holds no address; the sentence names it."""


@dataclass(frozen=True)
class Address:
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
        if not colon or not port.isdigit() or int(port) > 65535:
            raise ValueError(f"{text!r} is no address: write it as host:port")
        return cls(host, int(port))


def encode(address: Address) -> bytes:
    """The file's bytes: host and port, a line each."""
    return f"{address.host}\n{address.port}\n".encode()


def read_address(path: Union[str, os.PathLike[str]]) -> Address:
    """The address in a file; only its first two lines count, since writers do not truncate (B.5).

    :raises AddressFileError: when there are no two lines, or the second is no port.
    """
    lines = Path(path).read_bytes()[:4096].split(b"\n")
    try:
        return Address(lines[0].decode("ascii"), int(lines[1].decode("ascii")))
    except (IndexError, ValueError) as error:
        raise AddressFileError(f"{os.fspath(path)} holds no address (a host and a port, a line each)") from error


def write_address(path: Union[str, os.PathLike[str]], host: str, port: int) -> None:
    """Write an address file as a whole or not at all."""
    target = Path(path)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(encode(Address(host, port)))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
