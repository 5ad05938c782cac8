# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that show at two places are made one violation.

A message that came under another key's name is missing in its own key; a message whose bytes were
damaged is missing as well. Both places are looked at here, when the stream has ended: the missing
message is told by the violation that explains it, and is no second one.

Only what fits exactly is put together: one message is missing, and it was the very next that its key
expected when the other thing happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from .violations import END_OF_STREAM, REPLACED, Fault

_MISSING = ("gap", "lost_head", "lost_tail", "missing_key")
_STRAYS = ("duplicate", REPLACED, "unknown_key")
_DAMAGE = ("garbage", "torn_frame")
_SWALLOWING = (*_DAMAGE, "unknown_key")


class Findings:
    """The faults of one stream; all are counted, so many are kept."""

    def __init__(self, keys: Sequence[str], keep: int) -> None:
        self._number = {key: number for number, key in enumerate(keys)}
        self._keys = keys
        self._keep = keep
        self._faults: list[Fault] = []
        self._more = 0

    @property
    def full(self) -> bool:
        """No further fault is kept."""
        return len(self._faults) >= self._keep

    @property
    def first(self) -> Optional[Fault]:
        """The first fault so far, as it is understood at this moment."""
        return self._faults[0] if self._faults else None

    def add(self, fault: Fault) -> Fault:
        """Keep or count a fault; returns it, to be changed when more is known."""
        if self.full:
            self._more += 1
        else:
            self._faults.append(fault)
        return fault

    def settle(self) -> tuple[list[Fault], int]:
        """What is reported, in the order of the stream (the end last), and how many faults there are in all."""
        self._join_swapped()
        self._join_missing()
        for fault in self._faults:
            if fault.kind == REPLACED:
                fault.other = self._key_at(fault)
                fault.kind = "cross_key" if fault.other else "gap"
        self._faults.sort(key=lambda fault: (fault.position == END_OF_STREAM, fault.position))
        return self._faults, len(self._faults) + self._more

    def _join_swapped(self) -> None:
        """Two keys each have the other's window."""
        replaced = [fault for fault in self._faults if fault.kind == REPLACED]
        for fault in replaced:
            for partner in replaced:
                if (
                    fault.kind == partner.kind == REPLACED
                    and fault.position < partner.position
                    and fault.key != partner.key
                    and fault.lost == partner.value
                    and partner.lost == fault.value
                ):
                    fault.kind, fault.other, fault.missing = "cross_key", partner.key, None
                    partner.kind = "cross_key"
                    self._faults.remove(partner)
                    break

    def _join_missing(self) -> None:
        """A message that is missing in its key, and came as something else."""
        for lacking in [fault for fault in self._faults if fault.kind in _MISSING and fault.lost is not None]:
            cause = self._stray(lacking) or self._damage(lacking)
            if cause is None:
                continue
            self._faults.remove(lacking)
            if cause.kind in _DAMAGE:
                cause.swallows -= 1
                cause.key, cause.expected, cause.missing = lacking.key, lacking.expected, lacking.missing
                continue
            cause.swallows = max(cause.swallows - 1, 0)
            cause.other = lacking.key
            if cause.missing is None:
                cause.missing, cause.missing_in = lacking.missing, lacking.key
            if cause.kind != "unknown_key":
                cause.kind = "cross_key"
        self._join_exchanged()

    def _join_exchanged(self) -> None:
        """What is missing where another key's window came may have come under that key's name."""
        for lacking in [fault for fault in self._faults if fault.kind in ("cross_key", REPLACED)]:
            if lacking.lost is None or lacking.missing_in is not None:
                continue
            cause = self._stray(lacking)
            for fault in self._faults:
                exchanged = fault.key == lacking.other and fault.value == lacking.lost
                if cause is None and fault.kind == "duplicate" and exchanged:
                    cause = fault
            if cause is not None and cause.kind == "duplicate":
                self._faults.remove(cause)
                lacking.kind, lacking.other = "cross_key", lacking.other or cause.key

    def _stray(self, lacking: Fault) -> Optional[Fault]:
        strays = [fault for fault in self._faults if fault.kind in _STRAYS and fault.value == lacking.lost]
        return _latest([fault for fault in self._before(lacking, strays) if fault.other is None]) or next(
            (fault for fault in strays if fault.kind == "duplicate" and self._took_its_place(fault, lacking)), None
        )

    def _took_its_place(self, fault: Fault, lacking: Fault) -> bool:
        """The other key was just about to come to the same value, so it is its own message that came as a repeat."""
        if fault.key is None or fault.key == lacking.key or not fault.places or not lacking.places:
            return False
        number = self._number[fault.key]
        return fault.value is not None and fault.places[number] == lacking.places[number] == fault.value + 1

    def _damage(self, lacking: Fault) -> Optional[Fault]:
        damage = [fault for fault in self._faults if fault.kind in _SWALLOWING and fault.swallows > 0]
        fitting = self._before(lacking, damage)
        named = [fault for fault in fitting if fault.key == lacking.key]
        nameless = [fault for fault in fitting if fault.key is None or fault.swallows > 1 or fault.kind not in _DAMAGE]
        return _latest(named or nameless)

    def _before(self, lacking: Fault, faults: list[Fault]) -> list[Fault]:
        """Those of these faults at whose time the missing message was the next of its key."""
        number = self._number[lacking.key or ""]
        return [
            fault
            for fault in faults
            if fault is not lacking
            and (fault.key != lacking.key or fault.kind in _DAMAGE)
            and (fault.position < lacking.position or lacking.position == END_OF_STREAM)
            and fault.places
            and fault.places[number] == lacking.lost
        ]

    def _key_at(self, fault: Fault) -> Optional[str]:
        """Another key to whose place the window belonged: it had just come there or was just expected."""
        for key, place in zip(self._keys, fault.places):
            if key != fault.key and fault.value in (place, place - 1):
                return key
        return None


def _latest(faults: list[Fault]) -> Optional[Fault]:
    return max(faults, key=lambda fault: fault.position, default=None)
