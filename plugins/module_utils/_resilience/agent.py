# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done on the server from which a worker is moved, by a process that runs there.

Where both servers are one machine, that is the module itself; otherwise the program ``source_agent``, which hands these
acts to the other end of a connection (:mod:`.remote`).
"""

from __future__ import annotations

from typing import Optional

from .._faults.crash import crash
from .._faults.kill import Killed
from .._process import living
from .._process.acting import Superseded, acting
from .._process.standby import Prepared, standing_address
from .._process.stop import StillAlive
from .files import ResilienceSet
from .source import CopyError, LocalSource


class Agent:
    """Acts on one worker of this server."""

    def __init__(self, base: str, files: ResilienceSet, run: str = "") -> None:
        """.

        :param run: whose act it is; empty for one that no run has asked for.
        """
        self.base = base
        self.run = run
        self.files = LocalSource(files)
        self._address: Optional[Prepared] = None
        self.worker = files.worker

    def pid(self) -> Optional[int]:
        """The worker's process, when it is alive."""
        known = living.alive(self.base, self.worker)
        return known.identity.pid if known is not None else None

    def kill(self, limit: float) -> Killed:
        """SIGKILL, and wait for the death.

        :raises CopyError: when it does not die, or when another run has entered the server.
        """
        try:
            # A sign of its own on this server: the look of the next run waits for it, and keeps out what comes later.
            with acting(self.base, run=self.run):
                return crash(self.base, self.worker, limit)
        except (StillAlive, Superseded) as error:
            raise CopyError(f"{self.worker} was not killed: {error}") from error

    def stand_by(self) -> None:
        """Take the way to whoever gives the worker's address away.

        :raises NotDone: when nobody stands by for that.
        """
        self._address = Prepared(standing_address(self.base))

    def give_address(self) -> None:
        """Have it given away.

        :raises NotDone: when that fails.
        """
        (self._address or Prepared(standing_address(self.base))).do()

    def close(self) -> None:
        """Hang up."""
        if self._address is not None:
            self._address.close()
