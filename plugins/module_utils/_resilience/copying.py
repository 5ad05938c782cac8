# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proved copy of a worker's resilience files.

That a copying program ends well proves nothing: rsync ends with 0 and leaves wrong bytes where the
target has a stale file of the same size and time, and with ``--append`` also where the target's
file is longer or damaged (reference "resilience anchors", 2.5). A worker that returns to a server
it once lived on meets exactly such files. So: what is stale goes first, every file is written
beside its place and renamed, and in the end both sides are digested anew and compared.

Interrupted anywhere, the copy is completed by the next one: leftovers begin with a dot and are
never taken for resilience files.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Optional, Protocol

from .._formats.address_file import Address, encode
from . import manifest as manifests
from .files import ResilienceSet
from .manifest import FileDigest, Manifest

_CHUNK = 1 << 20
_TEMPORARY = ".copying."


class CopyError(Exception):
    """A copy that could not be made or proved; the sentence says where and what to do."""


class SourceChanged(CopyError):
    """The source was written to while it was copied."""


class NotEnoughSpace(CopyError):
    """The target cannot hold the files."""


class Source(Protocol):
    """Where files are copied from."""

    def manifest(self) -> Manifest:
        """What lies there now."""

    def open(self, name: str) -> BinaryIO:
        """The bytes of a file."""

    def describe(self) -> str:
        """Where that is, for people."""


class LocalSource:
    """A directory of this machine."""

    def __init__(self, files: ResilienceSet) -> None:
        self._files = files

    def manifest(self) -> Manifest:
        """What lies there now."""
        return manifests.of_directory(self._files)

    def open(self, name: str) -> BinaryIO:
        """The bytes of a file.

        :raises CopyError: when the name does not belong to the worker.
        """
        if not self._files.owns(name):
            raise CopyError(f"{name} is no resilience file of {self._files.worker}")
        return (self._files.directory / name).open("rb")

    def describe(self) -> str:
        """Its directory."""
        return str(self._files.directory)


@dataclass
class CopyResult:
    """What a copy did, or in check mode would do."""

    changed: bool = False
    copied: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    bytes: int = 0
    """Bytes that were read from the source for the files that were copied."""
    manifest: Optional[Manifest] = None
    """What the target holds now."""


@dataclass(frozen=True)
class Addresses:
    """What the address files on the target are to hold."""

    control: Address
    data: Address


def copy(
    source: Source,
    target: ResilienceSet,
    addresses: Optional[Addresses] = None,
    only_check: bool = False,
) -> CopyResult:
    """Make the target's files of one worker equal to the source's, and prove it.

    :param addresses: what ``.tcp-control`` and ``.tcp-data`` hold on the target instead.
    :param only_check: change nothing, and say what would be done.
    :raises CopyError: when the source is not complete, the target cannot be written, or the proof fails.
    """
    before = source.manifest()
    wanted = _wanted(before, target, addresses)
    result = _differences(wanted, before, target)
    if only_check:
        return result
    _check_space(result, wanted, target)
    try:
        target.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_leftovers(target)
        for name in result.removed:
            (target.directory / name).unlink(missing_ok=True)
        for name in result.copied:
            replaced = _replacement(name, target, addresses)
            if replaced is not None:
                _write(target.directory / name, replaced)
            else:
                with source.open(name) as stream:
                    _copy_stream(stream, target.directory / name)
        if result.changed:
            _sync_directory(target.directory)
    except OSError as error:
        raise CopyError(
            f"{error.filename or target.directory} cannot be written: {error.strerror}. "
            "Mend that and copy again; the source was not touched."
        ) from error
    after = source.manifest()
    changes = manifests.compare(before, after)
    if changes:
        raise SourceChanged(
            f"The files in {source.describe()} changed while they were copied ({changes[0]}): "
            f"{target.worker} still runs, or somebody else writes there. Kill it first, then copy again."
        )
    result.manifest = manifests.of_directory(target)
    wrong = manifests.compare(wanted, result.manifest)
    if wrong:
        raise CopyError(
            f"The copy in {target.directory} is not what {source.describe()} holds: {'; '.join(wrong)}. "
            "Copy again; if it happens again, check the disk."
        )
    return result


def _wanted(found: Manifest, target: ResilienceSet, addresses: Optional[Addresses]) -> Manifest:
    """The source's manifest with the address files as they are to be on the target."""
    files = []
    for file in found.files:
        replaced = _replacement(file.name, target, addresses)
        if replaced is None:
            files.append(file)
        else:
            files.append(FileDigest(file.name, len(replaced), manifests.hashlib.sha256(replaced).hexdigest()))
    return Manifest(found.worker, tuple(files))


def _replacement(name: str, target: ResilienceSet, addresses: Optional[Addresses]) -> Optional[bytes]:
    if addresses is None:
        return None
    if name == target.path("tcp-control").name:
        return encode(addresses.control)
    if name == target.path("tcp-data").name:
        return encode(addresses.data)
    return None


def _differences(wanted: Manifest, source: Manifest, target: ResilienceSet) -> CopyResult:
    there = {file.name: file for file in manifests.of_directory(target).files}
    sizes = {file.name: file.size for file in source.files}
    result = CopyResult()
    for file in wanted.files:
        if there.get(file.name) == file:
            result.kept.append(file.name)
        else:
            result.copied.append(file.name)
            result.bytes += sizes[file.name]
    result.removed = sorted(set(there) - {file.name for file in wanted.files})
    result.changed = bool(result.copied or result.removed)
    return result


def _check_space(result: CopyResult, wanted: Manifest, target: ResilienceSet) -> None:
    needed = sum(file.size for file in wanted.files if file.name in result.copied)
    place = target.directory
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    if needed > free:
        raise NotEnoughSpace(
            f"{target.directory} has {free:,} bytes free and the files of {target.worker} need {needed:,}; make room first."
        )


def _copy_stream(stream: BinaryIO, path: Path) -> None:
    temporary = path.with_name(f"{_TEMPORARY}{path.name}")
    try:
        with _create(temporary) as sink:
            shutil.copyfileobj(stream, sink, _CHUNK)
            sink.flush()
            os.fsync(sink.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{_TEMPORARY}{path.name}")
    try:
        with _create(temporary) as sink:
            sink.write(data)
            sink.flush()
            os.fsync(sink.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _remove_leftovers(target: ResilienceSet) -> None:
    for path in target.directory.iterdir():
        if path.name.startswith(_TEMPORARY) and target.owns(path.name[len(_TEMPORARY) :]):
            path.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
