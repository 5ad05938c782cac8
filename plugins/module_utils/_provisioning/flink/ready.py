# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a Flink home ready on a server, from whatever is there already."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from ..._engines.flink.job import ARCHIVE, JAR, JAVA, LOGGING
from ..._formats.whole_file import link, replacing
from ..command import ProvisioningError
from . import archive, jar, libraries, older
from .home import BROUGHT, OWN, Distribution, Java, compiler, distribution, java, refuse_unwritable


@dataclass(frozen=True)
class Wanted:
    """What a home is to be."""

    home: Path
    java: str
    """The program that runs it."""
    version: str = ""
    """Empty: what is there, and where there is nothing, what is brought by default."""
    lock: str = ""
    """The package that is brought, as pip's requirements with digests."""
    logging: str = ""
    """Log4j's settings."""
    job: bytes = b""
    """The job, when it was compiled elsewhere."""
    sources: bytes = b""
    """A zip of the job's sources, where it is to be compiled."""


@dataclass(frozen=True)
class State:
    """What a server has."""

    version: str
    java: int
    compiled: bool
    """Whether the job is there, for the Flink that is."""
    compiles: bool


@dataclass
class Made:
    """What was done, or in check mode would be."""

    done: list[str] = field(default_factory=list)
    job: bytes = b""
    warnings: list[str] = field(default_factory=list)


def look(wanted: Wanted) -> State:
    """Whether a server can have what is wanted; nothing is changed.

    :raises ProvisioningError: when it cannot.
    """
    flink = _there(wanted)
    version = flink.version if flink else wanted.version or BROUGHT
    found = java(wanted.java, version)
    refuse_unwritable(wanted.home)
    if flink is None:
        libraries.refuse_without_way(wanted.home)
    return State(version, found.version, _compiled(wanted.home, flink) != b"", compiler(found) != "")


def ensure(wanted: Wanted, limit: float, only_check: bool = False) -> Made:
    """Do it; what is there already stays.

    :param limit: seconds for the download.
    :raises ProvisioningError: when it cannot be done.
    """
    made = Made()
    flink = _there(wanted)
    if flink is None:
        made.done.append("libraries")
        if only_check:
            made.done += ["java", "logging", "job", "archive"]
            return made
        libraries.bring(wanted.home, wanted.lock, limit)
        flink = _there(wanted)
        if flink is None:
            raise ProvisioningError(f"{wanted.home}/lib is gone again: somebody else works there")
    found = java(wanted.java, flink.version)
    own = wanted.home / OWN
    if not only_check:
        own.mkdir(parents=True, exist_ok=True)
    if _target(own / JAVA) != str(found.program):
        made.done.append("java")
        if not only_check:
            link(own / JAVA, str(found.program))
    if _text(own / LOGGING) != wanted.logging.encode():
        made.done.append("logging")
        if not only_check:
            _write(own / LOGGING, wanted.logging.encode(), 0o644)
    made.job = _job(wanted, flink, found, made, only_check)
    if made.job:
        _archive(flink, found, made, only_check)
    if own.is_dir():
        removed, left = older.remove(own, only_check)
        made.done += ["older"] if removed else []
        made.warnings += left
    return made


def _there(wanted: Wanted) -> Optional[Distribution]:
    flink = distribution(wanted.home)
    if flink and wanted.version and flink.version != wanted.version:
        raise ProvisioningError(
            f"{wanted.home} has Flink {flink.version}, and flink_env_version={wanted.version} is wanted: name another "
            "home with flink_home, or leave flink_env_version out to use what is there"
        )
    return flink


def _compiled(home: Path, flink: Optional[Distribution]) -> bytes:
    """The job that is there; nothing when it is for another Flink."""
    there = _text(home / OWN / JAR)
    return there if flink and jar.is_for(there, flink) else b""


def _job(wanted: Wanted, flink: Distribution, found: Java, made: Made, only_check: bool) -> bytes:
    own = wanted.home / OWN
    there = _compiled(wanted.home, flink)
    given = wanted.job or there
    if given and not jar.is_for(given, flink):
        raise ProvisioningError(
            f"the jars in {flink.home}/lib are others than where the job was compiled, though it is the same Flink: "
            "give all servers the same distribution"
        )
    if not given and not wanted.sources:
        # In check mode the server that compiles has not done so.
        made.done.append("job")
        return b""
    lacking = jar.lacks_calls(flink)
    if given != there or not given or lacking:
        made.done.append("job")
    if only_check or "job" not in made.done:
        return given
    with libraries.staging(wanted.home) as place:
        if not given:
            given = jar.compiled(wanted.sources, flink, _compiler(found), place)
        if lacking:
            jar.take_calls_out(flink, place)
    if given != there:
        # It is looked at as other engines' programs are.
        _write(own / JAR, given, 0o755)
    return given


def _compiler(found: Java) -> str:
    named = compiler(found)
    if not named:
        raise ProvisioningError("there is no javac, and the job is compiled here: install openjdk-17-jdk-headless")
    return named


def _archive(flink: Distribution, found: Java, made: Made, only_check: bool) -> None:
    own = flink.home / OWN
    if archive.fits(own / JAR, own / ARCHIVE, found):
        return
    if only_check:
        made.done.append("archive")
        return
    with libraries.staging(flink.home) as place:
        problem = archive.make(own / JAR, own / ARCHIVE, found, flink, place)
    if problem:
        made.warnings.append(problem)
    else:
        made.done.append("archive")


def _write(path: Path, content: bytes, mode: int) -> None:
    with replacing(path) as stream:
        stream.write(content)
        os.fchmod(stream.fileno(), mode)


def _target(path: Path) -> str:
    return os.readlink(path) if path.is_symlink() else ""


def _text(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
