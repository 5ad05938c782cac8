# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a worker's resilience files to this server, from the server that has them or from the journal server."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from .._engines.contract import Journalled, Restoration
from .._engines.registry import offered
from .._formats.address_file import Address
from .._process import living
from .._resilience import copying, kept_manifest, ownership
from .._resilience.files import ResilienceSet
from .._resilience.plan import Addresses, CopyResult
from .._resilience.source import CopyError, TailSource
from .source_server import SourceAddress


@dataclass
class Journals:
    """Where a worker's journals are."""

    server: Address
    engine: str
    """Which knows how a worker is restored from them."""
    limit: float
    """Seconds to wait until nobody appends to them any more."""

    def __post_init__(self) -> None:
        """:raises NotOffered: when it does not, before anybody is killed."""
        self._adapter: Journalled = offered(self.engine, Journalled)

    def restore(self, base: str, target: ResilienceSet, addresses: Addresses, only_check: bool) -> Restoration:
        """Restore the files from them.

        :raises CopyError: when that is not possible.
        :raises OSError: when this server's directory cannot be written.
        """
        workshop = Path(base) / "run" / target.worker / "restoring"
        return self._adapter.restore(self.server, target, addresses, workshop, self.limit, only_check)


def told(restored: Restoration) -> dict[str, Any]:
    """What the journals told, as modules return it."""
    return {
        "records": restored.records,
        "checkpoint": restored.checkpoint,
        "directory": restored.directory,
        "fetched_bytes": restored.fetched_bytes,
    }


def started_since(base: str, files: ResilienceSet, wanted: ownership.Claim) -> bool:
    """Whether this very claim stands, and the worker was started since from the files that were brought for it.

    They may be newer than what lies on the source then.
    """
    known = ownership.read(base, files.worker)
    proved = kept_manifest.path_of(base, files.worker)
    return known is not None and known.claim() == wanted and files.state() == "complete" and not proved.exists()


@dataclass
class Copy:
    """One worker's files, to this server."""

    base: str
    target: ResilienceSet
    addresses: Addresses
    """Where the worker will listen here."""
    source: SourceAddress
    claim: ownership.Claim
    """What this server is to own then."""
    journals: Optional[Journals] = None
    """Restore from these; the source is asked nothing."""
    only_check: bool = False

    def run(self) -> dict[str, Any]:
        """Bring the files, and own the worker.

        :returns: what the module returns, and ``warnings``.
        :raises CopyError: when it is not possible.
        :raises ValueError: when a record cannot be understood, or an epoch is over.
        :raises OSError: when something cannot be read or written.
        """
        worker = self.target.worker
        process = living.alive(self.base, worker)
        self._refuse_running(self.claim.server, process.identity.pid if process is not None else None)
        details: dict[str, Any] = {"warnings": []}
        if self.journals is not None:
            restored = self.journals.restore(self.base, self.target, self.addresses, self.only_check)
            result = restored.copy
            details = {"warnings": restored.warnings, "journal": {**told(restored), "torn": restored.warnings}}
        else:
            result = self._copied()
        if result.manifest is not None and not self.only_check:
            # Before the claim: whoever may start from these files finds by what they are proved again.
            kept_manifest.keep(self.base, result.manifest)
        if self.only_check:
            known = ownership.read(self.base, worker)
            claimed = known is None or known.claim() != self.claim
        else:
            claimed = ownership.claim(
                self.base, worker, self.claim.server, self.claim.epoch, copied_from=self.claim.copied_from
            )
        return {
            "changed": result.changed or claimed,
            "worker": worker,
            "copied": result.copied,
            "kept": result.kept,
            "removed": result.removed,
            "copied_bytes": result.bytes,
            "manifest": result.manifest.to_dict() if result.manifest else None,
            "finished_at": time.time(),
            **details,
            "diff": {
                "before": "".join(f"{file}\n" for file in sorted(result.kept + result.removed)),
                "after": "".join(f"{file}\n" for file in sorted(result.kept + result.copied)),
            },
        }

    def _copied(self) -> CopyResult:
        with closing(self.source.open(self.target)) as source:
            self._refuse_running(self.source.name, source.pid())
            self._refuse_older(source.files)
            return copying.copy(source.files, self.target, self.addresses, only_check=self.only_check)

    def _refuse_running(self, server: str, pid: Optional[int]) -> None:
        # In check mode the worker was not really killed by the step before.
        if pid is not None and not self.only_check:
            raise CopyError(f"it still runs on {server} (pid {pid}); kill it first with kill_worker.yml")

    def _refuse_older(self, source: TailSource) -> None:
        """A copy that is made again under the epoch it already has must not replace what came to be here since."""
        log, worker, server = self.target.path(self.target.layout.newest), self.target.worker, self.claim.server
        if not started_since(self.base, self.target, self.claim) or not log.is_file():
            return
        there = next((file.size for file in source.manifest().files if file.name == log.name), 0)
        if log.stat().st_size > there:
            raise CopyError(
                f"{server} holds newer files of {worker} than {self.source.name}: it was started there since they were "
                f'copied. Start it there (restart_worker.yml -e "worker={worker} server={server}")'
            )
