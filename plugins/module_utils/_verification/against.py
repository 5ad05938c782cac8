# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verifier with another expectation than the detector's windows: market-spread, plain counters, another file.

A guarantee is a mode of the rule of a key and belongs to none of them: what comes to be allowed there is so for all.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Optional, Union

from .._catalogue.applications import MARKET_SPREAD
from . import expectations
from .crashes import allowances
from .expectations import FORMATS, Format
from .guarantees import AT_LEAST_ONCE, EXACTLY_ONCE, Crash
from .ordering import OrderingResult, problem_of_mode, problem_of_range, with_rewound
from .sequences import Sequences, TooFarApart
from .windows import UNREADABLE, open_stream, problem_of_keys
from .witness import with_witness

Name = Union[str, os.PathLike[str]]
Expected = Callable[[], Iterator[tuple[str, bytes]]]

_KEPT = 1000


def market_spread(path: Name, inputs: Sequence[Name], mode: str = EXACTLY_ONCE, limit: int = 100) -> OrderingResult:
    """Check the results of market-spread against a model of its decision rule.

    :param inputs: the files of orders and quotes in the order in which they were sent, each as often as it was. Each
        was sent when all before it were known: which quote an order meets of those that flow with it nobody can say.
    """
    files = [Path(one) for one in inputs]
    form = FORMATS[MARKET_SPREAD]
    why = "" if files else "no input was named, so nothing was expected"
    return _verify(path, form, lambda: expectations.market_spread_results(files), mode, limit, why)


def counters(
    path: Name,
    keys: Sequence[str],
    last: int,
    mode: str = EXACTLY_ONCE,
    first: int = 1,
    limit: int = 100,
    crashes: Optional[Sequence[Crash]] = None,
    doubt: str = "",
) -> OrderingResult:
    """Check messages ``key,value`` whose values rise by one from ``first`` to ``last`` in each key.

    :param crashes: as in ``ordering.verify``.
    """
    why = problem_of_keys(keys) or problem_of_range(first, last) or ""

    def expected() -> Iterator[tuple[str, bytes]]:
        return expectations.counters(keys, first, last)

    return _verify(path, FORMATS[expectations.COUNTER], expected, mode, limit, why, crashes, doubt)


def same_as(
    path: Name, reference: Name, form: str = expectations.DETECTOR, mode: str = EXACTLY_ONCE, limit: int = 100
) -> OrderingResult:
    """Check that each key has the same messages in the same order as in another file.

    :param form: how messages are read, one of ``FORMATS``; with ``frames`` all of them are in one order.
    """
    chosen = FORMATS[form]
    return _verify(path, chosen, lambda: expectations.same_as(Path(reference), chosen), mode, limit, "")


def _verify(
    path: Name,
    form: Format,
    expected: Expected,
    mode: str,
    limit: int,
    why: str,
    crashes: Optional[Sequence[Crash]] = None,
    doubt: str = "",
) -> OrderingResult:
    problem_of_mode(mode)
    result = OrderingResult("unknown", mode, 0, 0, reason=why)
    if why:
        return result
    try:
        # Once to know how many there are, so that what is missing at the end can be told.
        counts = Counter(key for key, _token in expected())
        result.keys, result.expected = len(counts), sum(counts.values())
        allowed = allowances(mode, crashes, 1, max(counts.values(), default=0))
        sequences = Sequences(form, expected(), counts, allowed, max(limit, _KEPT))
    except (ValueError, *UNREADABLE) as error:
        named = getattr(error, "filename", None)
        told = f"{named} could not be read: {getattr(error, 'strerror', None)}" if named else str(error)
        result.reason = f"what was to come out is not known: {told}"
        return result
    try:
        with open_stream(Path(path)) as stream:
            sequences.read(stream)
    except TooFarApart as error:
        result.reason = str(error)
        return result
    except UNREADABLE as error:
        result.reason = f"{path} could not be read: {getattr(error, 'strerror', None) or error}"
        return result
    faults, result.violation_count = sequences.settle()
    seen = {key: lane.rule.allowed for key, lane in sequences.lanes.items()}
    if mode == AT_LEAST_ONCE and crashes:
        faults, result.violation_count = with_rewound(faults, result.violation_count, crashes, seen)
    result.received = sequences.number - sequences.damaged
    told_faults = [fault.violation() for fault in islice(faults, max(limit, 0))]

    def tell(payload: bytes) -> Optional[tuple[str, str]]:
        parsed = form.parse(payload)
        return None if parsed is None else (parsed[0], f"{parsed[0].strip()}: {form.tell(parsed[1])}")

    result.violations = with_witness(Path(path), told_faults, tell, sequences.number)
    result.last_values = {key: lane.rule.highest for key, lane in sequences.lanes.items()}
    result.reason = faults[0].violation().sentence() if faults else ""
    result.judge(mode, crashes, seen, doubt)
    return result
