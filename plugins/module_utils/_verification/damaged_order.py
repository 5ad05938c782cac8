# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plants of messages that are lost, come again or come in another order."""

from __future__ import annotations

from .damage import MARGIN, Stream, planted
from .guarantees import Window


@planted("gap")
def gap_of_one(stream: Stream) -> None:
    """One message is lost."""
    name = stream.key()
    number = stream.pick(name)
    stream.remove(name, range(number, number + 1))


@planted("gap")
def gap_of_several(stream: Stream) -> None:
    """Messages in a row are lost."""
    name = stream.key()
    length = stream.random.randint(2, 6)
    number = stream.pick(name, after=MARGIN + length)
    stream.remove(name, range(number, number + length))


@planted("gap")
def gap_before_the_state(stream: Stream) -> None:
    """Messages are lost on the way to the state: windows show the hole for three messages more."""
    name = stream.key()
    length = stream.random.randint(1, 4)
    number = stream.pick(name, after=MARGIN + length)
    ring = [number - 2, number - 1, number]
    stream.remove(name, range(number, number + length))
    for value in range(number + length + 1, number + length + 4):
        ring.append(value)
        window: Window = (ring[-4], ring[-3], ring[-2], ring[-1])
        stream.replace(stream.of_key[name][value - 1], name, window)


@planted("lost_head")
def lost_head(stream: Stream) -> None:
    """The first messages of a key are lost."""
    name = stream.key()
    stream.pick(name)
    stream.remove(name, range(stream.random.randint(1, 5)))


@planted("lost_tail")
def lost_tail(stream: Stream) -> None:
    """The last messages of a key are lost."""
    name = stream.key()
    stream.pick(name)
    count = len(stream.of_key[name])
    stream.remove(name, range(count - stream.random.randint(1, 5), count))


@planted("missing_key")
def missing_key(stream: Stream) -> None:
    """A key does not occur."""
    name = stream.key()
    stream.remove(name, range(len(stream.of_key[name])))


@planted("duplicate", allowed=True)
def duplicate(stream: Stream) -> None:
    """A message comes twice in a row."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    stream.insert(index, stream.frames[index] * stream.random.randint(1, 3))


@planted("duplicate", at_least_once="gap")
def duplicate_of_old(stream: Stream) -> None:
    """A message comes again later, alone: going back is allowed at best, leaving out what follows is not."""
    name = stream.key()
    number = stream.pick(name)
    older = stream.frames[stream.of_key[name][number - stream.random.randint(2, 6)]]
    stream.insert(stream.of_key[name][number], older)


@planted("duplicate")
def duplicate_too_early(stream: Stream) -> None:
    """A message comes before its turn, and again when it is due."""
    name = stream.key()
    number = stream.pick(name)
    later = stream.frames[stream.of_key[name][number + stream.random.randint(2, 6)]]
    stream.insert(stream.of_key[name][number], later)


@planted("rewind", allowed=True)
def rewind(stream: Stream) -> None:
    """A key goes back by several messages and comes again from there, as after a recovery."""
    name = stream.key()
    number = stream.pick(name)
    own = stream.of_key[name]
    replay = b"".join(stream.frames[index] for index in own[number - stream.random.randint(2, MARGIN) : number])
    stream.insert(own[number], replay)


@planted("rewind", allowed=True)
def rewind_to_the_beginning(stream: Stream) -> None:
    """A key starts again with its first message."""
    name = stream.key()
    number = stream.pick(name)
    own = stream.of_key[name]
    stream.insert(own[number], b"".join(stream.frames[index] for index in own[:number]))


@planted("rewind", at_least_once="gap")
def rewind_in_part(stream: Stream) -> None:
    """A key goes back and repeats some messages, but not all up to where it had been."""
    name = stream.key()
    number = stream.pick(name)
    own = stream.of_key[name]
    replay = b"".join(stream.frames[index] for index in own[number - MARGIN : number - stream.random.randint(2, 5)])
    stream.insert(own[number], replay)


@planted("reorder")
def reorder_neighbours(stream: Stream) -> None:
    """Two messages of a key that follow each other are swapped."""
    name = stream.key()
    number = stream.pick(name)
    first, second = stream.of_key[name][number : number + 2]
    stream.frames[first], stream.frames[second] = stream.frames[second], stream.frames[first]


@planted("reorder")
def reorder_early(stream: Stream) -> None:
    """A message overtakes several of its key."""
    _move(stream, forward=True)


@planted("reorder")
def reorder_late(stream: Stream) -> None:
    """A message is overtaken by several of its key."""
    _move(stream, forward=False)


def _move(stream: Stream, forward: bool) -> None:
    name = stream.key()
    number = stream.pick(name)
    own = stream.of_key[name][number : number + stream.random.randint(3, MARGIN)]
    moved = [stream.frames[index] for index in own]
    moved = [moved[-1], *moved[:-1]] if forward else [*moved[1:], moved[0]]
    for index, data in zip(own, moved):
        stream.frames[index] = data


@planted("reorder")
def reorder_blocks(stream: Stream) -> None:
    """Two blocks of messages of a key are swapped."""
    name = stream.key()
    number = stream.pick(name)
    size = stream.random.randint(2, MARGIN // 2)
    own = stream.of_key[name][number : number + 2 * size]
    moved = [stream.frames[index] for index in own]
    for index, data in zip(own, moved[size:] + moved[:size]):
        stream.frames[index] = data
