# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the journal server: nothing a client asks for leads out of the server's directory.

A file is ``DIRECTORY/WORKER/NAME``: exactly one directory deep, or in the directory itself for a client
that never named a worker (wallaroo.md, C.5). Directories are entered by descriptor and links are followed
nowhere, so what somebody puts into the directory later does not lead out of it either.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass

NAME_LIMIT = 200
"""Bytes of a name: a real worker's request has to fit into 255 bytes."""

FILES_LIMIT = 1000
"""Entries of one directory: a worker has a handful of journals, and a cluster has fewer workers than that."""

BLOCK = 1 << 16
"""Bytes that are read or sent at once."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f/\ud800-\udfff]")
"""What no name holds. The last range stands for bytes of a file's name that are no UTF-8."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Refused(Exception):
    """What a client asked for is not done; the sentence says why."""


@dataclass(frozen=True)
class Entry:
    """A file as a client sees it."""

    name: str
    size: int
    appended: bool
    """Whether somebody is appending to it."""


def checked(name: bytes) -> str:
    """A name of one file or directory.

    :raises Refused: when it could mean anything else.
    """
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("a name must be UTF-8") from None
    if not text or len(name) > NAME_LIMIT:
        raise Refused(f"a name has 1 to {NAME_LIMIT} bytes")
    if text.startswith(".") or _CONTROL.search(text):
        raise Refused("a name has no slash and no control character, and does not begin with a dot")
    return text


class Store:
    """The directory of the server, and who appends to what."""

    def __init__(self, directory: str, keep_free: int = 0) -> None:
        """Enter the directory, which is made where it is missing, and keep other journal servers out of it.

        :param keep_free: bytes that stay free on its disk.
        :raises OSError: when it cannot be entered or written, or another journal server is in it.
        """
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise PermissionError(13, "it cannot be written", directory)
        try:
            # Two servers would not know of each other's appends. The lock ends with the process, however that ends.
            fcntl.flock(self._root, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(errno.EBUSY, "another journal server uses it", directory) from None
        self._keep_free = keep_free
        self._appended: set[tuple[str, str]] = set()

    def folder(self, name: str = "") -> Folder:
        """A worker's directory, made when it is missing; without a name the server's own.

        :raises Refused: when it is no directory, or there are too many.
        """
        if name:
            self.require_room("", name)
            try:
                os.mkdir(name, 0o700, dir_fd=self._root)
            except FileExistsError:
                pass
            try:
                os.close(os.open(name, _DIRECTORY, dir_fd=self._root))
            except OSError as error:
                raise Refused(f"{name} is no directory") from error
        return Folder(self, name)

    def open(self, folder: str, name: str, flags: int) -> int:
        """A descriptor of a regular file; for the parts of this package.

        :raises OSError: when there is none, or it cannot be had.
        :raises Refused: when it is no regular file.
        """
        directory = self.enter(folder)
        try:
            handle = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600, dir_fd=directory)
        finally:
            os.close(directory)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise Refused(f"{name} is no file")
        return handle

    def enter(self, folder: str) -> int:
        """A descriptor of a worker's directory, or of the server's own."""
        return os.open(folder, _DIRECTORY, dir_fd=self._root) if folder else os.dup(self._root)

    def require_space(self) -> None:
        """Stop before the disk is full.

        :raises Refused: when less than wished would stay free.
        """
        found = os.fstatvfs(self._root)
        if found.f_bavail * found.f_frsize < self._keep_free:
            raise Refused(f"fewer than {self._keep_free:,} bytes are free on the disk; make room")

    def require_room(self, folder: str, name: str) -> None:
        """Stop before a directory has too many entries.

        :raises Refused: when one more would be too many.
        """
        directory = self.enter(folder)
        try:
            names = os.listdir(directory)
        finally:
            os.close(directory)
        if name not in names and len(names) >= FILES_LIMIT:
            raise Refused(f"there are {len(names)} files already")

    def lock(self, key: tuple[str, str]) -> None:
        """Take the right to append to a file, which one session has at a time."""
        self._appended.add(key)

    def unlock(self, key: tuple[str, str]) -> None:
        """Give it back."""
        self._appended.discard(key)

    def is_locked(self, key: tuple[str, str]) -> bool:
        """Whether somebody appends."""
        return key in self._appended


