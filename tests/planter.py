# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plants violations into a good stream: a verifier that cannot fail is worthless.

Each plant is one fault of one class, at a place that a seed decides. It changes what was received;
``planting.py`` makes workers fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Optional

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    decode_output,
    expected_window,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import HEADER, FrameSplitter, frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.key_rule import Window, window_text

_MARGIN = 8
"""Messages of a key before and after the fault, so that its beginning and its end stay whole."""


@dataclass
class _Message:
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
        self.messages = [_Message(*decode_output(payload)) for payload in payloads]
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

    def pick(self, name: str, before: int = _MARGIN, after: int = _MARGIN) -> int:
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
        self.frames[index] = _Message(name, window).encode()

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


def _plant(
    kind: str, allowed: bool = False, at_least_once: str = ""
) -> Callable[[Callable[[Stream], None]], Callable[[Stream], None]]:
    def register(spoil: Callable[[Stream], None]) -> Callable[[Stream], None]:
        PLANTS[spoil.__name__] = Plant(spoil.__name__, kind, spoil, allowed, at_least_once)
        return spoil

    return register


@_plant("gap")
def gap_of_one(stream: Stream) -> None:
    """One message is lost."""
    name = stream.key()
    number = stream.pick(name)
    stream.remove(name, range(number, number + 1))


@_plant("gap")
def gap_of_several(stream: Stream) -> None:
    """Messages in a row are lost."""
    name = stream.key()
    length = stream.random.randint(2, 6)
    number = stream.pick(name, after=_MARGIN + length)
    stream.remove(name, range(number, number + length))


@_plant("gap")
def gap_before_the_state(stream: Stream) -> None:
    """Messages are lost on the way to the state: windows show the hole for three messages more."""
    name = stream.key()
    length = stream.random.randint(1, 4)
    number = stream.pick(name, after=_MARGIN + length)
    ring = [number - 2, number - 1, number]
    stream.remove(name, range(number, number + length))
    for value in range(number + length + 1, number + length + 4):
        ring.append(value)
        window: Window = (ring[-4], ring[-3], ring[-2], ring[-1])
        stream.replace(stream.of_key[name][value - 1], name, window)


@_plant("lost_head")
def lost_head(stream: Stream) -> None:
    """The first messages of a key are lost."""
    name = stream.key()
    stream.pick(name)
    stream.remove(name, range(stream.random.randint(1, 5)))


@_plant("lost_tail")
def lost_tail(stream: Stream) -> None:
    """The last messages of a key are lost."""
    name = stream.key()
    stream.pick(name)
    count = len(stream.of_key[name])
    stream.remove(name, range(count - stream.random.randint(1, 5), count))


@_plant("missing_key")
def missing_key(stream: Stream) -> None:
    """A key does not occur."""
    name = stream.key()
    stream.remove(name, range(len(stream.of_key[name])))


