# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both ends of the dataflow: the source log that it reads, and the receiver to which it writes."""

from __future__ import annotations

import socket
from typing import Optional

from ..._formats.address_file import Address
from ..._formats.committing import begin, question
from ..._formats.source_log import ACK, FROM, NOW
from ..._process.waiting import wait_until
from .. import shared

_PATIENCE = 60.0
"""Seconds to wait for somebody who is being started."""
_ANSWER = 10.0
"""Seconds for an answer of somebody who is there."""
_READ_SIZE = 1 << 18


class SourceLog:
    """The source log, from a record on."""

    def __init__(self, address: Address, taken: Optional[int]) -> None:
        """Connect.

        :param taken: how many records there are already; None for those that come from now on.
        :raises OSError: when it cannot be reached.
        """
        self._socket = _connect(address, "source log")
        self._say(NOW if taken is None else f"{FROM} {taken}")
        self.at = self._begins()
        """How many records lie before the first that comes."""
        self._acknowledged = -1
        self._socket.setblocking(False)

    def receive(self) -> bytes:
        """What has come; empty when nothing has.

        :raises OSError: when the log is gone.
        """
        try:
            data = self._socket.recv(_READ_SIZE)
        except BlockingIOError:
            return b""
        if not data:
            raise ConnectionResetError("the source log closed the connection")
        return data

    def acknowledge(self, records: int) -> None:
        """A committed snapshot covers so many.

        :raises OSError: when the log is gone.
        """
        if records > self._acknowledged:
            self._acknowledged = records
            # A few bytes a second find room.
            self._say(f"{ACK} {records}")

    def _say(self, line: str) -> None:
        self._socket.sendall(f"{line}\n".encode())

    def _begins(self) -> int:
        line = _line(self._socket)
        word, _unused, rest = line.partition(" ")
        if word != "AT" or not rest.isdigit():
            raise ConnectionRefusedError(f"the source log says: {line}")
        return int(rest)


class Sink:
    """The receiver, which keeps what it gets."""

    def __init__(self, address: Address) -> None:
        """Connect.

        :raises OSError: when it cannot be reached.
        """
        self._socket = _connect(address, "receiver")
        self.sent = 0

    def send(self, data: bytes) -> None:
        """Whole frames.

        :raises OSError: when the receiver is gone.
        """
        self._socket.sendall(data)
        self.sent += len(data)


class CommittingSink(Sink):
    """The receiver, which takes back what it got behind a place."""

    def __init__(self, address: Address, size: int) -> None:
        """Connect, and have everything taken back behind so many bytes.

        :raises OSError: when it cannot be reached, or does not have so many.
        """
        super().__init__(address)
        self._socket.sendall(begin(size))
        self._at(size)
        self.sent = size

    def settled(self) -> int:
        """How many bytes it has: all that were sent.

        :raises OSError: when it does not.
        """
        self._socket.sendall(question())
        return self._at(self.sent)

    def _at(self, size: int) -> int:
        line = _line(self._socket)
        if line != f"AT {size}":
            raise ConnectionRefusedError(f"the receiver was to have {size} bytes, and says: {line}")
        return size


def _connect(address: Address, who: str) -> socket.socket:
    why = ""

    def connected() -> Optional[socket.socket]:
        nonlocal why
        try:
            return socket.create_connection((address.host, address.port), timeout=_ANSWER)
        except OSError as error:
            if not why:
                shared.say(f"the {who} at {address} cannot be reached yet: {error.strerror or error}")
            why = error.strerror or str(error)
            return None

    connection = wait_until(connected, _PATIENCE, f"the {who} at {address}", lambda: why)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _line(connection: socket.socket) -> str:
    """A short line, and nothing of what follows."""
    said = b""
    while not said.endswith(b"\n") and len(said) < 1000:
        one = connection.recv(1)
        if not one:
            raise ConnectionResetError("the connection was closed instead of an answer")
        said += one
    return said.decode("utf-8", "replace").rstrip("\n")
