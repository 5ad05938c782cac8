# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The strict rule: each frame is compared byte for byte with the one expected for its key.

See ``comparison`` for how it is made fast, ``key_rule`` for what a frame out of place means, and
``violations`` for the classes of faults.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

from .._formats.detector import base_key, decode_output
from .comparison import Comparison
from .violations import KINDS, Violation
from .windows import UNREADABLE, open_stream, problem_of_keys
from .witness import with_witness

__all__ = ["AT_LEAST_ONCE", "EXACTLY_ONCE", "KINDS", "MODES", "OrderingResult", "Violation", "verify"]

EXACTLY_ONCE = "exactly_once"
AT_LEAST_ONCE = "at_least_once"
MODES = (EXACTLY_ONCE, AT_LEAST_ONCE)

_KEPT = 1000
"""Faults that are kept in full at least, so that those of one cause can be put together."""


@dataclass
class OrderingResult:
    """What the verification of a file says.

    ``unknown`` means that it could not be checked, and ``reason`` why.
    """

    verdict: str
    mode: str
    keys: int
    expected: int
    """Messages, all keys together."""
    received: int = 0
    """Messages in the file; torn frames and other damage are none."""
    violations: list[Violation] = field(default_factory=list)
    """The first ones, in the order of the file."""
    violation_count: int = 0
    last_values: dict[str, int] = field(default_factory=dict)
    """Highest value of each key; ``first - 1`` where nothing came."""
    reason: str = ""

    def message(self) -> str:
        """The result in one sentence."""
        if self.verdict == "unknown":
            return f"unknown: {self.reason}"
        if self.verdict == "fail":
            count = f"{self.violation_count:,} violation" + ("" if self.violation_count == 1 else "s; first")
            return f"fail: {count}: {self.reason}"
        keys = f"{self.keys:,} key" + ("" if self.keys == 1 else "s")
        if self.mode == EXACTLY_ONCE:
            return f"{self.received:,} of {self.expected:,} messages of {keys}, each exactly once and in order"
        repeated = self.received - self.expected
        return (
            f"{self.expected:,} of {self.expected:,} messages of {keys}, each at least once and in order"
            f" ({repeated:,} repeated)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the message."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "message": self.message(),
            "mode": self.mode,
            "keys": self.keys,
            "expected": self.expected,
            "received": self.received,
            "violations": [violation.to_dict() for violation in self.violations],
            "violation_count": self.violation_count,
            "last_values": dict(self.last_values),
        }


def verify(
    path: Union[str, os.PathLike[str]],
    keys: Sequence[str],
    last: int,
    mode: str = EXACTLY_ONCE,
    first: int = 1,
    limit: int = 100,
    depth: int = 1,
) -> OrderingResult:
    """Check a received file (wallaroo.md, D.3; packed when its name ends in ``.gz``).

    :param keys: all keys that must occur.
    :param last: the value on which every key must end.
    :param mode: ``exactly_once``, or ``at_least_once``: a key may repeat what it has sent, going back to
        any value and rising by one from there; it may not leave out anything on the way, nor stop before ``last``.
    :param first: the value with which every key begins. Windows always are those of values that began with 1.
    :param limit: how many violations are returned; all are counted.
    :param depth: layers of the detector.
    :raises ValueError: when ``mode`` is none of ``MODES``.
    """
    problem_of_mode(mode)
    result = OrderingResult("unknown", mode, len(keys), max(0, last - first + 1) * len(keys))
    result.reason = problem_of_keys(keys) or problem_of_range(first, last) or ""
    if result.reason:
        return result
    verification = Comparison(keys, first, last, mode == AT_LEAST_ONCE, max(limit, _KEPT), depth)
    try:
        with open_stream(Path(path)) as stream:
            verification.read(stream)
    except UNREADABLE as error:
        result.reason = f"{path} could not be read: {getattr(error, 'strerror', None) or error}"
        return result
    faults, result.violation_count = verification.settle()
    result.received = verification.units.number - verification.units.damaged
    told = [fault.violation() for fault in faults[: max(limit, 0)]]
    result.violations = with_witness(Path(path), told, tell, verification.units.number)
    result.last_values = {lane.rule.key: lane.rule.highest for lane in verification.lanes}
    result.verdict = "fail" if result.violation_count else "pass"
    result.reason = faults[0].violation().sentence() if faults else ""
    return result


def tell(payload: bytes) -> Optional[tuple[str, str]]:
    """Key and text of a message of the detector; None when it is none."""
    try:
        key, _window = decode_output(payload)
    except ValueError:
        return None
    return base_key(key), payload.decode()


def problem_of_mode(mode: str) -> None:
    """.

    :raises ValueError: when it is none of ``MODES``.
    """
    if mode not in MODES:
        raise ValueError(f"{mode!r} is no mode of verification: use {' or '.join(MODES)}")


def problem_of_range(first: int, last: int) -> Optional[str]:
    """Why nothing is expected between these values; None when something is."""
    if first < 1:
        return f"the first value is {first}, but values start at 1"
    if last < first:
        return f"the last value {last} is lower than the first value {first}, so nothing was expected"
    return None
