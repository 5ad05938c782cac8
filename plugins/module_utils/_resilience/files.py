# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resilience files of a worker: their names, which are needed, and whether they are there.

Reference C.1. The names of two workers can begin alike (``worker2``, ``worker20``), so nothing
here looks files up by the beginning of their names alone (Trap 9).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Union

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

_NOT_REQUIRED_OF_INITIALIZER = ("tcp-data", "connection-addresses")
JOURNAL_SUFFIXES = ("journal", "evlog.journal")


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

    def __init__(self, directory: Union[str, os.PathLike[str]], prefix: str, worker: str) -> None:
        self.directory = Path(directory)
        self.prefix = prefix
        self.worker = worker
        self._stem = f"{prefix}-{worker}"
        stem = re.escape(self._stem)
        self._rotated = re.compile(rf"^{stem}-[0-9A-Fa-f]{{16}}\.evlog(\.journal)?$")

    def path(self, suffix: str) -> Path:
        """Where the file with this suffix lies or would lie."""
        return self.directory / f"{self._stem}.{suffix}"

    def required(self) -> tuple[str, ...]:
        """The suffixes without which this worker does not restart (a resilience build of 0.5.4)."""
        if self.worker != "initializer":
            return SUFFIXES
        return tuple(suffix for suffix in SUFFIXES if suffix not in _NOT_REQUIRED_OF_INITIALIZER)

    def present(self) -> dict[str, Path]:
        """The files of exactly this worker, journals and rotated event logs among them: suffix -> path."""
        found = {}
        for suffix in (*SUFFIXES, *JOURNAL_SUFFIXES):
            path = self.path(suffix)
            if path.is_file():
                found[suffix] = path
        for path in self._entries():
            if self._rotated.match(path.name) and path.is_file():
                found[path.name[len(self._stem) :]] = path
        return found

    def missing(self) -> list[Path]:
        """The required files that are not there."""
        return [self.path(suffix) for suffix in self.required() if not self.path(suffix).is_file()]

    def state(self) -> str:
        """``none``, ``complete`` or ``incomplete``. Journals alone count as none, as they do for Wallaroo."""
        if not any(self.path(suffix).is_file() for suffix in SUFFIXES):
            return "none"
        return "incomplete" if self.missing() else "complete"

    def remove(self) -> list[Path]:
        """Delete every file of this worker, its journals too, and nothing of another worker."""
        removed = []
        for path in self.present().values():
            path.unlink(missing_ok=True)
            removed.append(path)
        return removed

    def owns(self, name: str) -> bool:
        """Whether a file of this name belongs to this worker."""
        known = {f"{self._stem}.{suffix}" for suffix in (*SUFFIXES, *JOURNAL_SUFFIXES)}
        return name in known or self._rotated.match(name) is not None

    def _entries(self) -> list[Path]:
        try:
            return sorted(self.directory.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
