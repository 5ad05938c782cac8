# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening the way to the server from which a worker's files come.

The way to another server takes several times as long as a worker is down. So a process that lives on between the calls
of a run (:mod:`.._programs.standing`) can begin it while the run still waits for something else: each call is carried
out in a fork of that process, which finds the connection there.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Optional

from .._engines.command_line import runtime_argv
from .._process.ssh import Access
from .._resilience.agent import Agent
from .._resilience.agent_protocol import LAYOUT
from .._resilience.files import ResilienceSet, resilience_directory
from .._resilience.remote import OtherServer, SourceServer
from .._resilience.source import CopyError, NotReached


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

    def begin(self, target: ResilienceSet) -> None:
        """Begin to open the way for a fork of this process, in place of one that was begun before.

        What cannot be begun is left to whoever opens it, who says why.
        """
        end()
        if self.ssh is not None:
            with suppress(CopyError, OSError):
                _begun[self, target.worker, target.layout.made_of] = self._other(self.ssh, target)

    def open(self, target: ResilienceSet) -> SourceServer:
        """Open the way, or take the one that was begun; whoever does so closes it.

        :param target: the worker's files on this server; they are called the same on the other one.
        :raises CopyError: when it cannot be opened; the sentence says why and what to do.
        """
        if self.ssh is None:
            return Agent(self.base, target.at(resilience_directory(self.base, target.worker)), self.run)
        begun = _begun.get((self, target.worker, target.layout.made_of))
        if begun is not None:
            try:
                begun.greet(self.run)
                return begun
            except NotReached:
                # Another try would only take as long again.
                raise
            except CopyError:
                # It may have broken since. Another one is opened, or what is wrong is said.
                pass
        other = self._other(self.ssh, target)
        other.greet(self.run)
        return other

    def _other(self, ssh: Access, target: ResilienceSet) -> OtherServer:
        directory = resilience_directory(self.base, target.worker)
        files = target.at(directory)
        agent = [
            *runtime_argv(self.python, self.base, "source_agent"),
            *("--base", self.base, "--server", self.name, "--worker", target.worker),
            *("--directory", directory),
            *(word for pair in zip(LAYOUT, target.layout.made_of) for word in pair),
        ]
        return OtherServer(self.name, ssh, agent, files)


_begun: dict[tuple[SourceAddress, str, tuple[str, str, str]], OtherServer] = {}
"""For which worker, and which files of it."""


def end() -> None:
    """Give up what was begun, in the process that began it."""
    while _begun:
        _begun.popitem()[1].close()
