# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was sent before, from what a sender has left, however it ended (see ``_formats/sending_progress``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ._servers import Refusal, Servers

AFRESH = "Start a fresh cluster with stop_cluster.yml and start_cluster.yml."


@dataclass(frozen=True)
class Sent:
    """What one sender has sent."""

    first: int = 1
    last: int = 0
    """What it was to send."""
    round: int = 0
    exit_code: Optional[int] = None
    message: str = ""
    begun: bool = False
    sure: int = 0
    """Every key got all up to here."""
    perhaps: int = 0
    """No key got more than up to here."""
    exact: bool = True
    """It is known of each key how far it came."""

    @classmethod
    def of(cls, servers: Servers, server: str, sender: str = "sender") -> Sent:
        """What the state of a server says.

        :raises Refusal: when the record is damaged.
        """
        servers.require_readable("sent", sender, server)
        known: Mapping[str, Any] = (servers.states.get(server, {}).get("sent") or {}).get(sender) or {}
        return cls(**known)

    @property
    def everything(self) -> bool:
        """It has sent all that it was to send."""
        return self.exit_code == 0 or (self.exact and self.sure == self.last)

    @property
    def nothing(self) -> bool:
        """The source got nothing of it."""
        return not self.begun

    @property
    def how_it_ended(self) -> str:
        """What interrupted it, for a sentence."""
        if self.exit_code is None:
            return "it was killed, or its server went down"
        return self.message.rstrip(".")

    def told(self, what: str = "values", whose: str = " of each key") -> str:
        """What it has sent, when it was interrupted, for a sentence."""
        if self.sure == self.perhaps:
            return f"{what} up to {self.sure}{whose} were sent" if self.sure >= self.first else f"no {what} were sent"
        if self.exact:
            return f"{what} up to {self.sure}{whose} were sent, and of some keys up to {self.perhaps}"
        if self.sure < self.first:
            return f"{what} up to {self.perhaps}{whose} were sent perhaps"
        return f"{what} up to {self.sure}{whose} were sent, and those up to {self.perhaps} perhaps"

    @property
    def interrupted(self) -> str:
        """That it was interrupted, by what, and what it has sent."""
        how = f"The last sender ({self.first} to {self.last}) was interrupted: {self.how_it_ended}."
        return f"{how} {self.told().capitalize()}"

    def done(self) -> int:
        """Up to where every key got everything.

        :raises Refusal: when going on would send something twice, or leave something out.
        """
        if self.everything:
            return self.last
        if self.nothing:
            return self.first - 1
        if not self.exact:
            raise Refusal(
                f"{self.interrupted}: where to go on is not known, and the detector stops a worker when a value is "
                f"missing or comes twice. {AFRESH}"
            )
        return self.sure


def known_of(process: Mapping[str, Any], detail: str) -> int:
    """A number among the details of a process; 0 when nobody has kept it."""
    found = (process.get("details") or {}).get(detail)
    return found if isinstance(found, int) else 0
