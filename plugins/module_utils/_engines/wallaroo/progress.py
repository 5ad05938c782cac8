# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a worker's resilience files have come: what decides whether older files of it can still be started from.

A recovering worker is sent back to the last checkpoint that the cluster has committed, and a checkpoint is committed
when every worker has written its id (wallaroo.md, B.4). With journals it also refuses to start when the journal server
has more of its files than it has itself (wallaroo.md, C.5, "Old files cannot come back").
"""

from __future__ import annotations

from typing import Any

from ..._formats import checkpoint_ids, event_log
from ..._formats.address_file import Address
from ..._process.waiting import LimitReached, wait_until
from ..._resilience.files import ResilienceSet
from ..._resilience.journal_fetch import JournalServerClient
from .files import CHECKPOINT_IDS, EVENT_LOG


def of_files(files: ResilienceSet) -> dict[str, Any]:
    """What the files on this server say.

    :raises ValueError: when they are damaged.
    :raises OSError: when they cannot be read.
    """
    return {
        "committed": _committed(files),
        **_written(files),
        "journals": {path.name: path.stat().st_size for path in files.journal_files()},
    }


def on_journal_server(server: Address, files: ResilienceSet, limit: float) -> dict[str, int]:
    """How much the journal server has of each journal, once nobody appends to them any more.

    :raises FetchError: when it does not say.
    :raises LimitReached: when somebody still appends after ``limit`` seconds.
    """
    found: dict[str, int] = {}
    with JournalServerClient(server, files.worker) as client:

        def left() -> bool:
            listed = client.listed()
            found.clear()
            found.update((name, one.size) for name, one in listed.items() if files.owns(name))
            return not any(one.appended for one in listed.values())

        try:
            wait_until(left, limit, f"the last bytes of {files.worker} on the journal server {server}", pause=0.05)
        except LimitReached as reached:
            raise LimitReached(f"{reached}; somebody still appends to its journals") from reached
    return found


def _committed(files: ResilienceSet) -> int:
    """The last checkpoint that this worker noted as committed; 0 when there is none."""
    path = files.path(CHECKPOINT_IDS)
    if not path.is_file():
        return 0
    ids = checkpoint_ids.committed_after(path, 0)
    return ids[-1] if ids else 0


def _written(files: ResilienceSet) -> dict[str, int]:
    """The highest checkpoint whose id stands in the event log, and how many ids there are."""
    count = highest = 0
    path = files.current(EVENT_LOG)
    if path.is_file():
        try:
            for _offset, found in event_log.iterate(path):
                if isinstance(found, event_log.CheckpointEnd):
                    count, highest = count + 1, max(highest, found.checkpoint)
        except event_log.TornEventLog:
            # As after any crash; a worker cuts it off.
            pass
    return {"written": highest, "checkpoints": count}
