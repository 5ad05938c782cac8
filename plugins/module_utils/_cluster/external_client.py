# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client for a cluster's external control channel (reference F)."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass

from .._formats.external import MessageType, decode, encode
from .._formats.framing import FrameSplitter

ANSWER_LIMIT = 16 << 20
"""Bytes of one answer: the entities of many keys are listed in one."""


class ExternalChannelError(Exception):
    """The external channel did not answer as it should; the sentence says where and how."""


@dataclass(frozen=True)
class ClusterStatus:
    """What a cluster says of itself."""

    initialized: bool
    processing: bool
    """False while the world is stopped for a recovery, and before the cluster is initialized."""
    workers: tuple[str, ...]


class ExternalClient:
    """Asks one worker's external channel; one connection a request, as Wallaroo's own tools do."""

    def __init__(self, host: str, port: int, limit: float = 5.0) -> None:
        self.host = host
        self.port = port
        self.limit = limit

    def tell(self, message: MessageType, body: bytes = b"") -> None:
        """Send a message that has no answer."""
        with self._connect() as connection:
            connection.sendall(encode(message, body))

    def ask(self, message: MessageType, body: bytes = b"") -> tuple[int, bytes]:
        """Send a query and return the type and the body of its answer.

        :raises ExternalChannelError: when nobody answers within the limit.
        """
        where = f"The external channel at {self.host}:{self.port}"
        with self._connect() as connection:
            splitter = FrameSplitter(ANSWER_LIMIT)
            try:
                connection.sendall(encode(message, body))
                while True:
                    chunk = connection.recv(1 << 16)
                    if not chunk:
                        raise ExternalChannelError(f"{where} closed the connection without an answer.")
                    payloads = splitter.feed(chunk)
                    if payloads:
                        return decode(payloads[0])
            except TimeoutError as error:
                raise ExternalChannelError(f"{where} did not answer within {self.limit:g} s.") from error
            except (OSError, ValueError) as error:
                raise ExternalChannelError(f"{where} answered with nonsense or broke off: {error}.") from error

    def cluster_status(self) -> ClusterStatus:
        """Whether the cluster is initialized and processing, and who belongs to it."""
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
        except (ValueError, KeyError, TypeError) as error:
            raise ExternalChannelError(
                f"The external channel at {self.host}:{self.port} sent a status that cannot be read: {error}."
            ) from error

    def _connect(self) -> socket.socket:
        try:
            connection = socket.create_connection((self.host, self.port), self.limit)
        except OSError as error:
            raise ExternalChannelError(
                f"Nobody answers on the external channel {self.host}:{self.port}: {error.strerror or error}."
            ) from error
        connection.settimeout(self.limit)
        return connection
