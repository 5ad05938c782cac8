# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A generator of market data for market-spread, since the demo's large files are not to be had (wallaroo.md, H.3).

Three files in the layout of the original ones: ``initial-nbbo.msg`` with one quote a symbol, ``orders.msg`` and
``nbbo.msg``. A chosen share of the symbols is *rejecting*: all their quotes have a spread that gets their orders
rejected, so it is known beforehand how many results come out when the initial quotes are sent before the orders.

The same arguments give the same bytes, with every version of Python.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..._formats.framing import frames
from ..._formats.json_record import read_object
from ..._formats.market_spread import Order, Quote, encode_order, encode_quote
from ..._formats.whole_file import make_private_directory, write_whole
from .. import shared
from ..engine.applications.symbols import BUILT_IN

INITIAL, ORDERS, QUOTES, DESCRIPTION = "initial-nbbo.msg", "orders.msg", "nbbo.msg", "market_data.json"

MOST_SYMBOLS = 100_000
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_DAY = "20151204"
_OPENING = 14 * 3600 + 30 * 60


class Generator:
    """Market data of one seed."""

    def __init__(self, seed: int, symbols: int, rejecting: float) -> None:
        # Only random() is used: its sequence is promised to stay the same.
        self._random = random.Random(seed)
        self.symbols = symbol_names(symbols)
        ranked = sorted((self._random.random(), symbol) for symbol in self.symbols)
        self.rejecting = {symbol for _rank, symbol in ranked[: round(rejecting * symbols)]}
        """Symbols all of whose orders are rejected."""
        self._cents = {symbol: self._between(1000, 20000) for symbol in self.symbols}
        self.results = 0
        """Orders on rejecting symbols that were made so far."""

    def initial_quotes(self) -> Iterator[bytes]:
        """A quote for each symbol."""
        for number, symbol in enumerate(self.symbols):
            yield self._quote(symbol, number)

    def quotes(self, count: int) -> Iterator[bytes]:
        """Quotes for symbols drawn at random, whose prices walk."""
        for number in range(count):
            yield self._quote(self._any_symbol(), number)

    def orders(self, count: int) -> Iterator[bytes]:
        """Orders for symbols drawn at random."""
        for number in range(count):
            symbol = self._any_symbol()
            self.results += symbol in self.rejecting
            yield encode_order(
                Order(
                    side=self._between(1, 2),
                    account=self._between(1, 9999),
                    order_id=f"{number % 1_000_000:06}",
                    symbol=symbol,
                    quantity=100.0 * self._between(1, 100),
                    price=self._cents[symbol] / 100,
                    transact_time=_moment(number),
                )
            )

    def _quote(self, symbol: str, number: int) -> bytes:
        self._cents[symbol] = cents = max(1000, self._cents[symbol] + self._between(-20, 20))
        # Well on one side of the border at 0.05: a difference of such numbers is not exact.
        spread = self._between(6, 50) if symbol in self.rejecting else self._between(1, 4)
        return encode_quote(Quote(symbol, _moment(number), cents / 100, (cents + spread) / 100))

    def _any_symbol(self) -> str:
        return self.symbols[self._between(0, len(self.symbols) - 1)]

    def _between(self, lowest: int, highest: int) -> int:
        return lowest + int(self._random.random() * (highest - lowest + 1))


