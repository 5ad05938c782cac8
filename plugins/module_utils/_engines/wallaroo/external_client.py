# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client for a cluster's external control channel (wallaroo.md, F)."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..._formats.external import MessageType, decode, encode
from ..._formats.framing import FrameSplitter
from ..contract import ClusterStatus, NoAnswer

ANSWER_LIMIT = 16 << 20
"""Bytes of one answer: the entities of many keys are listed in one."""


class ExternalChannelError(NoAnswer):
    """The external channel did not answer as it should."""


class ExternalClient:
    """Asks one worker's external channel; one connection a request, as Wallaroo's own tools do. See
    :class:`..contract.Channel`.
    """

    def __init__(self, host: str, port: int, limit: float = 5.0) -> None:
        """.

        :param limit: seconds for one request, from the connection to the last byte of the answer.
        """
        self.host = host
        self.port = port
        self.limit = limit

    def say(self, text: str) -> None:
        """See :class:`..contract.Channel`."""
        self.tell(MessageType.PRINT, text.encode())

    def tell(self, message: MessageType, body: bytes = b"") -> None:
        """Send a message that has no answer.

        :raises ExternalChannelError: when nobody is there, or it is not taken within the limit.
        """
        with self._connect() as connection:
            try:
                connection.sendall(encode(message, body))
            except OSError as error:
                raise ExternalChannelError(f"{self._where} did not take the message: {error}.") from error

    def ask(self, message: MessageType, body: bytes = b"") -> tuple[int, bytes]:
        """Send a query and return the type and the body of its answer.

        :raises ExternalChannelError: when there is no whole answer within the limit.
        """
        end = time.monotonic() + self.limit
        with self._connect() as connection:
            splitter = FrameSplitter(ANSWER_LIMIT)
            try:
                connection.sendall(encode(message, body))
                while True:
                    # An answer that trickles in would never end otherwise.
                    connection.settimeout(max(end - time.monotonic(), 0.001))
                    chunk = connection.recv(1 << 16)
                    if not chunk:
                        raise ExternalChannelError(f"{self._where} closed the connection without an answer.")
                    payloads = [payload for payload in splitter.feed(chunk) if payload]
                    if payloads:
                        return decode(payloads[0])
                    if time.monotonic() > end:
                        raise socket.timeout
            except socket.timeout as error:
                raise ExternalChannelError(f"{self._where} did not answer within {self.limit:g} s.") from error
            except (OSError, ValueError) as error:
                raise ExternalChannelError(f"{self._where} answered with nonsense or broke off: {error}.") from error

    def cluster_status(self) -> ClusterStatus:
        """See :class:`..contract.Channel`."""
        kind, body = self.ask(MessageType.CLUSTER_STATUS_QUERY)
        if kind != MessageType.CLUSTER_STATUS_RESPONSE:
            return ClusterStatus(initialized=False, processing=False, workers=())
        try:
            answer = json.loads(body)
            return ClusterStatus(
                initialized=True,
                processing=bool(answer["processing_messages"]),
                workers=tuple(answer["worker_names"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ExternalChannelError(f"{self._where} sent a status that cannot be read: {error}.") from error

    def query(self, name: str) -> Any:
        """Ask one of :data:`QUERIES`; what is returned has the shape that is written there.

        :raises ExternalChannelError: when there is no answer, or one of another type or shape.
        :raises KeyError: when there is no such query.
        """
        query = QUERIES[name]
        kind, body = self.ask(query.question)
        if kind != query.answer:
            raise ExternalChannelError(
                f"{self._where} answered the query for {name} with a message of type {kind}, not {query.answer:d}."
            )
        try:
            return query.read(json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ExternalChannelError(
                f"{self._where} answered the query for {name} with something that cannot be read: "
                f"{type(error).__name__}: {str(error)[:200]}."
            ) from error

    @property
    def _where(self) -> str:
        return f"The external channel at {self.host}:{self.port}"

    def _connect(self) -> socket.socket:
        try:
            connection = socket.create_connection((self.host, self.port), self.limit)
        except OSError as error:
            raise ExternalChannelError(
                f"Nobody answers on the external channel {self.host}:{self.port}: {error.strerror or error}."
            ) from error
        connection.settimeout(self.limit)
        return connection


def _names(data: Any) -> list[str]:
    if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
        raise ValueError(f"{str(data)[:80]} is no list of names")
    return data


def _number(data: Any) -> int:
    if not isinstance(data, int) or isinstance(data, bool) or data < 0:
        raise ValueError(f"{str(data)[:80]} is no number")
    return data


def _table(read: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    def read_table(data: Any) -> dict[str, Any]:
        return {str(key): read(value) for key, value in data.items()}

    return read_table


def _partitions(read: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    by_worker = _table(_table(read))

    def read_partitions(data: Any) -> dict[str, Any]:
        return {"state": by_worker(data["state_partitions"]), "stateless": by_worker(data["stateless_partitions"])}

    return read_partitions


class Query(NamedTuple):
    """A question of the external channel that is answered with JSON."""

    question: MessageType
    answer: MessageType
    read: Callable[[Any], Any]
    """Makes what is returned of the JSON; raises ValueError, KeyError, TypeError or AttributeError."""


QUERIES: Mapping[str, Query] = {
    "partitions": Query(
        MessageType.PARTITION_QUERY, MessageType.PARTITION_QUERY_RESPONSE, _partitions(_names)
    ),  # {"state": {collection: {worker: [step id]}}, "stateless": {id: {worker: [step id]}}}
    "partition_counts": Query(
        MessageType.PARTITION_COUNT_QUERY, MessageType.PARTITION_COUNT_QUERY_RESPONSE, _partitions(_number)
    ),  # the same with numbers instead of lists
    "source_ids": Query(
        MessageType.SOURCE_IDS_QUERY, MessageType.SOURCE_IDS_QUERY_RESPONSE, lambda data: _names(data["source_ids"])
    ),  # [id]
    "state_entities": Query(
        MessageType.STATE_ENTITY_QUERY, MessageType.STATE_ENTITY_QUERY_RESPONSE, _table(_names)
    ),  # {collection: [key]}
    "state_entity_counts": Query(
        MessageType.STATE_ENTITY_COUNT_QUERY, MessageType.STATE_ENTITY_COUNT_QUERY_RESPONSE, _table(_number)
    ),  # {collection: number}
    "stateless_partitions": Query(
        MessageType.STATELESS_PARTITION_QUERY, MessageType.STATELESS_PARTITION_QUERY_RESPONSE, _table(_table(_names))
    ),  # {id: {worker: [step id]}}
    "stateless_partition_counts": Query(
        MessageType.STATELESS_PARTITION_COUNT_QUERY,
        MessageType.STATELESS_PARTITION_COUNT_QUERY_RESPONSE,
        _table(_table(_number)),
    ),  # {id: {worker: number}}
}
"""All of :data:`..contract.QUESTIONS`, with the shapes of their results."""
