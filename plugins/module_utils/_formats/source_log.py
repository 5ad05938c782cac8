# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source log: what senders sent, kept so that an engine can read it again, and what its readers asked for.

``sent.log`` holds the frames as they came, one after the other. ``sent.events`` holds a line of JSON for each event. A
*position* n is a number of records from the beginning of the log; the record behind it is the record n + 1.

What a reader and the log say to one another on the port ``log`` are lines, and behind the answer ``AT n`` frames::

    FROM n      the reader has n records, and wants those behind them
    NOW         it wants what comes from now on
    STATUS      it wants to know how far the log is, and nothing else
    ACK n       later, at any time: a completed checkpoint covers the first n records

    AT n        the records from n + 1 on follow
    STATUS n c  there are n records, and the first c of them are covered
    ERROR ...   why the log closes the connection
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple, Optional

from .detector import decode_input
from .framing import FrameError, iterate_file

LOG_FILE = "sent.log"
EVENTS_FILE = "sent.events"

FROM, NOW, ACK = "FROM", "NOW", "ACK"

STATUS = b"STATUS\n"
"""The question how far the log is."""

LARGEST_FRAME = (1 << 32) - 1
_STATUS = re.compile(rb"STATUS ([0-9]{1,18}) ([0-9]{1,18})\n?")

OPEN, FROM_EVENT, ACK_EVENT, CLOSED, REFUSED = "open", "from", "ack", "closed", "refused"

_FIELDS = {
    OPEN: ("records",),
    FROM_EVENT: ("reader", "at", "asked", "peer"),
    ACK_EVENT: ("reader", "at"),
    CLOSED: ("reader", "sent"),
    REFUSED: ("reader", "at", "asked", "peer"),
}
"""What belongs to an event, by its kind."""

_TEXTS = {"asked", "peer"}


class SourceLogError(ValueError):
    """A source log that does not say what was asked of it; the sentence says why."""


