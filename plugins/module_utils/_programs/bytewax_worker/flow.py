# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The detector as a dataflow of bytewax: per key a window of the last four values.

What goes in is read from the source log, what comes out goes to the receiver, in the frames of Wallaroo's detector.
"""

from __future__ import annotations

import argparse
import struct
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, FixedPartitionedSink, StatefulSinkPartition, StatelessSinkPartition

from ..._engines.bytewax import files, log_lines
from ..._formats.detector import WINDOW, encode_output
from ..._formats.framing import FrameSplitter, frames
from .. import shared
from . import ends
from .commits import Commits

_VALUE = struct.Struct(">Q")
_IDLE = timedelta(milliseconds=5)
_PART = "all"
"""The only partition of source and sink."""

Message = tuple[str, int]
Window = tuple[int, ...]


class _SourcePart(StatefulSourcePartition[Message, tuple[int, int]]):
    """What it keeps in a snapshot is how many records it has taken, and the number of the snapshot."""

    def __init__(self, arguments: argparse.Namespace, commits: Commits, state: Optional[tuple[int, int]]) -> None:
        self._taken, self._snapshots = state or (0, 0)
        self._commits = commits
        self._log = ends.SourceLog(arguments.source, None if arguments.plain_source else self._taken)
        self._taken = self._log.at
        self._splitter = FrameSplitter()
        self._of_snapshot: dict[int, int] = {}
        self._idle = False

    def next_batch(self) -> list[Message]:
        """What has come since."""
        self._acknowledge()
        data = self._log.receive()
        self._idle = not data
        payloads = self._splitter.feed(data)
        self._taken += len(payloads)
        return [(payload[8:].decode(), _VALUE.unpack_from(payload)[0]) for payload in payloads]

    def next_awake(self) -> Optional[datetime]:
        """At once, and while nothing comes not all the time."""
        return datetime.now(timezone.utc) + _IDLE if self._idle else None

    def snapshot(self) -> tuple[int, int]:
        """At the end of each epoch."""
        self._snapshots += 1
        self._of_snapshot[self._snapshots] = self._taken
        return self._taken, self._snapshots

    def _acknowledge(self) -> None:
        # Epochs are numbered from 1 on, and each ends with a snapshot of this partition.
        epoch = self._commits.newest()
        covered = [number for number in self._of_snapshot if number <= epoch]
        if covered:
            self._log.acknowledge(self._of_snapshot[max(covered)])
            for number in covered:
                del self._of_snapshot[number]


class _Source(FixedPartitionedSource[Message, tuple[int, int]]):
    def __init__(self, arguments: argparse.Namespace, partition: files.Partition) -> None:
        self._arguments, self._partition = arguments, partition

    def list_parts(self) -> list[str]:
        """The first worker reads, and the others get from it what is theirs."""
        return [_PART] if self._arguments.index == 0 else []

    def build_part(self, step_id: str, for_part: str, resume_state: Optional[tuple[int, int]]) -> _SourcePart:
        """Go on where the last snapshot was taken."""
        del step_id, for_part
        return _SourcePart(self._arguments, Commits(self._partition.database), resume_state)


class _PlainPart(StatelessSinkPartition[bytes]):
    def __init__(self, sink: ends.Sink) -> None:
        self._sink = sink

    def write_batch(self, items: list[bytes]) -> None:
        """At once."""
        self._sink.send(frames(items))


class _PlainSink(DynamicSink[bytes]):
    """Each worker sends what comes out of it."""

    def __init__(self, arguments: argparse.Namespace, name: str) -> None:
        self._arguments, self._name = arguments, name

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _PlainPart:
        """Connected."""
        del step_id, worker_index, worker_count
        part = _PlainPart(ends.Sink(self._arguments.sink))
        shared.say(f"{log_lines.READY}: {self._name}")
        return part


class _CommittingPart(StatefulSinkPartition[bytes, int]):
    def __init__(self, sink: ends.CommittingSink) -> None:
        self._sink = sink

    def write_batch(self, items: list[bytes]) -> None:
        """To be taken back, unless a snapshot covers it."""
        self._sink.send(frames(items))

    def snapshot(self) -> int:
        """Up to where the receiver has it."""
        return self._sink.settled()


class _CommittingSink(FixedPartitionedSink[bytes, int]):
    """One worker sends what comes out of all."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments

    def list_parts(self) -> list[str]:
        """The first worker has it, as it has the source."""
        return [_PART] if self._arguments.index == 0 else []

    def part_fn(self, item_key: str) -> int:
        """All go to the same."""
        del item_key
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: Optional[int]) -> _CommittingPart:
        """What came behind the last snapshot is taken back."""
        del step_id, for_part
        return _CommittingPart(ends.CommittingSink(self._arguments.sink, resume_state or 0))


def _windowed(window: Optional[Window], value: int) -> tuple[Window, Window]:
    following = (*(window or (0,) * WINDOW)[1:], value)
    return following, following


def detector(arguments: argparse.Namespace, name: str, partition: files.Partition) -> Any:
    """The dataflow of a worker."""
    flow = Dataflow("detector")
    messages = op.input("source", flow, _Source(arguments, partition))
    windows = op.stateful_map("window", messages, _windowed)
    if arguments.committing_sink:
        keyed = op.map("encode", windows, lambda one: (_PART, encode_output(*one)))
        op.output("sink", keyed, _CommittingSink(arguments))
        op.output("ready", op.filter("nothing", windows, lambda _unused: False), _Ready(name))
    else:
        op.output("sink", op.map("encode", windows, lambda one: encode_output(*one)), _PlainSink(arguments, name))
    return flow


class _Nothing(StatelessSinkPartition[Any]):
    def write_batch(self, items: list[Any]) -> None:
        """Nothing comes."""


class _Ready(DynamicSink[Any]):
    """Says that the dataflow of this worker was built."""

    def __init__(self, name: str) -> None:
        self._name = name

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Nothing:
        """.."""
        del step_id, worker_index, worker_count
        shared.say(f"{log_lines.READY}: {self._name}")
        return _Nothing()
