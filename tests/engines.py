# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engine executes the workers of a test: ours, or one that somebody has built. A row each in :data:`ROWS`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue import versions
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.applications import APPLICATIONS


@dataclass(frozen=True)
class Row:
    """What the tests have to know of an engine beside what its adapter answers."""

    head: Callable[[Engine, str, Path], list[str]]
    """The beginning of a worker's command line, given the application and the tests' launcher of our own programs."""
    has_home: bool
    """Whether its executables lie in ``WALLAROO_HOME``."""
    patience: float
    """Seconds to wait for what must not happen."""


def _ours(_engine: Engine, _application: str, launcher: Path) -> list[str]:
    return [sys.executable, "-E", "-s", str(launcher)]


def _built(engine: Engine, application: str, _launcher: Path) -> list[str]:
    return [str(Path(engine.home) / APPLICATIONS[application].executable), "--ponynoblock"]


ROWS = {
    "embedded": Row(_ours, has_home=False, patience=1.5),
    "wallaroo": Row(_built, has_home=True, patience=12.0),
}


@dataclass(frozen=True)
class Engine:
    """What starts a worker."""

    name: str = "embedded"
    home: str = ""
    """Of a Wallaroo source tree with its executables built."""
    version: str = versions.DEFAULT

    @property
    def is_embedded(self) -> bool:
        """Whether it is ours."""
        return not ROWS[self.name].has_home

    @property
    def patience(self) -> float:
        """Seconds to wait for what must not happen."""
        return ROWS[self.name].patience if self.name in ROWS else 0.0

    @property
    def flags(self) -> list[str]:
        """What a worker of a resilience build is always given."""
        return list(versions.VERSIONS[self.version].flags)

    def executable(self, application: str, launcher: Path) -> list[str]:
        """The beginning of a worker's command line."""
        return ROWS[self.name].head(self, application, launcher)

    def problem(self, applications: tuple[str, ...] = tuple(APPLICATIONS)) -> str:
        """Why it cannot be used, in one sentence; empty when it can."""
        if self.name not in ROWS:
            return f"ENGINE={self.name} is not known: use {' or '.join(ROWS)}"
        if self.version not in versions.VERSIONS:
            return f"WALLAROO_VERSION={self.version} is not known: use {', '.join(versions.VERSIONS)}"
        if not ROWS[self.name].has_home:
            return ""
        if not self.home.startswith("/"):
            return f"ENGINE={self.name} needs WALLAROO_HOME, the absolute path of a Wallaroo tree with its executables"
        files = [APPLICATIONS[name].executable for name in applications]
        missing = [file for file in files if not os.access(Path(self.home) / file, os.X_OK)]
        return f"WALLAROO_HOME={self.home} has no executable {missing[0]}: build it first" if missing else ""


EMBEDDED = Engine()


def chosen(environment: Mapping[str, str]) -> Engine:
    """The engine of ``ENGINE``, ``WALLAROO_HOME`` and ``WALLAROO_VERSION``."""
    return Engine(
        environment.get("ENGINE") or EMBEDDED.name,
        environment.get("WALLAROO_HOME") or "",
        environment.get("WALLAROO_VERSION") or versions.DEFAULT,
    )
