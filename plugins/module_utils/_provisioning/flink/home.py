# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Flink distribution on a server, and the Java that runs it: what is there, and whether it serves."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from ..command import ProvisioningError, run

BROUGHT = "2.3.0"
"""The version that is brought where there is none and none is named."""

STAGING = ".wallaroo-bringing"
"""Below a home: what is being made. It is used by nobody, and begun anew by the next run."""

OWN = "usrlib"
"""Below a home: Flink's own place for what users add. In a home that was there before nothing else is written to."""

_OWN_NAMES = {STAGING, OWN, "licenses"}
"""What an interrupted run may have left in a home that it made."""

_ANSWER = 60.0
_COMPILERS_RELEASE = 11


@dataclass(frozen=True)
class Line:
    """Versions of Flink that are alike."""

    begins: str
    sources: str
    """The folder of the sources that are for it alone."""
    java: int
    """The oldest Java."""


LINES = (Line("2.", "flink-2", 17), Line("1.20.", "flink-1", 11))


@dataclass(frozen=True)
class Java:
    """A Java that was asked."""

    home: Path
    version: int

    @property
    def program(self) -> Path:
        """The program itself, whatever links lead to it."""
        return self.home / "bin" / "java"


@dataclass(frozen=True)
class Distribution:
    """The libraries of a Flink."""

    home: Path
    version: str
    logging: tuple[str, ...]
    """The jars with which it logs."""

    @property
    def jar(self) -> Path:
        """Flink itself."""
        return self.home / "lib" / f"flink-dist-{self.version}.jar"

    @property
    def calls(self) -> Path:
        """The library with which its processes call each other: it lies within the jar, and is taken out of it."""
        return self.home / OWN / f"wallaroo-resilience-calls-{self.version}.jar"

    @property
    def class_path(self) -> list[str]:
        """What the job needs, as seen from beside it."""
        return [*(f"../lib/{name}" for name in (self.jar.name, *self.logging)), self.calls.name]


def line_of(version: str) -> Line:
    """The line of a version.

    :raises ProvisioningError: when none is known for it.
    """
    for line in LINES:
        if version.startswith(line.begins):
            return line
    raise ProvisioningError(
        f"Flink {version} is not supported: the job is written for 2.x (2.3 was tested) and for 1.20. Name the home of "
        "another one with flink_home"
    )


def distribution(home: Path) -> Optional[Distribution]:
    """What lies at a home; None where there is nothing yet.

    :raises ProvisioningError: when it is something else, or an incomplete one.
    """
    jars = sorted(path.name for path in (home / "lib").glob("*.jar"))
    found = [match for name in jars if (match := re.fullmatch(r"flink-dist-(.+)\.jar", name))]
    if not found:
        _refuse_others(home)
        return None
    if len(found) > 1:
        names = " and ".join(match[0] for match in found)
        raise ProvisioningError(f"{home}/lib has {names}: leave one of them there")
    logging = [name for name in jars if re.fullmatch(r"log4j-(api|core|slf4j2?-impl)-.+\.jar", name)]
    if len(logging) != len(("api", "core", "impl")):
        raise ProvisioningError(
            f"{home}/lib has not one log4j-api, log4j-core and log4j-slf4j-impl each, as Flink's own distribution has: "
            "its log is where a worker says that it is ready. Put them there, or name another home with flink_home"
        )
    line_of(found[0][1])
    return Distribution(home, found[0][1], tuple(logging))


def _refuse_others(home: Path) -> None:
    if home.exists() and (not home.is_dir() or {path.name for path in home.iterdir()} - _OWN_NAMES):
        raise ProvisioningError(
            f"{home} is there and is no Flink: there is no lib/flink-dist-*.jar in it. Nothing in it is touched; name "
            "the home of a distribution with flink_home, or a directory that is not there yet"
        )


def refuse_unwritable(home: Path) -> None:
    """Before anything is made.

    :raises ProvisioningError: when nothing can be made there.
    """
    place = home / OWN
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        raise ProvisioningError(
            f"{place} cannot be written by this account; mend its owner or mode, or name another home with flink_home"
        )


def java(named: str, version: str) -> Java:
    """The Java that is to run a version of Flink.

    :param named: a program, by its path or as it is found on PATH.
    :raises ProvisioningError: when there is none, or it is too old.
    """
    oldest = line_of(version).java
    install = (
        f"install one (openjdk-{max(oldest, 17)}-jre-headless on Debian; setup_dev_env.yml -e dev_env_flink=true does "
        "so), or name it with flink_env_java"
    )
    if shutil.which(named) is None:
        raise ProvisioningError(f"there is no {named}, and Flink {version} needs Java {oldest} or newer: {install}")
    ended = run([named, "-XshowSettings:properties", "-version"], _ANSWER)
    told = dict(re.findall(r"^\s+(java\.home|java\.specification\.version) = (.+)$", ended.output, re.M))
    number = re.fullmatch(r"(?:1\.)?([0-9]+)", told.get("java.specification.version", "").strip())
    if ended.code or number is None or "java.home" not in told:
        said = ended.last_lines.splitlines()[-1:] or ["nothing"]
        raise ProvisioningError(f"{named} does not say which Java it is (it said: {said[0]}): {install}")
    found = Java(Path(told["java.home"].strip()), int(number[1]))
    if found.version < oldest:
        raise ProvisioningError(f"{named} is Java {found.version}, and Flink {version} needs {oldest}: {install}")
    return found


def compiler(found: Java) -> str:
    """The program that compiles for it; empty when there is none."""
    beside = found.home / "bin" / "javac"
    named = str(beside) if beside.exists() else "javac"
    if shutil.which(named) is None:
        return ""
    version = re.search(r"javac (?:1\.)?([0-9]+)", run([named, "-version"], _ANSWER).output)
    return named if version and int(version[1]) >= _COMPILERS_RELEASE else ""
