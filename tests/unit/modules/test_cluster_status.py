# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``cluster_status``."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.external import MessageType, encode

from tests.listening import Listening
from tests.module_runner import refuse, succeed


class Channel(Listening):
    """An external channel that gives prepared answers; the last one again and again."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.hold = False
        """Whether it answers nothing."""
        super().__init__()
        self.port = self.address[1]

    def serve(self, connection: socket.socket) -> None:
        connection.recv(100)
        if self.hold:
            # Until the other side gives up.
            connection.recv(100)
        else:
            connection.sendall(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


@pytest.fixture
def channel() -> Iterator[Channel]:
    made = Channel()
    yield made
    made.close()


def status(processing: bool, *workers: str) -> bytes:
    body = {"processing_messages": processing, "worker_names": workers, "worker_count": len(workers)}
    return encode(MessageType.CLUSTER_STATUS_RESPONSE, json.dumps(body).encode())


NOT_YET = encode(MessageType.CLUSTER_STATUS_NOT_INITIALIZED)


def wanted(channel: Channel, **options: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": channel.port, "wait_timeout": 20, **options}


def test_the_state_is_told(channel: Channel) -> None:
    channel.answers = [status(True, "initializer", "worker2")]
    for check in (False, True):
        answer = succeed("cluster_status", wanted(channel), check=check)
        assert (answer["changed"], answer["initialized"], answer["processing"]) == (False, True, True)
        assert answer["workers"] == ["initializer", "worker2"]
        assert answer["message"] == "2 workers, processing messages"


def test_processing_with_all_workers_is_waited_for(channel: Channel) -> None:
    channel.answers = [NOT_YET, status(False, "initializer"), status(True, "initializer"), status(True, "a", "b")]
    answer = succeed("cluster_status", wanted(channel, wait_for="processing", workers=2))
    assert (answer["finished"], answer["workers"]) == (True, ["a", "b"])


def test_the_limit_says_what_was_last_seen(channel: Channel) -> None:
    channel.answers = [NOT_YET]
    sentence = refuse("cluster_status", wanted(channel, wait_for="initialized", wait_timeout=0.2))
    assert "to be initialized; last seen: not initialized yet" in sentence
    early = succeed("cluster_status", wanted(channel, wait_for="initialized", return_after=0.2))
    assert early["finished"] is False


@pytest.mark.parametrize(
    ("answer", "why"),
    [(b"", "closed the connection"), (b"\xff" * 8, "nonsense"), (encode(10, b"{}"), "cannot be read")],
)
def test_an_answer_that_cannot_be_understood_is_a_sentence(channel: Channel, answer: bytes, why: str) -> None:
    channel.answers = [answer]
    assert why in refuse("cluster_status", wanted(channel))


def test_queries_are_answered_under_their_names(channel: Channel) -> None:
    ids = encode(MessageType.SOURCE_IDS_QUERY_RESPONSE, b'{"source_ids":["12"]}')
    keys = encode(MessageType.STATE_ENTITY_QUERY_RESPONSE, b'{"state1":["key_3"]}')
    channel.answers = [status(True, "initializer"), ids, keys]
    answer = succeed("cluster_status", wanted(channel, queries=["source_ids", "state_entities"]))
    assert (answer["source_ids"], answer["state_entities"]) == (["12"], {"state1": ["key_3"]})
    assert "partitions" not in answer
    channel.answers = [status(True, "initializer"), ids]
    answer = succeed("cluster_status", wanted(channel, queries="source_ids", wait_for="processing"))
    assert answer["source_ids"] == ["12"]


@pytest.mark.parametrize("wait_for", ["nothing", "processing"])
def test_an_answer_to_a_query_that_is_no_json_is_a_sentence(channel: Channel, wait_for: str) -> None:
    channel.answers = [status(True, "a"), encode(MessageType.SOURCE_IDS_QUERY_RESPONSE, b"no JSON")]
    sentence = refuse("cluster_status", wanted(channel, queries=["source_ids"], wait_for=wait_for))
    assert "query for source_ids with something that cannot be read" in sentence


def test_the_time_for_an_answer_is_limited(channel: Channel) -> None:
    channel.hold = True
    sentence = refuse("cluster_status", wanted(channel, queries=["source_ids"], answer_timeout=0.2))
    assert "did not answer within 0.2 s" in sentence
    assert "more than 0" in refuse("cluster_status", wanted(channel, answer_timeout=0))


def test_nobody_there_is_a_sentence(channel: Channel) -> None:
    channel.close()
    sentence = refuse("cluster_status", wanted(channel))
    assert sentence.startswith(f"Nobody answers on the external channel 127.0.0.1:{channel.port}: Connection refused.")
    assert succeed("cluster_status", wanted(channel), check=True)["processing"] is False
