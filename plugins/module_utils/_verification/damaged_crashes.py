# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A good stream through which a crash goes as the guarantee allows it, and plants of what it does not allow.

A *scene* is made of a good stream: its order is that in which messages were sent. A crash is put into it, which repeats
or loses what it may, and a plant makes one thing of it wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from .._formats.detector import base_key
from .damage import MARGIN, Message, Stream
from .guarantees import AT_LEAST_ONCE, NONE, Crash
from .violations import EARLY_REPEAT, LATE_REPEAT, REWOUND

_LEAST = 30
"""Messages of a key: there is room before and behind what was covered, the crash, and where the source came back."""


class Scene:
    """A stream with one crash.

    :ivar before: what came out before the crash.
    :ivar after: what came out behind it.
    """

    def __init__(self, data: bytes, seed: int, guarantee: str) -> None:
        """.

        :raises ValueError: when the stream is too short.
        """
        self.random = Random(seed)
        self.sent = Stream(data, self.random, None).messages
        self.guarantee = guarantee
        self.key = self.random.choice(sorted({message.name for message in self.sent}))
        own = [index for index, message in enumerate(self.sent) if message.name == self.key]
        count = len(own)
        if count < _LEAST:
            raise ValueError(f"{self.key} has {count} messages, too few to plant a crash")
        self.covered = own[self.random.randint(count // 6, count // 4)]
        self.crashed = own[self.random.randint(count * 2 // 5, count // 2)]
        self.back = own[self.random.randint(count * 2 // 3, count * 3 // 4)]
        if guarantee == AT_LEAST_ONCE:
            self.back = self.covered
        self.read_from = self.back
        self.before = self.sent[: self.crashed]
        self.after = list(self.sent[self.back :])
        if guarantee == NONE:
            for name in {message.name for message in self.sent}:
                self.set_state(name, list(range(1, self.value(name, self.covered) + 1)))

    def value(self, name: str, position: int) -> int:
        """The last value of a key among the first that were sent."""
        return max((message.value for message in self.sent[:position] if message.name == name), default=0)

    def set_state(self, name: str, state: list[int]) -> None:
        """Let the state of a key be these values when the source comes back."""
        ring = [0, 0, 0, *state]
        for index, message in enumerate(self.after):
            if message.name == name:
                ring.append(message.value)
                self.after[index] = Message(name, (ring[-4], ring[-3], ring[-2], ring[-1]))

    def own(self) -> list[int]:
        """Where behind the crash the messages of the key are."""
        return [index for index, message in enumerate(self.after) if message.name == self.key]

    def replace(self, index: int, values: Sequence[int]) -> None:
        """Another window in the place of one behind the crash."""
        first, second, third, newest = values
        self.after[index] = Message(self.key, (first, second, third, newest))

    def remove(self, values: range) -> None:
        """Take out messages of the key behind the crash."""
        self.after = [one for one in self.after if one.name != self.key or one.value not in values]

    def again(self, index: int, values: range) -> None:
        """Repeat messages of the key before one that is behind the crash."""
        found = {message.value: message for message in self.sent if message.name == self.key}
        self.after[index:index] = [found[value] for value in values]

    @property
    def data(self) -> bytes:
        """What came out."""
        return b"".join(message.encode() for message in [*self.before, *self.after])

    @property
    def crashes(self) -> list[Crash]:
        """What is known of the crash."""
        covered, begun = (
            {base_key(name): self.value(name, position) for name in {message.name for message in self.sent[:position]}}
            for position in (self.covered, self.read_from)
        )
        return [Crash(0.0, covered, [begun], self.guarantee == AT_LEAST_ONCE, self.covered, [self.read_from])]


@dataclass(frozen=True)
class CrashPlant:
    """One thing that a guarantee does not allow."""

    name: str
    guarantee: str
    kind: str
    """How it must be called."""
    spoil: Callable[[Scene], None]


CRASH_PLANTS: dict[str, CrashPlant] = {}


def _planted(guarantee: str, kind: str) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    def register(spoil: Callable[[Scene], None]) -> Callable[[Scene], None]:
        CRASH_PLANTS[spoil.__name__] = CrashPlant(spoil.__name__, guarantee, kind, spoil)
        return spoil

    return register


def plant_crash(name: str, data: bytes, seed: int = 0) -> Scene:
    """A scene of a good stream with one thing in it that its guarantee does not allow.

    :raises ValueError: when the stream is too short.
    """
    chosen = CRASH_PLANTS[name]
    scene = Scene(data, seed, chosen.guarantee)
    chosen.spoil(scene)
    return scene


# -- at least once --------------------------------------------------------------------------------------


@_planted(AT_LEAST_ONCE, EARLY_REPEAT)
def repeat_from_the_beginning(scene: Scene) -> None:
    """A key repeats everything, though the source was read again from a checkpoint on."""
    scene.again(scene.own()[0], range(1, scene.value(scene.key, scene.covered) + 1))


@_planted(AT_LEAST_ONCE, EARLY_REPEAT)
def repeat_too_early(scene: Scene) -> None:
    """A key repeats a little more than was read again."""
    covered = scene.value(scene.key, scene.covered)
    scene.again(scene.own()[0], range(covered - scene.random.randint(0, 3), covered + 1))


@_planted(AT_LEAST_ONCE, REWOUND)
def source_from_the_beginning(scene: Scene) -> None:
    """The source was read again from its beginning, though a checkpoint had covered a part."""
    scene.read_from, scene.after = 0, list(scene.sent)


@_planted(AT_LEAST_ONCE, LATE_REPEAT)
def repeat_too_late(scene: Scene) -> None:
    """The first messages that were read again do not come again: a loss that a repeat hides."""
    covered = scene.value(scene.key, scene.covered)
    scene.remove(range(covered + 1, covered + 1 + scene.random.randint(1, 3)))


@_planted(AT_LEAST_ONCE, "gap")
def repeat_that_stops(scene: Scene) -> None:
    """A repeat does not come to where the key had been."""
    reached = scene.value(scene.key, scene.crashed)
    scene.remove(range(reached - scene.random.randint(0, 2), reached + 1))


@_planted(AT_LEAST_ONCE, "gap")
def repeat_with_a_hole(scene: Scene) -> None:
    """A repeat leaves something out on its way."""
    covered = scene.value(scene.key, scene.covered)
    scene.remove(range(covered + 3, covered + 4))


@_planted(AT_LEAST_ONCE, "bad_window")
def repeat_with_another_byte(scene: Scene) -> None:
    """What is repeated is not what came before."""
    index = scene.own()[scene.random.randint(0, 3)]
    window = list(scene.after[index].window)
    window[scene.random.randrange(3)] += 1
    scene.replace(index, window)


@_planted(AT_LEAST_ONCE, "rewind")
def repeat_without_a_crash(scene: Scene) -> None:
    """A key repeats once more than the source was read."""
    covered, reached = scene.value(scene.key, scene.covered), scene.value(scene.key, scene.crashed)
    index = next(index for index in scene.own() if scene.after[index].value == reached + 1)
    scene.again(index, range(covered + scene.random.randint(0, 2), reached + 1))


# -- none -----------------------------------------------------------------------------------------------


@_planted(NONE, "gap")
def loss_behind_the_crash(scene: Scene) -> None:
    """A message is lost that was sent when the source was back."""
    value = scene.after[scene.own()[MARGIN // 2]].value
    scene.remove(range(value, value + 1))


@_planted(NONE, "gap")
def loss_before_the_checkpoint(scene: Scene) -> None:
    """A message is lost that a checkpoint had covered."""
    value = scene.random.randint(2, scene.value(scene.key, scene.covered) - 1)
    scene.before = [one for one in scene.before if one.name != scene.key or one.value != value]


@_planted(NONE, "lost_tail")
def loss_at_the_end(scene: Scene) -> None:
    """The last messages are lost, long after the crash."""
    scene.remove(range(scene.after[scene.own()[-scene.random.randint(1, 2)]].value, len(scene.sent)))


@_planted(NONE, "bad_window")
def state_older_than_the_checkpoint(scene: Scene) -> None:
    """Behind a loss that is allowed the windows are those of a state that a checkpoint had left behind."""
    covered = scene.value(scene.key, scene.covered)
    scene.set_state(scene.key, list(range(1, covered + 1 - scene.random.randint(1, min(covered - 1, 4)))))


@_planted(NONE, "bad_window")
def state_with_a_hole(scene: Scene) -> None:
    """Behind a loss that is allowed the state lacks a value that a checkpoint had covered."""
    covered = scene.value(scene.key, scene.covered)
    scene.set_state(scene.key, [*range(1, covered - 1), covered])


@_planted(NONE, "bad_window")
def state_that_knows_what_was_lost(scene: Scene) -> None:
    """Behind a loss that is allowed the state is set back, and then it is not."""
    index = scene.own()[1]
    value = scene.after[index].value
    scene.replace(index, (value - 3, value - 2, value - 1, value))


@_planted(NONE, "bad_window")
def wrong_window_behind_a_loss(scene: Scene) -> None:
    """One window behind a loss that is allowed has a wrong number."""
    index = scene.own()[scene.random.randint(0, 2)]
    window = list(scene.after[index].window)
    window[0] += scene.random.randint(1, 3)
    scene.replace(index, window)


@_planted(NONE, "reset_state")
def state_that_is_gone(scene: Scene) -> None:
    """Behind a loss that is allowed the state begins from nothing, though a checkpoint had covered it."""
    scene.set_state(scene.key, [])


@_planted(NONE, "rewind")
def repeat_where_nothing_is_sent_again(scene: Scene) -> None:
    """A key repeats what came out before the crash."""
    reached = scene.value(scene.key, scene.crashed)
    scene.again(scene.own()[0], range(reached - scene.random.randint(1, MARGIN // 2), reached + 1))
