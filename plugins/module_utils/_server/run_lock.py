# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time on a cluster: ``<base>/run.lock`` on its first server.

Two migrations of the same worker at once could end with two owners of its state. The lock is a file and
no open descriptor, since a run is many short programs on the server, one after the other. Whoever reads the
file in order to change it holds a second file with the kernel for that moment, so that what was read is still
true when it is changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Optional

from .._formats.json_record import made, read_object
from .._formats.whole_file import PARTIAL, remove_directory, write_whole
from .._process.waiting import LimitReached, lock_alone

FILE_NAME = "run.lock"
_SECTION_NAME = ".run.lock.section"
_SECTION_SECONDS = 30.0
"""Far more than it takes to read and write a small file."""


@dataclass(frozen=True)
class Holder:
    """Who holds the lock."""

    run: str
    """Differs from run to run."""
    description: str
    """For people: which playbook, who, on which controller, since when."""
    controller: str
    """Tells the controller's machine and its boot."""
    pid: int
    """The run's process on the controller."""
    start_ticks: int
    """When that process was started there, in clock ticks after the boot."""
    namespace: str = ""
    """In which PID namespace of the controller's machine ``pid`` is meant: a container has one of its own."""


def path_of(base: str) -> Path:
    """Where the lock lies."""
    return Path(base) / FILE_NAME


def holder(base: str) -> Optional[Holder]:
    """Who holds the lock now; None when nobody does."""
    if Path(base).exists() and not Path(base).is_dir():
        return None
    try:
        found = read_object(path_of(base), "")
        return None if found is None else made(Holder, found)
    except ValueError:
        return Holder("unknown", f"somebody who left a damaged {path_of(base)}", "", 0, 0)


def acquire(base: str, wanted: Holder, instead_of: str = "", by_force: bool = False) -> Optional[Holder]:
    """Take the lock; returns None, or who holds it instead.

    :param instead_of: the run that was found to be dead and whose lock may be taken over.
    :param by_force: take it over from whoever holds it.
    """
    Path(base).mkdir(mode=0o700, parents=True, exist_ok=True)
    with _section(base):
        found = holder(base)
        if found is not None and found.run == wanted.run:
            return None
        if found is None or by_force or (instead_of and found.run == instead_of):
            for leftover in Path(base).glob(f"{PARTIAL}{FILE_NAME}.*"):
                # Of a taker that was killed here: nobody else writes one at this moment.
                leftover.unlink(missing_ok=True)
            remove_directory(path_of(base))
            write_whole(path_of(base), json.dumps(asdict(wanted)).encode())
            return None
        return found


def release(base: str, run: str) -> None:
    """Give the lock back; one that another run holds stays."""
    if not path_of(base).exists():
        return
    with _section(base):
        found = holder(base)
        if found is not None and found.run == run:
            path_of(base).unlink(missing_ok=True)


@contextmanager
def _section(base: str) -> Iterator[None]:
    """One process at a time between reading the lock and changing it. The kernel ends it with the process.

    The file stays for ever: a new one in its place would let in who waits for the old one, and somebody else.

    :raises OSError: when it cannot be had.
    """
    handle = os.open(Path(base) / _SECTION_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            lock_alone(handle, _SECTION_SECONDS, "another run to take or give back the lock", pause=0.002)
        except LimitReached as reached:
            raise OSError(str(reached)) from reached
        yield
    finally:
        os.close(handle)
