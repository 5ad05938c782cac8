# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which epochs of the recovery partition are committed, while bytewax writes it.

Another process looks: one that has the database open twice, by two libraries, loses the locks of the first when the
second closes its file (sqlite.org, "How To Corrupt An SQLite Database File", 2.2).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

WATCH = "--watch-commits"
_PAUSE = 0.05


class Commits:
    """What the process that looks has said."""

    def __init__(self, database: Path) -> None:
        """Start it. It ends as soon as this process does.

        :raises OSError: when it cannot be started.
        """
        words = Path("/proc/self/cmdline").read_bytes().split(b"\0")[:-1]
        program = words[: words.index(b"bytewax_worker") + 1]
        lives, mine = os.pipe()
        self._answers, answers = os.pipe()
        os.set_blocking(self._answers, False)
        actions = [(os.POSIX_SPAWN_DUP2, lives, 0), (os.POSIX_SPAWN_DUP2, answers, 1)]
        os.posix_spawn(
            sys.executable, [*program, WATCH.encode(), bytes(database)], os.environ, file_actions=actions, setsigdef=[]
        )
        # Held open as long as this process lives, and closed by the kernel with it.
        self._mine = mine
        os.close(lives)
        os.close(answers)
        self._newest, self._rest = 0, b""

    def newest(self) -> int:
        """The newest committed epoch that is known of; 0 when none is."""
        try:
            data = os.read(self._answers, 4096)
        except BlockingIOError:
            return self._newest
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._newest = max([self._newest, *(int(line) for line in lines)])
        return self._newest


def watch(database: str) -> int:
    """Say each committed epoch on stdout, until stdin ends."""
    import select
    import sqlite3

    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5, isolation_level=None)
    told = 0
    while not select.select([0], [], [], _PAUSE)[0]:
        try:
            epoch = int((connection.execute("select max(commit_epoch) from commits").fetchone() or [0])[0] or 0)
        except sqlite3.OperationalError:
            # It is being set up.
            continue
        if epoch > told:
            os.write(1, b"%d\n" % epoch)
            told = epoch
    return 0
