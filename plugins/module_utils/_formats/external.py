# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of the external control channel (wallaroo.md, F)."""

from __future__ import annotations

import struct
from enum import IntEnum

from .framing import HEADER

_TYPE = struct.Struct(">H")


class MessageType(IntEnum):
    """Types of messages; queries are answered by the type after them, the status query by one of two."""

    PRINT = 1
    ROTATE_LOG = 2
    CLEAN_SHUTDOWN = 3
    SHRINK_REQUEST = 4
    SHRINK_QUERY_RESPONSE = 5
    SHRINK_RESPONSE = 6
    PARTITION_QUERY = 7
    PARTITION_QUERY_RESPONSE = 8
    CLUSTER_STATUS_QUERY = 9
    CLUSTER_STATUS_RESPONSE = 10
    CLUSTER_STATUS_NOT_INITIALIZED = 11
    PARTITION_COUNT_QUERY = 12
    PARTITION_COUNT_QUERY_RESPONSE = 13
    SOURCE_IDS_QUERY = 14
    SOURCE_IDS_QUERY_RESPONSE = 15
    REPORT_STATUS = 16
    STATE_ENTITY_QUERY = 17
    STATE_ENTITY_QUERY_RESPONSE = 18
    STATELESS_PARTITION_QUERY = 19
    STATELESS_PARTITION_QUERY_RESPONSE = 20
    STATE_ENTITY_COUNT_QUERY = 21
    STATE_ENTITY_COUNT_QUERY_RESPONSE = 22
    STATELESS_PARTITION_COUNT_QUERY = 23
    STATELESS_PARTITION_COUNT_QUERY_RESPONSE = 24


def encode(kind: MessageType | int, body: bytes = b"") -> bytes:
    """A whole frame: u32 length, u16 type, body (text or JSON, may be empty)."""
    return HEADER.pack(_TYPE.size + len(body)) + _TYPE.pack(kind) + body


def decode(payload: bytes) -> tuple[int, bytes]:
    """Type and body of a payload. Types that we do not know are returned as they are.

    :raises ValueError: when it is too short to hold a type.
    """
    if len(payload) < _TYPE.size:
        raise ValueError(f"a message of {len(payload)} bytes holds no type")
    (kind,) = _TYPE.unpack_from(payload)
    return int(kind), payload[_TYPE.size :]
