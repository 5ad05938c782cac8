# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing the libraries of Flink to a server: out of the package of them that PyPI has."""

from __future__ import annotations

import re
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..command import ProvisioningError, run
from .home import STAGING

SPACE = 800 << 20
"""Bytes that are needed while they are brought: the package, and what is taken out of it."""

_LIBRARIES = re.compile(r".*/lib/((?:flink-dist|log4j-(?:api|core|slf4j2?-impl))-[^/]+\.jar)")
"""Of all that the package has only these are needed."""
_LICENCES = re.compile(r".*/((?:LICENSE|NOTICE)[^/]*)")
_ANSWER = 60.0


def refuse_without_way(home: Path) -> None:
    """Before anything is made.

    :raises ProvisioningError: when nothing can be brought here.
    """
    python = sys.executable
    if (
        run([python, "-I", "-m", "pip", "--version"], _ANSWER).code
        and run([python, "-I", "-c", "import ensurepip, venv"], _ANSWER).code
    ):
        raise ProvisioningError(
            f"{python} has neither pip nor venv, with which Flink would come from PyPI: install python3-venv, or "
            f"unpack a Flink at {home}, which is then used as it is"
        )
    place = home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < SPACE:
        raise ProvisioningError(
            f"{place} has {free >> 20} MB left, and bringing Flink needs {SPACE >> 20} MB: make room, or name another "
            "place with flink_home"
        )


def bring(home: Path, lock: str, limit: float) -> None:
    """Put the libraries into a home that has none. They are there when all of them are.

    :param lock: which package, as pip's requirements with digests.
    :param limit: seconds for the download.
    :raises ProvisioningError: when it does not come.
    """
    with staging(home) as place:
        package = _downloaded(place, lock, limit)
        made, licences = place / "lib", place / "licenses"
        made.mkdir()
        licences.mkdir()
        for name, stream in _members(package):
            library, licence = _LIBRARIES.fullmatch(name), _LICENCES.fullmatch(name)
            if library is None and licence is None:
                continue
            target = made / library[1] if library else licences / licence[1]  # type: ignore[index]
            with target.open("wb") as file:
                shutil.copyfileobj(stream, file, 1 << 20)
        if not any(made.glob("flink-dist-*.jar")):
            raise ProvisioningError(f"{package.name} has no flink-dist: its lock names another package")
        for one in (licences, made):
            shutil.rmtree(home / one.name, ignore_errors=True)
            one.rename(home / one.name)


@contextmanager
def staging(home: Path) -> Iterator[Path]:
    """A place below a home for what is being made, empty, and gone afterwards."""
    place = home / STAGING
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _downloaded(place: Path, lock: str, limit: float) -> Path:
    """The package. It is not installed: nothing of it is Python."""
    (place / "lock.txt").write_text(lock, encoding="utf-8")
    python = sys.executable
    if run([python, "-I", "-m", "pip", "--version"], _ANSWER).code:
        made = run([python, "-I", "-m", "venv", str(place / "pip")], limit)
        python = str(place / "pip" / "bin" / "python")
        if made.code:
            raise ProvisioningError(f"no environment with pip could be made: {made.last_lines}")
    words = [python, "-I", "-m", "pip", "--disable-pip-version-check", "download", "--no-input", "--progress-bar=off"]
    words += ["--no-deps", "--require-hashes", f"--requirement={place / 'lock.txt'}", f"--dest={place / 'package'}"]
    (place / "temporary").mkdir()
    # Its own place would be /tmp, which may be in memory.
    ended = run(words, limit, environment={"TMPDIR": str(place / "temporary")})
    found = sorted((place / "package").glob("*")) if not ended.code else []
    if len(found) != 1:
        raise ProvisioningError(
            f"pip did not bring Flink: {ended.last_lines}\nLet this server reach a registry, or unpack a Flink at "
            f"{place.parent}, which is then used as it is"
        )
    return found[0]


def _members(package: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """The files of a wheel, or of an archive of sources."""
    if zipfile.is_zipfile(package):
        with zipfile.ZipFile(package) as archive:
            for name in archive.namelist():
                if not name.endswith("/"):
                    with archive.open(name) as stream:
                        yield name, stream
        return
    with tarfile.open(package, "r|*") as sources:
        for member in sources:
            stream_or_none = sources.extractfile(member) if member.isfile() else None
            if stream_or_none is not None:
                yield member.name, stream_or_none
