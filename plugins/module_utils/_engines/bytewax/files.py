# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recovery partition of a worker: its files, how far it has come, and where the worker looks for the others.

bytewax spreads the state of a dataflow over as many partitions as it was told to make, an SQLite database each. Here
every worker has one, numbered as the worker is, in its resilience directory.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

from ..._cluster.naming import worker_number
from ..._formats.whole_file import make_private_directory, write_whole
from ..._resilience.files import Layout

DATABASE, LOG, INDEX = "sqlite3", "sqlite3-wal", "sqlite3-shm"
"""The database; what was written to it last, without which it is an older one; an index of that, made anew at need."""
PEERS = "peers"
"""Where the worker looks for the others, where that is not where they were started: JSON, worker -> host."""


def layout(worker: str, made_of: tuple[str, str, str] = ("", "", "")) -> Layout:
    """What the files of a worker are called, and without which it does not restart."""
    return Layout(
        stem=f"part-{worker_number(worker) - 1}",
        required=(DATABASE, LOG),
        optional=(INDEX, PEERS),
        key=DATABASE,
        newest=LOG,
        made_of=made_of,
    )


def epoch_of(database: Path) -> int:
    """Up to which epoch a partition is committed; 0 when none is. No process may have it open for writing.

    :raises ValueError: when it is no such database.
    :raises OSError: when it cannot be read.
    """
    # A database that was left with a log is put in order as it is opened, which changes it: so that happens to a copy.
    with tempfile.TemporaryDirectory(prefix=".looked-at-", dir=database.parent) as place:
        for path in (database, database.with_name(f"{database.name}-wal")):
            if path.exists():
                shutil.copyfile(path, Path(place) / path.name)
        return _epoch_in(Path(place) / database.name, database)


def _epoch_in(copy: Path, database: Path) -> int:
    """The same of a copy, which may be put in order."""
    connection: Any = None
    try:
        # Not every Python has it, and only who looks at a partition needs it.
        import sqlite3

        connection = sqlite3.connect(f"file:{copy}?mode=rw", uri=True, timeout=5)
        found = connection.execute("select max(commit_epoch) from commits").fetchone()
    except ImportError as error:
        raise ValueError(f"{database} cannot be looked at: this Python has no sqlite3 ({error})") from error
    except sqlite3.Error as error:
        raise ValueError(f"{database} is no recovery partition of bytewax ({error}); copy it again") from error
    finally:
        if connection is not None:
            connection.close()
    return int(found[0] or 0)


def peers_of(path: Path) -> dict[str, str]:
    """Where a worker looks for others.

    :raises ValueError: when the file says nothing that could be that.
    :raises OSError: when it cannot be read; a file that is not there is empty.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(host, str) for host in found.values()):
        raise ValueError(f"{path} does not say where the other workers are; remove it, and they are looked for at home")
    return found


class Partition:
    """That of the worker that runs here."""

    def __init__(self, directory: Path, index: int, count: int) -> None:
        self.directory, self.index, self.count = directory, index, count
        self.database = directory / f"part-{index}.{DATABASE}"
        self._peers = directory / f"part-{index}.{PEERS}"

    def begin(self, make: Callable[[Path, int], None]) -> None:
        """Make it, for a fresh start, and see to it that it has a log.

        :param make: makes the files of so many partitions in a directory.
        :raises OSError: when it cannot be written.
        """
        if not self.database.exists():
            make_private_directory(self.directory)
            with tempfile.TemporaryDirectory(prefix=".made-", dir=self.directory) as place:
                make(Path(place), self.count)
                os.replace(Path(place) / self.database.name, self.database)
        self.keep_log()

    def keep_log(self) -> None:
        """Whoever ends in order leaves no log, since all is in the database. An empty one says the same, and without
        one nobody could tell that from a log that was lost.

        :raises OSError: when it cannot be written.
        """
        self.database.with_name(f"{self.database.name}-wal").touch(mode=0o600)

    def covered(self) -> int:
        """Up to which epoch it is committed. Only before the dataflow runs.

        :raises ValueError: when it is damaged.
        :raises OSError: when it cannot be read.
        """
        return epoch_of(self.database)

    def peers(self) -> dict[str, str]:
        """See :func:`peers_of`."""
        return peers_of(self._peers)

    def remember(self, worker: str, host: Optional[str]) -> None:
        """Note where another worker is now.

        :raises OSError: when that cannot be written.
        """
        known = self.peers()
        if host is not None and known.get(worker) != host:
            write_whole(self._peers, json.dumps({**known, worker: host}).encode())