class Folder:
    """What a session can reach."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self.name = name

    def entries(self) -> Iterator[Entry]:
        """Its files, sorted by name."""
        directory = self._store.enter(self.name)
        try:
            for name in sorted(os.listdir(directory))[:FILES_LIMIT]:
                if name.startswith(".") or _CONTROL.search(name):
                    continue
                try:
                    found = os.stat(name, dir_fd=directory, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(found.st_mode):
                    yield Entry(name, found.st_size, self._store.is_locked((self.name, name)))
        finally:
            os.close(directory)

    def read(self, name: bytes) -> int:
        """A descriptor to read from; the caller closes it.

        :raises OSError: when there is no such file.
        """
        return self._store.open(self.name, checked(name), os.O_RDONLY)

    def delete(self, name: bytes) -> None:
        """Delete a file.

        :raises OSError: when there is none.
        """
        text = self._unlocked(name)
        directory = self._store.enter(self.name)
        try:
            os.unlink(text, dir_fd=directory)
        finally:
            os.close(directory)

    def cut(self, name: bytes, size: int) -> None:
        """Make a file shorter.

        :raises Refused: when it is shorter already.
        """
        text = self._unlocked(name)
        handle = self._store.open(self.name, text, os.O_RDWR)
        try:
            there = os.fstat(handle).st_size
            if not 0 <= size <= there:
                raise Refused(f"{text} has {there} bytes and cannot be cut to {size}")
            os.ftruncate(handle, size)
            os.fsync(handle)
        finally:
            os.close(handle)

    def sync(self, name: bytes) -> int:
        """Bring a file to the disk, made when it is missing; returns its size."""
        self._store.require_room(self.name, checked(name))
        handle = self._store.open(self.name, checked(name), os.O_RDWR | os.O_CREAT)
        try:
            os.fsync(handle)
            return os.fstat(handle).st_size
        finally:
            os.close(handle)

    def append(self, name: bytes, offset: int) -> Appender:
        """Begin to append; the caller closes it.

        :raises Refused: when somebody else appends, or the file has another size.
        """
        text = self._unlocked(name)
        self._store.require_space()
        self._store.require_room(self.name, text)
        handle = self._store.open(self.name, text, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        size = os.fstat(handle).st_size
        if size != offset:
            os.close(handle)
            raise Refused(f"{text} has {size} bytes, not {offset}")
        self._store.lock((self.name, text))
        return Appender(self._store, (self.name, text), handle, size)

    def _unlocked(self, name: bytes) -> str:
        text = checked(name)
        if self._store.is_locked((self.name, text)):
            raise Refused(f"{text} is being appended to")
        return text


class Appender:
    """A file that one session appends to."""

    def __init__(self, store: Store, key: tuple[str, str], handle: int, size: int) -> None:
        self._store = store
        self._key = key
        self._handle = handle
        self.size = size
        """Bytes that were written. They are with the kernel: a SIGKILL of this process does not lose them."""
        self.synced = 0
        """Bytes of which this session knows that they are on the disk."""
        self._is_entered = False
        """Whether it is known that the disk has the file's name too."""

    @property
    def name(self) -> str:
        """Worker and file, for people."""
        return "/".join(part for part in self._key if part)

    def write(self, data: bytes) -> None:
        """Append, at once and without a buffer.

        :raises OSError: when the disk does not take it; what it took is there and counted.
        :raises Refused: when the disk is nearly full.
        """
        self._store.require_space()
        view = memoryview(data)
        while view:
            done = os.write(self._handle, view)
            self.size += done
            view = view[done:]

    def sync(self) -> None:
        """Bring everything to the disk, the name of the file among it."""
        size = self.size
        os.fdatasync(self._handle)
        if not self._is_entered:
            for folder in (self._key[0], ""):
                directory = self._store.enter(folder)
                try:
                    os.fsync(directory)
                finally:
                    os.close(directory)
            self._is_entered = True
        self.synced = size

    def close(self) -> None:
        """Let others append."""
        os.close(self._handle)
        self._store.unlock(self._key)
