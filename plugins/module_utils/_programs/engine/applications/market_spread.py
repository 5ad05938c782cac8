# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""market-spread: orders are checked against the last NBBO quote of their symbol (wallaroo.md, D.4, D.5)."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from ...._formats.market_spread import ORDER_SIZE, ORDER_TYPE, QUOTE_SIZE, QUOTE_TYPE, RESULT_SIZE, is_rejected
from ..command_line import SOURCES_AND_SINKS, TEXT, Given, Options, UsageError
from .interface import InvariantViolated, SourceDescription, States
from .symbols import BUILT_IN, read_symbols

ORDERS, NBBO = 0, 1
"""The sources, by their position."""

_QUOTE = struct.Struct(">dd")
_QUOTE_AT = 26
_TIMESTAMP = struct.Struct(">Q")
_HEADER = struct.pack(">I", RESULT_SIZE)
_STATE = struct.Struct(">?16s")

_ORDER_HEADS = frozenset((bytes((ORDER_TYPE, 1)), bytes((ORDER_TYPE, 2))))


class MarketSpread:
    """A state is a list: whether orders are rejected, and the last quote as it stands in a result."""

    prefix = "market-spread"
    display_name = "Market Spread App"
    state_name = "symbol-data"
    key_separator = b""
    topology_message = "Couldn't build topology"
    options: Options = MappingProxyType(
        {**SOURCES_AND_SINKS, "symbols-file": ("s", TEXT), "initial-nbbo-file": ("f", TEXT)}
    )
    sources: Sequence[SourceDescription] = (
        SourceDescription("Orders", slice(12, 16), ORDER_SIZE, "Check Order against NBBO"),
        SourceDescription("Nbbo", slice(1, 5), QUOTE_SIZE, "Update NBBO"),
    )

    def __init__(self) -> None:
        self.initial_keys: Sequence[bytes] = tuple(symbol.encode() for symbol in BUILT_IN)

    def configure(self, given: Given) -> list[str]:
        """See :class:`.interface.Application`."""
        for name, value in given:
            if name == "symbols-file":
                try:
                    symbols = read_symbols(str(value))
                except (OSError, ValueError) as error:
                    why = getattr(error, "strerror", None) or error
                    raise UsageError(f"Error: --symbols-file {value} cannot be used: {why}.") from error
                self.initial_keys = tuple(dict.fromkeys(symbol.encode() for symbol in symbols))
        return []

    def decodable(self, source: int, payloads: list[bytes]) -> list[bytes]:
        """See :class:`.interface.Application`. A message of the other source ends the worker, as in the original."""
        if source == ORDERS:
            if min(map(len, payloads)) >= ORDER_SIZE and _ORDER_HEADS.issuperset({each[:2] for each in payloads}):
                return payloads
        elif min(map(len, payloads)) >= QUOTE_SIZE and {each[0] for each in payloads} == {QUOTE_TYPE}:
            return payloads
        return [payload for payload in payloads if self._is_decodable(source, payload)]

    def _is_decodable(self, source: int, payload: bytes) -> bool:
        wanted, other, size = (
            (ORDER_TYPE, QUOTE_TYPE, ORDER_SIZE) if source == ORDERS else (QUOTE_TYPE, ORDER_TYPE, QUOTE_SIZE)
        )
        if payload[:1] == bytes((other,)):
            raise InvariantViolated(
                "Got FixNbbo" if source == ORDERS else "Got FixOrder",
                f"{self.sources[source].pipeline} source: a message of the other source",
            )
        return payload[:1] == bytes((wanted,)) and len(payload) >= size and (source == NBBO or payload[1] in (1, 2))

    def process(self, source: int, payloads: Sequence[bytes], states: States) -> list[bytes]:
        """See :class:`.interface.Application`."""
        return self._check(payloads, states) if source == ORDERS else self._update(payloads, states)

    def _check(self, payloads: Sequence[bytes], states: States) -> list[bytes]:
        state_of = states.get
        parts: list[bytes] = []
        add = parts.append
        # The worker's own clock, read once a batch.
        timestamp = _TIMESTAMP.pack(time.monotonic_ns())
        for payload in payloads:
            symbol = payload[12:16]
            state = state_of(symbol)
            if state is None:
                state = states[symbol] = self.initial_state(symbol)
            if state[0]:
                # Side to price stand in a result as they stand in the order.
                add(_HEADER + payload[1:32])
                add(state[1] + timestamp)
        return parts

    def _update(self, payloads: Sequence[bytes], states: States) -> list[bytes]:
        quote_of = _QUOTE.unpack_from
        for payload in payloads:
            bid, offer = quote_of(payload, _QUOTE_AT)
            states[payload[1:5]] = [is_rejected(bid, offer), payload[_QUOTE_AT:QUOTE_SIZE]]
        return []

    def initial_state(self, key: bytes) -> Any:
        """No quote yet: orders are rejected, with bid and offer 0."""
        del key
        return [True, bytes(_QUOTE.size)]

    def encode_state(self, state: Any) -> bytes:
        """One byte for the rejection, then bid and offer."""
        return _STATE.pack(*state)

    def revive(self, key: bytes, data: bytes) -> Any:
        """A state as :meth:`process` keeps it.

        :raises ValueError: when the bytes are none.
        """
        if len(data) != _STATE.size:
            raise ValueError(f"the state of {key!r} has {len(data)} bytes instead of {_STATE.size}")
        return list(_STATE.unpack(data))
