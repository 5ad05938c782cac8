# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker answers on its external channel (reference F)."""

from __future__ import annotations

from .._formats.external import MessageType
from .external_channel import Answer, answer
from .output import say
from .shutdown import Shutdown
from .worker import Worker


class Requests:
    """Fills the table of requests; further ones are added to it."""

    def __init__(self, worker: Worker, shutdown: Shutdown) -> None:
        self._worker = worker
        self._shutdown = shutdown
        worker.requests.update(
            {
                MessageType.PRINT: self._print,
                MessageType.CLEAN_SHUTDOWN: self._clean_shutdown,
                MessageType.CLUSTER_STATUS_QUERY: self._cluster_status,
            }
        )

    def _print(self, body: bytes) -> Answer:
        say(f"$$$ ExternalPrint: {body.decode('utf-8', 'replace')} $$$")
        return None

    def _clean_shutdown(self, body: bytes) -> Answer:
        say("External Clean Shutdown received.")
        self._shutdown.begin()
        return None

    def _cluster_status(self, body: bytes) -> Answer:
        worker = self._worker
        if not worker.initialized:
            return MessageType.CLUSTER_STATUS_NOT_INITIALIZED, b""
        status = {
            "worker_count": len(worker.workers),
            "worker_names": worker.workers,
            "processing_messages": worker.flow.processing,
        }
        return answer(MessageType.CLUSTER_STATUS_RESPONSE, status)
