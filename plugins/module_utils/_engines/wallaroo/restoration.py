# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring a worker's resilience files from its journals alone (wallaroo.md, C.6).

The paths in a journal are those of the machines on which the worker ran. They are mapped: each must be a file of
exactly this worker, whose directory becomes another. Nothing else is ever written, so no journal leads out of
it (wallaroo.md, Trap 16).

The files are put together beside their place, checked, and then brought there by a proved copy
(:mod:`..._resilience.copying`), so that an interruption leaves what can be repeated and never half a set.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Optional

from ..._formats import checkpoint_ids, event_log
from ..._formats import journal as journal_format
from ..._formats.journal import JournalError, JournalRecord, Operation
from ..._formats.whole_file import make_private_directory
from ..._resilience.copying import copy
from ..._resilience.files import ResilienceSet
from ..._resilience.plan import Addresses, CopyResult
from ..._resilience.source import CopyError, LocalSource
from .files import CHECKPOINT_IDS, EVENT_LOG, EVENT_LOG_JOURNAL, JOURNAL, LOCAL_KEYS, SUFFIXES

HISTORY = "TODO-EventLog-rotation-history.txt"
"""A note that Wallaroo leaves in its current directory when it rotates logs; no restart needs it (wallaroo.md, C.1)."""

_BLOCK = 1 << 20


class RestorationError(CopyError):
    """Journals from which no worker can be restored; the sentence names file and offset."""


@dataclass
class Torn:
    """A journal whose last record is incomplete."""

    name: str
    whole: int
    """Bytes up to the last whole record."""
    size: int

    def sentence(self) -> str:
        """For people."""
        return (
            f"{self.name}: the last {self.size - self.whole} of {self.size} bytes are half a record and were left out"
        )


@dataclass
class Restored:
    """A set of files put together from journals."""

    files: ResilienceSet
    records: int = 0
    """Operations that were replayed."""
    checkpoint: int = 0
    """The last one of which the worker knew that it was committed."""
    saved: list[int] = field(default_factory=list)
    """The last two of which the event log holds states."""
    directory: str = ""
    """Where the worker had its files last, on its own machine."""
    torn: list[Torn] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """Paths of the journal that no restart needs."""


def replay(journals: ResilienceSet, into: Path) -> Restored:
    """Put the files together in an empty directory, the whole records of the journals among them.

    :raises RestorationError: when a journal is missing, damaged, or tells of files that are not this worker's.
    :raises OSError: when something cannot be read or written.
    """
    make_private_directory(into)
    found = Restored(journals.at(into))
    _replay_operations(journals, found)
    _take_event_log(journals, found)
    # The journal knows nothing of a file that was empty all the time (wallaroo.md, Trap 17).
    found.files.path(LOCAL_KEYS).touch(mode=0o600)
    _check(found)
    return found


def warnings(restored: Restored) -> list[str]:
    """What is good to know of it, a sentence each."""
    found = [torn.sentence() for torn in restored.torn]
    found += [f"{path} was not restored: no restart needs it" for path in restored.skipped]
    if restored.saved and restored.saved[0] > restored.checkpoint:
        # A worker saves for the next one only when it knows that the one before is committed.
        found.append(
            f"the journal ends with checkpoint {restored.checkpoint}, and the event log has {restored.saved[-1]}: the "
            "end of the journal never reached the journal server"
        )
    return found


def put_in_place(
    restored: Restored, target: ResilienceSet, addresses: Optional[Addresses], only_check: bool = False
) -> CopyResult:
    """Bring the files to their place, with the addresses that the worker will have there.

    :raises CopyError: when that is not possible; a set that was there is either as it was or incomplete.
    """
    return copy(LocalSource(restored.files), target, addresses, only_check=only_check)


def _replay_operations(journals: ResilienceSet, found: Restored) -> None:
    path = journals.path(JOURNAL)
    if not path.exists():
        raise RestorationError(f"there is no {path.name} on the journal server, so nothing can be restored")
    whole = path.stat().st_size
    try:
        with _Replay(found) as replaying:
            for offset, record in journal_format.iterate(path):
                replaying.apply(record, offset)
                found.records += 1
    except journal_format.TornJournal as torn:
        whole = torn.offset
        found.torn.append(Torn(path.name, whole, path.stat().st_size))
    except JournalError as error:
        raise RestorationError(f"{error}; nothing behind it can be trusted, and nothing was restored") from error
    _copy_beginning(path, found.files.path(JOURNAL), whole)


