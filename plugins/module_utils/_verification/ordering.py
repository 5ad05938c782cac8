# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The strict rule: each frame is compared byte for byte with the one expected for its key.

See ``comparison`` for how it is made fast, ``key_rule`` for what a frame out of place means, and
``violations`` for the classes of faults.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

from .._formats.detector import base_key, decode_output
from . import crashes as crash
from .comparison import Comparison
from .guarantees import AT_LEAST_ONCE, EXACTLY_ONCE, MODES, NONE, Allowance, Crash
from .violations import END_OF_STREAM, KINDS, Fault, Violation
from .windows import UNREADABLE, open_stream, problem_of_keys
from .witness import with_witness

__all__ = ["AT_LEAST_ONCE", "EXACTLY_ONCE", "KINDS", "MODES", "NONE", "OrderingResult", "Violation", "verify"]

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
    repeated: int = 0
    """Messages that came again, as the guarantee allows."""
    lost: int = 0
    """Messages that were sent and never came out, as the guarantee allows."""
    crashes: list[crash.Account] = field(default_factory=list)
    """What is known of each crash, and what it did."""
    crashes_known: bool = False
    """Whether there were no others."""
    assumed: str = ""
    """What was taken for right since nothing is known of crashes, in a sentence."""

    def message(self) -> str:
        """The result in one sentence."""
        if self.verdict == "unknown":
            return f"unknown: {self.reason}"
        if self.verdict == "fail":
            count = f"{self.violation_count:,} violation" + ("" if self.violation_count == 1 else "s; first")
            return f"fail: {count}: {self.reason}"
        keys = f"{self.keys:,} key" + ("" if self.keys == 1 else "s")
        said = f"{self.received:,} of {self.expected:,} messages of {keys}, each exactly once and in order"
        if self.mode == AT_LEAST_ONCE:
            said = (
                f"{self.expected:,} of {self.expected:,} messages of {keys}, each at least once and in order"
                f" ({self.repeated:,} repeated)"
            )
        if self.mode == NONE:
            said = (
                f"{self.received:,} of {self.expected:,} messages of {keys}, each at most once and in order"
                f" ({self.lost:,} lost)"
            )
        more = [*(one.sentence for one in self.crashes), *([self.assumed] if self.assumed else [])]
        return ". ".join([said, *(one.rstrip(".") for one in more)])

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the message."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "message": self.message(),
            "mode": self.mode,
            "guarantee": self.mode,
            "keys": self.keys,
            "expected": self.expected,
            "received": self.received,
            "violations": [violation.to_dict() for violation in self.violations],
            "violation_count": self.violation_count,
            "last_values": dict(self.last_values),
            "repeated": self.repeated,
            "lost": self.lost,
            "crashes": [one.to_dict() for one in self.crashes],
            "crashes_known": self.crashes_known,
            "assumed": self.assumed,
        }

    def judge(self, mode: str, crashes: crash.Crashes, allowed: Mapping[str, Allowance], doubt: str) -> None:
        """The verdict, and what crashes did, when all violations are known.

        :param doubt: why nothing is known of crashes though there were some.
        """
        self.verdict = "fail" if self.violation_count else "pass"
        self.crashes_known = crashes is not None
        self.crashes = crash.accounts(crashes or [], mode, allowed) if crashes else []
        losses = {
            key: [[one.first, one.last] for one in each.lost if not one.came_out] for key, each in allowed.items()
        }
        self.lost = sum(last - first + 1 for ranges in losses.values() for first, last in ranges)
        if mode == AT_LEAST_ONCE and not self.violation_count:
            self.repeated = self.received - self.expected
            if self.repeated and crashes is None:
                self.assumed = "Nothing is known of crashes, so what came again was taken for right wherever it began."
        if self.violation_count or mode == EXACTLY_ONCE:
            return
        why = doubt or crash.unknown(crashes or [])
        if not why and crashes is None and self.lost:
            why = f"nothing is known of crashes that may have taken what is missing: {crash.told(losses)}"
        if why:
            self.verdict, self.reason = "unknown", why


def verify(
    path: Union[str, os.PathLike[str]],
    keys: Sequence[str],
    last: int,
    mode: str = EXACTLY_ONCE,
    first: int = 1,
    limit: int = 100,
    depth: int = 1,
    crashes: Optional[Sequence[Crash]] = None,
    doubt: str = "",
) -> OrderingResult:
    """Check a received file (wallaroo.md, D.3; packed when its name ends in ``.gz``).

    :param keys: all keys that must occur.
    :param last: the value on which every key must end.
    :param mode: ``exactly_once``; or ``at_least_once``: a key may repeat what it has sent, going back to
        any value and rising by one from there; it may not leave out anything on the way, nor stop before ``last``;
        or ``none``: a key may lose what a crash takes where nothing is sent again, and repeat nothing.
    :param first: the value with which every key begins. Windows always are those of values that began with 1.
    :param limit: how many violations are returned; all are counted.
    :param depth: layers of the detector.
    :param crashes: what is known of them. Then a key may go back only to where the source was read again, and lose only
        what was sent while nobody read. None: nothing is known of any.
    :param doubt: why that is not known, in a sentence, where it should be: then nothing but ``fail`` is certain.
    :raises ValueError: when ``mode`` is none of ``MODES``.
    """
    problem_of_mode(mode)
    result = OrderingResult("unknown", mode, len(keys), max(0, last - first + 1) * len(keys))
    result.reason = problem_of_keys(keys) or problem_of_range(first, last) or ""
    if result.reason:
        return result
    allowed = crash.allowances(mode, crashes, first, last)
    verification = Comparison(keys, first, last, allowed, max(limit, _KEPT), depth)
    try:
        with open_stream(Path(path)) as stream:
            verification.read(stream)
    except UNREADABLE as error:
        result.reason = f"{path} could not be read: {getattr(error, 'strerror', None) or error}"
        return result
    faults, result.violation_count = verification.settle()
    seen = {lane.rule.key: lane.rule.allowed for lane in verification.lanes}
    if mode == AT_LEAST_ONCE and crashes:
        faults, result.violation_count = with_rewound(faults, result.violation_count, crashes, seen)
    result.received = verification.units.number - verification.units.damaged
    told = [fault.violation() for fault in faults[: max(limit, 0)]]
    result.violations = with_witness(Path(path), told, tell, verification.units.number)
    result.last_values = {lane.rule.key: lane.rule.highest for lane in verification.lanes}
    result.reason = faults[0].violation().sentence() if faults else ""
    result.judge(mode, crashes, seen, doubt)
    return result


def with_rewound(
    faults: list[Fault], count: int, crashes: Sequence[Crash], allowed: Mapping[str, Allowance]
) -> tuple[list[Fault], int]:
    """The faults in the order of the stream, and how many there are, with those of the source itself."""
    found = crash.rewound(crashes, allowed.values())
    joined = sorted([*found, *faults], key=lambda one: (one.position == END_OF_STREAM, one.position))
    return joined, count + len(found)


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
