# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clean streams of varied shape: how many keys, how long, how they are called and how they interleave.

A seed decides all of it. The streams are written by the definition, frame by frame, and share nothing with the verifier
but the format of a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    encode_output,
    expected_window,
    key_name,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame

_SHORTEST = 30
"""Values of a key, so that any plant finds its place."""

_MESSAGES = 3000


@dataclass(frozen=True)
class Shape:
    """A clean stream."""

    keys: list[str]
    last: int
    first: int
    depth: int
    interleaving: str
    """``bursts``, ``turns`` (each key in turn), ``blocks`` (one key after the other), ``skewed`` (some are late), or
    ``workers`` (what two workers send meets in blocks)."""
    data: bytes = field(repr=False)


def shape(seed: int, planted: bool = False) -> Shape:
    """The stream of a seed.

    :param planted: something is going to be planted: the first value is 1, and no key is too short for it.
    """
    random = Random(f"shape {seed}")
    count = random.choice([2, 3, 5, 11, 40] if planted else [1, 2, 3, 5, 11, 40, 150])
    names = random.choice([[key_name(number) for number in range(count)], _odd_names(random, count)])
    shortest = _SHORTEST if planted else 1
    last = random.randint(shortest, max(shortest, min(_MESSAGES // count, 1200)))
    first = 1 if planted or random.random() < 0.7 else random.randint(1, last)
    depth = random.choice([1, 1, 1, 2, 3])
    interleaving = random.choice(["bursts", "turns", "blocks", "skewed", "workers"])
    order = _ORDERS[interleaving](random, names, first, last)
    data = b"".join(frame(encode_output(key, expected_window(value), depth)) for key, value in order)
    return Shape(names, last, first, depth, interleaving, data)


def _odd_names(random: Random, count: int) -> list[str]:
    """Names of other lengths, some the beginning of others, some like layers, some not of ASCII."""
    made = ["TraceID-1", "a", "aa", "ab", "K", "key_1", "key_10", "Ä", "0", "key 7", "key-7", "ключ"]
    made += [f"{random.choice('xyz')}{number}" for number in range(count)]
    return random.sample(made, count)


def _bursts(random: Random, keys: list[str], first: int, last: int, longest: int = 20) -> Iterator[tuple[str, int]]:
    following, alive = dict.fromkeys(keys, first), list(keys)
    while alive:
        key = random.choice(alive)
        for _ in range(random.randint(1, longest)):
            yield key, following[key]
            following[key] += 1
            if following[key] > last:
                alive.remove(key)
                break


def _turns(_random: Random, keys: list[str], first: int, last: int) -> Iterator[tuple[str, int]]:
    return ((key, value) for value in range(first, last + 1) for key in keys)


def _blocks(random: Random, keys: list[str], first: int, last: int) -> Iterator[tuple[str, int]]:
    return ((key, value) for key in random.sample(keys, len(keys)) for value in range(first, last + 1))


def _skewed(random: Random, keys: list[str], first: int, last: int) -> Iterator[tuple[str, int]]:
    late = keys[: random.randint(0, len(keys))]
    yield from _bursts(random, [key for key in keys if key not in late], first, last)
    yield from _bursts(random, late, first, last, longest=200)


def _workers(random: Random, keys: list[str], first: int, last: int) -> Iterator[tuple[str, int]]:
    parts = [list(_turns(random, part, first, last)) for part in (keys[::2], keys[1::2]) if part]
    while parts:
        part = random.choice(parts)
        size = random.randint(1, 300)
        yield from part[:size]
        del part[:size]
        parts = [one for one in parts if one]


_ORDERS = {"bursts": _bursts, "turns": _turns, "blocks": _blocks, "skewed": _skewed, "workers": _workers}
