# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a histogram tells, and the ring that keeps it."""

from __future__ import annotations

import random

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.metrics import Histogram
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui import bins as histogram
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.ring import (
    Budget,
    NoRoom,
    Ring,
)


def filled(**counts: int) -> list[int]:
    return [counts.get(f"b{number}", 0) for number in range(65)]


class TestPercentiles:
    def test_without_values_there_is_none(self) -> None:
        assert set(histogram.percentiles(filled()).values()) == {None}

    def test_the_first_bin_up_to_which_the_share_lies_shown_by_its_end(self) -> None:
        bins = filled(b10=50, b11=45, b20=4, b30=1)
        found = histogram.percentiles(bins)
        assert found == {"50": 1 << 10, "95": 1 << 11, "99": 1 << 20, "99.9": 1 << 30, "99.99": 1 << 30}

    def test_one_value_of_ten_thousand_more_or_less_decides(self) -> None:
        assert histogram.percentile(filled(b5=9999, b6=1), "99.99") == 1 << 5
        assert histogram.percentile(filled(b5=9998, b6=2), "99.99") == 1 << 6

    def test_huge_counts_are_exact(self) -> None:
        large = 1 << 63
        assert histogram.percentile(filled(b1=large, b64=large), "50") == 2
        assert histogram.percentile(filled(b1=large - 1, b64=large + 1), "50") == 1 << 64


class TestBars:
    def test_each_is_a_bin_of_the_protocol_from_the_least_value_of_it_to_that_of_the_next(self) -> None:
        source = random.Random(7)
        counts = [source.randrange(1, 1000) for _ in range(65)]
        recorded = Histogram()
        for value, count in zip([0, *(1 << number for number in range(64))], counts):
            recorded.record(value, count)
        found = histogram.bars(recorded.bins)
        assert [bar["count"] for bar in found] == counts
        assert [bar["from"] for bar in found] == [0, *(1 << number for number in range(64))]
        assert [bar["up_to"] for bar in found] == [*(bar["from"] for bar in found[1:]), 1 << 64]
        assert sum(bar["percent"] for bar in found) == pytest.approx(100, abs=0.001)

    def test_they_go_from_the_first_with_a_value_to_the_last(self) -> None:
        found = histogram.bars(filled(b10=1, b12=3))
        assert [(bar["from"], bar["up_to"], bar["count"], bar["percent"]) for bar in found] == [
            (512, 1024, 1, 25),
            (1024, 2048, 0, 0),
            (2048, 4096, 3, 75),
        ]
        assert [bar["up_to"] for bar in histogram.bars(filled(b0=7))] == [1]
        assert histogram.bars(filled()) == []

    def test_the_line_rises_to_everything(self) -> None:
        line = histogram.line(filled(b10=1, b12=3))
        assert [(point["up_to"], point["percent"]) for point in line] == [(512, 0), (1024, 25), (2048, 25), (4096, 100)]
        assert histogram.line(filled()) == []


def test_the_spread_is_over_what_is_there() -> None:
    assert histogram.spread([4, 1, 2]) == {"min": 1, "median": 2, "max": 4}
    assert histogram.spread([]) == {"min": 0, "median": 0, "max": 0}


class TestRing:
    def test_against_a_plain_dictionary(self) -> None:
        """Random additions, in and out of order, with bins that widen the ring: the same as without any cleverness."""
        source, budget = random.Random(3), Budget(1 << 20)
        for _case in range(60):
            ring, slots = Ring(12, budget), 12
            kept: dict[int, dict[int, int]] = {}
            head = -1
            for _step in range(80):
                slot = max(0, head + source.choice([-15, -11, -3, -1, 0, 0, 0, 1, 1, 2, 14]))
                values = [(number, source.randrange(1, 1 << 33)) for number in sorted(source.sample(range(65), 3))]
                values = values if source.random() < 0.9 else []
                taken = ring.add(slot, values)
                assert taken == (head < 0 or slot > head - slots)
                if taken:
                    head = max(head, slot)
                    for number, count in values:
                        row = kept.setdefault(slot, {})
                        row[number] = row.get(number, 0) + count
                    kept.setdefault(slot, {})
                kept = {slot: row for slot, row in kept.items() if slot > head - slots}
                first = max(0, head - source.randrange(20))
                shown = {slot: row for slot, row in kept.items() if slot >= first}
                expected = [sum(row.get(number, 0) for row in shown.values()) for number in range(65)]
                assert ring.totals(first, head + 3) == expected
                assert ring.counts(first, head + 1) == [
                    sum(kept[slot].values()) if slot in kept else None for slot in range(first, head + 2)
                ]
            ring.release()
        assert budget.used == 0

    def test_memory_is_taken_from_the_budget_and_only_for_bins_in_use(self) -> None:
        budget = Budget(10_000)
        ring = Ring(100, budget)
        assert budget.used == 100
        ring.add(1, [(20, 1)])
        assert budget.used == 100 + 200
        ring.add(2, [(18, 1), (21, 1)])
        assert budget.used == 100 + 4 * 200

    def test_without_room_nothing_is_added(self) -> None:
        ring = Ring(100, Budget(1000))
        ring.add(1, [(20, 5)])
        with pytest.raises(NoRoom):
            ring.add(9, [(20, 1), (60, 1)])
        assert sum(ring.totals(0, 20)) == 5
        assert ring.head == 1

    def test_counts_beyond_16_and_32_and_64_bits(self) -> None:
        ring = Ring(2, Budget(1000))
        ring.add(0, [(3, (1 << 16) - 1)])
        ring.add(0, [(3, 1)])
        assert ring.totals(0, 0)[3] == 1 << 16
        ring.add(1, [(3, (1 << 32) - 1)])
        ring.add(1, [(3, 1)])
        assert ring.totals(1, 1)[3] == 1 << 32
        ring.add(1, [(3, (1 << 64) - 1)])
        assert ring.totals(0, 1)[3] == (1 << 64) - 1 + (1 << 16)

    def test_without_room_for_larger_counts_the_largest_is_kept(self) -> None:
        ring = Ring(100, Budget(300))
        ring.add(1, [(3, 1 << 20)])
        assert ring.totals(1, 1)[3] == (1 << 16) - 1
