# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages around a violation."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.ordering import tell, verify
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.witness import with_witness

from tests.planter import PLANTS, plant
from tests.streams import shape

Message = Callable[..., bytes]
Received = Callable[..., Path]


def test_the_messages_around_are_shown_with_their_places_and_those_of_the_key_from_further_away(
    message: Message, received: Received
) -> None:
    frames = [message(key, value) for value in range(1, 11) for key in ("a", "b", "c", "d", "e")]
    del frames[22]
    (violation,) = verify(received(b"".join(frames)), ["a", "b", "c", "d", "e"], 10).violations
    shown = [re.fullmatch(r"([> ]) frame (\d+) \(byte (\d+)\): \((\w)\..*", line) for line in violation.around]
    assert [(found[1], int(found[2]), found[4]) for found in shown if found] == [
        (" ", 12, "c"),
        (" ", 17, "c"),
        (" ", 23, "e"),
        (" ", 24, "a"),
        (" ", 25, "b"),
        (">", 26, "c"),
        (" ", 27, "d"),
        (" ", 28, "e"),
        (" ", 29, "a"),
        (" ", 31, "c"),
        (" ", 36, "c"),
    ]
    assert all(found and int(found[3]) == len(b"".join(frames[: int(found[2])])) for found in shown)


def test_what_is_missing_at_the_end_shows_the_end(message: Message, received: Received) -> None:
    path = received(b"".join(message("a", value) for value in range(1, 9)))
    (violation,) = verify(path, ["a"], 9).violations
    assert [line.split(" (")[0] for line in violation.around] == ["  frame 5", "  frame 6", "  frame 7"]


@pytest.mark.parametrize("name", PLANTS)
def test_every_plant_shows_whole_messages_and_itself_also_in_a_packed_file(received: Received, name: str) -> None:
    clean = shape(5, planted=True)
    data = plant(name, clean.data, seed=5)
    path, packed = received(data), received(gzip.compress(data), "received.bin.gz")
    for violation in verify(path, clean.keys, clean.last, depth=clean.depth).violations:
        assert len(violation.around) >= 3
        assert [line[0] for line in violation.around].count(">") == (violation.position >= 0)
    assert (
        verify(packed, clean.keys, clean.last, depth=clean.depth).violations
        == verify(path, clean.keys, clean.last, depth=clean.depth).violations
    )


def test_a_file_that_has_gone_leaves_the_violation(message: Message, received: Received, tmp_path: Path) -> None:
    (violation,) = verify(received(message("a", 2)), ["a"], 2).violations
    assert with_witness(tmp_path / "gone", [violation], tell, 1) == [violation]
