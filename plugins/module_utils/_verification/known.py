# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source log knows of the crashes of a run, for the verifier."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from .._formats import source_log
from .guarantees import Crash


def crashes_of(folder: str, kills: Sequence[float], all_kills: bool = True) -> tuple[Optional[list[Crash]], str]:
    """The crashes; None, and why in a sentence, when they cannot be known.

    :param folder: that of the source log; empty when there is none, so that nothing is known and nothing should be.
    :param kills: when workers were killed, in seconds since the epoch.
    :param all_kills: there were no others. Otherwise the log is asked when its readers went, too.
    """
    if not folder or (all_kills and not kills):
        return ([] if folder else None), ""
    log, noted = Path(folder, source_log.LOG_FILE), Path(folder, source_log.EVENTS_FILE)
    try:
        if not noted.is_file():
            return None, f"nothing is known of the crashes, for {noted} is not there"
        events = source_log.events(noted)
        moments = list(map(source_log.Moment, kills)) if all_kills else source_log.moments(events, kills)
        assumed = {one.at for one in moments if one.assumed}
        found = source_log.recoveries(events, [one.at for one in moments])
        positions = [position for one in found for position in (one.covered, *one.froms)]
        values = iter(source_log.values_at(log, positions))
    except OSError as error:
        return None, f"nothing is known of the crashes, for {error.filename} cannot be read ({error.strerror})"
    except source_log.SourceLogError as error:
        return None, f"nothing is known of the crashes, for {error}"
    return [
        Crash(
            one.killed,
            next(values),
            [next(values) for _unused in one.froms],
            one.replayed,
            one.covered,
            one.froms,
            assumed=one.killed in assumed,
        )
        for one in found
    ], ""
