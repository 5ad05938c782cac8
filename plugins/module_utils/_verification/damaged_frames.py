# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plants of messages that are not what was sent: of another key, of another state, or no messages at all."""

from __future__ import annotations

from .._formats.detector import expected_window
from .._formats.framing import HEADER, frame
from .damage import MARGIN, Message, Stream, planted
from .guarantees import window_text


@planted("cross_key", ambiguous=True)
def cross_key_name(stream: Stream) -> None:
    """A message comes under the name of another key."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    stream.replace(index, stream.other_key(name), stream.messages[index].window)


@planted("cross_key", ambiguous=True)
def cross_key_swap(stream: Stream) -> None:
    """Two messages of different keys come under each other's names."""
    name = stream.key()
    first = stream.of_key[name][stream.pick(name)]
    other = stream.other_key(name)
    stream.pick(other)
    value = stream.messages[first].value
    inner = stream.of_key[other][MARGIN:-MARGIN]
    # Values far apart if possible: what is swapped with its neighbour could also be out of order.
    second = min(inner, key=lambda index: (abs(stream.messages[index].value - value) < MARGIN, abs(index - first)))
    if stream.messages[second].value == value:
        raise ValueError(f"{name} and {other} hold no different messages that could be swapped")
    stream.replace(first, other, stream.messages[first].window)
    stream.replace(second, name, stream.messages[second].window)


@planted("cross_key", ambiguous=True)
def cross_key_window(stream: Stream) -> None:
    """A message holds the window of another key, which has come to another place."""
    name = stream.key()
    other = stream.other_key(name)
    index = stream.of_key[name][stream.pick(name)]
    reached = max((stream.messages[at].value for at in stream.of_key[other] if at < index), default=1)
    value = reached if reached != stream.messages[index].value else reached + 1
    stream.replace(index, name, expected_window(value))


@planted("cross_key")
def cross_key_envelope(stream: Stream) -> None:
    """The text names one key in front and another one behind it."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    base, layers = name.split(".", 1)
    other = stream.other_key(name).split(".", 1)[0]
    stream.replace(index, f"{base}.{other}.{layers}", stream.messages[index].window)


@planted("unknown_key")
def unknown_key_name(stream: Stream) -> None:
    """A message comes under a name that nobody sent."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    stream.replace(index, "nobody." + name.split(".", 1)[1], stream.messages[index].window)


@planted("unknown_key")
def unknown_key_added(stream: Stream) -> None:
    """A key that nobody sent has messages from some place on."""
    name = stream.key()
    for index in stream.of_key[name][stream.pick(name) :]:
        added = Message("nobody." + name.split(".", 1)[1], stream.messages[index].window)
        stream.insert(index, added.encode())


@planted("beyond_last")
def beyond_last(stream: Stream) -> None:
    """A key goes on after its last value."""
    name = stream.key()
    last = stream.messages[stream.of_key[name][-1]].value
    for value in range(last + 1, last + stream.random.randint(2, 5)):
        stream.frames.append(Message(name, expected_window(value)).encode())


@planted("reset_state")
def reset_state(stream: Stream) -> None:
    """A key's state is lost: the windows fill up from zeros again, the values go on."""
    name = stream.key()
    number = stream.pick(name)
    for kept, index in enumerate(stream.of_key[name][number : number + 3]):
        window = stream.messages[index].window
        stream.replace(index, name, (0, 0 if kept < 2 else window[1], 0 if kept < 1 else window[2], window[3]))


@planted("bad_window")
def bad_window(stream: Stream) -> None:
    """One of the older numbers of a window is wrong."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    window = list(stream.messages[index].window)
    window[stream.random.randrange(3)] += stream.random.choice((-1, 1)) * stream.random.randint(1, 3)
    stream.replace(index, name, (abs(window[0]), abs(window[1]), abs(window[2]), window[3]))


@planted("bad_window")
def bad_newest(stream: Stream) -> None:
    """The newest number of a window is wrong."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    first, second, third, newest = stream.messages[index].window
    stream.replace(index, name, (first, second, third, newest + stream.random.randint(1, 1000)))


@planted("bad_window")
def bad_window_carried(stream: Stream) -> None:
    """A number in the state is wrong: four windows show it, until it has left the ring."""
    name = stream.key()
    number = stream.pick(name)
    wrong = stream.random.randint(10**5, 10**6)
    for place, index in enumerate(stream.of_key[name][number : number + 4]):
        window = list(stream.messages[index].window)
        window[3 - place] = wrong
        stream.replace(index, name, (window[0], window[1], window[2], window[3]))


@planted("bad_window")
def short_window(stream: Stream) -> None:
    """A window has three numbers."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    text = window_text(stream.messages[index].window[1:])
    stream.frames[index] = frame(f"({name},{text})".encode())


@planted("leading_zero")
def leading_zero(stream: Stream) -> None:
    """A number is written with a zero in front."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    numbers = [str(number) for number in stream.messages[index].window]
    place = stream.random.randrange(4)
    numbers[place] = "0" + numbers[place]
    stream.frames[index] = frame(f"({name},[{','.join(numbers)}])".encode())


@planted("torn_frame")
def torn_inside(stream: Stream) -> None:
    """A frame ends too early and the next one begins, as when a connection breaks."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    data = stream.frames[index]
    stream.frames[index] = data[: stream.random.randrange(HEADER.size, len(data))]


@planted("torn_frame")
def torn_at_the_end(stream: Stream) -> None:
    """The last frame is not complete."""
    data = stream.frames[-1]
    stream.frames[-1] = data[: stream.random.randrange(1, len(data))]


@planted("garbage")
def garbage_between(stream: Stream) -> None:
    """Bytes that are no frame lie between two frames."""
    name = stream.key()
    garbage = bytes(stream.random.randrange(128, 256) for _unused in range(stream.random.randint(4, 300)))
    stream.insert(stream.of_key[name][stream.pick(name)], garbage)


@planted("garbage")
def garbage_payload(stream: Stream) -> None:
    """A frame holds something else than a message."""
    name = stream.key()
    garbage = bytes(stream.random.randrange(256) for _unused in range(stream.random.randint(0, 300)))
    stream.insert(stream.of_key[name][stream.pick(name)], frame(garbage))


@planted("garbage")
def damaged_text(stream: Stream) -> None:
    """One of the characters that hold a message together is another one."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    data = bytearray(stream.frames[index])
    place = stream.random.choice([at for at in range(HEADER.size, len(data)) if data[at] in b"([])"])
    data[place] = 0x78
    stream.frames[index] = bytes(data)


@planted("garbage")
def damaged_header(stream: Stream) -> None:
    """The length of a frame is far too great."""
    name = stream.key()
    index = stream.of_key[name][stream.pick(name)]
    data = stream.frames[index]
    stream.frames[index] = bytes([stream.random.randint(1, 255)]) + data[1:]
