# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only tests read: messages and files that the collection writes, or that engines exchange."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import (
    checkpoint_ids,
    market_spread,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.checkpoint_ids import CheckpointId
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.market_spread import (
    BUY,
    ORDER_SIZE,
    ORDER_TYPE,
    QUOTE_SIZE,
    QUOTE_TYPE,
    RESULT_SIZE,
    SELL,
    MarketMessageError,
    Order,
    Quote,
    Result,
    _read,
)


def all_checkpoint_ids(path: str | os.PathLike[str]) -> list[CheckpointId]:
    """All records, oldest first.

    :raises TornRecord: when the file ends inside one.
    """
    data = Path(path).read_bytes()
    checkpoint_ids._refuse_torn(path, len(data))
    return [CheckpointId(*record) for record in checkpoint_ids._RECORD.iter_unpack(data)]


def decode_order(payload: bytes) -> Order:
    """The reverse of ``market_spread.encode_order``.

    :raises MarketMessageError: when it is no order.
    """
    if len(payload) != ORDER_SIZE or payload[0] != ORDER_TYPE or payload[1] not in (BUY, SELL):
        raise MarketMessageError(f"this is no order: {payload[:16].hex()} ({len(payload)} bytes)")
    _type, side, account, order_id, symbol, quantity, price, moment = market_spread._ORDER.unpack(payload)
    return Order(
        side,
        account,
        _read(order_id),
        _read(symbol),
        quantity,
        price,
        _read(moment),
    )


def decode_quote(payload: bytes) -> Quote:
    """The reverse of ``market_spread.encode_quote``.

    :raises MarketMessageError: when it is no quote.
    """
    if len(payload) != QUOTE_SIZE or payload[0] != QUOTE_TYPE:
        raise MarketMessageError(f"this is no NBBO quote: {payload[:16].hex()} ({len(payload)} bytes)")
    _type, symbol, moment, bid, offer = market_spread._QUOTE.unpack(payload)
    return Quote(_read(symbol), _read(moment), bid, offer)


def decode_result(payload: bytes) -> Result:
    """The reverse of ``market_spread.encode_result``.

    :raises MarketMessageError: when it is no result.
    """
    if len(payload) != RESULT_SIZE or payload[0] not in (BUY, SELL):
        raise MarketMessageError(f"this is no result: {payload[:16].hex()} ({len(payload)} bytes)")
    side, account, order_id, symbol, quantity, price, bid, offer, timestamp = market_spread._RESULT.unpack(payload)
    return Result(
        side,
        account,
        _read(order_id),
        _read(symbol),
        quantity,
        price,
        bid,
        offer,
        timestamp,
    )
