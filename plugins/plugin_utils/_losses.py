# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a crash took, told from its cause: which values are gone, and which were never sent at all.

A worker that comes back knows what it knew at its last checkpoint. What was sent in between comes no more, and the
next value that does shows a gap: the detector then ends, and with it the cluster. The values of that gap are in its
last words alone, for nothing behind it ever comes out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Optional

_GAP = re.compile(r"Increments test failed! ([^.\s:]+)\S*: \[(\d+),(\d+),(\d+),(\d+)\]")
"""The detector's last words: a key, its last three values, and the one that does not follow."""


def lost_values(crashed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The values that a crash took from the state of a key, from what the workers said that died of it."""
    found = []
    for worker in crashed:
        words = _GAP.search(str(worker.get("last_line") or ""))
        if words is None:
            continue
        before, came = int(words.group(4)), int(words.group(5))
        if came > before + 1:
            where = {"worker": worker["worker"], "server": worker["server"]}
            found.append({"key": words.group(1), "first": before + 1, "last": came - 1, "came": came, **where})
    return found


def first_cause(crashed: Sequence[Mapping[str, Any]], migrations: Sequence[Any], failure: str) -> str:
    """Why a run failed, the first cause first; only what a step said where no worker died of itself."""
    if not crashed:
        return failure
    lost = lost_values(crashed)
    killed = list(dict.fromkeys(migration.worker for migration in migrations if migration.killed))
    causes = []
    if lost:
        who = f"The crash of {' and '.join(killed)}" if killed else "A crash"
        what = ", ".join(
            f"{_range(one['first'], one['last'])} of {one['key']} ({one['worker']} on {one['server']} died when "
            f"{one['came']} came)"
            for one in lost
        )
        causes.append(f"{who} took values that had been sent since the last checkpoint: {what}.")
    told = {one["worker"] for one in lost}
    causes += [
        f"{one['worker']} on {one['server']} died of itself: {one['last_line']}."
        for one in crashed
        if one["worker"] not in told
    ]
    return " ".join([*causes, *([f"Then: {failure}"] if failure else [])])


def with_sending(violations: Sequence[Mapping[str, Any]], sent: Optional[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The violations, with what is missing at the end split into what was sent and what never was.

    :param sent: what ``server_info`` says that the sender has sent; None when that is not known.
    """
    return [_split(dict(violation), sent) if sent else dict(violation) for violation in violations]


def _split(violation: dict[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    missing = violation.get("missing")
    if violation.get("kind") not in ("lost_tail", "missing_key") or not missing:
        return violation
    first, last = int(missing[0]), int(missing[1])
    sure, perhaps = int(sent["sure"]), int(sent["perhaps"])
    if sure >= last:
        return violation
    lost, maybe = _part(first, last, 0, sure), _part(first, last, sure + 1, perhaps)
    unsent = _part(first, last, perhaps + 1, last)
    words = []
    if lost:
        words.append(f"{_range(*lost)} {_were(lost)} sent and did not come out")
    if maybe:
        words.append(f"{_range(*maybe)} {_were(maybe)} perhaps sent and did not come out")
    if unsent:
        words.append(f"{_range(*unsent)} {_were(unsent)} never sent")
    nothing = violation["kind"] == "missing_key"
    came = "no message came at all" if nothing else f"the last that came was {violation['found']}"
    violation["sentence"] = f"{violation['key']}: {'; '.join(words)}; {came}"
    violation["lost"] = list(lost) if lost else None
    return violation


def _part(first: int, last: int, begin: int, end: int) -> Optional[tuple[int, int]]:
    """What two ranges have in common."""
    common = max(first, begin), min(last, end)
    return common if common[0] <= common[1] else None


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}..{last}"


def _were(values: tuple[int, int]) -> str:
    return "was" if values[0] == values[1] else "were"
