# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of market-spread, in real market data and in what a real engine was recorded to say."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import iterate_file
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.market_spread import (
    MarketMessageError,
    Order,
    Quote,
    encode_order,
    encode_quote,
    encode_result,
    is_rejected,
)

from tests.decoders import decode_order, decode_quote, decode_result

ORDER = Order(1, 7, "000042", " BTU", 100.0, 20.5, "20151204-14:30:00.000")
QUOTE = Quote(" BTU", "20151204-14:30:00.000", 20.0, 20.01)


def test_the_bytes_are_those_of_wallaroo() -> None:
    assert encode_order(ORDER).startswith(b"\x01\x01\x00\x00\x00\x07000042 BTU")
    assert encode_quote(QUOTE).startswith(b"\x02 BTU20151204-14:30:00.000")
    assert (len(encode_order(ORDER)), len(encode_quote(QUOTE))) == (53, 42)
    assert decode_order(encode_order(ORDER)) == ORDER
    assert decode_quote(encode_quote(QUOTE)) == QUOTE


def test_real_market_data_comes_back_byte_for_byte(shared_data: Path) -> None:
    orders = [payload for _offset, payload in iterate_file(shared_data / "market_spread" / "orders-1000.msg")]
    quotes = [payload for _offset, payload in iterate_file(shared_data / "market_spread" / "nbbo-1000.msg")]
    assert len(orders) == len(quotes) == 1000
    assert [encode_order(decode_order(payload)) for payload in orders] == orders
    assert [encode_quote(decode_quote(payload)) for payload in quotes] == quotes


def test_results_of_a_real_engine_are_understood(shared_data: Path) -> None:
    recorded = shared_data / "wallaroo-0.5.4" / "market_spread"
    payloads = [
        payload for worker in ("initializer", "worker2") for _, payload in iterate_file(recorded / f"sink-{worker}.bin")
    ]
    results = [decode_result(payload) for payload in payloads]
    assert [encode_result(result) for result in results] == payloads
    assert len(results) == 119
    assert all(is_rejected(result.bid, result.offer) for result in results if result.bid)


@pytest.mark.parametrize(
    ("bid", "offer", "rejected"),
    [
        (10.0, 10.01, False),
        (10.0, 10.25, True),
        (0.5, 0.525, False),
        (0.5, 0.5390, True),
        (10.0, 9.0, False),
        (0.0, 0.0, False),
        (-0.01, 0.01, True),
        (0.01, -0.01, False),
        (math.nan, 1.0, False),
    ],
)
def test_an_order_is_rejected_when_the_spread_is_wide(bid: float, offer: float, rejected: bool) -> None:
    assert is_rejected(bid, offer) is rejected


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: b"\x09" + data[1:], lambda _data: b""])
def test_other_bytes_are_no_messages(change: object) -> None:
    for encoded, decode in ((encode_order(ORDER), decode_order), (encode_quote(QUOTE), decode_quote)):
        with pytest.raises(MarketMessageError):
            decode(change(encoded))  # type: ignore[operator]
    with pytest.raises(MarketMessageError, match="this is no result"):
        decode_result(b"\x01")


@pytest.mark.parametrize("symbol", ["BTU", "LONGER", ""])
def test_a_text_that_does_not_fit_is_refused(symbol: str) -> None:
    with pytest.raises(MarketMessageError, match="does not have 4 bytes"):
        encode_order(ORDER._replace(symbol=symbol))
