# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resilience files of a running worker: every byte that it writes for its recovery goes through here.

Nothing is synced to the disk: what is lost is what a SIGKILL loses, and that leaves the page cache
alone. The real engine does the same.
"""

from __future__ import annotations

import json
import os
from typing import Any

from .._formats import checkpoint_ids, event_log
from .._formats.address_file import Address, encode
from .._formats.checkpoint_ids import CheckpointId
from .._resilience.files import ResilienceSet


class RecoveryFiles:
    """The files of one worker."""

    def __init__(self, files: ResilienceSet) -> None:
        self.set = files
        self._handles: dict[str, int] = {}

    def create(self) -> None:
        """The first moment of a fresh start (reference C.1)."""
        self._rewrite("evlog", b"")
        self._rewrite("local-keys", b"")
        self._rewrite("checkpoint_ids", b"")
        self.append_event_log(event_log.encode(event_log.CheckpointEnd(0)))
        self.append_checkpoint_id(0, 0)

    def mend(self) -> list[str]:
        """Cut off what a crash left half-written at the end of a file; says what was cut."""
        mended = []
        path = self.set.path("evlog")
        end = 0
        try:
            for offset, record in event_log.iterate(path):
                end = offset + len(event_log.encode(record))
        except event_log.TornEventLog as torn:
            end = torn.offset
        if end < path.stat().st_size:
            os.truncate(path, end)
            mended.append(f"{path.name} cut at byte {end}")
        path = self.set.path("checkpoint_ids")
        size = path.stat().st_size
        if size % checkpoint_ids.SIZE:
            os.truncate(path, size - size % checkpoint_ids.SIZE)
            mended.append(f"{path.name} cut at byte {size - size % checkpoint_ids.SIZE}")
        return mended

    def append_event_log(self, data: bytes) -> None:
        """Add records in one write."""
        self._append("evlog", data)

    def event_log_size(self) -> int:
        """Bytes of the event log."""
        return self.set.path("evlog").stat().st_size

    def append_checkpoint_id(self, checkpoint: int, rollback: int) -> None:
        """Note a commit or a rollback."""
        self._append("checkpoint_ids", checkpoint_ids.encode(CheckpointId(checkpoint, rollback)))

    def last_checkpoint_id(self) -> CheckpointId:
        """The last one noted."""
        return checkpoint_ids.read_last(self.set.path("checkpoint_ids")) or CheckpointId(0, 0)

    def highest_event_log_id(self) -> int:
        """The highest checkpoint id in the event log, committed or not: ids are never given twice."""
        highest = 0
        for _offset, record in event_log.iterate(self.set.path("evlog")):
            if isinstance(record, event_log.CheckpointEnd):
                highest = max(highest, record.checkpoint)
        return highest

    def write_address(self, suffix: str, host: str, port: int) -> None:
        """Write an address file at its beginning without truncating it, as Wallaroo does (reference B.5)."""
        handle = os.open(self.set.path(suffix), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(handle, encode(Address(host, port)))
        finally:
            os.close(handle)

    def write_json(self, suffix: str, data: Any) -> None:
        """Write one of the files whose content is the engine's own."""
        self._rewrite(suffix, json.dumps(data, separators=(",", ":")).encode())

    def read_json(self, suffix: str) -> Any:
        """Read it back.

        :raises ValueError: when it is damaged; the sentence names it.
        """
        path = self.set.path(suffix)
        try:
            return json.loads(path.read_bytes())
        except ValueError as error:
            raise ValueError(f"{path} cannot be read: {error}") from error

    def write_workers(self, names: list[str]) -> None:
        """The names of all workers, a line each."""
        self._rewrite("workers", "".join(f"{name}\n" for name in names).encode())

    def read_workers(self) -> list[str]:
        """The names of all workers."""
        return self.set.path("workers").read_text(encoding="utf-8").split()

    def remove(self) -> list[str]:
        """Orderly shutdown: delete what a restart would need; journals stay."""
        self.close()
        removed = []
        for suffix, path in self.set.present().items():
            if not suffix.endswith("journal"):
                path.unlink(missing_ok=True)
                removed.append(str(path))
        return removed

    def close(self) -> None:
        """Close the open files."""
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()

    def _append(self, suffix: str, data: bytes) -> None:
        handle = self._handles.get(suffix)
        if handle is None:
            handle = os.open(self.set.path(suffix), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._handles[suffix] = handle
        os.write(handle, data)

    def _rewrite(self, suffix: str, data: bytes) -> None:
        handle = os.open(self.set.path(suffix), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, data)
        finally:
            os.close(handle)
