# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The multi_partition_detector: keeps the last four values of each key (wallaroo.md, D.2, D.3)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from ...._formats.detector import output_key
from ..command_line import FLAG, NUMBER, SOURCES_AND_SINKS, Given, Options, UsageError
from .interface import InvariantViolated, SourceDescription, States

_VALUE = struct.Struct(">Q")
_LENGTH = struct.Struct(">I")
_STATE = struct.Struct(">4Q")


class Detector:
    """A state is a list: the beginning of its output as bytes, then the window, oldest value first."""

    prefix = "multi_partition_detector"
    display_name = "Multi Partition Detector"
    state_name = "state1"
    initial_keys: Sequence[bytes] = ()
    key_separator = b"."
    topology_message = "Couldn't build topology!"
    options: Options = MappingProxyType(
        {**SOURCES_AND_SINKS, "depth": ("", NUMBER), "gen-source": ("", FLAG), "partitions": ("", NUMBER)}
    )
    sources: Sequence[SourceDescription] = (
        SourceDescription("Detector", slice(8, None), 8, "TraceWindow", ("TraceID",)),
    )

    def __init__(self) -> None:
        self._depth = 1

    def configure(self, given: Given) -> list[str]:
        """See :class:`.interface.Application`."""
        for name, value in given:
            if name == "depth" and isinstance(value, int):
                self._depth = max(1, value)
            elif name == "gen-source":
                raise UsageError("Error: the embedded engine generates no input: leave --gen-source out, use a sender.")
        return [f"Adding level {level}" for level in range(1, self._depth + 1)]

    def decodable(self, source: int, payloads: list[bytes]) -> list[bytes]:
        """See :class:`.interface.Application`."""
        minimum = self.sources[source].minimum
        if min(map(len, payloads)) >= minimum:
            return payloads
        return [payload for payload in payloads if len(payload) >= minimum]

    def process(self, source: int, payloads: Sequence[bytes], states: States) -> list[bytes]:
        """See :class:`.interface.Application`."""
        value_of, pack_length, state_of = _VALUE.unpack_from, _LENGTH.pack, states.get
        parts: list[bytes] = []
        add = parts.append
        for payload in payloads:
            (value,) = value_of(payload)
            state = state_of(payload[8:])
            if state is None:
                state = self._state(payload[8:], states)
            head, _oldest, second, third, last = state
            if value != last + 1:
                # Neighbours rise by one, and a window with a single value holds 1: so this is the whole check.
                raise InvariantViolated(
                    f"Increments test failed! {head[1:].decode()}: [{second},{third},{last},{value}]",
                    "TraceWindow: the values of a key must rise by exactly 1",
                )
            state[1], state[2], state[3], state[4] = second, third, last, value
            text = b"%b,[%d,%d,%d,%d])" % (head, second, third, last, value)
            add(pack_length(len(text)))
            add(text)
        return parts

    def _state(self, key: bytes, states: States) -> Any:
        """The state of a key that has none under its own name."""
        base, dot, _rest = key.partition(b".")
        if dot and base in states:
            # The layers name what they hand on; the state belongs to the part before the first dot. The
            # window is shared by copying back, so this rare form takes the slow path at every message.
            return _Alias(self._head(key), states[base])
        state = states[base] = self.initial_state(base)
        return _Alias(self._head(key), state) if dot else state

    def _head(self, key: bytes) -> bytes:
        return b"(" + output_key(key.decode("utf-8", "replace"), self._depth).encode()

    def initial_state(self, key: bytes) -> Any:
        """An empty window."""
        return [self._head(key), 0, 0, 0, 0]

    def encode_state(self, state: Any) -> bytes:
        """The window, four unsigned 64-bit numbers."""
        return _STATE.pack(*state[1:])

    def revive(self, key: bytes, data: bytes) -> Any:
        """A state as :meth:`process` keeps it.

        :raises ValueError: when the bytes are no window.
        """
        if len(data) != _STATE.size:
            raise ValueError(f"the state of {key!r} has {len(data)} bytes instead of {_STATE.size}")
        return [self._head(key), *_STATE.unpack(data)]


class _Alias(list[Any]):
    """The state of a key under a longer name: shows another name, changes the same window."""

    def __init__(self, head: bytes, state: list[Any]) -> None:
        super().__init__([head, *state[1:]])
        self._state = state

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, value)
        self._state[index] = value
