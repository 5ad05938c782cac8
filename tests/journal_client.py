# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the journal server as plain as the protocol (wallaroo.md, C.5), written without the server's code."""

from __future__ import annotations

import socket
import struct

LIMIT = 20.0


class Client:
    """One session."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, LIMIT)

    def ask(self, request: bytes) -> bytes | None:
        """A request and its answer; None when the server closes instead."""
        self.send(request)
        return self.answer()

    def send(self, request: bytes) -> None:
        self.socket.sendall(struct.pack(">I", len(request)) + request)

    def answer(self) -> bytes | None:
        header = self._exactly(4)
        return None if header is None else self._exactly(struct.unpack(">I", header)[0])

    def append(self, worker: str, name: str, offset: int = 0) -> bytes | None:
        """Begin to append; the answer."""
        assert self.ask(b"u" + worker.encode()) == b"ok"
        return self.ask(f"a{name}\t{offset}".encode())

    def finish(self) -> bytes:
        """End an append; the last report."""
        self.socket.shutdown(socket.SHUT_WR)
        last = b""
        while (report := self.answer()) is not None:
            last = report
        return last

    def close(self) -> None:
        self.socket.close()

    def _exactly(self, size: int) -> bytes | None:
        data = b""
        while len(data) < size:
            try:
                part = self.socket.recv(size - len(data))
            except ConnectionResetError:
                return None
            if not part:
                return None
            data += part
        return data
