# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resilience files of a worker: their names, which are needed, and whether they are there.

wallaroo.md, C.1. The names of two workers can begin alike (``worker2``, ``worker20``), so nothing
here looks files up by the beginning of their names alone (wallaroo.md, Trap 9).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from .._formats.whole_file import name_of_partial, sync_directory

PREFIXES = {"market_spread": "market-spread", "multi_partition_detector": "multi_partition_detector"}
"""Application -> what its resilience files begin with, at 0.5.3 and 0.5.4."""

_PREFIXES_0_6_1 = {"market_spread": "Market Spread"}

SUFFIXES = (
    "evlog",
    "local-topology",
    "local-keys",
    "tcp-data",
    "tcp-control",
    "workers",
    "connection-addresses",
    "checkpoint_ids",
)
"""The files that decide whether a start is fresh or a recovery."""

KEY_FILE = "workers"
"""Suffix of the file that is absent while a copy is not proved, or while the worker is fenced."""

JOURNAL_SUFFIXES = ("journal", "evlog.journal")
_NOT_REQUIRED_OF_INITIALIZER = ("tcp-data", "connection-addresses")
_GROWING_SUFFIXES = ("evlog", "checkpoint_ids", "local-keys", *JOURNAL_SUFFIXES)


def prefix(application: str, version: str = "0.5.4") -> str:
    """What the names of an application's resilience files begin with.

    :raises ValueError: for an application that we do not know.
    """
    if application not in PREFIXES:
        raise ValueError(f"{application!r} is no application: there are {', '.join(PREFIXES)}")
    if version == "0.6.1" and application in _PREFIXES_0_6_1:
        return _PREFIXES_0_6_1[application]
    return PREFIXES[application]


class ResilienceSet:
    """The resilience files of one worker in one directory. Reads the directory anew at each question."""

    def __init__(self, directory: str | os.PathLike[str], prefix: str, worker: str) -> None:
        """:raises ValueError: when prefix or worker would lead out of the directory."""
        if not worker or "/" in worker or "/" in prefix:
            raise ValueError(f"{worker!r} is no name of a worker of {prefix!r}")
        self.directory = Path(directory)
        self.prefix = prefix
        self.worker = worker
        self._stem = f"{prefix}-{worker}"
        stem = re.escape(self._stem)
        self._rotated = re.compile(rf"{stem}(-[0-9A-Fa-f]{{16}}\.evlog(\.journal)?)")
        self._names = {f"{self._stem}.{suffix}": suffix for suffix in (*SUFFIXES, *JOURNAL_SUFFIXES)}

    def path(self, suffix: str) -> Path:
        """Where the file with this suffix lies or would lie."""
        return self.directory / f"{self._stem}.{suffix}"

    def required(self) -> tuple[str, ...]:
        """The suffixes without which this worker does not restart (a resilience build of 0.5.4)."""
        if self.worker != "initializer":
            return SUFFIXES
        return tuple(suffix for suffix in SUFFIXES if suffix not in _NOT_REQUIRED_OF_INITIALIZER)

    def present(self) -> dict[str, Path]:
        """The files of exactly this worker, journals and rotated event logs among them: suffix -> path.

        The suffix of a rotated event log begins with its dash: ``-00000000000003E8.evlog``.
        """
        found = {}
        for path in self._entries():
            suffix = self.suffix_of(path.name)
            if suffix is not None and path.is_file():
                found[suffix] = path
        return found

    def journal_files(self) -> list[Path]:
        """The journals that are there: the I/O journal and those of the event logs."""
        return [path for suffix, path in self.present().items() if suffix.endswith("journal")]

    def evlog_rotated(self) -> list[Path]:
        """The rotated event logs, oldest first; the last one is the one that a recovery reads."""
        return [path for suffix, path in self.present().items() if _is_rotated(suffix)]

    def missing(self) -> list[Path]:
        """The required files that are not there."""
        return [self.directory / name for name in self.missing_among(self._present_names())]

    def missing_among(self, names: Iterable[str]) -> list[str]:
        """The names of required files that are not among these. A rotated event log stands for the event log."""
        there = {self.suffix_of(name) for name in names}
        if any(_is_rotated(suffix) for suffix in there):
            there.add("evlog")
        return [self.path(suffix).name for suffix in self.required() if suffix not in there]

    def state(self) -> Literal["none", "complete", "incomplete"]:
        """Whether a start would be fresh, a recovery, or refused. Journals alone count as none, as for Wallaroo."""
        names = self._present_names()
        if all((self.suffix_of(name) or "").endswith("journal") for name in names):
            return "none"
        return "incomplete" if self.missing_among(names) else "complete"

    def remove(self) -> list[Path]:
        """Delete every file of this worker, its journals too, and nothing of another worker."""
        removed = []
        aside = [self.put_aside] if self.put_aside.exists() else []
        for path in [*self.present().values(), *self.leftovers(), *aside]:
            path.unlink(missing_ok=True)
            removed.append(path)
        return removed

    def leftovers(self) -> list[Path]:
        """Half files that an interrupted writer left; none of them is a resilience file."""
        return [path for path in self._entries() if self.owns(name_of_partial(path.name) or "")]

    @property
    def key_file(self) -> Path:
        """The file that every restart requires, that is small, and that is absent while nobody may start from a set."""
        return self.path(KEY_FILE)

    @property
    def put_aside(self) -> Path:
        """Where the key file lies while this server is fenced; no name that Wallaroo looks for."""
        return self.directory / f".fenced-{self._stem}.{KEY_FILE}"

    def fence(self, only_check: bool = False) -> bool:
        """Let the engine itself refuse this set, whoever starts it; returns whether that was new.

        :raises OSError: when the file cannot be renamed.
        """
        if not self.key_file.exists():
            return False
        if not only_check:
            os.replace(self.key_file, self.put_aside)
            sync_directory(self.directory)
        return True

    def is_fenced(self) -> bool:
        """Whether nothing but the key file is missing, because this server was fenced."""
        return self.put_aside.exists() and self.missing() == [self.key_file]

    def arriving(self) -> Path:
        """Where whole files arrive before they are in their place; no name that Wallaroo looks for."""
        return self.directory / f".arriving-{self.worker}"

    def owns(self, name: str) -> bool:
        """Whether a file of this name belongs to this worker."""
        return self.suffix_of(name) is not None

    def grows(self, name: str) -> bool:
        """Whether a file of this name is only ever added to."""
        return self.suffix_of(name) in _GROWING_SUFFIXES or self._rotated.fullmatch(name) is not None

    def suffix_of(self, name: str) -> str | None:
        """The suffix of a file of this worker; None for any other name."""
        rotated = self._rotated.fullmatch(name)
        return rotated.group(1) if rotated else self._names.get(name)

    def _present_names(self) -> list[str]:
        return [path.name for path in self.present().values()]

    def _entries(self) -> list[Path]:
        try:
            return sorted(self.directory.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []


def _is_rotated(suffix: str | None) -> bool:
    return suffix is not None and suffix.startswith("-") and suffix.endswith(".evlog")
