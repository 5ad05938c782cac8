# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are written as a whole or not at all, whatever interrupts the writing.

The bytes go into a file beside the place, are synced, and the file is renamed. What a crash leaves
behind begins with a dot, so that nothing which looks for files by the beginning of their names, as
Wallaroo does (wallaroo.md, C.1, Trap 9), takes it for one of them.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".partial."


@contextmanager
def replacing(path: str | os.PathLike[str], sync: bool = True) -> Iterator[BinaryIO]:
    """A stream whose bytes take the place of the file when the block ends well; mode 0600.

    The directory is not synced: a caller that replaces several files does that once.

    :param sync: wait for the disk; without that a power failure may leave an empty file.
    :raises OSError: when it cannot be written; the file is then as it was.
    """
    target = Path(path)
    partial = reserve_partial(target)
    try:
        with partial.open("wb") as stream:
            yield stream
            stream.flush()
            if sync:
                os.fsync(stream.fileno())
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Make these the bytes of a file, and let them survive a power failure; mode 0600.

    :raises OSError: when it cannot be written; the file is then as it was.
    """
    with replacing(path) as stream:
        stream.write(data)
    sync_directory(Path(path).parent)


def link(path: Path, target: str) -> None:
    """Let a symbolic link lead to a target, in the place of whatever link was there.

    :raises OSError: when it cannot be made, or something else than a link is in its place.
    """
    if path.is_symlink():
        if os.readlink(path) == target:
            return
        path.unlink()
    make_private_directory(path.parent)
    path.symlink_to(target)


def reserve_partial(path: Path) -> Path:
    """An empty file beside a file, under a name that :func:`name_of_partial` knows.

    The name is never given twice, so that two writers cannot take each other's half file for their own.

    :raises OSError: when it cannot be created.
    """
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f"{PARTIAL}{path.name}.")
    os.close(handle)
    return Path(partial)


def name_of_partial(name: str) -> str | None:
    """The name of the file that a partial file was to become; None for any other file."""
    finished, dot, unique = name[len(PARTIAL) :].rpartition(".")
    return finished if name.startswith(PARTIAL) and finished and dot and unique else None


def sync_directory(directory: Path) -> None:
    """Let what was created, renamed and removed in a directory survive a power failure."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Let the bytes of a file that another program wrote survive a power failure."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """A file to be read. Whoever opens a named pipe waits for somebody who writes to it: that is refused.

    :raises OSError: when it cannot be opened, or is no file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is a directory" if stat.S_ISDIR(mode) else "it is no file", os.fspath(path))
    return os.fdopen(handle, "rb")


def remove_directory(path: Path) -> None:
    """Take a directory away that stands where a file must be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)


def make_private_directory(directory: Path) -> None:
    """Create a directory, and those above it that are missing, for this user alone (mode 0700)."""
    if not directory.is_dir():
        if directory.parent != directory:
            make_private_directory(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
