# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Having the wheels that a lock names, byte for byte: out of a directory where they lie, or fetched with pip.

A lock is a requirements file as ``pip install --require-hashes`` reads it.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from .._formats.whole_file import make_private_directory
from .command import ProvisioningError, run

_REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Locked:
    """A package that a lock names."""

    name: str
    version: str
    hashes: frozenset[str]
    """SHA-256 of its files, of which the wheel is one."""

    def is_in(self, path: Path) -> bool:
        """Whether a file has the name of this package's wheel."""
        name, _, rest = path.name.partition("-")
        return _normal(name) == _normal(self.name) and rest.startswith(f"{self.version}-") and path.suffix == ".whl"


def read_lock(text: str) -> list[Locked]:
    """The packages of a lock.

    :raises ProvisioningError: for a line that is no requirement with a version and hashes.
    """
    found = []
    for line in re.sub(r"\\\s*\n", " ", text).splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        requirement, hashes = _REQUIREMENT.match(line.strip()), _HASH.findall(line)
        if requirement is None or not hashes:
            raise ProvisioningError(f"the lock has a line without a version or hashes: {line.strip()[:80]}")
        found.append(Locked(requirement.group(1), requirement.group(2), frozenset(hashes)))
    return found


def gather(lock: Path, store: Path, given: Optional[Path], python: str, limit: float) -> list[Path]:
    """Have all wheels of a lock.

    :param store: a directory that keeps what was fetched; nothing is fetched that lies there.
    :param given: where to take them from instead. Nothing is fetched then.
    :param python: has pip, which is configured as its user wants it.
    :param limit: seconds.
    :returns: their paths, in the order of the lock.
    :raises ProvisioningError: when one cannot be had, or is not the one that was locked.
    """
    locked = read_lock(lock.read_text(encoding="utf-8"))
    if given is not None:
        if not given.is_dir():
            raise ProvisioningError(f"{given}, where the wheels should lie, is no directory")
        return _all(locked, given, lock)
    make_private_directory(store)
    if not all(_wheel(package, store) for package in locked):
        with tempfile.TemporaryDirectory(dir=store, prefix=".fetched.") as name:
            _fetch(lock, Path(name), python, limit)
            for wheel in _all(locked, Path(name), lock):
                os.replace(wheel, store / wheel.name)
    return _all(locked, store, lock)


def _all(locked: Sequence[Locked], directory: Path, lock: Path) -> list[Path]:
    found = []
    for package in locked:
        wheel = _wheel(package, directory)
        if wheel is None:
            raise ProvisioningError(
                f"{directory} has no wheel of {package.name} {package.version} with a SHA-256 of the lock {lock}"
            )
        found.append(wheel)
    return found


def _wheel(package: Locked, directory: Path) -> Optional[Path]:
    for path in sorted(directory.iterdir()):
        if package.is_in(path) and hashlib.sha256(path.read_bytes()).hexdigest() in package.hashes:
            return path
    return None


def _fetch(lock: Path, into: Path, python: str, limit: float) -> None:
    command: Sequence[str] = [
        python,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--retries=2",
        "--disable-pip-version-check",
        "--no-input",
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
        "--dest",
        str(into),
        "--requirement",
        str(lock),
    ]
    # A package of that name in the working directory is not the one that is meant.
    ended = run(command, limit, environment={"PYTHONSAFEPATH": "1"})
    if ended.code:
        raise ProvisioningError(f"pip of {python} could not fetch them: {_why(ended.last_lines)}")


def _why(output: str) -> str:
    lines = [line for line in output.splitlines() if line.startswith("ERROR") or "No module named" in line]
    return (lines or output.splitlines() or ["it said nothing"])[0][:300]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
