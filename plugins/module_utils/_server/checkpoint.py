# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a worker's files have come, and waiting until its checkpoints cover what has come out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Optional

from .._cluster import checkpoints
from .._engines.contract import Checkpointed, HalfWritten, Journalled
from .._engines.registry import engine as adapter_of
from .._engines.registry import offered
from .._formats.address_file import Address
from .._process import record
from .._process.identity import is_alive
from .._process.waiting import LimitReached, wait_until
from .._resilience import ownership
from .._resilience.files import ResilienceSet


@dataclass
class Committed:
    """Checkpoints that are to be committed by a worker."""

    server: str
    engine: str
    files: ResilienceSet
    count: Optional[int] = None
    """How many; None for as many as are needed so that one of them covers what has come out when the wait begins."""
    interval: float = checkpoints.INTERVAL
    """Seconds between two of them, for those who wait in vain."""
    only_check: bool = False
    """The worker may not have been started by the step before."""
    _last: int = 0

    def __post_init__(self) -> None:
        self._adapter: Checkpointed = offered(self.engine, Checkpointed)

    def wait(
        self, since: Optional[int], limit: Optional[float] = None, return_after: Optional[float] = None
    ) -> dict[str, Any]:
        """Wait; returns how far it has come.

        :param since: the checkpoint after which they count; None for the last one that there is.
        :param limit: seconds; None for as long as so many checkpoints may take.
        :param return_after: seconds after which a caller wants to show how far it is.
        :raises LimitReached: when they are not committed in time.
        :raises ValueError: when the files are damaged.
        :raises OSError: when they cannot be read.
        """
        after, count = self._begin() if since is None else (since, self.count or checkpoints.COUNT)
        finished = self.only_check or waited(
            lambda: len(self._after(after)) >= count,
            checkpoints.limit(count, self.interval) if limit is None else limit,
            return_after,
            self.interval,
            f"{_told(count)} after {after} of {self.files.worker} on {self.server}",
            lambda: f"checkpoint {self._current()}",
        )
        return {
            "changed": False,
            "since": after,
            "checkpoints": count,
            "checkpoint": self._current(),
            "finished": finished,
            "message": f"{len(self._after(after))} of {_told(count)} after {after} are committed",
        }

    def _begin(self) -> tuple[int, int]:
        """After which checkpoint so many count."""
        try:
            since, count = covering(self._adapter, self.files, self.interval)
        except (HalfWritten, FileNotFoundError):
            since, count = self._current(), checkpoints.COUNT
        return since, self.count or count

    def _current(self) -> int:
        try:
            self._last = self._adapter.last_checkpoint(self.files)
        except HalfWritten:
            # Read while it was being written.
            pass
        except FileNotFoundError:
            if not self.only_check:
                raise
        return self._last

    def _after(self, since: int) -> list[int]:
        try:
            return self._adapter.checkpoints_after(self.files, since)
        except FileNotFoundError:
            if not self.only_check:
                raise
            return []


def waited(
    look: Callable[[], bool],
    most: float,
    return_after: Optional[float],
    interval: float,
    what: str,
    last_seen: Callable[[], str],
) -> bool:
    """Wait for checkpoints; returns whether they came.

    :param most: seconds.
    :param return_after: seconds after which a caller wants to show how far it is.
    :param interval: seconds between two of them, for those who wait in vain.
    :raises LimitReached: when they did not come in time.
    """
    early = return_after if return_after is not None and return_after < most else None
    try:
        return wait_until(look, most if early is None else early, what, last_seen)
    except LimitReached as reached:
        if early is not None:
            return False
        # Without a word of what is not known here.
        every = f"One is committed {interval:g} s after the other, as long as every worker takes part"
        raise LimitReached(f"{reached}. {every}; playbooks/status.yml shows who does not.") from reached


def covering(adapter: Checkpointed, files: ResilienceSet, interval: float) -> tuple[int, int]:
    """After which checkpoint so many more cover what has come out by now.

    :raises HalfWritten: when one is being written.
    :raises ValueError: when the files are damaged.
    :raises OSError: when they cannot be read.
    """
    now = time.time()
    last, committed = adapter.last_commit(files)
    return last, checkpoints.covering(committed, now, interval)


def _told(count: int) -> str:
    return f"{count} checkpoint{'s' if count > 1 else ''}"


def look(base: str, engine: str, files: ResilienceSet, journal_server: Optional[str], limit: float) -> dict[str, Any]:
    """What decides whether the worker can be started from these files.

    :param journal_server: its ``host:port``; it is asked what it has of the worker, once nobody appends to it.
    :param limit: seconds to wait for that.
    :raises CopyError: when the journal server does not say.
    :raises ValueError: when the files are damaged.
    :raises OSError: when they cannot be read.
    """
    process, owned = record.read(base, files.worker), ownership.read(base, files.worker)
    found: dict[str, Any] = {
        "changed": False,
        "worker": files.worker,
        "alive": process is not None and is_alive(process.identity),
        "ownership": owned.state if owned else "none",
        "epoch": owned.epoch if owned else 0,
        **adapter_of(engine).progress(files),
    }
    if journal_server:
        adapter: Journalled = offered(engine, Journalled)
        found["journalled"] = adapter.journalled(Address.parse(journal_server), files, limit)
    return found
