# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks yield that set servers up, or look whether they are."""

from __future__ import annotations

from dataclasses import dataclass, field

from .common import Outcome


@dataclass(frozen=True)
class Executable:
    """A file that was built."""

    path: str = ""
    """Below ``home``."""
    sha256: str = ""


@dataclass(frozen=True)
class Built(Outcome):
    """``setup_repo.yml``: the tree that every server has now."""

    home: str = ""
    branch: str = ""
    commit: str = ""
    resilience: bool = True
    executables: tuple[Executable, ...] = ()


@dataclass(frozen=True)
class Checked(Outcome):
    """``preflight.yml``: whether the servers have what a cluster needs."""

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What is worth knowing and keeps nobody from starting a cluster."""
    table: tuple[str, ...] = field(default=(), repr=False)
    """Servers by checks, in lines."""

    @property
    def passed(self) -> bool:
        """Whether there are no problems."""
        return not self.problems
