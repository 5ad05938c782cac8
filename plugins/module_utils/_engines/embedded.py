# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded engine: Wallaroo with another head of the command line, brought along by the collection."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .._catalogue.versions import DEFAULT
from .._resilience.files import Layout
from .command_line import runtime_argv
from .contract import Command
from .wallaroo.adapter import Wallaroo

if TYPE_CHECKING:
    from .._cluster.record import ClusterRecord, ServerAddress


class Embedded(Wallaroo):
    """What it answers otherwise than a real Wallaroo."""

    name = "embedded"
    home_argument = home = setup = mend = ""

    def executable(self, record: ClusterRecord) -> str:
        """See :class:`.contract.Engine`."""
        return ""

    def layout(self, application: str, version: str, worker: str) -> Layout:
        """See :class:`.contract.Engine`. It stands for one version, whichever is asked for."""
        return super().layout(application, DEFAULT, worker)._replace(made_of=(self.name, application, version))

    def command(self, record: ClusterRecord, worker: str, server: ServerAddress, python: str) -> Command:
        """See :class:`.contract.Engine`. Of that one version are its flags, too."""
        return super().command(replace(record, version=DEFAULT), worker, server, python)

    def head(self, record: ClusterRecord, base: str, python: str) -> list[str]:
        """The start of a worker's command line: what is executed."""
        return runtime_argv(python, base, record.application)
