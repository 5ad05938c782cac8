# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fault is: something that is done to a cluster on purpose, on one server.

It is plain data, all that is needed to heal it, since its record is written before it is injected: whoever comes after
an interrupted run heals by the record alone. It is injected in the process of a module, or by the source agent on
behalf of another server.
"""

from __future__ import annotations

from typing import ClassVar, Protocol, TypeVar

Done_co = TypeVar("Done_co", covariant=True)


class Fault(Protocol[Done_co]):
    """One fault; a dataclass whose fields are what its record holds."""

    kind: ClassVar[str]
    lasting: ClassVar[bool]
    """Whether it stays in force until it is healed; what is over in a moment leaves no record behind."""

    @property
    def worker(self) -> str:
        """Whom it is done to."""

    def inject(self, base: str, limit: float) -> Done_co:
        """Do it, and say what that did.

        :param limit: seconds after which it has failed.
        """

    def in_force(self, base: str) -> bool:
        """Whether it is in force now, whatever its record says."""

    def heal(self, base: str) -> None:
        """End it, or what an interrupted injection has left of it. Healing twice does nothing more."""
