# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The multi_partition_detector: keeps the last four values of each key (reference D.2, D.3)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from ..._formats.detector import output_key
from .interface import InvariantViolated, SourceDescription

_STATE = struct.Struct(">4Q")


class Detector:
    """A state is a list: the beginning of its output as bytes, then the window, oldest value first."""

    prefix = "multi_partition_detector"
    display_name = "Multi Partition Detector"
    state_name = "state1"
    topology_message = "Couldn't build topology!"
    sources = (SourceDescription("Detector", slice(8, None), 8),)

    def __init__(self, depth: int = 1) -> None:
        self._depth = depth

    def process(self, source: int, payloads: Sequence[bytes], states: dict[bytes, Any]) -> list[bytes]:
        """See :class:`.interface.Application`."""
        value_of, pack_length = struct.Struct(">Q").unpack_from, struct.Struct(">I").pack
        frames: list[bytes] = []
        add = frames.append
        for payload in payloads:
            (value,) = value_of(payload)
            key = payload[8:]
            state = states.get(key)
            if state is None:
                # Layers name the key they hand on; the state belongs to the part before the first dot.
                state = states[key] = [
                    b"(" + output_key(key.decode("utf-8", "replace"), self._depth).encode(),
                    0,
                    0,
                    0,
                    0,
                ]
            head, _oldest, second, third, last = state
            if value != last + 1:
                self._check(key, second, third, last, value)
            state[1], state[2], state[3], state[4] = second, third, last, value
            text = b"%b,[%d,%d,%d,%d])" % (head, second, third, last, value)
            add(pack_length(len(text)))
            add(text)
        return frames

    def encode_state(self, state: Any) -> bytes:
        """The window, four unsigned 64-bit numbers."""
        return _STATE.pack(*state[1:])

    def revive(self, key: bytes, data: bytes) -> Any:
        """A state as :meth:`process` keeps it.

        :raises ValueError: when the bytes are no window.
        """
        if len(data) != _STATE.size:
            raise ValueError(f"the state of {key!r} has {len(data)} bytes instead of {_STATE.size}")
        return [b"(" + output_key(key.decode("utf-8", "replace"), self._depth).encode(), *_STATE.unpack(data)]

    @staticmethod
    def _check(key: bytes, second: int, third: int, last: int, value: int) -> None:
        """The detector's own test: neighbours rise by one or are both 0; a lone value must be 1."""
        window = (second, third, last, value)
        for older, newer in zip(window, window[1:]):
            if newer != older + 1 and not (older == 0 and newer == 0):
                name = key.decode("utf-8", "replace")
                raise InvariantViolated(f"Increments test failed! {name}: [{','.join(map(str, window))}]")
