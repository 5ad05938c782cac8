# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening the way to the server from which a worker's files come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from .._engines.command_line import runtime_argv
from .._process.ssh import Access
from .._resilience.agent import Agent
from .._resilience.agent_protocol import LAYOUT
from .._resilience.files import ResilienceSet, resilience_directory
from .._resilience.remote import OtherServer, SourceServer


@dataclass(frozen=True)
class SourceAddress:
    """Where a worker's files come from, as the controller says it."""

    name: str
    """The server's name in the inventory."""
    base: str
    """Its ``wallaroo_base``."""
    ssh: Optional[Access] = None
    """How it is reached from here; None when it is this very machine."""
    python: str = ""
    """The interpreter there; needed with ``ssh``."""
    run: str = ""
    """Whose act it is; the source server refuses what another run than the last one to enter it wants to change."""

    @classmethod
    def from_arguments(cls, name: str, base: str, ssh: Optional[Mapping[str, Any]], run: str = "") -> SourceAddress:
        """From a module's arguments.

        :raises ValueError: when they do not say how the server is reached.
        """
        if not ssh:
            return cls(name, base, run=run)
        python = str(ssh.get("python") or "")
        if not python.startswith("/"):
            raise ValueError(f"it is not known which Python {name} has: python is {python!r}")
        return cls(name, base, Access.from_dict(ssh), python, run)

    def open(self, target: ResilienceSet) -> SourceServer:
        """Open the way; whoever does so closes it.

        :param target: the worker's files on this server; they are called the same on the other one.
        :raises CopyError: when it cannot be opened; the sentence says why and what to do.
        """
        directory = resilience_directory(self.base, target.worker)
        files = target.at(directory)
        if self.ssh is None:
            return Agent(self.base, files, self.run)
        agent = [
            *runtime_argv(self.python, self.base, "source_agent"),
            *("--base", self.base, "--server", self.name, "--worker", target.worker),
            *("--directory", directory),
            *(word for pair in zip(LAYOUT, target.layout.made_of) for word in pair),
        ]
        return OtherServer(self.name, self.ssh, agent, files, self.run)
