# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest: the size and SHA-256 of every resilience file of a worker."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .files import ResilienceSet, is_below

_READ_SIZE = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ManifestError(ValueError):
    """Data that is no manifest."""


@dataclass(frozen=True)
class FileDigest:
    """One file of a manifest."""

    name: str
    """Its path from the worker's directory on."""
    size: int
    """Bytes."""
    sha256: str
    """64 hexadecimal digits."""


@dataclass(frozen=True)
class Manifest:
    """What a worker's resilience files were at one moment."""

    worker: str
    files: tuple[FileDigest, ...]
    """In the order of their names."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: ``{"worker": …, "files": [{"name": …, "size": …, "sha256": …}, …]}``."""
        return {"worker": self.worker, "files": [asdict(file) for file in self.files]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Manifest:
        """The reverse of :meth:`to_dict`, for a manifest that another machine made.

        :raises ManifestError: when it is none; a name may not lead out of its directory, nor come twice.
        """
        try:
            worker, files = data["worker"], tuple(FileDigest(**file) for file in data["files"])
        except (KeyError, TypeError) as error:
            raise ManifestError(f"a manifest holds a worker and files with name, size and sha256: {error}") from error
        if not isinstance(worker, str):
            raise ManifestError(f"{worker!r} in a manifest is no worker")
        for file in files:
            if not _is_plain(file):
                raise ManifestError(f"the manifest of {worker} holds what is no file: {file}")
        if len({file.name for file in files}) != len(files):
            raise ManifestError(f"the manifest of {worker} names a file twice")
        return cls(worker, tuple(sorted(files, key=lambda file: file.name)))


def digest(path: Path, length: int | None = None) -> tuple[int, str]:
    """Size and SHA-256 of a file, or of its first ``length`` bytes.

    :raises OSError: when it cannot be read.
    """
    summed, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while length is None or size < length:
            chunk = stream.read(_READ_SIZE if length is None else min(_READ_SIZE, length - size))
            if not chunk:
                break
            summed.update(chunk)
            size += len(chunk)
    return size, summed.hexdigest()


def digest_of_bytes(name: str, data: bytes) -> FileDigest:
    """The digest of a file that would hold these bytes."""
    return FileDigest(name, len(data), hashlib.sha256(data).hexdigest())


def digest_of_file(path: Path, name: str = "") -> FileDigest:
    """The digest of a file as it is now.

    :param name: what it is called; by default it lies in no tree.
    :raises OSError: when it cannot be read.
    """
    return FileDigest(name or path.name, *digest(path))


def of_directory(files: ResilienceSet) -> Manifest:
    """The manifest of what lies in a directory now.

    :raises OSError: when a file cannot be read.
    """
    found = sorted(files.names().items())
    return Manifest(files.worker, tuple(digest_of_file(path, name) for name, path in found))


def compare(expected: Manifest, found: Manifest) -> list[str]:
    """How the second differs from the first, a sentence each; empty when they are the same."""
    wanted = {file.name: file for file in expected.files}
    there = {file.name: file for file in found.files}
    differences = [f"{name} is missing" for name in sorted(set(wanted) - set(there))]
    differences += [f"{name} should not be there" for name in sorted(set(there) - set(wanted))]
    for name in sorted(set(wanted) & set(there)):
        if wanted[name].size != there[name].size:
            differences.append(f"{name} has {there[name].size} bytes instead of {wanted[name].size}")
        elif wanted[name].sha256 != there[name].sha256:
            differences.append(f"{name} has the right size and other bytes")
    return differences


def _is_plain(file: FileDigest) -> bool:
    return (
        isinstance(file.name, str)
        and is_below(file.name)
        and isinstance(file.size, int)
        and not isinstance(file.size, bool)
        and file.size >= 0
        and isinstance(file.sha256, str)
        and _SHA256.fullmatch(file.sha256) is not None
    )
