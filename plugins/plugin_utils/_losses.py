# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a crash took: which values were sent and never came out, why, and which were never sent at all.

A worker that comes back knows what it knew at its last checkpoint. What was sent in between comes no more, and the
next value that does shows a gap: the detector then ends, and with it the cluster. That gap is one of its state. Much of
it may have come out before the crash, so no value of it is called lost: lost is what is missing in the output.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Optional

_GAP = re.compile(r"Increments test failed! ([^.\s:]+)\S*: \[(\d+),(\d+),(\d+),(\d+)\]")
"""The detector's last words: a key, its last three values, and the one that does not follow."""


def gaps(crashed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How far the state of a key was behind, from what the workers said that died of it."""
    found = []
    for worker in crashed:
        words = _GAP.search(str(worker.get("last_line") or ""))
        if words is None:
            continue
        state, came = int(words.group(4)), int(words.group(5))
        if came > state + 1:
            where = {"worker": worker["worker"], "server": worker["server"]}
            found.append({"key": words.group(1), "state": state, "came": came, **where})
    return found


def rolled_back(crashed: Sequence[Mapping[str, Any]], migrations: Sequence[Any], damage: str = "") -> str:
    """Why values never came out, from what the workers said that died of it; empty where none did.

    :param damage: what else than a crash set their state back, as the subject of a sentence.
    """
    behind = gaps(crashed)
    if not behind:
        return ""
    killed = list(dict.fromkeys(migration.worker for migration in migrations if migration.killed))
    after = f"After the crash of {' and '.join(killed)} state" if killed else "State"
    why = f"{damage} left state" if damage else f"{after} was rolled back"
    what = "; ".join(
        f"{one['worker']} on {one['server']} died when {one['came']} of {one['key']} came, for its state was at "
        f"{one['state']}"
        for one in behind
    )
    return f"{why} behind values that had been sent: {what}."


def other_deaths(crashed: Sequence[Mapping[str, Any]], damage: str = "") -> str:
    """Of what the other workers died that did; empty where none did."""
    told = {one["worker"] for one in gaps(crashed)}
    causes = []
    for one in crashed:
        if one["worker"] not in told:
            who = f"{one['worker']} on {one['server']}"
            ended = f"{damage}, {who}, died" if damage else f"{who} died"
            causes.append(f"{ended} of itself: {one['last_line'].rstrip('.')}.")
    return " ".join(causes)


MISSING = ("gap", "lost_head", "lost_tail", "missing_key")
"""Violations that are nothing but values that did not come out."""

NEVER_OUT = "Sent and never came out"

_ENDS = ("lost_tail", "missing_key")
"""Those that may be of values that were never sent."""


def never_came_out(violations: Sequence[Mapping[str, Any]], count: int) -> str:
    """The values of each key that were sent and are not in the output; empty where something else is wrong, too."""
    if not violations or any(one.get("kind") not in MISSING for one in violations):
        return ""
    keys: dict[tuple[int, int], list[str]] = {}
    for one in violations:
        missing = one.get("lost") or one.get("missing")
        if not missing:
            return ""
        keys.setdefault((int(missing[0]), int(missing[1])), []).append(str(one.get("key")))
    said = "; ".join(f"{_range(*values)} of {', '.join(names)}" for values, names in keys.items())
    more = f"; and {count - len(violations)} more" if count > len(violations) else ""
    return f"{NEVER_OUT}: {said}{more}."


def arrived(crashed: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Key -> the value of it that a worker died of: it was sent, for it came."""
    return {one["key"]: one["came"] for one in gaps(crashed)}


def with_sending(
    violations: Sequence[Mapping[str, Any]],
    sent: Optional[Mapping[str, Any]],
    came: Mapping[str, int] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """The violations; of what is missing at the end what was sent, and nothing of what never was.

    :param sent: what ``server_info`` says that the sender has sent; None when that is not known.
    :param came: what :func:`arrived` knows besides.
    """
    if not sent:
        return [dict(violation) for violation in violations]
    return [kept for violation in violations if (kept := _split(dict(violation), sent, came)) is not None]


def excused(
    verification: Mapping[str, Any],
    violations: Sequence[Mapping[str, Any]],
    sent: Optional[Mapping[str, Any]],
    came: Mapping[str, int] = MappingProxyType({}),
) -> int:
    """How many violations, also of those that are only counted, are of values that were not sent for sure."""
    if not sent:
        return 0
    seen = sum(_split(dict(violation), sent, came) is None for violation in violations)
    last, sure = _last(verification), int(sent["sure"])
    # A key that stands at what was sent for sure, or behind it, misses nothing else at its end.
    reached = (verification.get("last_values") or {}).items()
    return max(seen, sum(max(sure, came.get(key, 0)) <= int(value) < last for key, value in reached))


def unsent(
    verification: Mapping[str, Any],
    violations: Sequence[Mapping[str, Any]],
    sent: Optional[Mapping[str, Any]],
    asked: int = 0,
) -> str:
    """What should have been sent and was not, in a sentence; empty when all was, and when that is not known.

    :param asked: the value up to which it should have been, where that is more than what is verified.
    """
    last = _last(verification) or max(
        (int(one["missing"][1]) for one in violations if one.get("kind") in _ENDS and one.get("missing")), default=0
    )
    if not sent:
        return ""
    last = max(last, asked)
    if int(sent["sure"]) >= last:
        return ""
    sure, perhaps = int(sent["sure"]), min(int(sent["perhaps"]), last)
    ranges = (((sure + 1, perhaps), "perhaps sent"), ((perhaps + 1, last), "never sent"))
    words = [f"{_range(*one)} of each key {_were(*one)} {how}" for one, how in ranges if one[0] <= one[1]]
    return f"{', and '.join(words)}."


def _last(verification: Mapping[str, Any]) -> int:
    """The value with which every key should have ended, when all began with 1."""
    keys = int(verification.get("keys") or 0)
    return int(verification.get("expected") or 0) // keys if keys else 0


def _split(violation: dict[str, Any], sent: Mapping[str, Any], came: Mapping[str, int]) -> Optional[dict[str, Any]]:
    """A violation without what was never sent; None when nothing is left for sure."""
    missing = violation.get("missing")
    if violation.get("kind") not in _ENDS or not missing:
        return violation
    first, last = int(missing[0]), int(missing[1])
    sure = max(int(sent["sure"]), came.get(str(violation.get("key")), 0))
    perhaps = int(sent["perhaps"])
    if sure >= last:
        return violation
    lost, maybe = _part(first, last, 0, sure), _part(first, last, sure + 1, perhaps)
    if not lost:
        return None
    words = f"{_range(*lost)} {_were(*lost)} sent and did not come out"
    if maybe:
        words += f"; {_range(*maybe)} {_were(*maybe)} perhaps sent"
    nothing = violation["kind"] == "missing_key"
    end = "no message came at all" if nothing else f"the last that came was {violation['found']}"
    violation["sentence"] = f"{violation['key']}: {words}; {end}"
    violation["missing"] = violation["lost"] = list(lost)
    return violation


def _part(first: int, last: int, begin: int, end: int) -> Optional[tuple[int, int]]:
    """What two ranges have in common."""
    common = max(first, begin), min(last, end)
    return common if common[0] <= common[1] else None


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}..{last}"


def _were(first: int, last: int) -> str:
    return "was" if first == last else "were"