class _Replay:
    """The files that are being put together, each opened once."""

    def __init__(self, found: Restored) -> None:
        self._found = found
        self._streams: dict[str, BinaryIO] = {}
        self._sizes: dict[str, int] = {}

    def __enter__(self) -> _Replay:
        return self

    def __exit__(self, *_details: object) -> None:
        for stream in self._streams.values():
            stream.close()

    def apply(self, record: JournalRecord, offset: int) -> None:
        """Do again what the record tells of.

        :raises RestorationError: when it is about anything but a file of this worker, or does not follow.
        """
        name = self._name(record, offset)
        if not name:
            return
        if record.operation is Operation.REMOVE:
            self._remove(name)
            return
        size = self._sizes.get(name, 0)
        if record.number > size:
            raise RestorationError(
                f"the journal's record at byte {offset} goes on at byte {record.number} of {name}, which has {size}: "
                "records before it are missing; nothing was restored"
            )
        if name not in self._streams:
            path = self._found.files.directory / name
            self._streams[name] = _create(path)
        stream = self._streams[name]
        if record.operation is Operation.SET_LENGTH:
            stream.truncate(record.number)
            self._sizes[name] = record.number
        else:
            stream.seek(record.number)
            stream.write(record.data)
            self._sizes[name] = max(size, record.number + len(record.data))

    def _name(self, record: JournalRecord, offset: int) -> str:
        """The name of the worker's own file that a record is about; empty when it is about a mere note."""
        found = self._found
        directory, name = os.path.split(record.path)
        if name == HISTORY:
            if record.path not in found.skipped:
                found.skipped.append(record.path)
            return ""
        if not _is_journalled(record, found.files.suffix_of(name)) or os.path.normpath(record.path) != record.path:
            raise RestorationError(
                f"the journal's record at byte {offset} is about {record.path!r}, which is no resilience file of "
                f"{found.files.worker}; nothing was restored"
            )
        # It changes when the worker moves.
        found.directory = directory
        return name

    def _remove(self, name: str) -> None:
        stream = self._streams.pop(name, None)
        if stream is not None:
            stream.close()
        self._sizes.pop(name, None)
        (self._found.files.directory / name).unlink(missing_ok=True)


def _is_journalled(record: JournalRecord, suffix: Optional[str]) -> bool:
    """Whether a journal may tell of a file: of event logs it only says that they were deleted (wallaroo.md, C.4)."""
    if suffix is None or suffix.endswith(JOURNAL):
        return False
    return record.operation is Operation.REMOVE or (suffix in SUFFIXES and suffix != EVENT_LOG)


def _take_event_log(journals: ResilienceSet, found: Restored) -> None:
    logs = [path for path in journals.journal_files() if journals.kind_of(path.name) == EVENT_LOG_JOURNAL]
    if not logs:
        raise RestorationError(f"there is no event log journal of {found.files.worker} on the journal server")
    for path in logs:
        whole = path.stat().st_size
        try:
            for _offset, record in event_log.iterate(path):
                if isinstance(record, event_log.CheckpointEnd):
                    found.saved = [*found.saved[-1:], record.checkpoint]
                elif isinstance(record, event_log.RestartMark):
                    # What a crash interrupted was never committed.
                    found.saved = []
        except event_log.TornEventLog as torn:
            whole = torn.offset
            found.torn.append(Torn(path.name, whole, path.stat().st_size))
        except event_log.EventLogError as error:
            raise RestorationError(f"{error}; nothing was restored") from error
        _copy_beginning(path, found.files.directory / path.name, whole)
        _copy_beginning(path, found.files.directory / path.name[: -len(".journal")], whole)


def _check(found: Restored) -> None:
    """Refuse before anything is changed what would end the worker at its rollback (wallaroo.md, Trap 18)."""
    missing = found.files.missing()
    if missing:
        raise RestorationError(
            f"the journals do not tell of {', '.join(path.name for path in missing)}; they begin too late, or their "
            "end never reached the journal server"
        )
    try:
        last = checkpoint_ids.read_last(found.files.path(CHECKPOINT_IDS))
        found.checkpoint = last.checkpoint if last else 0
        event_log.find_checkpoint(found.files.current(EVENT_LOG), found.checkpoint)
    except event_log.CheckpointNotFound as error:
        raise RestorationError(
            f"checkpoint {found.checkpoint} was committed, but its states never reached the journal server: "
            f"{found.files.worker} could not roll back to it. Use the files of its own server"
        ) from error
    except ValueError as error:
        raise RestorationError(f"{error}; nothing was restored") from error


def _copy_beginning(source: Path, target: Path, size: int) -> None:
    with source.open("rb") as reading, _create(target) as writing:
        while size:
            block = reading.read(min(size, _BLOCK))
            if not block:
                raise RestorationError(f"{source.name} became shorter while it was read")
            writing.write(block)
            size -= len(block)


def _create(path: Path) -> BinaryIO:
    """A new file, for nobody else to read."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "r+b")


def clear(directory: Path) -> None:
    """Remove what an interrupted restoration left, or a finished one."""
    shutil.rmtree(directory, ignore_errors=True)