def symbol_names(count: int) -> list[str]:
    """So many symbols of four characters: market-spread's own, then made-up ones."""
    names, taken, number = list(BUILT_IN[:count]), set(BUILT_IN), 0
    base = len(_LETTERS)
    while len(names) < count:
        name = "".join(_LETTERS[number // base**power % base] for power in (3, 2, 1, 0))
        number += 1
        if name not in taken:
            names.append(name)
    return names


def write_files(directory: Path, arguments: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Make the files unless they are there; returns their description, and whether they were made.

    :param arguments: ``seed``, ``symbols``, ``orders``, ``quotes``, ``rejecting``.
    :raises OSError: when they cannot be written.
    """
    description = directory / DESCRIPTION
    known = _known(description)
    if known.get("arguments") == arguments and all(
        (directory / name).is_file() and _digest((directory / name).read_bytes()) == digest
        for name, digest in known.get("sha256", {}).items()
    ):
        return known, False
    make_private_directory(directory)
    generator = Generator(arguments["seed"], arguments["symbols"], arguments["rejecting"])
    contents = {
        INITIAL: frames(generator.initial_quotes()),
        ORDERS: frames(generator.orders(arguments["orders"])),
        QUOTES: frames(generator.quotes(arguments["quotes"])),
    }
    description.unlink(missing_ok=True)
    for name, content in contents.items():
        write_whole(directory / name, content)
    found = {
        "arguments": arguments,
        "rejecting_symbols": sorted(generator.rejecting),
        "results": generator.results,
        "sha256": {name: _digest(content) for name, content in contents.items()},
    }
    # Last: with it the set is whole.
    write_whole(description, json.dumps(found, indent=1).encode())
    return found, True


def _known(description: Path) -> dict[str, Any]:
    try:
        found = read_object(description, "") or {}
    except ValueError:
        return {}
    return found if isinstance(found.get("sha256"), dict) else {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _moment(number: int) -> str:
    """The time of the message with this number: one a millisecond from the opening on, round the clock."""
    seconds, milliseconds = divmod(number, 1000)
    minutes, second = divmod((_OPENING + seconds) % 86400, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_DAY}-{hour:02}:{minute:02}:{second:02}.{milliseconds:03}"


def _parser() -> shared.Parser:
    parser = shared.Parser(prog="market_data", description="Makes files of orders and NBBO quotes for market-spread.")
    parser.add_argument("--directory", required=True, help="where the files are written")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same files (1)")
    parser.add_argument("--symbols", type=shared.positive, default=350, help="how many symbols (350)")
    parser.add_argument("--orders", type=shared.positive, default=1000, help="how many orders (1000)")
    parser.add_argument("--quotes", type=shared.positive, default=1000, help="how many later NBBO quotes (1000)")
    parser.add_argument("--rejecting", type=float, default=0.05, help="share of rejecting symbols (0.05)")
    parser.add_argument(
        "--result", type=shared.result_path, default="", metavar="FILE", help="JSON file for the result"
    )
    return parser


def _what_is_wrong(arguments: argparse.Namespace) -> str:
    if not 0 <= arguments.rejecting <= 1:
        return f"--rejecting {arguments.rejecting:g} is no share between 0 and 1"
    if arguments.symbols > MOST_SYMBOLS:
        return f"--symbols {arguments.symbols} is too many: at most {MOST_SYMBOLS}"
    return ""


def main(argv: list[str]) -> int:
    """Run the program; returns its exit code: 0 done, 1 failed, 2 wrong arguments."""
    arguments = _parser().parse_args(argv)
    wrong = _what_is_wrong(arguments)
    if wrong:
        shared.complain(f"market_data: {wrong} (see --help)")
        return shared.USAGE
    result = shared.ResultFile(arguments.result)
    wanted = {name: getattr(arguments, name) for name in ("seed", "symbols", "orders", "quotes", "rejecting")}
    try:
        found, made = write_files(Path(arguments.directory), wanted)
    except OSError as error:
        message = f"{error.filename or arguments.directory} cannot be written ({error.strerror}); mend that"
        shared.complain(f"market_data: {message}")
        return result.write(shared.FAILED, message)
    message = (
        f"{arguments.orders:,} orders and {arguments.symbols + arguments.quotes:,} quotes "
        f"{'written to' if made else 'are in'} {arguments.directory}; {found['results']:,} of the orders are rejected"
    )
    shared.say(f"market_data: {message}")
    return result.write(shared.DONE, message, results=found["results"], made=made)
