# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event log ``.evlog``: the states of all checkpoints, one after the other (wallaroo.md, C.2)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Union

_HEAD = struct.Struct(">16sI")
_ID = struct.Struct(">Q")
_LENGTH = struct.Struct(">I")
_STATE, _CHECKPOINT, _RESTART = 0, 1, 2
RESTART_MARK = int.from_bytes(b"Reset!!!", "big")


class EventLogError(ValueError):
    """An event log that cannot be used; the sentence names file and offset."""


class TornEventLog(EventLogError):
    """The log ends inside a record, as after a crash in the middle of a write."""

    def __init__(self, path: str, offset: int) -> None:
        super().__init__(f"{path} ends inside the record at byte {offset}")
        self.offset = offset


class DamagedEventLog(EventLogError):
    """A record of no known type stands in the log."""

    def __init__(self, path: str, offset: int, kind: int) -> None:
        super().__init__(f"{path} is damaged: there is no record type {kind} (byte {offset})")
        self.offset = offset


class CheckpointNotFound(EventLogError):
    """The log holds no such checkpoint."""


@dataclass(frozen=True)
class StepState:
    """The state of one step at a checkpoint."""

    step: int
    """The step's id, an unsigned 128-bit number."""
    payload: bytes


@dataclass(frozen=True)
class CheckpointEnd:
    """All states of this checkpoint stand before this record."""

    checkpoint: int


@dataclass(frozen=True)
class RestartMark:
    """The worker was rolled back here."""

    value: int = RESTART_MARK
    """What stands after the type; nobody looks at it."""


Record = Union[StepState, CheckpointEnd, RestartMark]


def encode(record: Record) -> bytes:
    """The bytes of a record: 21 + n, 9 and 9 of them."""
    if isinstance(record, StepState):
        return b"\x00" + _HEAD.pack(record.step.to_bytes(16, "big"), len(record.payload)) + record.payload
    if isinstance(record, CheckpointEnd):
        return b"\x01" + _ID.pack(record.checkpoint)
    return b"\x02" + _ID.pack(record.value)


def iterate(path: str | os.PathLike[str]) -> Iterator[tuple[int, Record]]:
    """The records of a log with their offsets; one record is in memory at a time.

    :raises TornEventLog: at the end, when the log ends inside a record.
    :raises DamagedEventLog: at a record of no known type.
    :raises OSError: when it cannot be read.
    """
    name = os.fspath(path)
    with Path(path).open("rb") as stream:
        offset = 0
        while True:
            kind = stream.read(1)
            if not kind:
                return
            record, length = _read(stream, kind[0], name, offset)
            yield offset, record
            offset += length


def _read(stream: BinaryIO, kind: int, name: str, offset: int) -> tuple[Record, int]:
    if kind == _STATE:
        head = stream.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise TornEventLog(name, offset)
        step, length = _HEAD.unpack(head)
        # Compared with the file's size before it is read: a torn length may announce gigabytes. The size is asked
        # for at every record, since a worker may be adding to the log.
        if offset + 1 + _HEAD.size + length > os.fstat(stream.fileno()).st_size:
            raise TornEventLog(name, offset)
        payload = stream.read(length)
        if len(payload) < length:
            raise TornEventLog(name, offset)
        return StepState(int.from_bytes(step, "big"), payload), 1 + _HEAD.size + length
    if kind not in (_CHECKPOINT, _RESTART):
        raise DamagedEventLog(name, offset, kind)
    body = stream.read(_ID.size)
    if len(body) < _ID.size:
        raise TornEventLog(name, offset)
    (value,) = _ID.unpack(body)
    return (CheckpointEnd(value) if kind == _CHECKPOINT else RestartMark(value)), 1 + _ID.size


def find_checkpoint(path: str | os.PathLike[str], checkpoint: int) -> list[StepState]:
    """The states that a rollback to a checkpoint restores, by Wallaroo's own rule (wallaroo.md, C.2).

    A segment of states ends at an id record and at a restart mark; the **first** id record that is
    equal counts. A torn record at the end does not matter when the checkpoint stands before it.

    :raises CheckpointNotFound: when no id record is equal; a torn end is named in its sentence.
    :raises DamagedEventLog: when a record of no known type stands before it.
    """
    segment: list[StepState] = []
    torn = ""
    try:
        for _offset, record in iterate(path):
            if isinstance(record, StepState):
                segment.append(record)
                continue
            if isinstance(record, CheckpointEnd) and record.checkpoint == checkpoint:
                return segment
            segment = []
    except TornEventLog as error:
        torn = f"; it ends inside the record at byte {error.offset}"
    raise CheckpointNotFound(f"{os.fspath(path)} holds no checkpoint {checkpoint}{torn}")


def state_payload(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """The payload of a step: its keys, each with its state, which is opaque for a real engine's."""
    parts = []
    for key, state in entries:
        name = key.encode()
        parts += [_LENGTH.pack(len(name)), name, _LENGTH.pack(len(state)), state]
    return b"".join(parts)


def parse_state_payload(payload: bytes) -> list[tuple[str, bytes]]:
    """The reverse of :func:`state_payload`.

    :raises EventLogError: when the lengths do not add up.
    """
    entries, position = [], 0
    while position < len(payload):
        key, position = _text(payload, position)
        state, position = _text(payload, position)
        try:
            entries.append((key.decode(), state))
        except UnicodeDecodeError as error:
            raise EventLogError(f"a key in the payload is no UTF-8: {key[:40]!r}") from error
    return entries


def _text(payload: bytes, position: int) -> tuple[bytes, int]:
    if position + _LENGTH.size > len(payload):
        raise EventLogError(f"the payload of a step ends inside a length (byte {position} of {len(payload)})")
    (length,) = _LENGTH.unpack_from(payload, position)
    begin = position + _LENGTH.size
    if begin + length > len(payload):
        raise EventLogError(f"the payload of a step ends inside a text (byte {position} of {len(payload)})")
    return payload[begin : begin + length], begin + length