class Event(NamedTuple):
    """Something that happened to the log. Fields that do not belong to its kind are 0 or empty."""

    time: float
    """Seconds since the epoch."""
    event: str
    """``open``: the program started. ``from``: a reader began. ``ack``: its checkpoint was completed. ``closed``: it
    is gone. ``refused``: it wants, or acknowledges, records that it cannot have, and the connection is closed."""
    reader: int = 0
    """Which reader, counted from 1 since the file began."""
    at: int = 0
    """The position: from which it reads, up to which its checkpoint goes, or which was refused."""
    asked: str = ""
    """``FROM``, ``NOW``, and of what was refused ``FROM`` or ``ACK``."""
    peer: str = ""
    """Whom it came from, as ``host:port``."""
    records: int = 0
    """How many whole frames the log had."""
    sent: int = 0
    """The position up to which was written to that reader: not all of it need have come to it."""

    def encode(self) -> bytes:
        """The event as a line."""
        held = {name: getattr(self, name) for name in ("time", "event", *_FIELDS[self.event])}
        return json.dumps(held, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Event:
        """The reverse of :meth:`encode`.

        :raises ValueError: when the line is no event.
        """
        held = json.loads(line)
        if not isinstance(held, dict) or held.get("event") not in _FIELDS:
            raise ValueError(f"it is no event: {line[:80]!r}")
        names = _FIELDS[held["event"]]
        if not _is_number(held.get("time"), float) or not all(_fits(name, held.get(name)) for name in names):
            raise ValueError(f"the event {held['event']} needs time, {', '.join(names)}: {line[:160]!r}")
        return cls(float(held["time"]), held["event"], **{name: held[name] for name in names})


def _fits(name: str, value: Any) -> bool:
    return isinstance(value, str) if name in _TEXTS else _is_number(value, int) and value >= 0


def _is_number(value: Any, kind: type) -> bool:
    return isinstance(value, (int, kind)) and not isinstance(value, bool)


class Status(NamedTuple):
    """How far a log is."""

    records: int
    """How many whole frames it has."""
    covered: int
    """How many of the first of them a completed checkpoint covers."""

    def encoded(self) -> bytes:
        """As the answer to :data:`STATUS`."""
        return b"STATUS %d %d\n" % (self.records, self.covered)

    @classmethod
    def decoded(cls, line: bytes) -> Status:
        """The reverse of :meth:`encoded`.

        :raises ValueError: when that is no such answer.
        """
        found = _STATUS.fullmatch(line)
        if found is None:
            raise ValueError(f"it answers {line[:80]!r}")
        return cls(int(found[1]), int(found[2]))


@dataclass(frozen=True)
class Recovery:
    """What the source did about one crash."""

    killed: float
    """When the worker was killed, in seconds since the epoch."""
    covered: int
    """The highest position that a checkpoint had covered before; 0: none."""
    froms: tuple[int, ...] = ()
    """All positions from which a source read between this crash and the next, in their order."""
    resumed: Optional[int] = None
    """The position from which it went on: the last of them. None when it never came back."""
    replayed: bool = False
    """Whether it then read again (``FROM``), or took what came from then on (``NOW``)."""
    readers: tuple[int, ...] = ()
    """The readers that belong to :attr:`froms`."""


def events(path: str | os.PathLike[str]) -> list[Event]:
    """The events of a log in their order; none without a file, and a torn last line is left out.

    :param path: of ``sent.events``.
    :raises SourceLogError: at a line that is no event.
    :raises OSError: when it is there and cannot be read.
    """
    if not Path(path).exists():
        return []
    *lines, _torn = Path(path).read_bytes().split(b"\n")
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(Event.decode(line))
        except (ValueError, RecursionError) as error:
            raise SourceLogError(f"{os.fspath(path)} is damaged in line {number}: {error}") from error
    return found


def covered(events: Iterable[Event], until_time: Optional[float] = None) -> int:
    """The highest position that a completed checkpoint covers; 0 when there is none.

    :param until_time: seconds since the epoch; what was acknowledged later does not count.
    """
    acknowledged = (one for one in events if one.event == ACK_EVENT)
    return max((one.at for one in acknowledged if until_time is None or one.time <= until_time), default=0)


def recoveries(events: Sequence[Event], kills: Iterable[float]) -> list[Recovery]:
    """What the source did about each crash, in the order of time.

    A reader belongs to the last crash before it began.

    :param kills: when workers were killed, in seconds since the epoch.
    """
    moments = sorted(kills)
    found = []
    for killed, following in zip_longest(moments, moments[1:], fillvalue=float("inf")):
        begun = [one for one in events if one.event == FROM_EVENT and killed <= one.time < following]
        last = begun[-1] if begun else None
        found.append(
            Recovery(
                killed,
                covered(events, killed),
                froms=tuple(one.at for one in begun),
                resumed=last.at if last else None,
                replayed=last is not None and last.asked == FROM,
                readers=tuple(one.reader for one in begun),
            )
        )
    return found


class Moment(NamedTuple):
    """When a worker crashed."""

    at: float
    """In seconds since the epoch."""
    assumed: bool = False
    """Nobody noted a kill: it is when the reader before went."""


def moments(events: Sequence[Event], kills: Iterable[float]) -> list[Moment]:
    """The crashes of a cluster of which it is known when the source was read, and perhaps not of every kill.

    Kills between two readings are one crash: nobody reads before all are back. A reading without a kill before it, of a
    reader that had something to repeat or to lose, follows a crash that nobody noted.

    :param kills: those that are known, in seconds since the epoch.
    """
    noted, found = sorted(kills), list[Moment]()
    before: Optional[Event] = None
    for one in events:
        if one.event != FROM_EVENT:
            continue
        if before is not None:
            between = [kill for kill in noted if before.time < kill <= one.time]
            gone = next((each for each in events if each.event == CLOSED and each.reader == before.reader), None)
            if between:
                found.append(Moment(between[0]))
            elif _went_on(events, before) if found else (one.at or (gone and gone.sent)):
                found.append(Moment(min(gone.time if gone else one.time, one.time), assumed=True))
        before = one
    since = [kill for kill in noted if before is not None and kill > before.time]
    return [*found, *map(Moment, since[:1])]


def _went_on(events: Iterable[Event], reader: Event) -> bool:
    """Whether a checkpoint was completed of what a reader read, so that its end is a matter of its own."""
    return any(one.event == ACK_EVENT and one.reader == reader.reader for one in events)


def values_at(log_path: str | os.PathLike[str], positions: Sequence[int]) -> list[dict[str, int]]:
    """What stood in the log up to each of these positions: per key the last value; keys without one are absent.

    The log is read once, up to the highest of the positions. It may still be growing.

    :param log_path: of ``sent.log``.
    :param positions: in any order; the result has the same.
    :raises SourceLogError: when there are not so many records, or one of them is no input message of the detector.
    :raises OSError: when it cannot be read.
    """
    wanted = iter(sorted(set(positions)))
    found: dict[int, dict[str, int]] = {}
    last: dict[bytes, bytes] = {}
    count, following = 0, next(wanted, None)
    name = os.fspath(log_path)
    if following is not None and following < 0:
        raise SourceLogError(f"{following} is no position in {name}")
    try:
        records = iterate_file(log_path, LARGEST_FRAME)
        while following is not None:
            while count < following:
                _offset, payload = next(records)
                # Decoded at the positions only: most records are replaced before.
                last[payload[8:]] = payload
                count += 1
            found[count] = _decoded(last, name)
            following = next(wanted, None)
    except (StopIteration, FrameError):
        raise SourceLogError(f"{name} holds {count:,} whole records, and number {following:,} was asked for") from None
    return [found[position] for position in positions]


def _decoded(last: dict[bytes, bytes], name: str) -> dict[str, int]:
    values = {}
    for payload in last.values():
        try:
            value, key = decode_input(payload)
        except ValueError as error:
            raise SourceLogError(f"{name} holds a record that is no input message: {error}") from error
        values[key] = value
    return values