@_plant("duplicate", allowed=True)
def duplicate(stream: Stream) -> None:
    """A message comes twice in a row."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    stream.insert(index, stream.frames[index] * stream.random.randint(1, 3))


@_plant("duplicate", at_least_once="gap")
def duplicate_of_old(stream: Stream) -> None:
    """A message comes again later, alone: going back is allowed at best, leaving out what follows is not."""
    name = stream.key()
    number = stream.pick(name)
    older = stream.frames[stream.of_key[name][number - stream.random.randint(2, 6)]]
    stream.insert(stream.of_key[name][number], older)


@_plant("duplicate")
def duplicate_too_early(stream: Stream) -> None:
    """A message comes before its turn, and again when it is due."""
    name = stream.key()
    number = stream.pick(name)
    later = stream.frames[stream.of_key[name][number + stream.random.randint(2, 6)]]
    stream.insert(stream.of_key[name][number], later)


@_plant("rewind", allowed=True)
def rewind(stream: Stream) -> None:
    """A key goes back by several messages and comes again from there, as after a recovery."""
    name = stream.key()
    number = stream.pick(name)
    own = stream.of_key[name]
    replay = b"".join(stream.frames[index] for index in own[number - stream.random.randint(2, _MARGIN) : number])
    stream.insert(own[number], replay)


@_plant("rewind", allowed=True)
def rewind_to_the_beginning(stream: Stream) -> None:
    """A key starts again with its first message."""
    name = stream.key()
    number = stream.pick(name)
    own = stream.of_key[name]
    stream.insert(own[number], b"".join(stream.frames[index] for index in own[:number]))


@_plant("rewind", at_least_once="gap")
def rewind_in_part(stream: Stream) -> None:
    """A key goes back and repeats some messages, but not all up to where it had been."""
    name = stream.key()
    number = stream.pick(name)
    own = stream.of_key[name]
    replay = b"".join(stream.frames[index] for index in own[number - _MARGIN : number - stream.random.randint(2, 5)])
    stream.insert(own[number], replay)


@_plant("reorder")
def reorder_neighbours(stream: Stream) -> None:
    """Two messages of a key that follow each other are swapped."""
    name = stream.key()
    number = stream.pick(name)
    first, second = stream.of_key[name][number : number + 2]
    stream.frames[first], stream.frames[second] = stream.frames[second], stream.frames[first]


@_plant("reorder")
def reorder_early(stream: Stream) -> None:
    """A message overtakes several of its key."""
    _move(stream, forward=True)


@_plant("reorder")
def reorder_late(stream: Stream) -> None:
    """A message is overtaken by several of its key."""
    _move(stream, forward=False)


def _move(stream: Stream, forward: bool) -> None:
    name = stream.key()
    number = stream.pick(name)
    own = stream.of_key[name][number : number + stream.random.randint(3, _MARGIN)]
    moved = [stream.frames[index] for index in own]
    moved = [moved[-1], *moved[:-1]] if forward else [*moved[1:], moved[0]]
    for index, data in zip(own, moved):
        stream.frames[index] = data


@_plant("reorder")
def reorder_blocks(stream: Stream) -> None:
    """Two blocks of messages of a key are swapped."""
    name = stream.key()
    number = stream.pick(name)
    size = stream.random.randint(2, _MARGIN // 2)
    own = stream.of_key[name][number : number + 2 * size]
    moved = [stream.frames[index] for index in own]
    for index, data in zip(own, moved[size:] + moved[:size]):
        stream.frames[index] = data


@_plant("cross_key")
def cross_key_name(stream: Stream) -> None:
    """A message comes under the name of another key."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    stream.replace(index, stream.other_key(name), stream.messages[index].window)


@_plant("cross_key")
def cross_key_swap(stream: Stream) -> None:
    """Two messages of different keys come under each other's names."""
    name = stream.key()
    first = stream.of_key[name][stream.pick(name)]
    other = stream.other_key(name)
    stream.pick(other)
    value = stream.messages[first].value
    inner = stream.of_key[other][_MARGIN:-_MARGIN]
    # Values far apart if possible: what is swapped with its neighbour could also be out of order.
    second = min(inner, key=lambda index: (abs(stream.messages[index].value - value) < _MARGIN, abs(index - first)))
    if stream.messages[second].value == value:
        raise ValueError(f"{name} and {other} hold no different messages that could be swapped")
    stream.replace(first, other, stream.messages[first].window)
    stream.replace(second, name, stream.messages[second].window)


@_plant("cross_key")
def cross_key_window(stream: Stream) -> None:
    """A message holds the window of another key, which has come to another place."""
    name = stream.key()
    other = stream.other_key(name)
    index = stream.of_key[name][stream.pick(name)]
    reached = max((stream.messages[at].value for at in stream.of_key[other] if at < index), default=1)
    value = reached if reached != stream.messages[index].value else reached + 1
    stream.replace(index, name, expected_window(value))


@_plant("cross_key")
def cross_key_envelope(stream: Stream) -> None:
    """The text names one key in front and another one behind it."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    base, layers = name.split(".", 1)
    other = stream.other_key(name).split(".", 1)[0]
    stream.replace(index, f"{base}.{other}.{layers}", stream.messages[index].window)


@_plant("unknown_key")
def unknown_key_name(stream: Stream) -> None:
    """A message comes under a name that nobody sent."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    stream.replace(index, "nobody." + name.split(".", 1)[1], stream.messages[index].window)


@_plant("unknown_key")
def unknown_key_added(stream: Stream) -> None:
    """A key that nobody sent has messages from some place on."""
    name = stream.key()
    for index in stream.of_key[name][stream.pick(name) :]:
        added = _Message("nobody." + name.split(".", 1)[1], stream.messages[index].window)
        stream.insert(index, added.encode())


