# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory with the socket of a standing SSH connection.

A socket's name may be about 100 characters long, so it does not lie below ``wallaroo_base``. Whoever made a directory
holds it with flock for as long as it lives; those of the dead are removed by whoever makes the next one, with the
connection, when rsync still uses it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import stat
import tempfile
import time
from pathlib import Path
from typing import Optional

from .piped import PipeBroken, run

PREFIX = "wallaroo-ssh."
_UNBORN = ".wallaroo-ssh."
"""Before the directory is held."""
_OLD = "wallaroo-ssh-"
"""As earlier versions named it; they held nothing."""
_GRACE_SECONDS = 60.0
"""A directory that nobody can hold by its kind is somebody's for so long."""
_NAME = "s"
_LONGEST_PLACE = 107 - len(f"/{PREFIX}12345678/{_NAME}.1234567890123456")
"""Bytes: a socket's name has 107 (unix(7)), and ssh gives it a suffix until it listens."""


class ControlDirectory:
    """A directory of this process."""

    def __init__(self) -> None:
        """:raises OSError: when it cannot be made."""
        place = _place()
        remove_those_of_the_dead(place)
        unborn = tempfile.mkdtemp(prefix=_UNBORN, dir=place)
        self._handle = os.open(unborn, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        # It gets the name that others look for only now, so that they never find one that is not held yet.
        self.path = os.path.join(place, PREFIX + os.path.basename(unborn)[len(_UNBORN) :])
        os.rename(unborn, self.path)

    @property
    def socket(self) -> str:
        """Where the socket is."""
        return os.path.join(self.path, _NAME)

    def close(self) -> None:
        """Remove it, if that was not done already."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _place() -> str:
    """The directory for temporary files, or another one when its name leaves no room for a socket's."""
    wanted = tempfile.gettempdir()
    for place in (wanted, os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp"):  # noqa: S108  # what is made there is private
        if place and len(os.fsencode(place)) <= _LONGEST_PLACE and os.access(place, os.W_OK | os.X_OK):
            return place
    return wanted


def remove_those_of_the_dead(place: str) -> None:
    """Remove the directories of this user's processes that were killed. What cannot be removed stays."""
    for entry in Path(place).glob("*wallaroo-ssh[.-]*"):
        handle = _open(entry)
        if handle is None:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path = entry / _NAME
            if entry.name.startswith(PREFIX):
                _end_connection(path)
            elif time.time() - os.fstat(handle).st_mtime < _GRACE_SECONDS or _answers(path):
                continue
            shutil.rmtree(entry, ignore_errors=True)
        except BlockingIOError:
            # Its owner lives.
            continue
        finally:
            os.close(handle)


def _open(entry: Path) -> Optional[int]:
    """The directory, when it is one of this user's."""
    if not entry.name.startswith((PREFIX, _UNBORN, _OLD)):
        return None
    try:
        handle = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    if os.fstat(handle).st_uid != os.geteuid() or not stat.S_ISDIR(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    return handle


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(path))
    except OSError:
        return False
    return True


def _end_connection(path: Path) -> None:
    """End the ssh of a mover that is dead, and so the rsync that still goes over it."""
    if not _answers(path):
        return
    try:
        run(["ssh", "-F", "/dev/null", "-o", f"ControlPath={path}", "-O", "exit", "--", "nobody"], 5.0)
    except (OSError, PipeBroken):
        # It ends by itself, when it finds that nobody uses it.
        pass
