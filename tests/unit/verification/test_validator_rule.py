# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule of Wallaroo's own validator, and what it does not see (wallaroo.md, G.2)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.ordering import verify
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.validator_rule import (
    SUCCESS,
    validate,
)

from tests.planter import PLANTS, plant

Message = Callable[..., bytes]
Stream = Callable[..., list[bytes]]
Received = Callable[..., Path]

MISSED = {"lost_head", "leading_zero", "cross_key_envelope", "short_window"}
"""Plants in a whole and otherwise good file that it accepts."""

MISSED_AT_LEAST_ONCE = MISSED | {name for name in PLANTS if PLANTS[name].allowed_at_least_once}


def test_it_accepts_the_recorded_run(shared_data: Path, keys: list[str]) -> None:
    path = shared_data / "wallaroo-0.5.4" / "multi_partition_detector" / "received.txt.gz"
    result = validate(path, keys, 2000)
    assert (result.verdict, result.message, result.records, result.exit_code) == ("pass", SUCCESS, 22_000, 0)


@pytest.mark.parametrize("name", PLANTS)
def test_it_misses_some_plants_that_the_strict_rule_catches(
    keys: list[str], good_stream: Stream, received: Received, name: str
) -> None:
    for seed in range(4):
        path = received(plant(name, b"".join(good_stream(keys, 60, seed)), seed))
        assert (validate(path, keys, 60).verdict == "pass") == (name in MISSED)
        assert (validate(path, keys, 60, at_least_once=True).verdict == "pass") == (name in MISSED_AT_LEAST_ONCE)
        assert verify(path, keys, 60).verdict == "fail"


def test_it_never_refuses_what_the_strict_rule_accepts(
    keys: list[str], good_stream: Stream, received: Received
) -> None:
    for seed in range(4):
        path = received(b"".join(good_stream(keys, 60, seed)))
        assert verify(path, keys, 60).verdict == validate(path, keys, 60).verdict == "pass"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, 2, 4], "Sequentiality test failed on key a: 4 after 2. Error validating file."),
        ([1, 2, 2], "Sequentiality test failed on key a: 2 after 2. Error validating file."),
        ([1, 2], "Expected value test failed on key a: it ends on 2 and not on 3. Error validating file."),
    ],
)
def test_it_says_why_not(message: Message, received: Received, values: list[int], said: str) -> None:
    result = validate(received(b"".join(message("a", value) for value in values)), ["a"], 3)
    assert (result.verdict, result.message, result.exit_code) == ("fail", said, 1)


def test_it_looks_at_windows_keys_and_text(message: Message, received: Received) -> None:
    def said(data: bytes, *keys: str) -> str:
        return validate(received(data), keys).message

    assert said(message("a", 1, 2, 4, 5)).startswith("Increments test failed on key a: [1, 2, 4, 5]")
    assert said(message("a", 1), "b").startswith("Encountered a non-whitelisted key: a")
    assert said(message("a", 1), "a", "b").startswith("Expected keys do not match observed keys")
    assert said(frame(b"hello")).startswith("Record 1 cannot be decoded")
    assert "ends inside the frame" in said(message("a", 1)[:-1])


def test_its_holes(message: Message, received: Received) -> None:
    def passes(data: bytes, *keys: str, expected: int = 0, at_least_once: bool = False) -> bool:
        return validate(received(data), keys, expected, at_least_once).verdict == "pass"

    # An empty file, unless two keys are given.
    assert passes(b"", expected=1000)
    assert passes(b"", "a", expected=1000)
    assert not passes(b"", "a", "b")
    # The first value of a key.
    assert passes(message("a", 500) + message("a", 501), "a", expected=501)
    # A window that was never sent, when it goes back.
    assert passes(message("a", 9) + message("a", 0, 0, 0, 0), "a", at_least_once=True)
    # Text around the message.
    assert passes(frame(b"xx(a.TraceID-1,[0,0,0,1])yy"), "a")
    # A key that does not occur, when it is the only one.
    assert passes(b"", "a", expected=1)
    # Without an expected value, the end.
    assert passes(message("a", 1), "a")


def test_a_file_that_cannot_be_read_fails(tmp_path: Path) -> None:
    result = validate(tmp_path / "received.txt", ["a"], 1)
    assert (result.verdict, result.exit_code) == ("fail", 1)
    assert "received.txt could not be read: No such file or directory" in result.message
