# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long messages were waited for, and when nothing came."""

from __future__ import annotations

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._flow.delays import Batches, Bins, Key, Latencies
from ansible_collections.wallaroo.resilience.plugins.module_utils._flow.lulls import IDLE, OUTAGE, Lull, Lulls


def batches(*sent: tuple[int, float]) -> Batches:
    found = Batches()
    for last, at in sent:
        found.add(last, at)
    return found


def test_a_value_was_sent_with_its_batch() -> None:
    sent = batches((10, 1.0), (20, 2.0))
    assert [sent.sent(value) for value in (1, 10, 11, 20, 21)] == [1.0, 1.0, 2.0, 2.0, None]


def test_what_is_sent_once_more_keeps_its_first_time() -> None:
    assert batches((10, 1.0), (10, 5.0), (20, 6.0)).sent(10) == 1.0


def test_the_delay_is_the_age_of_the_oldest_value_that_has_not_come() -> None:
    key = Key(batches((1, 0.1), (2, 1.1)), Bins(0.0, 1.0, 5))
    assert key.came(1, 0.3) == [(pytest.approx(0.2), 1)]
    assert key.came(2, 3.6) == [(pytest.approx(2.5), 1)]
    key.end(5.0)
    assert key.delays == pytest.approx([0.2, 0.9, 1.9, 2.5, 0.0])
    assert (key.longest, key.longest_at) == (pytest.approx(2.5), 3.6)


def test_an_idle_key_has_no_delay() -> None:
    key = Key(batches((1, 0.0)), Bins(0.0, 1.0, 4))
    key.came(1, 0.5)
    key.end(4.0)
    assert key.delays == pytest.approx([0.5, 0.0, 0.0, 0.0])


def test_what_never_comes_is_waited_for_until_a_later_value_of_its_key_comes() -> None:
    key = Key(batches((5, 0.0), (9, 2.0)), Bins(0.0, 1.0, 4))
    key.came(9, 2.5)
    key.end(4.0)
    assert key.delays == pytest.approx([1.0, 2.0, 2.5, 0.0])
    lost = Key(batches((5, 0.0)), Bins(0.0, 1.0, 3))
    lost.end(60.0)
    assert lost.delays == [1.0, 2.0, 3.0]
    assert (lost.longest, lost.longest_at) == (60.0, 60.0), "longer than what is shown"


def test_a_repeated_value_is_neither_late_nor_early() -> None:
    key = Key(batches((2, 0.0)), Bins(0.0, 1.0, 2))
    key.came(2, 0.1)
    assert key.came(1, 1.9) == []
    assert key.come_to == 2


def test_latencies_are_right_within_five_percent() -> None:
    found = Latencies()
    found.add(0.010, 98)
    found.add(2.0, 2)
    assert found.percentile(0.5) == pytest.approx(0.010, rel=0.05)
    assert found.percentile(0.99) == pytest.approx(2.0, rel=0.05)
    assert Latencies().percentile(0.5) is None


def test_a_lull_is_idle_until_something_is_sent_and_an_outage_from_then_on() -> None:
    lulls = Lulls(0.2)
    lulls.sent(0.0)
    lulls.came(0.1, waiting=False)
    lulls.sent(3.0)
    lulls.came(5.0, waiting=False)
    assert lulls.found == [Lull(IDLE, 0.1, 3.0), Lull(OUTAGE, 3.0, 5.0)]


def test_while_something_is_waited_for_a_lull_is_an_outage_as_a_whole() -> None:
    lulls = Lulls(0.2)
    lulls.sent(0.0)
    lulls.came(0.1, waiting=True)
    lulls.came(0.2, waiting=True)
    lulls.came(2.2, waiting=True)
    lulls.came(9.0, waiting=False, ended=True)
    assert lulls.found == [Lull(OUTAGE, 0.2, 2.2), Lull(OUTAGE, 2.2, 9.0, came=False)]


def test_it_is_an_outage_when_the_first_message_is_late_or_never_comes() -> None:
    lulls = Lulls(0.2)
    lulls.sent(1.0)
    lulls.came(5.0, waiting=False)
    assert lulls.found == [Lull(OUTAGE, 1.0, 5.0)]
    never = Lulls(0.2)
    never.sent(1.0)
    never.came(9.0, waiting=False, ended=True)
    assert never.found == [Lull(OUTAGE, 1.0, 9.0, came=False)]


def test_the_longest_lulls_are_told_in_the_order_of_time() -> None:
    lulls = Lulls(0.0)
    for number in range(120):
        lulls.came(float(number * number), waiting=False)
    told = lulls.told()
    assert len(told) == 50
    assert [one["begin"] for one in told] == sorted(one["begin"] for one in told)
    assert told[-1]["end"] == 119.0**2
