# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Violations: what is wrong in a stream, with a witness that a person can look up.

=============== ==============================================================================
kind            the stream
=============== ==============================================================================
``gap``         leaves values out
``lost_head``   leaves out the first values of a key
``lost_tail``   ends before the last value of a key
``missing_key`` has no message of a key at all
``duplicate``   repeats one message
``rewind``      goes back and repeats from there
``reorder``     has all values, some in the wrong place
``cross_key``   has at a key's place the window of another key, or another key's name in the text
``unknown_key`` has a key that nobody sent (one violation for each such name)
``beyond_last`` goes on after the last value (one violation for each key)
``reset_state`` has a window that starts with zeros again: the state of the key was lost
``bad_window``  has a window that values rising by one cannot leave
``leading_zero`` has numbers written differently, ``01``
``torn_frame``  has the beginning of a frame and not its end
``garbage``     has bytes that are no message
=============== ==============================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Optional

KINDS = (
    "gap",
    "lost_head",
    "lost_tail",
    "missing_key",
    "duplicate",
    "rewind",
    "reorder",
    "cross_key",
    "unknown_key",
    "beyond_last",
    "reset_state",
    "bad_window",
    "leading_zero",
    "torn_frame",
    "garbage",
)

WRONG_RESULT = "wrong_result"
"""Kind of a message that the input of its key does not lead to; for expectations other than the detector's windows."""

EARLY_REPEAT, LATE_REPEAT, REWOUND = "early_repeat", "late_repeat", "rewound"
"""Kinds of what goes back where it may, but not so: where crashes are known and the guarantee is ``at_least_once``. It
begins before what was read again, or leaves out some of that; or the source was read again before what was covered."""

REPEATS = (EARLY_REPEAT, LATE_REPEAT, REWOUND)

REPLACED = "replaced"
"""Kind of a fault in the making: one frame came in the place of another; see ``pairing``."""

END_OF_STREAM = -1
"""Position of what is missing at the end."""


@dataclass(frozen=True)
class Violation:
    """A broken ordering invariant with its witness."""

    kind: str
    key: Optional[str]
    position: int
    """Number of the frame in the stream, from 0; -1 for the end of the stream."""
    offset: int
    """Where that frame begins, in bytes."""
    expected: str
    found: str
    missing: Optional[tuple[int, int]]
    """First and last missing value."""
    other: Optional[str] = None
    """Another key that has a part in it."""
    missing_in: Optional[str] = None
    """The key that lacks it, when it is not ``key``."""
    times: int = 1
    """How often the same wrong frame came in a row."""
    around: Sequence[str] = ()
    """The witness: a line for each message around it, see ``witness``."""

    def sentence(self) -> str:
        """The violation in words."""
        where = f"frame {self.position} (byte {self.offset})"
        lost = _missing_text(self.missing)
        came = f"at {where} came {self.found} where {self.expected} was expected"
        lacks = f"; {lost} missing" + (f" in {self.missing_in}" if self.missing_in else "") if lost else ""
        often = f" {self.times} times" if self.times > 1 else ""
        name = f"{self.key}: " if self.key else ""
        texts = {
            # Online a frame out of place is told before the next one has shown what is missing.
            "gap": f"{lost} missing: {came}" if lost else came,
            "lost_head": f"{lost} missing at the beginning: {came}",
            "lost_tail": f"{lost} missing at the end: the last that came was {self.found}",
            "missing_key": f"no message came at all; {lost} missing",
            "duplicate": f"repeated{often}: {came}",
            "rewind": f"went back: {came}",
            "reorder": f"out of order: {came}{lacks}",
            "cross_key": f"mixed up with {self.other or 'another key'}: {came}{lacks}",
            "unknown_key": f"nobody sent this key: at {where} came {self.found}{lacks}",
            "beyond_last": f"goes on after its last value: {came}",
            "reset_state": f"the state of the key was lost: {came}{lacks}",
            "bad_window": f"values rising by one cannot leave this window: {came}{lacks}",
            "leading_zero": f"numbers with leading zeros: {came}",
            "torn_frame": f"torn frame: {came}{lacks}",
            "garbage": f"no message: {came}{lacks}",
            EARLY_REPEAT: f"repeats what was not read again: {came}",
            LATE_REPEAT: f"{lost} missing in a repeat: {came}",
            REWOUND: f"read again from {self.found} on, although a checkpoint had covered {self.expected}"
            + (f"; the first message that came again is {where}" if self.position != END_OF_STREAM else ""),
            WRONG_RESULT: f"not what its input leads to: {came}{lacks}",
        }
        return name + texts[self.kind]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the sentence."""
        plain = asdict(self)
        plain["missing"] = list(self.missing) if self.missing else None
        plain["around"] = list(self.around)
        plain["sentence"] = self.sentence()
        return plain


def _missing_text(missing: Optional[tuple[int, int]]) -> str:
    if missing is None:
        return ""
    first, last = missing
    return f"{first} is" if first == last else f"{first}..{last} are"


@dataclass(eq=False)
class Fault:
    """A violation in the making: later frames may still show what it really was."""

    kind: str
    key: Optional[str]
    position: int
    offset: int
    expected: str
    found: str
    missing: Optional[tuple[int, int]] = None
    value: Optional[int] = None
    """The newest value of the frame that came."""
    other: Optional[str] = None
    missing_in: Optional[str] = None
    times: int = 1
    swallows: int = 0
    """How many messages may be hidden in damaged bytes."""
    places: tuple[int, ...] = field(default=(), repr=False)
    """What was expected next of every key when it happened; empty when that was not kept."""

    @property
    def lost(self) -> Optional[int]:
        """The missing value of its key, when exactly one is missing."""
        if self.key is None or self.missing is None or self.missing[0] != self.missing[1]:
            return None
        return self.missing[0]

    def violation(self) -> Violation:
        """As it is reported."""
        return Violation(
            # While the stream comes nobody knows yet what took the place of the message.
            kind="gap" if self.kind == REPLACED else self.kind,
            key=self.key,
            position=self.position,
            offset=self.offset,
            expected=self.expected,
            found=self.found,
            missing=self.missing,
            other=self.other,
            missing_in=self.missing_in,
            times=self.times,
        )
