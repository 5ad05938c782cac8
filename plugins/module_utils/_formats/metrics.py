# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics protocol: what every worker sends to the address given with ``--metrics`` (wallaroo.md, E.1, E.2).

A session is Connect, Join, and then one Payload for each histogram of each period. Several payloads with
the same category, name, worker, pipeline and period end are parts of one whole, to be added up (wallaroo.md, Trap 22).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional, Union

from .framing import HEADER, FrameSplitter, FrameTooLong, TornFrame, frame

BINS = 65
"""Bins of a histogram: one for each number of significant bits that an unsigned 64-bit number can have."""

NOTHING = 2**64 - 1
"""The minimum of a histogram in which nothing was recorded; its maximum is 0."""

START_TO_END = "start-to-end"
"""Category: from the ingestion at the source to completion; the name is that of the pipeline."""
NODE_INGRESS_EGRESS = "node-ingress-egress"
"""Category: from the arrival on a worker to completion or hand-off there; the name is that of the worker."""
COMPUTATION = "computation"
"""Category: within one computation; the name is that of the computation."""
PIPELINE_INGESTION = "pipeline-ingestion"
"""Category: always 0 ns, it only counts; the name is that of the source."""

FRAME_LIMIT = 1 << 16
"""Bytes of one message; a real one has about 700."""

STRING_LIMIT = 1 << 12
"""Bytes of one name in it."""

EVENT = "metrics"
TOPIC_PREFIX = "metrics:"

_CONNECT, _JOIN, _PAYLOAD = 1, 2, 3
_NUMBERS = struct.Struct(">H65Q4Q")
_CLAIMED = 722
"""What the header inside a payload claims beside the names: 152 too many: nobody can rely on it (wallaroo.md, E.2)."""


class MetricsError(ValueError):
    """Bytes that are no metrics; ``offset`` is where in the stream."""

    def __init__(self, message: str, offset: int, complete: Optional[list[Message]] = None) -> None:
        super().__init__(message)
        self.offset = offset
        self.complete: list[Message] = complete or []
        """The messages of the same piece of the stream that came before the error."""


@dataclass(frozen=True)
class Connect:
    """The first message of a session."""


@dataclass(frozen=True)
class Join:
    """The second message: who speaks, and about which application."""

    topic: str
    """``metrics:`` and the application's name, which may contain blanks."""
    worker: Optional[str]
    """None in the form that other clients of the same protocol use."""


@dataclass(frozen=True)
class Metric:
    """A histogram of one period, as one part of one worker recorded it. All times are in nanoseconds."""

    name: str
    category: str
    worker: str
    pipeline: str
    id: int
    """Of a computation its position in the pipeline, otherwise 0."""
    bins: tuple[int, ...]
    """How many values had 0, 1, 2 … 64 significant bits: bin k holds 2^(k-1) to 2^k - 1."""
    minimum: int
    """The smallest value, or ``NOTHING``."""
    maximum: int
    """The largest value, or 0."""
    period: int
    """Length of the period."""
    period_end: int
    """Since the epoch."""

    @property
    def count(self) -> int:
        """How many values were recorded."""
        return sum(self.bins)


@dataclass(frozen=True)
class Payload:
    """One metric of an application."""

    topic: str
    metric: Metric


@dataclass(frozen=True)
class OtherPayload:
    """A payload of another event than metrics, which we do not know how to read."""

    event: str
    topic: str
    data: bytes


Message = Union[Connect, Join, Payload, OtherPayload]


class Histogram:
    """Counts values by their number of significant bits (wallaroo.md, E.2)."""

    __slots__ = ("bins", "maximum", "minimum")

    def __init__(self) -> None:
        self.bins = [0] * BINS
        self.minimum = NOTHING
        self.maximum = 0

    def record(self, value: int, count: int = 1) -> None:
        """Record a value in nanoseconds, a number of times. What lies beyond the bins goes to the nearest."""
        value = min(max(value, 0), NOTHING)
        self.bins[value.bit_length()] += count
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)


def topic_of(application: str) -> str:
    """The topic of an application's metrics."""
    return TOPIC_PREFIX + application


def encode(message: Message) -> bytes:
    """A message as a whole frame.

    :raises ValueError: when a metric's numbers do not fit their fields.
    """
    if isinstance(message, Connect):
        return frame(bytes((_CONNECT,)))
    if isinstance(message, Join):
        worker = b"" if message.worker is None else _string(message.worker)
        return frame(bytes((_JOIN,)) + _string(message.topic) + worker)
    if isinstance(message, OtherPayload):
        parts = [bytes((_PAYLOAD,)), _string(message.event), _string(message.topic)]
        return frame(b"".join([*parts, HEADER.pack(len(message.data)), message.data]))
    data = encode_metric(message.metric)
    parts = [bytes((_PAYLOAD,)), _string(EVENT), _string(message.topic), HEADER.pack(len(data)), data]
    return frame(b"".join(parts))


def encode_metric(metric: Metric) -> bytes:
    """The data of a payload, with the wrong length that real workers put in front (wallaroo.md, E.2).

    :raises ValueError: when its numbers do not fit their fields.
    """
    names = [name.encode() for name in (metric.name, metric.category, metric.worker, metric.pipeline)]
    try:
        numbers = _NUMBERS.pack(
            metric.id, *metric.bins, metric.minimum, metric.maximum, metric.period, metric.period_end
        )
    except struct.error as error:
        raise ValueError(f"the metric {metric.name!r} cannot be written: {error}") from error
    strings = [part for name in names for part in (HEADER.pack(len(name)), name)]
    return b"".join([HEADER.pack(_CLAIMED + sum(map(len, names))), *strings, numbers])


