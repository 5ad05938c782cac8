# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts on a server that outlive the run that began them, and the token that ends their run's right to act.

A run that is killed on the controller leaves the module that it was waiting for to itself: a worker is still moved,
or waited for, while the run's lock belongs to nobody. A module of it may even *begin* later, when a slow connection
delivers it. So a run that has the lock *enters* every server before it looks at any of them: it writes its name
there, and waits until no act is under way. Whatever changes a worker shows itself for as long as it takes, and refuses
to begin where another run has entered. What an act does on another server it does there by the same rules. Once all
servers are entered, nothing changes them but the run itself, and what they say fits together.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Optional

from .._formats.whole_file import remove_directory, write_whole
from .waiting import lock_alone

FILE_NAME = "run.acts"
"""Locked by whoever acts, below the server's directory: not in ``run/``, which a fresh start removes."""

RUN_FILE_NAME = "run.entered"
"""Holds the run that may act here."""

WHAT = "what an interrupted run had begun here to end"


class Superseded(ValueError):
    """Another run has entered the server, so this one may no longer change it."""


class Act:
    """A change of a server's workers that is under way."""

    def __init__(self, base: str, run: str) -> None:
        self._base = base
        self._run = run

    def check(self) -> None:
        """Whether it may go on; asked before whatever cannot be taken back.

        :raises Superseded: when another run has entered this server.
        """
        now = entered(self._base)
        if self._run and now and now != self._run:
            raise Superseded(
                f"another run has taken over the lock of the servers and works in {self._base} now, so this one, whose "
                "controller was gone or slow, changes nothing there any more"
            )


def acting(base: str, only_check: bool = False, run: str = "") -> AbstractContextManager[Act]:
    """Show that a worker of this server is being changed. The kernel takes the sign back whatever ends this process.

    Where nothing was ever prepared, nothing is shown: an act that is refused there leaves no trace.

    :param only_check: nothing is changed, so nothing is shown.
    :param run: whose act it is; empty for one that no run has asked for.
    :raises Superseded: when another run has entered the server.
    :raises OSError: when the server's directory cannot be written.
    """
    # Shared: acts of one run do not wait for one another.
    return _shown(base, only_check, run, lambda handle: fcntl.flock(handle, fcntl.LOCK_SH))


def acting_alone(base: str, limit: float, only_check: bool = False, run: str = "") -> AbstractContextManager[Act]:
    """As :func:`acting`, while nobody else acts: for what is wrong as soon as somebody does.

    :raises LimitReached: when another act is still under way after ``limit`` seconds.
    """
    return _shown(base, only_check, run, lambda handle: lock_alone(handle, limit, WHAT))


@contextmanager
def _shown(base: str, only_check: bool, run: str, lock: Callable[[int], None]) -> Iterator[Act]:
    act = Act(base, "" if only_check else run)
    if only_check or not Path(base).is_dir():
        yield act
        return
    handle = _open(base)
    try:
        lock(handle)
        act.check()
        yield act
    finally:
        os.close(handle)


def enter(base: str, run: str, limit: float) -> None:
    """Let nobody but this run act on the server from now on, and wait for the end of what is under way.

    The name is written first, so that an act that has done nothing yet ends instead of being waited for.

    :raises LimitReached: when an act is still under way after ``limit`` seconds.
    :raises OSError: when the server's directory cannot be written.
    """
    if not Path(base).is_dir():
        # Nothing was ever done here.
        return
    for name in (RUN_FILE_NAME, FILE_NAME):
        # What stands in the place of a file that this one alone may write is damage, and is mended here.
        remove_directory(Path(base) / name)
    write_whole(Path(base) / RUN_FILE_NAME, f"{run}\n".encode())
    wait_for_acts(base, limit)


def entered(base: str) -> Optional[str]:
    """The run that has entered this server last; None when none ever has.

    :raises OSError: when that cannot be read.
    """
    try:
        return (Path(base) / RUN_FILE_NAME).read_text(encoding="utf-8", errors="replace").strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None


def wait_for_acts(base: str, limit: float) -> None:
    """Wait until no act is under way on this server.

    :raises LimitReached: after ``limit`` seconds.
    """
    try:
        handle = os.open(Path(base) / FILE_NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        # Nothing was ever done here, or nothing can be.
        return
    try:
        lock_alone(handle, limit, WHAT)
    finally:
        os.close(handle)


def _open(base: str) -> int:
    path = Path(base) / FILE_NAME
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        # Whoever acts as root on the way leaves the file to the account whose directory it is.
        owner = path.parent.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)
    return handle
