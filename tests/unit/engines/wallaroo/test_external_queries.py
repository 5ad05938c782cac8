# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to an external channel: answers of a real engine, and whatever else may come."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.contract import QUESTIONS
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.external_client import (
    QUERIES,
    ExternalChannelError,
    ExternalClient,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.external import MessageType, encode

Serve = Callable[[socket.socket], None]
Ask = Callable[[Serve], ExternalClient]


@pytest.fixture
def channel() -> Iterator[Ask]:
    """A port that does with one connection what it is told, and a client for it that gives up after 0.3 s."""
    opened: list[socket.socket] = []

    def make(serve: Serve) -> ExternalClient:
        listener = socket.create_server(("127.0.0.1", 0))
        opened.append(listener)

        def run() -> None:
            try:
                connection, _address = listener.accept()
                opened.append(connection)
                serve(connection)
            except OSError:
                pass

        threading.Thread(target=run, daemon=True).start()
        return ExternalClient("127.0.0.1", listener.getsockname()[1], 0.3)

    yield make
    for one in opened:
        one.close()


def answering(data: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(data)

    return serve


@pytest.mark.parametrize(
    ("name", "recorded", "path"),
    [
        ("partitions", "partition-query", ["state", "state1", "initializer"]),
        ("source_ids", "source-ids-query", []),
        ("state_entities", "state-entity-query", ["state1"]),
    ],
)
def test_answers_of_a_real_engine_are_understood(
    channel: Ask, fixtures: Path, name: str, recorded: str, path: list[str]
) -> None:
    text = (fixtures / "wallaroo-0.5.4/multi_partition_detector/external-queries.txt").read_text()
    body = dict(part.split("\n", 1) for part in text.split("--- ")[1:])[recorded]
    found = channel(answering(encode(QUERIES[name].answer, body.encode()))).query(name)
    for key in path:
        found = found[key]
    assert len(found) == (5 if name == "state_entities" else 10)
    assert all(isinstance(entry, str) for entry in found)


@pytest.mark.parametrize(
    ("name", "data", "result"),
    [
        (
            "partition_counts",
            {"state_partitions": {"s": {"w": 10}}, "stateless_partitions": {"1": {"w": 2}}},
            {"state": {"s": {"w": 10}}, "stateless": {"1": {"w": 2}}},
        ),
        ("state_entity_counts", {"s": 3}, {"s": 3}),
        ("stateless_partitions", {"1": {"w": ["2"]}}, {"1": {"w": ["2"]}}),
        ("stateless_partition_counts", {"1": {"w": 1}}, {"1": {"w": 1}}),
    ],
)
def test_the_other_answers_are_checked_and_returned(channel: Ask, name: str, data: object, result: object) -> None:
    # A frame without anything in it means nothing.
    client = channel(answering(bytes(4) + encode(QUERIES[name].answer, json.dumps(data).encode())))
    assert client.query(name) == result


def test_every_question_is_answered_by_the_type_after_it() -> None:
    assert tuple(QUERIES) == QUESTIONS
    assert all(query.answer == query.question + 1 for query in QUERIES.values())


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("source_ids", b"no JSON"),
        ("source_ids", b"\xff\xfe"),
        ("source_ids", b"[]"),
        ("source_ids", b'{"source_ids":[1]}'),
        ("state_entities", b'{"s":"key"}'),
        ("state_entity_counts", b'{"s":true}'),
        ("state_entity_counts", b"null"),
        ("partitions", b'{"state_partitions":{}}'),
        ("partitions", b'{"state_partitions":{"s":[]},"stateless_partitions":{}}'),
        ("stateless_partitions", b"[" * 100_000),
    ],
)
def test_an_answer_of_another_shape_is_an_error_for_people(channel: Ask, name: str, body: bytes) -> None:
    client = channel(answering(encode(QUERIES[name].answer, body)))
    with pytest.raises(ExternalChannelError, match=f"query for {name} with something that cannot be read") as caught:
        client.query(name)
    assert len(str(caught.value)) < 500


def test_an_answer_to_another_question_is_an_error(channel: Ask) -> None:
    client = channel(answering(encode(MessageType.CLUSTER_STATUS_RESPONSE, b"{}")))
    with pytest.raises(ExternalChannelError, match="a message of type 10, not 15"):
        client.query("source_ids")


def silent(connection: socket.socket) -> None:
    connection.recv(100)


def trickling(connection: socket.socket) -> None:
    answer = encode(MessageType.SOURCE_IDS_QUERY_RESPONSE, b" " * 10_000)
    for position in range(len(answer)):
        connection.sendall(answer[position : position + 1])
        time.sleep(0.02)


@pytest.mark.parametrize("serve", [silent, trickling])
def test_an_answer_that_never_comes_to_its_end_is_not_waited_for(channel: Ask, serve: Serve) -> None:
    with pytest.raises(ExternalChannelError, match=r"did not answer within 0\.3 s"):
        channel(serve).query("source_ids")
