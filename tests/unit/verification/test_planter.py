# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planting violations."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.planter import PLANTS, plant

Stream = Callable[..., list[bytes]]


@pytest.mark.parametrize("name", PLANTS)
def test_a_plant_changes_the_stream_and_is_the_same_for_the_same_seed(
    keys: list[str], good_stream: Stream, name: str
) -> None:
    good = b"".join(good_stream(keys, 40))
    assert plant(name, good, seed=3) == plant(name, good, seed=3) != good


def test_seeds_and_places_differ(keys: list[str], good_stream: Stream) -> None:
    good = b"".join(good_stream(keys, 40))
    assert len({plant("gap_of_one", good, seed) for seed in range(20)}) > 10
    early, late = (plant("gap_of_one", good, seed=1, place=place) for place in (0.0, 0.99))
    same = next(at for at, (one, other) in enumerate(zip(early, late)) if one != other)
    assert same < len(good) // 2


def test_a_stream_that_is_too_short_or_has_one_key_is_refused(good_stream: Stream) -> None:
    with pytest.raises(ValueError, match="has 10 messages, too few to plant this violation"):
        plant("gap_of_one", b"".join(good_stream(["a", "b"], 10)))
    with pytest.raises(ValueError, match="one key only"):
        plant("cross_key_name", b"".join(good_stream(["a"], 40)))


def test_every_plant_says_what_it_does() -> None:
    assert all(planted.spoil.__doc__ for planted in PLANTS.values())
