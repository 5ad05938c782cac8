# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports for one test, which nobody else uses."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

BLOCK = 60
"""Ports of one test."""

FIRST, LAST = 20000, 31000
"""Below the ports that the kernel gives to outgoing connections."""


class PortBlock:
    """Ports that no other test uses, also not one of another run of the tests on this machine."""

    def __init__(self) -> None:
        directory = Path(tempfile.gettempdir()) / f"wallaroo-resilience-tests-{os.geteuid()}"
        directory.mkdir(mode=0o700, exist_ok=True)
        blocks = list(range(FIRST, LAST, BLOCK))
        random.shuffle(blocks)
        for base in blocks:
            lock = (directory / str(base)).open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            if all(_is_free(port) for port in range(base, base + BLOCK)):
                self.base, self._lock = base, lock
                return
            lock.close()
        raise RuntimeError("there is no block of free ports")

    def close(self) -> None:
        """Let others have them."""
        self._lock.close()

    def ports(self) -> dict[str, int]:
        """As ``wallaroo_ports`` wants them."""
        names = ("orders", "nbbo", "sink", "metrics", "metrics_ui", "external", "control", "data", "journal", "log")
        return {**{name: self.base + number for number, name in enumerate(names)}, "workers": self.base + 8}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
