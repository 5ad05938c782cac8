# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The expected output of a key, made faster than a stream can be read (wallaroo.md, D.1, D.3).

A frame of the detector is ``00 00 00 31 (key_0.TraceID-1.TraceWindow-1,[497,498,499,500])``. Cut behind
each ``])`` and at ``,[`` it falls into a *head* (length header and name of the key) and a *tail* (the
numbers). Heads of a key change only when the text gets longer, tails are the same for all keys: one
stream of tails, made by iterators that run in C, serves all of them.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain, tee
from pathlib import Path
from typing import BinaryIO, Optional, cast

from .._formats.detector import encode_output, expected_window
from .._formats.framing import HEADER

END = b"])"
"""Ends every payload."""

SEPARATOR = b",["
"""Between the name of the key and the numbers of the window."""

LONGER = None
"""Stands in a stream of tails before the first one that makes the frame longer."""

UNREADABLE = (OSError, EOFError, zlib.error)
"""What reading a file of ``open_stream`` may raise; the last two when a packed file is damaged."""

Tails = Iterator[Optional[bytes]]

_FORMAT = b"%d,%d,%d,%d".__mod__
_FULL_FROM = 4
"""From this value on a window holds no zeros of an empty state."""


def tail_of(value: int) -> bytes:
    """The numbers of the window after a value: ``497,498,499,500``."""
    return _FORMAT(expected_window(value))


def segments(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Ranges (both ends included) of values whose frames are equally long.

    A window gets a digit longer at 10, 11, 12 and 13, at 100, 101, 102 and 103, and so on.
    """
    start = first
    for digits in range(1, len(str(max(last, 1))) + 1):
        for step in range(4):
            border = 10**digits + step
            if start < border <= last:
                yield start, border - 1
                start = border
    if start <= last:
        yield start, last


def _segment(first: int, last: int) -> Iterator[bytes]:
    early = map(tail_of, range(first, min(last + 1, _FULL_FROM)))
    start = max(first, _FULL_FROM)
    numbers = (range(start - back, last + 1 - back) for back in (3, 2, 1, 0))
    return chain(early, map(_FORMAT, zip(*numbers)))


def _parts(first: int, last: int) -> Iterator[Iterable[Optional[bytes]]]:
    for number, (start, end) in enumerate(segments(first, last)):
        if number:
            yield (LONGER,)
        yield _segment(start, end)


def tails(first: int, last: int) -> Tails:
    """Expected tails from value ``first`` to ``last``, with ``LONGER`` before each one that is longer.

    The iterator can be copied (``copy.copy``) to look ahead without using it up.
    """
    return shared_tails(first, last, 1)[0]


def shared_tails(first: int, last: int, count: int) -> tuple[Tails, ...]:
    """The same stream for several keys; what is kept is what the slowest has not used yet."""
    return tee(chain.from_iterable(_parts(first, last)), count)


class Envelope:
    """The text around a key's numbers."""

    def __init__(self, key: str, depth: int = 1) -> None:
        sample = encode_output(key, (0, 0, 0, 0), depth)
        self.text = sample[: sample.rindex(SEPARATOR)]
        """``(key_0.TraceID-1.TraceWindow-1``"""

    def head(self, tail: bytes) -> bytes:
        """Length header and text before the separator for these numbers."""
        return HEADER.pack(len(self.text) + len(SEPARATOR) + len(tail) + len(END)) + self.text


def problem_of_keys(keys: Iterable[str]) -> Optional[str]:
    """Why these keys cannot be told apart in a stream of output; None when they can."""
    seen: set[str] = set()
    for key in keys:
        if not key or any(character in ".,()[]" or not character.isprintable() for character in key):
            return f"{key!r} cannot be a key: printable characters other than . , ( ) [ ] are needed"
        if key in seen:
            return f"{key} is listed twice among the keys"
        seen.add(key)
    return None if seen else "the list of keys is empty, so nothing was expected"


def open_stream(path: Path) -> BinaryIO:
    """A received file for reading, unpacked on the way when its name ends in ``.gz``.

    :raises OSError: when it cannot be read.
    """
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")