@_plant("beyond_last")
def beyond_last(stream: Stream) -> None:
    """A key goes on after its last value."""
    name = stream.key()
    last = stream.messages[stream.of_key[name][-1]].value
    for value in range(last + 1, last + stream.random.randint(2, 5)):
        stream.frames.append(_Message(name, expected_window(value)).encode())


@_plant("reset_state")
def reset_state(stream: Stream) -> None:
    """A key's state is lost: the windows fill up from zeros again, the values go on."""
    name = stream.key()
    number = stream.pick(name)
    for kept, index in enumerate(stream.of_key[name][number : number + 3]):
        window = stream.messages[index].window
        stream.replace(index, name, (0, 0 if kept < 2 else window[1], 0 if kept < 1 else window[2], window[3]))


@_plant("bad_window")
def bad_window(stream: Stream) -> None:
    """One of the older numbers of a window is wrong."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    window = list(stream.messages[index].window)
    window[stream.random.randrange(3)] += stream.random.choice((-1, 1)) * stream.random.randint(1, 3)
    stream.replace(index, name, (abs(window[0]), abs(window[1]), abs(window[2]), window[3]))


@_plant("bad_window")
def bad_newest(stream: Stream) -> None:
    """The newest number of a window is wrong."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    first, second, third, newest = stream.messages[index].window
    stream.replace(index, name, (first, second, third, newest + stream.random.randint(1, 1000)))


@_plant("bad_window")
def bad_window_carried(stream: Stream) -> None:
    """A number in the state is wrong: four windows show it, until it has left the ring."""
    name = stream.key()
    number = stream.pick(name)
    wrong = stream.random.randint(10**5, 10**6)
    for place, index in enumerate(stream.of_key[name][number : number + 4]):
        window = list(stream.messages[index].window)
        window[3 - place] = wrong
        stream.replace(index, name, (window[0], window[1], window[2], window[3]))


@_plant("bad_window")
def short_window(stream: Stream) -> None:
    """A window has three numbers."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    text = window_text(stream.messages[index].window[1:])
    stream.frames[index] = frame(f"({name},{text})".encode())


@_plant("leading_zero")
def leading_zero(stream: Stream) -> None:
    """A number is written with a zero in front."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    numbers = [str(number) for number in stream.messages[index].window]
    place = stream.random.randrange(4)
    numbers[place] = "0" + numbers[place]
    stream.frames[index] = frame(f"({name},[{','.join(numbers)}])".encode())


@_plant("torn_frame")
def torn_inside(stream: Stream) -> None:
    """A frame ends too early and the next one begins, as when a connection breaks."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    data = stream.frames[index]
    stream.frames[index] = data[: stream.random.randrange(HEADER.size, len(data))]


@_plant("torn_frame")
def torn_at_the_end(stream: Stream) -> None:
    """The last frame is not complete."""
    data = stream.frames[-1]
    stream.frames[-1] = data[: stream.random.randrange(1, len(data))]


@_plant("garbage")
def garbage_between(stream: Stream) -> None:
    """Bytes that are no frame lie between two frames."""
    name = stream.key()
    garbage = bytes(stream.random.randrange(128, 256) for _ in range(stream.random.randint(4, 300)))
    stream.insert(stream.of_key[name][stream.pick(name)], garbage)


@_plant("garbage")
def garbage_payload(stream: Stream) -> None:
    """A frame holds something else than a message."""
    name = stream.key()
    garbage = bytes(stream.random.randrange(256) for _ in range(stream.random.randint(0, 300)))
    stream.insert(stream.of_key[name][stream.pick(name)], frame(garbage))


@_plant("garbage")
def damaged_text(stream: Stream) -> None:
    """One of the characters that hold a message together is another one."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    data = bytearray(stream.frames[index])
    place = stream.random.choice([at for at in range(HEADER.size, len(data)) if data[at] in b"([])"])
    data[place] = 0x78
    stream.frames[index] = bytes(data)


@_plant("garbage")
def damaged_header(stream: Stream) -> None:
    """The length of a frame is far too great."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    data = stream.frames[index]
    stream.frames[index] = bytes([stream.random.randint(1, 255)]) + data[1:]
