# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's journals: what it writes for its recovery is written down before, here and on the journal server.

There are two (wallaroo.md, C.4): ``.journal`` with every change of every file but the event log, and
``.evlog.journal`` with the bytes of the event log as they are. A SIGKILL can fall between a journal and its
file, so a worker that recovers with journalling first makes both say the same again. What it then cuts from
a journal may be on the server already, whose copy is cut too. A server that has more than this worker ever
wrote has it from another instance of it, which went on elsewhere from the same files: then this one ends, as a
real one does.

The operations and their order are those of a real worker, as recorded, but for two things: a file that gets
another content is written before it is cut (see :meth:`.file_layer.FileLayer.replace`), not the other way
round, and an address is one write, not one a line.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ..._engines.wallaroo.files import SUFFIXES
from ..._formats import journal as journal_format
from ..._formats.journal import JournalError, JournalRecord, Operation
from ..._resilience.files import ResilienceSet
from .command_line import HostPort
from .journal_stream import JournalStream
from .output import say
from .tasks import Tasks

EVENT_LOG = "evlog"
_OPENED_EACH_TIME = "checkpoint_ids"
"""What a real worker opens for every record."""

_BLOCK = 1 << 20


class WorkerJournal:
    """Hears of every operation of the file layer before it is done (see :mod:`.file_layer`)."""

    def __init__(self, files: ResilienceSet, server: HostPort) -> None:
        """Open both journals; what stands in them is gone on with, whatever cluster it is of (wallaroo.md, Trap 3).

        :raises OSError: when they cannot be written.
        """
        self._files = files
        self._operations = JournalStream(files.path("journal"), files.worker, server)
        self._event_log = JournalStream(files.path("evlog.journal"), files.worker, server)
        self._tags: dict[Path, int] = {}
        self._is_recovering = False

    @property
    def is_accepted(self) -> bool:
        """Whether the journal server, since it is there, has taken what this worker goes on from."""
        return self._operations.is_accepted and self._event_log.is_accepted

    def start(self, tasks: Tasks, begun: Callable[[], None]) -> None:
        """Stream both to the journal server from now on. Nobody waits for it (wallaroo.md, Trap 18).

        :param begun: called when a stream begins.
        """
        self._operations.begun = self._event_log.begun = begun
        tasks.start(self._operations.run())
        tasks.start(self._event_log.run())

    def recover(self) -> None:
        """Mend what a SIGKILL left between the journals and the files."""
        self._is_recovering = True
        self._mend_operations()
        self._mend_event_log()

    def set_length(self, path: Path, length: int) -> None:
        """See :class:`.file_layer.Journal`."""
        if path != self._files.path(EVENT_LOG):
            if length or path.exists():
                # To make an empty file is no operation of a real worker: its journal is silent (wallaroo.md, Trap 17).
                self._record(Operation.SET_LENGTH, path, length)
        elif self._is_recovering and length < self._event_log.length:
            # A torn end is cut off; on a fresh start the raw bytes are only ever added to.
            self._event_log.cut(length)

    def write(self, path: Path, offset: int, data: bytes) -> None:
        """See :class:`.file_layer.Journal`."""
        if path == self._files.path(EVENT_LOG):
            self._event_log.append(data)
        else:
            self._record(Operation.WRITE, path, offset, data)

    def remove(self, path: Path) -> None:
        """See :class:`.file_layer.Journal`."""
        if path != self._files.path(EVENT_LOG):
            self._operations.append(journal_format.encode(JournalRecord(Operation.REMOVE, _absolute(path))))

    def _record(self, operation: Operation, path: Path, number: int, data: bytes = b"") -> None:
        is_opened = operation is Operation.WRITE and (number == 0 or path == self._files.path(_OPENED_EACH_TIME))
        tag = self._tags[path] = 1 if is_opened else self._tags.get(path, 0) + 1
        record = JournalRecord(operation, _absolute(path), tag, number, data)
        self._operations.append(journal_format.encode(record))

    def _mend_operations(self) -> None:
        path = self._operations.path
        if not self._operations.length:
            # This cluster did not journal until now: what is there is the beginning.
            for suffix in SUFFIXES:
                file = self._files.path(suffix)
                if suffix != EVENT_LOG and file.exists():
                    self._record(Operation.SET_LENGTH, file, 0)
                    self._record(Operation.WRITE, file, 0, file.read_bytes())
            return
        try:
            for _record in journal_format.iterate(path):
                pass
        except journal_format.TornJournal as torn:
            say(f"RESILIENCE: {path}: cut to {torn.offset} bytes, its last record was torn")
            self._operations.cut(torn.offset)
        except JournalError as error:
            # It is of no use for a restoration any more, which says so; the files themselves are.
            say(f"RESILIENCE: {error}")

    def _mend_event_log(self) -> None:
        path, length = self._files.path(EVENT_LOG), self._event_log.length
        size = path.stat().st_size if path.exists() else 0
        if not _begin_alike(path, self._event_log.path, min(size, length)):
            # Of another cluster: gone on with, as Wallaroo does (wallaroo.md, Trap 3).
            return
        if length > size:
            self._event_log.cut(size)
        elif length < size:
            with path.open("rb") as stream:
                stream.seek(length)
                while block := stream.read(_BLOCK):
                    self._event_log.append(block)


def _absolute(path: Path) -> str:
    return os.path.abspath(path)


def _begin_alike(first: Path, second: Path, length: int) -> bool:
    if not length:
        return True
    with first.open("rb") as one, second.open("rb") as two:
        while length:
            block = one.read(min(length, _BLOCK))
            if not block or block != two.read(len(block)):
                return False
            length -= len(block)
    return True
