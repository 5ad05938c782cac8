# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams of output for the tests of the verification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    encode_output,
    expected_window,
    key_name,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame

GoodStream = Callable[..., list[bytes]]


@pytest.fixture(scope="session")
def keys() -> list[str]:
    """Eleven keys, so that one of them has a longer name."""
    return [key_name(number) for number in range(11)]


@pytest.fixture(scope="session")
def message() -> Callable[..., bytes]:
    """A frame: key and value, or key and four numbers."""

    def make(key: str, *numbers: int, depth: int = 1) -> bytes:
        window = numbers if len(numbers) == 4 else expected_window(numbers[0])
        return frame(encode_output(key, window, depth))

    return make


@pytest.fixture(scope="session")
def good_stream(message: Callable[..., bytes]) -> GoodStream:
    """The frames of a run without a fault: keys in bursts, in an order that a seed decides."""

    def make(keys: Sequence[str], last: int, seed: int = 0, first: int = 1, depth: int = 1) -> list[bytes]:
        random, following = Random(seed), dict.fromkeys(keys, first)
        frames = []
        while following:
            key = random.choice(list(following))
            for _ in range(random.randint(1, 6)):
                frames.append(message(key, following[key], depth=depth))
                following[key] += 1
                if following[key] > last:
                    del following[key]
                    break
        return frames

    return make


@pytest.fixture
def received(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes a received file."""

    def write(data: bytes, name: str = "received.bin") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write
