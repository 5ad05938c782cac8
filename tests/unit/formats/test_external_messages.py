# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of the external control channel."""

from __future__ import annotations

import json

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.external import MessageType, decode, encode
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import FrameSplitter
from hypothesis import given, settings
from hypothesis import strategies as st

FEW = settings(max_examples=50, deadline=None, database=None)


@pytest.mark.parametrize(
    ("kind", "data"), [(MessageType.CLUSTER_STATUS_QUERY, "000000020009"), (MessageType.CLEAN_SHUTDOWN, "000000020003")]
)
def test_a_message_without_a_body(kind, data):
    assert encode(kind) == bytes.fromhex(data)


def test_a_message_with_a_body_comes_back():
    (payload,) = FrameSplitter().feed(encode(MessageType.PRINT, b"hello"))
    assert decode(payload) == (MessageType.PRINT, b"hello")


def test_types_that_newer_versions_know_are_passed_on():
    assert decode(b"\0\x1a") == (26, b"")


def test_types_are_numbered_without_a_gap():
    assert sorted(MessageType) == list(range(1, 25))


@pytest.mark.parametrize("payload", [b"", b"\0"])
def test_a_message_without_a_type_is_refused(payload):
    with pytest.raises(ValueError, match="holds no type"):
        decode(payload)


@FEW
@given(st.integers(0, 2**16 - 1), st.binary(max_size=30))
def test_any_message_comes_back(kind, body):
    (payload,) = FrameSplitter().feed(encode(kind, body))
    assert decode(payload) == (kind, body)


@FEW
@given(st.binary(max_size=30))
def test_arbitrary_bytes_give_a_message_or_a_value_error(payload):
    try:
        kind, body = decode(payload)
    except ValueError:
        assert len(payload) < 2
    else:
        assert encode(kind, body)[4:] == payload


def test_recorded_answers_of_the_real_engine_are_whole_bodies(fixtures):
    text = (fixtures / "wallaroo-0.5.4/multi_partition_detector/external-queries.txt").read_text()
    answers = dict(part.split("\n", 1) for part in text.split("--- ")[1:])
    assert set(answers) == {"cluster-status-query", "partition-query", "source-ids-query", "state-entity-query"}
    for body in answers.values():
        (payload,) = FrameSplitter().feed(encode(MessageType.CLUSTER_STATUS_RESPONSE, body.strip().encode()))
        assert json.loads(decode(payload)[1]) == json.loads(body)
    assert json.loads(answers["cluster-status-query"])["processing_messages"] is True
