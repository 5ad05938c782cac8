# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage for a good stream of output: a verifier that cannot fail is worthless.

Each plant is one fault of one class, at a place that a seed decides. The plants themselves are in ``damaged_order`` and
``damaged_frames``; ``proof`` uses them on what a run has received, and tests on streams of every shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Optional

from .._formats.detector import decode_output
from .._formats.framing import FrameSplitter, frame
from .guarantees import Window, window_text

MARGIN = 8
"""Messages of a key before and after the fault, so that its beginning and its end stay whole."""


@dataclass
class Message:
    name: str
    window: Window

    @property
    def value(self) -> int:
        return self.window[3]

    def encode(self) -> bytes:
        return frame(f"({self.name},{window_text(self.window)})".encode())


class Stream:
    """A good stream to be spoilt: a list of frames, and where those of each key are."""

    def __init__(self, data: bytes, random: Random, place: Optional[float]) -> None:
        splitter = FrameSplitter()
        payloads = splitter.feed(data)
        splitter.finish()
        self.messages = [Message(*decode_output(payload)) for payload in payloads]
        self.frames = [frame(payload) for payload in payloads]
        self.random, self.place = random, place
        self.of_key: dict[str, list[int]] = {}
        for index, message in enumerate(self.messages):
            self.of_key.setdefault(message.name, []).append(index)

    def key(self) -> str:
        """Any key."""
        return self.random.choice(sorted(self.of_key))

    def other_key(self, name: str) -> str:
        """Any key but this one.

        :raises ValueError: when there is no other.
        """
        others = sorted(set(self.of_key) - {name})
        if not others:
            raise ValueError("the stream has one key only, so no two can be mixed up")
        return self.random.choice(others)

    def pick(self, name: str, before: int = MARGIN, after: int = MARGIN) -> int:
        """The number, among the messages of a key, of one with so many others before and after it.

        :raises ValueError: when the key has too few messages.
        """
        count = len(self.of_key[name])
        if before >= count - after:
            raise ValueError(f"{name} has {count} messages, too few to plant this violation")
        if self.place is None:
            return self.random.randrange(before, count - after)
        return before + int(self.place * (count - after - before))

    def replace(self, index: int, name: str, window: Window) -> None:
        """Put another message in the place of one."""
        self.frames[index] = Message(name, window).encode()

    def remove(self, name: str, numbers: range) -> None:
        """Take out messages of a key."""
        for number in numbers:
            self.frames[self.of_key[name][number]] = b""

    def insert(self, index: int, data: bytes) -> None:
        """Put bytes before a frame."""
        self.frames[index] = data + self.frames[index]


@dataclass(frozen=True)
class Plant:
    """One class of fault."""

    name: str
    kind: str
    """How it must be called."""
    spoil: Callable[[Stream], None]
    allowed_at_least_once: bool = False
    """It is no violation when repeats are allowed."""
    kind_at_least_once: str = ""
    """How it must be called there, when that differs."""
    ambiguous_at_least_once: bool = False
    """It may look like an allowed repeat of another key there: what its own key lacks is all that can be told."""


PLANTS: dict[str, Plant] = {}


def plant(name: str, data: bytes, seed: int = 0, place: Optional[float] = None) -> bytes:
    """A good stream with one fault.

    :param name: of the plant, one of ``PLANTS``.
    :param place: where, from 0.0 (as early as possible) to just below 1.0; anywhere when it is None.
    :raises ValueError: when the stream is too short or has too few keys for it, or is no good one.
    """
    stream = Stream(data, Random(seed), place)
    PLANTS[name].spoil(stream)
    return b"".join(stream.frames)


def planted(
    kind: str, allowed: bool = False, at_least_once: str = "", ambiguous: bool = False
) -> Callable[[Callable[[Stream], None]], Callable[[Stream], None]]:
    def register(spoil: Callable[[Stream], None]) -> Callable[[Stream], None]:
        PLANTS[spoil.__name__] = Plant(spoil.__name__, kind, spoil, allowed, at_least_once, ambiguous)
        return spoil

    return register
