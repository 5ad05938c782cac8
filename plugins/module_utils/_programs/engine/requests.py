# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker answers on its external channel (wallaroo.md, F)."""

from __future__ import annotations

import json

from ..._formats.external import MessageType
from .control_channel import Message
from .external_channel import Answer, answer
from .output import say
from .routing import STEPS, source_id
from .shutdown import Shutdown
from .source import CONNECTIONS
from .worker import Worker


class Requests:
    """Fills the table of requests; further ones are added to it."""

    def __init__(self, worker: Worker, shutdown: Shutdown) -> None:
        self._worker = worker
        self._shutdown = shutdown
        worker.requests.update(
            {
                MessageType.PRINT: self._print,
                MessageType.ROTATE_LOG: self._rotate_log,
                MessageType.CLEAN_SHUTDOWN: self._clean_shutdown,
                MessageType.SHRINK_REQUEST: self._shrink,
                MessageType.PARTITION_QUERY: self._partitions,
                MessageType.CLUSTER_STATUS_QUERY: self._cluster_status,
                MessageType.PARTITION_COUNT_QUERY: self._partition_counts,
                MessageType.SOURCE_IDS_QUERY: self._source_ids,
                MessageType.REPORT_STATUS: self._report_status,
                MessageType.STATE_ENTITY_QUERY: self._state_entities,
                MessageType.STATELESS_PARTITION_QUERY: self._stateless_partitions,
                MessageType.STATE_ENTITY_COUNT_QUERY: self._state_entity_counts,
                MessageType.STATELESS_PARTITION_COUNT_QUERY: self._stateless_partition_counts,
            }
        )
        worker.handlers["rotate_log"] = self._rotation_forwarded

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
            "processing_messages": not worker.stopped_the_world,
        }
        return answer(MessageType.CLUSTER_STATUS_RESPONSE, status)

    # -- logs ----------------------------------------------------------------------------------------------

    def _rotate_log(self, body: bytes) -> Answer:
        name = body.decode("utf-8", "replace")
        if name == self._worker.name:
            self._warn_of_rotation()
        elif name in self._worker.others:
            self._worker.send(name, {"type": "rotate_log"}, keep=False)
        else:
            say(f"WARNING: LogRotation requested, but no worker is called {name[:80]!r}.")
        return None

    def _rotation_forwarded(self, name: str, message: Message, host: str) -> None:
        self._warn_of_rotation()

    @staticmethod
    def _warn_of_rotation() -> None:
        say("WARNING: LogRotation requested, but the event log of the embedded engine cannot be rotated.")

    def _report_status(self, body: bytes) -> Answer:
        if body != b"boundary-count-status":
            say(f"{self._worker.name} external: a report of no known kind was asked for")
            return None
        count = len(self._worker.boundaries)
        say(f"LocalTopologyInitializer knows about {count} boundaries\nRouterRegistry knows about {count} boundaries")
        for identifier in self._own_source_ids():
            say(f"TCPSource {identifier} has {count} boundaries.")
        return None

    # -- what is where -------------------------------------------------------------------------------------

    def _partitions(self, body: bytes) -> Answer:
        steps = [str(identifier) for identifier in self._worker.store.step_ids]
        return answer(MessageType.PARTITION_QUERY_RESPONSE, self._by_kind(steps))

    def _partition_counts(self, body: bytes) -> Answer:
        return answer(MessageType.PARTITION_COUNT_QUERY_RESPONSE, self._by_kind(STEPS))

    def _by_kind(self, own: object) -> dict[str, object]:
        # Like the real engine at 0.5.4, a worker knows of its own steps alone (wallaroo.md, Trap 37).
        worker = self._worker
        states = {worker.application.state_name: {worker.name: own}} if worker.initialized else {}
        return {"state_partitions": states, "stateless_partitions": {}}

    def _stateless_partitions(self, body: bytes) -> Answer:
        # Neither application has any: what stands before the state works where the source is.
        return answer(MessageType.STATELESS_PARTITION_QUERY_RESPONSE, {})

    def _stateless_partition_counts(self, body: bytes) -> Answer:
        return answer(MessageType.STATELESS_PARTITION_COUNT_QUERY_RESPONSE, {})

    def _source_ids(self, body: bytes) -> Answer:
        return answer(MessageType.SOURCE_IDS_QUERY_RESPONSE, {"source_ids": self._own_source_ids()})

    def _own_source_ids(self) -> list[str]:
        """One for each of the connections that a listener takes, made before anybody connects (wallaroo.md, B.1)."""
        worker = self._worker
        if not worker.is_initializer or not worker.initialized:
            return []
        return [
            str(source_id(description.pipeline, worker.name, number))
            for description in worker.application.sources
            for number in range(CONNECTIONS)
        ]

    def _state_entities(self, body: bytes) -> Answer:
        worker = self._worker
        return answer(
            MessageType.STATE_ENTITY_QUERY_RESPONSE, {worker.application.state_name: worker.store.registered_keys()}
        )

    def _state_entity_counts(self, body: bytes) -> Answer:
        worker = self._worker
        count = len(worker.store.registered_keys())
        return answer(MessageType.STATE_ENTITY_COUNT_QUERY_RESPONSE, {worker.application.state_name: count})

    # -- what is not supported -----------------------------------------------------------------------------

    def _shrink(self, body: bytes) -> Answer:
        """Nobody may leave: the answers are those of a real worker that finds no candidates."""
        try:
            request = json.loads(body)
            is_query, names, count = bool(request["query"]), list(request["node_names"]), int(request["node_count"])
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
            say(f"{self._worker.name} external: a shrink request that cannot be read was ignored")
            return None
        if is_query:
            return answer(MessageType.SHRINK_QUERY_RESPONSE, {"node_names": [], "node_count": 0})
        say("Workers cannot leave a cluster of the embedded engine.")
        # Without names or a count there would be nothing to do anywhere.
        invalid = names or count < 0
        return MessageType.SHRINK_RESPONSE, b"Invalid shrink targets!" if invalid else b"Cannot shrink 0 workers!"
