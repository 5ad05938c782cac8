# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resilience files of a running worker, by their meaning (wallaroo.md, C.1)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..._engines.wallaroo.files import SUFFIXES
from ..._formats import checkpoint_ids, connection_addresses, event_log, local_keys
from ..._formats.address_file import Address, encode, read_address
from ..._formats.checkpoint_ids import CheckpointId
from ..._formats.local_keys import LocalKey
from ..._resilience.files import ResilienceSet
from .command_line import HostPort
from .file_layer import FileLayer

FIRST_CHECKPOINT = 1
"""Under which the keys of the start are noted (wallaroo.md, C.3)."""


class RecoveryFiles:
    """The files of one worker."""

    def __init__(self, files: ResilienceSet) -> None:
        self.set = files
        self.layer = FileLayer()

    def create(self) -> None:
        """The first moment of a fresh start."""
        self.layer.set_length(self.set.path("evlog"), 0)
        self.append_event_log(event_log.encode(event_log.CheckpointEnd(0)))
        self.layer.set_length(self.set.path("local-keys"), 0)
        self.append_checkpoint_id(0, 0)

    def mend(self) -> tuple[int, list[str]]:
        """Look at the files that grow, and cut off what a kill left half-written at their end.

        :returns: the highest checkpoint id in the event log, committed or not; and what was cut.
        :raises event_log.EventLogError: when the log is damaged elsewhere.
        """
        mended, highest, end = [], 0, 0
        path = self.set.path("evlog")
        try:
            for offset, record in event_log.iterate(path):
                if isinstance(record, event_log.StepState):
                    end = offset + 21 + len(record.payload)
                else:
                    end = offset + 9
                    if isinstance(record, event_log.CheckpointEnd):
                        highest = max(highest, record.checkpoint)
        except event_log.TornEventLog as torn:
            end = torn.offset
        if end < self.layer.length(path):
            mended.append(f"{path}: cut from {self.layer.length(path)} to {end} bytes, its last record was torn")
            self.layer.set_length(path, end)
        path = self.set.path("checkpoint_ids")
        torn_bytes = self.layer.length(path) % checkpoint_ids.SIZE
        if torn_bytes:
            mended.append(f"{path}: cut by {torn_bytes} bytes, its last record was torn")
            self.layer.set_length(path, self.layer.length(path) - torn_bytes)
        return highest, mended

    def append_event_log(self, data: bytes) -> None:
        """Add records in one write."""
        self.layer.append(self.set.path("evlog"), data)

    def event_log_length(self) -> int:
        """Bytes of the event log."""
        return self.layer.length(self.set.path("evlog"))

    def states_at(self, checkpoint: int) -> list[event_log.StepState]:
        """What a rollback to a checkpoint restores.

        :raises event_log.EventLogError: when there is no such checkpoint.
        """
        return event_log.find_checkpoint(self.set.path("evlog"), checkpoint)

    def append_checkpoint_id(self, checkpoint: int, rollback: int) -> None:
        """Note a commit or a rollback."""
        self.layer.append(self.set.path("checkpoint_ids"), checkpoint_ids.encode(CheckpointId(checkpoint, rollback)))

    def append_local_keys(self, state: str, keys: Sequence[bytes]) -> None:
        """Note keys that this worker has from the start; they belong to the first checkpoint."""
        if keys:
            records = [LocalKey(local_keys.ADD, FIRST_CHECKPOINT, state, key.decode()) for key in keys]
            self.layer.append(self.set.path("local-keys"), b"".join(map(local_keys.encode, records)))

    def local_keys_at(self, state: str, checkpoint: int) -> list[bytes]:
        """The keys that were noted up to a checkpoint.

        :raises ValueError: when the file is damaged; the sentence names it.
        """
        found: dict[bytes, None] = {}
        for record in local_keys.iterate(self.set.path("local-keys")):
            if record.state != state or record.checkpoint > checkpoint:
                continue
            if record.command == local_keys.ADD:
                found[record.key.encode()] = None
            else:
                found.pop(record.key.encode(), None)
        return list(found)

    def last_checkpoint_id(self) -> CheckpointId:
        """The last one noted."""
        return checkpoint_ids.read_last(self.set.path("checkpoint_ids")) or CheckpointId(0, 0)

    def write_address(self, suffix: str, address: HostPort) -> None:
        """Write an address file at its beginning without cutting it, as Wallaroo does (wallaroo.md, B.5)."""
        self.layer.write(self.set.path(suffix), 0, encode(Address(*address)))

    def read_address(self, suffix: str) -> HostPort:
        """Where the file says that a channel listens.

        :raises ValueError: when it says nothing.
        """
        address = read_address(self.set.path(suffix))
        return address.host, address.port

    def write_connection_addresses(self, control: dict[str, HostPort], data: dict[str, HostPort]) -> None:
        """Where the others are, in a real worker's form: a runbook mends both alike (wallaroo.md, Trap 6)."""
        self.layer.replace(self.set.path("connection-addresses"), connection_addresses.encode(control, data))

    def read_connection_addresses(self) -> tuple[dict[str, HostPort], dict[str, HostPort]]:
        """Control and data addresses of the others as they were when the cluster was formed.

        :raises ValueError: when the file is damaged; the sentence names it.
        """
        path = self.set.path("connection-addresses")
        if not path.exists():
            # Only an initializer can do without it (wallaroo.md, C.1).
            return {}, {}
        try:
            return connection_addresses.decode(path.read_bytes())
        except ValueError as error:
            raise ValueError(f"{path} cannot be read: {error}") from error

    def write_topology(self, topology: dict[str, Any], workers: list[str]) -> None:
        """What this worker is part of."""
        self._write_json("local-topology", topology)
        self.layer.replace(self.set.path("workers"), "".join(f"{name}\n" for name in workers).encode())

    def read_workers(self) -> list[str]:
        """The names of all workers, in the order that decides who owns which key."""
        return self.set.path("workers").read_text(encoding="utf-8").splitlines()

    def remove(self) -> list[str]:
        """Orderly shutdown: delete what a restart would need; journals stay (wallaroo.md, C.1)."""
        found = {suffix: path for suffix, path in self.set.present().items() if not suffix.endswith("journal")}
        order = [suffix for suffix in SUFFIXES if suffix in found]
        order += [suffix for suffix in found if suffix not in SUFFIXES]
        for suffix in order:
            self.layer.remove(found[suffix])
        self.layer.close()
        return [str(found[suffix]) for suffix in order]

    def _write_json(self, suffix: str, data: Any) -> None:
        self.layer.replace(self.set.path(suffix), json.dumps(data, separators=(",", ":")).encode())
