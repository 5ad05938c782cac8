# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the journal server to a worker's resilience directory: fetch, replay, prove, in steps that can be repeated."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ..._formats.address_file import Address
from ..._resilience.files import ResilienceSet
from ..._resilience.journal_fetch import JournalServerClient, StillAppended, fetch, upload, wait_until_left
from ..._resilience.plan import Addresses, CopyResult
from . import restoration


@dataclass
class Outcome:
    """What a restoration did, or in check mode would do."""

    copy: CopyResult
    records: int = 0
    checkpoint: int = 0
    directory: str = ""
    fetched_bytes: int = 0
    warnings: list[str] = field(default_factory=list)
    """What was left out at the ends of the journals, a sentence each."""


def from_journal_server(
    server: Address,
    target: ResilienceSet,
    addresses: Addresses,
    workshop: Path,
    limit: float,
    only_check: bool = False,
) -> Outcome:
    """Restore a worker from its journals alone (wallaroo.md, C.6).

    Half a record at the end of a journal is cut off on the server too, since the restarted worker goes on there.

    :param workshop: a directory of this restoration, emptied before and removed after it.
    :param limit: seconds to wait until nobody appends to the journals.
    :raises CopyError: when it is not possible; what was there is as it was, or no set that a worker would start from.
    :raises OSError: when the workshop cannot be written.
    """
    if only_check:
        # Nothing is left behind on the target, not even a directory.
        workshop = Path(tempfile.mkdtemp(prefix="restoring-"))
    restoration.clear(workshop)
    journals = target.at(workshop / "journals")
    try:
        with JournalServerClient(server, target.worker) as client:
            try:
                listed = wait_until_left(client, journals, 0.0 if only_check else limit)
            except StillAppended:
                if not only_check:
                    raise
                # Before the kill that a check only foresees: what will be there is not known yet.
                return Outcome(CopyResult(changed=True))
            fetched = fetch(client, journals, listed)
            restored = restoration.replay(journals, workshop / "files")
            not_cut = []
            if not only_check:
                # What is cut off is of no use to anybody, so it may go before the files are in their place.
                not_cut = [torn for torn in restored.torn if not client.cut(torn.name, torn.whole)]
            result = restoration.put_in_place(restored, target, addresses, only_check)
            for torn in not_cut:
                # Wallaroo's own server cannot cut: it gets the file anew, of which the target has a copy by now.
                client.delete(torn.name)
                upload(server, target.worker, restored.files.directory / torn.name)
    finally:
        restoration.clear(workshop)
    return Outcome(
        copy=result,
        records=restored.records,
        checkpoint=restored.checkpoint,
        directory=restored.directory,
        fetched_bytes=fetched,
        warnings=restoration.warnings(restored),
    )
