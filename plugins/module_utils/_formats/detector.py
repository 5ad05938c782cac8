# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of the multi_partition_detector, "the detector" (wallaroo.md, D.2, D.3)."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

WINDOW = 4
"""How many of the last values of a key a window shows."""

_VALUE = struct.Struct(">Q")
# A value is a u64, which has 20 digits at most.
_OUTPUT = re.compile(rb"\(([^,]+),\[([0-9]{1,20}),([0-9]{1,20}),([0-9]{1,20}),([0-9]{1,20})\]\)")


def key_name(number: int) -> str:
    """The name of a validation key, counted from 0."""
    return f"key_{number}"


def encode_input(value: int, key: str) -> bytes:
    """Payload of an input message: u64 big-endian value, then the key."""
    return _VALUE.pack(value) + key.encode()


def decode_input(payload: bytes) -> tuple[int, str]:
    """Value and key of an input message.

    :raises ValueError: when it is too short to hold a value, or its key is no UTF-8.
    """
    if len(payload) < _VALUE.size:
        raise ValueError(f"an input message of {len(payload)} bytes holds no value")
    return _VALUE.unpack_from(payload)[0], payload[_VALUE.size :].decode()


def output_key(key: str, depth: int = 1) -> str:
    """The name that the detector's layers make of a key."""
    return key + "".join(f".TraceID-{layer}.TraceWindow-{layer}" for layer in range(1, depth + 1))


def base_key(key: str) -> str:
    """The key before the layers: everything up to the first dot."""
    return key.split(".", 1)[0]


def encode_output(key: str, window: Sequence[int], depth: int = 1) -> bytes:
    """Payload of an output message for a base key: ``(key_0.TraceID-1.TraceWindow-1,[0,0,0,1])``.

    :param window: oldest value first, 0 where there is none yet.
    :param depth: layers of the detector.
    """
    return f"({output_key(key, depth)},[{','.join(map(str, window))}])".encode()


def decode_output(payload: bytes) -> tuple[str, tuple[int, int, int, int]]:
    """Full key and window (oldest value first) of an output message.

    Zeros before a number are read over; who compares byte for byte encodes the window again.

    :raises ValueError: when it does not have that form, or its key is no UTF-8.
    """
    found = _OUTPUT.fullmatch(payload)
    if found is None:
        raise ValueError(f"no output message of the detector: {payload[:80]!r}")
    key, first, second, third, fourth = found.groups()
    return key.decode(), (int(first), int(second), int(third), int(fourth))


def expected_window(value: int) -> tuple[int, int, int, int]:
    """The window after ``value`` when a key's values rise by one from 1; missing ones are 0."""
    return max(value - 3, 0), max(value - 2, 0), max(value - 1, 0), max(value, 0)
