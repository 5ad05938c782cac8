# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest: the size and SHA-256 of every resilience file of a worker."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Optional

from .files import ResilienceSet

_READ_SIZE = 1 << 20


@dataclass(frozen=True)
class FileDigest:
    """One file of a manifest."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a worker's resilience files were at one moment."""

    worker: str
    files: tuple[FileDigest, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"worker": self.worker, "files": [asdict(file) for file in self.files]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Manifest:
        """The reverse of :meth:`to_dict`."""
        return cls(str(data["worker"]), tuple(FileDigest(**file) for file in data["files"]))


def digest(path: Path, length: Optional[int] = None) -> tuple[int, str]:
    """Size and SHA-256 of a file, or of its first ``length`` bytes."""
    summed, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while length is None or size < length:
            chunk = stream.read(_READ_SIZE if length is None else min(_READ_SIZE, length - size))
            if not chunk:
                break
            summed.update(chunk)
            size += len(chunk)
    return size, summed.hexdigest()


def of_directory(files: ResilienceSet) -> Manifest:
    """The manifest of what lies in a directory now."""
    found = []
    for path in sorted(files.present().values()):
        size, sha256 = digest(path)
        found.append(FileDigest(path.name, size, sha256))
    return Manifest(files.worker, tuple(found))


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
