# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is thrown at parsers and ports: bytes of any kind, and valid bytes that were changed.

``FUZZ_CASES`` says how many for each: few in ``make test``, always the same ones; 10,000 and more in ``make fuzz``,
others each time.
"""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

CASES = int(os.environ.get("FUZZ_CASES", "0"))
MEMORY = 8 << 20
"""Bytes that no parser needs for input of this size, however it is made."""

_HUGE = [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00", b"\xff" * 8, b"\x00\xff\xff\xff"]


def fuzzed(few: int = 80) -> Callable[[Any], Any]:
    """The settings of a test: ``few`` cases, or as many as were asked for."""
    return settings(
        max_examples=max(CASES, few),
        derandomize=not CASES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@st.composite
def changed(draw: st.DrawFn, samples: Sequence[bytes]) -> bytes:
    """A valid input with a few changes: bits, cuts, insertions, doublings, lengths that are far too big."""
    data = bytearray(draw(st.sampled_from(list(samples))))
    for _change in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        kind = draw(st.sampled_from(["flip", "cut", "insert", "huge", "repeat", "drop"]))
        if kind == "flip" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del data[at:]
        elif kind == "insert":
            data[at:at] = draw(st.binary(max_size=20))
        elif kind == "huge":
            put = draw(st.sampled_from(_HUGE))
            data[at : at + len(put)] = put
        elif kind == "repeat":
            data += data[at : at + 100]
        else:
            del data[at : at + draw(st.integers(1, 40))]
    return bytes(data)


def inputs(samples: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Anything, or something that was valid once."""
    return st.one_of(st.binary(max_size=400), changed(samples), changed(samples), st.sampled_from(list(samples)))


@st.composite
def pieces(draw: st.DrawFn, samples: Sequence[bytes]) -> list[bytes]:
    """An input as it comes from a connection: cut anywhere."""
    data = draw(inputs(samples))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    return [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)])]


@contextmanager
def bounded_memory(limit: int = MEMORY) -> Iterator[None]:
    """Nothing in here takes more memory than that."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < limit, f"{peak:,} bytes of memory were taken"


@contextmanager
def refusal_allowed(*errors: type[Exception]) -> Iterator[None]:
    """What a parser may do with what it does not understand: say so, in its own error, with a text."""
    try:
        yield
    except errors as error:
        if not str(error):
            raise AssertionError(f"a {type(error).__name__} without a text") from error