def decode(body: bytes, offset: int = 0) -> Message:
    """The message in a frame's payload.

    :param offset: where the payload begins in its stream, for what an error says.
    :raises MetricsError: when it is none.
    """
    fields = _Fields(body, offset)
    kind = fields.byte()
    message: Message
    if kind == _CONNECT:
        message = Connect()
    elif kind == _JOIN:
        topic = fields.text("the topic")
        message = Join(topic, fields.text("the worker's name") if fields.left else None)
    elif kind == _PAYLOAD:
        event, topic = fields.text("the event"), fields.text("the topic")
        if event != EVENT:
            return OtherPayload(event, topic, fields.data("the data", FRAME_LIMIT, last=True))
        fields.length("the data", FRAME_LIMIT, last=True)
        message = Payload(topic, _metric(fields))
    else:
        raise MetricsError(f"the message at byte {offset} is of type {kind}, which is none of metrics", offset)
    fields.finish()
    return message


def _metric(fields: _Fields) -> Metric:
    # The length in front of it is wrong in every real stream.
    fields.number("the header")
    name, category = fields.text("the metric's name"), fields.text("the category")
    worker, pipeline = fields.text("the worker's name"), fields.text("the pipeline's name")
    numbers = fields.numbers()
    minimum, maximum, period, period_end = numbers[1 + BINS :]
    return Metric(
        name, category, worker, pipeline, numbers[0], tuple(numbers[1 : 1 + BINS]), minimum, maximum, period, period_end
    )


class MetricsStream:
    """Cuts a stream that arrives in pieces into messages. Holds at most one incomplete frame."""

    def __init__(self, limit: int = FRAME_LIMIT) -> None:
        self._splitter = FrameSplitter(limit)

    @property
    def offset(self) -> int:
        """Offset in the stream of the first byte that was not delivered yet."""
        return self._splitter.offset

    def feed(self, chunk: bytes) -> list[Message]:
        """Take a piece of the stream and return the messages it completes, in order.

        :raises MetricsError: at the first thing that is no message; the stream has to be given up then.
        """
        messages: list[Message] = []
        offset = self._splitter.offset
        refused: Optional[FrameTooLong] = None
        try:
            payloads = self._splitter.feed(chunk)
        except FrameTooLong as error:
            refused, payloads = error, error.complete
        for payload in payloads:
            offset += HEADER.size
            try:
                messages.append(decode(payload, offset))
            except MetricsError as error:
                error.complete = messages
                raise
            offset += len(payload)
        if refused is not None:
            raise MetricsError(str(refused), refused.offset, messages) from refused
        return messages

    def finish(self) -> None:
        """Say that the stream has ended.

        :raises MetricsError: when it ended inside a message.
        """
        try:
            self._splitter.finish()
        except TornFrame as error:
            raise MetricsError(str(error), error.offset) from error


class _Fields:
    """Takes one field after the other out of a message."""

    def __init__(self, body: bytes, offset: int) -> None:
        self._body = body
        self._offset = offset
        self._position = 0

    @property
    def left(self) -> int:
        """Bytes that were not taken yet."""
        return len(self._body) - self._position

    def byte(self) -> int:
        """The type."""
        if not self._body:
            raise self._error("the message is empty")
        self._position = 1
        return self._body[0]

    def number(self, what: str) -> int:
        """An unsigned 32-bit number."""
        if self.left < HEADER.size:
            raise self._error(f"the message ends inside {what}")
        (found,) = HEADER.unpack_from(self._body, self._position)
        self._position += HEADER.size
        return int(found)

    def length(self, what: str, limit: int, last: bool = False) -> int:
        """The length of what follows; with ``last``, it has to be all that follows."""
        position = self._position
        found = self.number(what)
        if found > limit:
            self._position = position
            raise self._error(f"{what} announces {found} bytes, more than the {limit} allowed")
        if found > self.left or (last and found < self.left):
            left, self._position = self.left, position
            raise self._error(f"{what} announces {found} bytes, and {left} follow")
        return found

    def data(self, what: str, limit: int, last: bool = False) -> bytes:
        """Bytes with their length in front."""
        length = self.length(what, limit, last)
        self._position += length
        return self._body[self._position - length : self._position]

    def text(self, what: str) -> str:
        """A name."""
        position = self._position
        try:
            return self.data(what, STRING_LIMIT).decode()
        except UnicodeDecodeError:
            self._position = position
            raise self._error(f"{what} is no UTF-8") from None

    def numbers(self) -> Sequence[int]:
        """What follows the names of a metric."""
        if self.left < _NUMBERS.size:
            raise self._error("the message ends inside the histogram")
        found: Sequence[int] = _NUMBERS.unpack_from(self._body, self._position)
        self._position += _NUMBERS.size
        return found

    def finish(self) -> None:
        """Nothing may be left."""
        if self.left:
            raise self._error(f"{self.left} bytes too many at the end of the message")

    def _error(self, what: str) -> MetricsError:
        offset = self._offset + self._position
        return MetricsError(f"byte {offset} of the metrics stream: {what}", offset)


def _string(text: str) -> bytes:
    data = text.encode()
    return HEADER.pack(len(data)) + data
