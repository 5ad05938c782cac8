# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the resilience files of a worker are copied from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from .._problem import Problem
from . import manifest as manifests
from .files import ResilienceSet
from .manifest import Manifest


class CopyError(Problem):
    """A copy that could not be made or proved; the sentence says where and what to do."""


class NotReached(CopyError):
    """The source server was not reached, and another try would end alike."""


class SourceChanged(CopyError):
    """The source was written to while it was copied."""


class Source(Protocol):
    """Where files are copied from. What cannot be read raises OSError, a file that went away FileNotFoundError."""

    def manifest(self) -> Manifest:
        """What lies there now, digested anew at each call."""

    def open(self, name: str) -> BinaryIO:
        """The bytes of a file."""

    def describe(self) -> str:
        """Where that is, for people."""


@runtime_checkable
class TailSource(Source, Protocol):
    """A source that can also give the end of a file alone, for files that are only added to."""

    def digest_of_beginning(self, name: str, length: int) -> str:
        """SHA-256 of the first ``length`` bytes of a file."""

    def open_at(self, name: str, offset: int) -> BinaryIO:
        """The bytes of a file from an offset on."""


@runtime_checkable
class BulkSource(Source, Protocol):
    """A source that brings whole files over faster than one after the other."""

    def fetch(self, names: list[str], directory: Path) -> None:
        """Put these files into an empty directory of this machine. What is there afterwards is proved by the caller.

        :raises CopyError: when that does not succeed.
        """


class LocalSource:
    """A directory of this machine."""

    def __init__(self, files: ResilienceSet) -> None:
        self.files = files

    def manifest(self) -> Manifest:
        """What lies there now."""
        return manifests.of_directory(self.files)

    def open(self, name: str) -> BinaryIO:
        """The bytes of a file.

        :raises CopyError: when the name does not belong to the worker.
        """
        return self.open_at(name, 0)

    def open_at(self, name: str, offset: int) -> BinaryIO:
        """The bytes of a file from an offset on.

        :raises CopyError: when the name does not belong to the worker.
        """
        stream = self._path(name).open("rb")
        stream.seek(offset)
        return stream

    def digest_of_beginning(self, name: str, length: int) -> str:
        """SHA-256 of the first ``length`` bytes of a file.

        :raises CopyError: when the name does not belong to the worker.
        """
        return manifests.digest(self._path(name), length)[1]

    def describe(self) -> str:
        """Its directory."""
        return str(self.files.directory)

    def _path(self, name: str) -> Path:
        if not self.files.owns(name):
            raise CopyError(f"{name} is no resilience file of {self.files.worker}")
        return self.files.directory / name


@contextmanager
def reading(source: Source) -> Iterator[None]:
    """Turn what goes wrong while a source is read into sentences that name it.

    :raises SourceChanged: when a file went away.
    :raises CopyError: when something cannot be read.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise SourceChanged(
            f"{error.filename or 'A file'} went away while {source.describe()} was copied; "
            "find out who deletes there, then copy again."
        ) from error
    except OSError as error:
        raise CopyError(
            f"{error.filename or source.describe()} cannot be read ({error.strerror or error}); "
            "mend that and copy again."
        ) from error
