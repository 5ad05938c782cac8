# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may come out, where that is no detector: a format, and the messages of each key in their order.

A *token* is what of a message has to be the same from run to run: all of it, but for the timestamp of a market-spread
result. ``sequences`` compares.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from .._catalogue.applications import MARKET_SPREAD
from .._formats.detector import base_key, decode_output
from .._formats.framing import DEFAULT_LIMIT, FrameSplitter
from .._formats.market_spread import ORDER_SIZE, ORDER_TYPE, QUOTE_SIZE, QUOTE_TYPE, RESULT_SIZE, is_rejected
from .windows import open_stream

DETECTOR, COUNTER, FRAMES = "detector", "counter", "frames"

Parsed = Optional[tuple[str, bytes]]
"""Key and token of a payload; None when it is no message of the format."""

_BLOCK = 1 << 18
_TOKEN = RESULT_SIZE - 8
_RESULT = struct.Struct(">BI6s4sdddd")
_QUOTE = struct.Struct(">dd")
_QUOTE_AT = 26
_COUNTER = re.compile(rb"\(?([^,:=()\s][^,:=()]*?) ?(?:,|:|=|=>) ?([0-9]+)\)?\n?")


class InputUnusable(ValueError):
    """What was sent cannot be read as such; the sentence says where."""


@dataclass(frozen=True)
class Format:
    """How messages are read."""

    name: str
    parse: Callable[[bytes], Parsed]
    tell: Callable[[bytes], str]
    """The text of a token."""


def frames_of(path: Path) -> Iterator[bytes]:
    """The payloads of a file of whole frames, packed or not.

    :raises OSError: when it cannot be read.
    :raises FrameError: when it is not made of frames.
    """
    splitter = FrameSplitter(DEFAULT_LIMIT)
    with open_stream(path) as stream:
        while block := stream.read(_BLOCK):
            yield from splitter.feed(block)
    splitter.finish()


def market_spread_results(inputs: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """What market-spread makes of these files of orders and quotes, sent in this order, one known before the next.

    An order is rejected by the last quote of its symbol, and while none came by none (wallaroo.md, D.5). What is
    rejected comes out, with the quote.

    :raises InputUnusable: when a record is neither an order nor a quote.
    """
    none = bytes(_QUOTE.size)
    quotes: dict[bytes, tuple[bool, bytes]] = {}
    for path in inputs:
        for number, payload in enumerate(frames_of(path)):
            if payload[:1] == bytes((QUOTE_TYPE,)) and len(payload) == QUOTE_SIZE:
                bid, offer = _QUOTE.unpack_from(payload, _QUOTE_AT)
                quotes[payload[1:5]] = (is_rejected(bid, offer), payload[_QUOTE_AT:])
            elif payload[:1] == bytes((ORDER_TYPE,)) and len(payload) == ORDER_SIZE:
                rejected, quote = quotes.get(payload[12:16], (True, none))
                if rejected:
                    yield payload[12:16].decode("utf-8", "replace"), payload[1:32] + quote
            else:
                raise InputUnusable(f"record {number} of {path} is neither an order nor a quote of market-spread")


def counters(keys: Iterable[str], first: int, last: int) -> Iterator[tuple[str, bytes]]:
    """Each key's values from the first to the last."""
    return ((key, b"%d" % value) for value in range(first, last + 1) for key in keys)


def same_as(path: Path, form: Format) -> Iterator[tuple[str, bytes]]:
    """What another received file holds.

    :raises InputUnusable: when it holds something that is no message of the format.
    """
    for number, payload in enumerate(frames_of(path)):
        parsed = form.parse(payload)
        if parsed is None:
            raise InputUnusable(f"frame {number} of {path} is no message of the format {form.name}")
        yield parsed


def _parse_detector(payload: bytes) -> Parsed:
    try:
        key, _window = decode_output(payload)
    except ValueError:
        return None
    return base_key(key), payload


def _parse_result(payload: bytes) -> Parsed:
    if len(payload) != RESULT_SIZE or payload[0] not in (1, 2):
        return None
    return payload[11:15].decode("utf-8", "replace"), payload[:_TOKEN]


def _parse_counter(payload: bytes) -> Parsed:
    found = _COUNTER.fullmatch(payload)
    return None if found is None else (found[1].decode("utf-8", "replace"), found[2])


def _tell_result(token: bytes) -> str:
    side, account, order, symbol, quantity, price, bid, offer = _RESULT.unpack(token)
    what = {1: "buy", 2: "sell"}.get(side, f"side {side}")
    return (
        f"{what} {quantity:g} {symbol.decode('utf-8', 'replace').strip()} at {price:g} (order "
        f"{order.decode('utf-8', 'replace')} of account {account}), rejected by {bid:g}/{offer:g}"
    )


def _tell_bytes(token: bytes) -> str:
    text = token[:120].decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)


FORMATS = {
    one.name: one
    for one in (
        Format(DETECTOR, _parse_detector, _tell_bytes),
        Format(MARKET_SPREAD, _parse_result, _tell_result),
        Format(COUNTER, _parse_counter, _tell_bytes),
        # Everything is a message, and all of them are in one order.
        Format(FRAMES, lambda payload: ("all", payload), _tell_bytes),
    )
}
