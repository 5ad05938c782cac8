# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writing side of the resilience files, reduced to the three operations that a journal knows.

Every byte that a worker writes for its recovery goes through here, so that a journal can record
it (wallaroo.md, C.4). Nothing is synced to the disk: a SIGKILL leaves the page cache alone, and the
real engine does not wait for its journal either.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from .output import fail


class Journal(Protocol):
    """What hears of every operation, before it is done: nothing is in a file that its journal does not know."""

    def set_length(self, path: Path, length: int) -> None:
        """A file is cut or made."""

    def write(self, path: Path, offset: int, data: bytes) -> None:
        """Bytes are written at an offset."""

    def remove(self, path: Path) -> None:
        """A file is deleted."""


class FileLayer:
    """Open files by their path. An operation that fails ends the worker: it could not recover from what is there."""

    def __init__(self) -> None:
        self._handles: dict[Path, int] = {}
        self._lengths: dict[Path, int] = {}
        self._closed = False
        self.journals: list[Journal] = []

    def length(self, path: Path) -> int:
        """Bytes of a file, 0 when there is none."""
        if path not in self._lengths:
            try:
                self._lengths[path] = path.stat().st_size
            except FileNotFoundError:
                self._lengths[path] = 0
        return self._lengths[path]

    def set_length(self, path: Path, length: int) -> None:
        """Cut a file, or make it."""
        if self._closed:
            return
        for journal in self.journals:
            journal.set_length(path, length)
        try:
            os.ftruncate(self._handle(path), length)
        except OSError as error:
            fail(f"{path} cannot be cut to {length} bytes: {error.strerror}", "the resilience files")
        self._lengths[path] = length

    def write(self, path: Path, offset: int, data: bytes) -> None:
        """Write at an offset, in one call of the system where that is possible."""
        if self._closed:
            return
        for journal in self.journals:
            journal.write(path, offset, data)
        try:
            done = os.pwrite(self._handle(path), data, offset)
            while done < len(data):
                done += os.pwrite(self._handle(path), data[done:], offset + done)
        except OSError as error:
            fail(f"{path} cannot be written: {error.strerror}", "the resilience files")
        self._lengths[path] = max(self.length(path), offset + len(data))

    def append(self, path: Path, data: bytes) -> None:
        """Write at the end."""
        self.write(path, self.length(path), data)

    def replace(self, path: Path, data: bytes) -> None:
        """Give a file another content. Written before it is cut: a kill in between leaves what can be read."""
        self.write(path, 0, data)
        self.set_length(path, len(data))

    def remove(self, path: Path) -> None:
        """Delete a file."""
        for journal in self.journals:
            journal.remove(path)
        handle = self._handles.pop(path, None)
        if handle is not None:
            os.close(handle)
        path.unlink(missing_ok=True)
        self._lengths.pop(path, None)

    def close(self) -> None:
        """Nothing is written any more: what was deleted stays deleted."""
        self._closed = True
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()

    def _handle(self, path: Path) -> int:
        handle = self._handles.get(path)
        if handle is None:
            handle = self._handles[path] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return handle
