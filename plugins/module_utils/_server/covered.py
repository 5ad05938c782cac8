# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until checkpoints cover what was sent, where the source log of the first server knows that."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any, Optional

from .._cluster import checkpoints
from .._cluster import record as cluster_record
from .._cluster.record import ClusterRecord
from .._formats.source_log import STATUS, Status
from .._problem import Problem
from .checkpoint import waited

_ANSWER = 5.0
"""Seconds for an answer of the source log."""


class NoSourceLog(Problem):
    """It does not say what is covered; the sentence says why."""


@dataclass
class Covered:
    """Everything that was sent until a wait begins."""

    base: str
    server: str
    only_check: bool = False

    def wait(
        self, since: Optional[int], limit: Optional[float] = None, return_after: Optional[float] = None
    ) -> dict[str, Any]:
        """Wait; returns how far it has come, in records.

        :param since: how many records have to be covered; None for all that are there now.
        :param limit: seconds; None for as long as a few checkpoints may take.
        :param return_after: seconds after which a caller wants to show how far it is.
        :raises LimitReached: when they are not covered in time.
        :raises NoSourceLog: when that is not known.
        """
        cluster = self._cluster()
        if self.only_check:
            return _told(since or 0, Status(0, 0), True)
        begin = self._ask(cluster)
        wanted, last = begin.records if since is None else since, [begin]

        def covered() -> bool:
            last[0] = self._ask(cluster)
            return last[0].covered >= wanted

        interval = cluster.checkpoint_interval
        finished = waited(
            covered,
            checkpoints.limit(checkpoints.COUNT, interval) if limit is None else limit,
            return_after,
            interval,
            f"a checkpoint that covers {wanted:,} records on {self.server}",
            lambda: f"{last[0].covered:,} are covered",
        )
        return _told(wanted, last[0], finished)

    def _cluster(self) -> ClusterRecord:
        known = cluster_record.read(self.base)
        if known is None:
            raise NoSourceLog(
                f"{self.server} belongs to no cluster, so nothing was sent; start one with start_cluster.yml"
            )
        return known

    def _ask(self, cluster: ClusterRecord) -> Status:
        place = (cluster.first_server.address, cluster.port_numbers.log)
        try:
            with socket.create_connection(place, timeout=_ANSWER) as connection, connection.makefile("rb") as answer:
                connection.sendall(STATUS)
                return Status.decoded(answer.readline(1 << 12))
        except (OSError, ValueError) as error:
            raise NoSourceLog(
                f"The source log on {self.server} ({place[0]}:{place[1]}) does not say what is covered ({error}); "
                "look at its log with collect_logs.yml"
            ) from error


def _told(wanted: int, status: Status, finished: bool) -> dict[str, Any]:
    return {
        "changed": False,
        "since": wanted,
        "checkpoints": 1,
        "checkpoint": status.covered,
        "finished": finished,
        "message": f"{min(status.covered, wanted):,} of {wanted:,} records are covered by a checkpoint",
    }
