# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of market-spread: orders and NBBO quotes in, results out (wallaroo.md, D.4, D.5).

All are payloads; the four bytes of length in front belong to :mod:`.framing`.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

ORDER_TYPE, QUOTE_TYPE = 1, 2
BUY, SELL = 1, 2

ORDER_SIZE, QUOTE_SIZE, RESULT_SIZE = 53, 42, 55
"""Bytes of a payload."""

SYMBOL_SIZE = 4
_ORDER = struct.Struct(">BBI6s4sdd21s")
_QUOTE = struct.Struct(">B4s21sdd")
_RESULT = struct.Struct(">BI6s4sddddQ")


class MarketMessageError(ValueError):
    """A payload that is no such message."""


class Order(NamedTuple):
    """Somebody wants to buy or sell."""

    side: int
    """1 buy, 2 sell."""
    account: int
    order_id: str
    """Six characters."""
    symbol: str
    """Four characters, padded with blanks on the left."""
    quantity: float
    price: float
    transact_time: str
    """``YYYYMMDD-HH:MM:SS.mmm``."""


class Quote(NamedTuple):
    """The national best bid and offer of a symbol."""

    symbol: str
    transact_time: str
    bid: float
    offer: float


class Result(NamedTuple):
    """An order that was rejected, with the quote it was checked against; 0 and 0 where none had come."""

    side: int
    account: int
    order_id: str
    symbol: str
    quantity: float
    price: float
    bid: float
    offer: float
    timestamp: int
    """Nanoseconds of the worker's monotonic clock; the only field that differs from run to run."""


def encode_order(order: Order) -> bytes:
    """The payload of an order.

    :raises MarketMessageError: when a text has another length than the message has room for.
    """
    return _ORDER.pack(
        ORDER_TYPE,
        order.side,
        order.account,
        _text(order.order_id, 6),
        _text(order.symbol, SYMBOL_SIZE),
        order.quantity,
        order.price,
        _text(order.transact_time, 21),
    )


def encode_quote(quote: Quote) -> bytes:
    """The payload of an NBBO quote.

    :raises MarketMessageError: when a text has another length than the message has room for.
    """
    return _QUOTE.pack(
        QUOTE_TYPE, _text(quote.symbol, SYMBOL_SIZE), _text(quote.transact_time, 21), quote.bid, quote.offer
    )


def encode_result(result: Result) -> bytes:
    """The payload of a result."""
    return _RESULT.pack(
        result.side,
        result.account,
        _text(result.order_id, 6),
        _text(result.symbol, SYMBOL_SIZE),
        *result[4:],
    )


def is_rejected(bid: float, offer: float) -> bool:
    """Whether orders of a symbol with this quote are rejected: the spread is 0.05 or more, or 5 percent of the middle.

    With a middle of zero the original divides by zero, which in floating point is infinite, or not a number and then
    no reason.
    """
    spread, middle = offer - bid, (bid + offer) / 2
    return spread >= 0.05 or (spread / middle >= 0.05 if middle else spread > 0)


def _text(value: str, size: int) -> bytes:
    data = value.encode()
    if len(data) != size:
        raise MarketMessageError(f"{value!r} does not have {size} bytes")
    return data


def _read(data: bytes) -> str:
    return data.decode("utf-8", "replace")
