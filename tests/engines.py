# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engine executes the workers of a test: ours, or a real Wallaroo tree that somebody has built."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import VERSIONS
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.command_line import (
    EXECUTABLES,
    VERSIONS_WITH_RESILIENCE_FLAG,
)


@dataclass(frozen=True)
class Engine:
    """What starts a worker."""

    name: str = "embedded"
    home: str = ""
    """Of a Wallaroo source tree with its executables built."""
    version: str = "0.5.4"

    @property
    def is_embedded(self) -> bool:
        """Whether it is ours."""
        return self.name == "embedded"

    @property
    def flags(self) -> list[str]:
        """What a worker of a resilience build is always given."""
        return ["--run-with-resilience"] if self.version in VERSIONS_WITH_RESILIENCE_FLAG else []

    def executable(self, application: str, launcher: Path) -> list[str]:
        """The beginning of a worker's command line."""
        if self.is_embedded:
            return [sys.executable, "-E", "-s", str(launcher)]
        return [str(Path(self.home) / EXECUTABLES[application]), "--ponynoblock"]

    def problem(self, applications: tuple[str, ...] = tuple(EXECUTABLES)) -> str:
        """Why it cannot be used, in one sentence; empty when it can."""
        if self.name not in ("embedded", "wallaroo"):
            return f"ENGINE={self.name} is not known: use embedded or wallaroo"
        if self.version not in VERSIONS:
            return f"WALLAROO_VERSION={self.version} is not known: use {', '.join(VERSIONS)}"
        if self.is_embedded:
            return ""
        if not self.home.startswith("/"):
            return "ENGINE=wallaroo needs WALLAROO_HOME, the absolute path of a Wallaroo tree with its executables"
        missing = [
            EXECUTABLES[name] for name in applications if not os.access(Path(self.home) / EXECUTABLES[name], os.X_OK)
        ]
        return f"WALLAROO_HOME={self.home} has no executable {missing[0]}: build it first" if missing else ""


EMBEDDED = Engine()


def chosen(environment: Mapping[str, str]) -> Engine:
    """The engine of ``ENGINE``, ``WALLAROO_HOME`` and ``WALLAROO_VERSION``."""
    return Engine(
        environment.get("ENGINE") or "embedded",
        environment.get("WALLAROO_HOME") or "",
        environment.get("WALLAROO_VERSION") or "0.5.4",
    )
