# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A port of a test that others connect to."""

from __future__ import annotations

import socket
import threading


class Listening:
    """Serves each connection in a thread of its own, until it is closed. A kind of it says how."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Listen. What :meth:`serve` needs is there before."""
        self._listener = socket.create_server((host, port))
        self.address: tuple[str, int] = self._listener.getsockname()
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection."""
        raise NotImplementedError

    def break_off(self) -> None:
        """Break all connections."""
        for connection in self.connections:
            self._shut(connection)

    def close(self) -> None:
        """End, and let who waits in here go: a close alone wakes nobody."""
        self._shut(self._listener)
        self._listener.close()
        self.break_off()

    @staticmethod
    def _shut(connection: socket.socket) -> None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            # It is closed already.
            pass

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._served, args=(connection,), daemon=True).start()

    def _served(self, connection: socket.socket) -> None:
        with connection:
            try:
                self.serve(connection)
            except OSError:
                # It was broken off.
                pass
