# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A window of time that moves on: histograms in slots of equal length, in memory that is known beforehand.

5,000 histograms every two seconds are nine million in an hour, so they are numbers in one array a ring and not
objects. Only the bins between the lowest and the highest that were ever used take room: real latencies of one
thing use about eight of the 65. And the numbers are as small as the counts allow.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Optional

from ..._formats.metrics import BINS

UNTIMED = BINS
"""Where messages are counted whose latency nobody has measured: behind the bins of those that have one."""

_TYPES = "HIQ"
_LARGEST = {typecode: (1 << 8 * array(typecode).itemsize) - 1 for typecode in _TYPES}


class NoRoom(Exception):
    """The memory set aside for histograms is used up."""


class Budget:
    """Bytes that all rings together may take."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def take(self, size: int) -> None:
        """Take so many bytes more, or give some back.

        :raises NoRoom: when there are not so many; nothing is taken then.
        """
        if size > 0 and self.used + size > self.limit:
            raise NoRoom
        self.used += size


class Ring:
    """The last so many slots. A slot is known by its number: the time of its begin, divided by its length."""

    __slots__ = ("_budget", "_counts", "_head", "_low", "_present", "_slots", "_width")

    def __init__(self, slots: int, budget: Budget) -> None:
        """.

        :param slots: how many slots there are.
        :param budget: where the memory comes from; a ring takes it when the first value comes.
        """
        self._slots = slots
        self._budget = budget
        self._head = -1
        self._low = 0
        self._width = 0
        self._counts = array(_TYPES[0])
        self._present = bytearray(slots)
        budget.take(slots)

    @property
    def head(self) -> int:
        """The newest slot that something was added to; -1 when nothing was."""
        return self._head

    def add(self, slot: int, values: Sequence[tuple[int, int]]) -> bool:
        """Add to a slot how many values are in which bin; returns False for a slot that has already gone.

        :param values: pairs of bin and count, by rising bin.
        :raises NoRoom: when bins would have to be kept for which there is no room; nothing is added then.
        """
        if self._head >= 0 and slot <= self._head - self._slots:
            return False
        if values and not (self._low <= values[0][0] and values[-1][0] < self._low + self._width):
            self._widen(values[0][0], values[-1][0])
        if slot > self._head:
            self._advance(slot)
        place = slot % self._slots
        self._present[place] = 1
        begin = place * self._width - self._low
        for number, count in values:
            try:
                self._counts[begin + number] += count
            except OverflowError:
                kept = self._kept(self._counts[begin + number] + count)
                self._counts[begin + number] = kept
        return True

    def totals(self, first: int, last: int) -> list[int]:
        """How many values were added to the slots from the first to the last, by bin; what is untimed is in none."""
        found = [0] * (UNTIMED + 1)
        for begin, end in self._pieces(first, last):
            part = self._counts[begin * self._width : end * self._width]
            for offset in range(self._width):
                found[self._low + offset] += sum(part[offset :: self._width])
        return found[:BINS]

    def counts(self, first: int, last: int) -> list[Optional[int]]:
        """How many values were added to each slot from the first to the last, with those that are untimed; None where
        nobody added any.
        """
        found: list[Optional[int]] = []
        width, slots, oldest = self._width, self._slots, self._head - self._slots
        for slot in range(first, last + 1):
            place = slot % slots
            if oldest < slot <= self._head and self._present[place]:
                found.append(sum(self._counts[place * width : (place + 1) * width]))
            else:
                found.append(None)
        return found

    def release(self) -> None:
        """Give the memory back; the ring is not used any more."""
        self._budget.take(-self._slots - len(self._counts) * self._counts.itemsize)
        self._counts, self._width = array(_TYPES[0]), 0

    def _pieces(self, first: int, last: int) -> list[tuple[int, int]]:
        # A window lies in the array in one piece, or in two.
        first, last = max(first, self._head - self._slots + 1, 0), min(last, self._head)
        if first > last:
            return []
        begin, end = first % self._slots, last % self._slots + 1
        return [(begin, end)] if begin < end else [(begin, self._slots), (0, end)]

    def _advance(self, slot: int) -> None:
        old = max(self._head, slot - self._slots)
        for passed in range(old + 1, slot + 1):
            place = passed % self._slots
            if self._present[place]:
                self._present[place] = 0
                begin = place * self._width
                self._counts[begin : begin + self._width] = array(self._counts.typecode, bytes(self._row()))
        self._head = slot

    def _row(self) -> int:
        return self._width * self._counts.itemsize

    def _widen(self, low: int, high: int) -> None:
        if self._width:
            low, high = min(low, self._low), max(high, self._low + self._width - 1)
        width = high - low + 1
        size = self._counts.itemsize
        self._budget.take((width - self._width) * self._slots * size)
        fresh = array(self._counts.typecode, bytes(width * self._slots * size))
        if self._width:
            # Column by column: at most 65 steps, however many slots there are.
            for offset in range(self._width):
                fresh[self._low - low + offset :: width] = self._counts[offset :: self._width]
        self._counts, self._low, self._width = fresh, low, width

    def _kept(self, count: int) -> int:
        # The count as it can be kept: in wider numbers, or, where there is no room for them, the largest that fits.
        wider = _TYPES[_TYPES.index(self._counts.typecode) + 1 :]
        for typecode in wider:
            if count <= _LARGEST[typecode] or typecode == wider[-1]:
                size = len(self._counts) * (array(typecode).itemsize - self._counts.itemsize)
                try:
                    self._budget.take(size)
                except NoRoom:
                    break
                self._counts = array(typecode, self._counts)
                break
        return min(count, _LARGEST[self._counts.typecode])
