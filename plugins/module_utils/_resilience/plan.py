# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a copy of resilience files has to do, found out without writing anything."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .._formats.address_file import Address, encode
from . import manifest as manifests
from .files import ResilienceSet
from .manifest import FileDigest, Manifest
from .source import CopyError, Source, TailSource, reading

_BLOCK = 4096


class NotEnoughSpace(CopyError):
    """The target cannot hold the files."""


class Addresses(NamedTuple):
    """What the address files on the target are to hold."""

    control: Address
    data: Address


@dataclass
class CopyResult:
    """What a copy did, or in check mode would do. Names are paths from the worker's directory on."""

    changed: bool = False
    copied: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    bytes: int = 0
    """Bytes of files, and ends of files, that were copied or written."""
    manifest: Manifest | None = None
    """What the target was proved to hold; None in check mode."""
    appended: list[str] = field(default_factory=list)
    """Those of ``copied`` of which only the end was copied."""


@dataclass
class CopyPlan:
    """What has to be done, and what the target is to hold afterwards."""

    wanted: Manifest
    """The source's manifest with the address files as they are to be on the target."""
    replaced: dict[str, bytes]
    """Files that get other bytes than the source's."""
    key_file: str
    """Name of the file that completes the set."""
    sizes: dict[str, int] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    appended: dict[str, int] = field(default_factory=dict)
    """Name -> bytes at the beginning that the target already has."""

    @property
    def changed(self) -> bool:
        """Whether anything has to be done."""
        return bool(self.copied or self.removed)

    def without_key_file(self) -> Manifest:
        """What the target is to hold before the set is completed."""
        return Manifest(self.wanted.worker, tuple(file for file in self.wanted.files if file.name != self.key_file))

    def bytes_of(self, name: str) -> int:
        """How much is written for a file."""
        return self.sizes[name] - self.appended.get(name, 0)

    def result(self) -> CopyResult:
        """The result of doing it, not proved yet."""
        return CopyResult(
            changed=self.changed,
            copied=list(self.copied),
            removed=list(self.removed),
            kept=list(self.kept),
            bytes=sum(self.bytes_of(name) for name in self.copied),
            appended=sorted(self.appended),
        )


def make_plan(
    source: Source, found: Manifest, target: ResilienceSet, addresses: tuple[Address, Address] | None
) -> CopyPlan:
    """Compare what the source holds with what lies on the target.

    :param found: the source's manifest.
    :raises CopyError: when the source cannot be read, or the target's directory is none.
    :raises OSError: when the target cannot be read.
    """
    place = _existing(target.directory)
    if not place.is_dir():
        raise CopyError(f"{place} is no directory, so nothing can be copied to {target.directory}; move it away.")
    replaced = {}
    if addresses is not None:
        for suffix, address in zip(target.layout.addresses, addresses):
            name = target.path(suffix).name
            if any(file.name == name for file in found.files):
                replaced[name] = encode(address)
    wanted = tuple(
        manifests.digest_of_bytes(file.name, replaced[file.name]) if file.name in replaced else file
        for file in found.files
    )
    plan = CopyPlan(Manifest(found.worker, wanted), replaced, target.key_file.name)
    there = target.names()
    for file in wanted:
        plan.sizes[file.name] = file.size
        beginning = _usable(file, there.get(file.name), source, target)
        if beginning == file.size and file.name in there:
            plan.kept.append(file.name)
            continue
        plan.copied.append(file.name)
        if beginning:
            plan.appended[file.name] = beginning
    plan.removed = sorted(set(there) - set(plan.sizes))
    return plan


def check_space(plan: CopyPlan, target: ResilienceSet) -> None:
    """Whether the target can hold it at every moment: a file lies beside the one it replaces until it is renamed.

    :raises NotEnoughSpace: when it cannot.
    """
    free = shutil.disk_usage(_existing(target.directory)).free
    left = free + sum(_size(target.directory / name) for name in plan.removed)
    lowest = left
    for name in plan.copied:
        left -= _blocks(plan.bytes_of(name))
        lowest = min(lowest, left)
        if name not in plan.appended:
            left += _size(target.directory / name)
    if lowest < 0:
        raise NotEnoughSpace(
            f"{target.directory} has {free:,} bytes free and copying the files of {target.worker} needs "
            f"{free - lowest:,}; make room first."
        )


def _usable(file: FileDigest, path: Path | None, source: Source, target: ResilienceSet) -> int | None:
    """How many bytes the target has that the source has as well: all, a proved beginning, or None."""
    if path is None or not _is_own(path):
        return None
    size = path.stat().st_size
    if size == file.size:
        return size if manifests.digest(path) == (file.size, file.sha256) else None
    if not 0 < size < file.size or not target.grows(file.name) or not isinstance(source, TailSource):
        return None
    with reading(source):
        expected = source.digest_of_beginning(file.name, size)
    return size if manifests.digest(path) == (size, expected) else None


def _is_own(path: Path) -> bool:
    """Whether the bytes are this file's alone: what is added to a link is added to another file as well."""
    found = path.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def _existing(path: Path) -> Path:
    """The path itself, or the nearest one above it that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _size(path: Path) -> int:
    try:
        return _blocks(os.lstat(path).st_size)
    except FileNotFoundError:
        return 0


def _blocks(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
