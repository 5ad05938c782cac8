# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict of a run: of which messages, and if it is not ``pass`` the first cause, then what followed from it.

A verdict is of messages alone. What was never sent cannot be lost: it makes a verdict ``unknown``, and no violation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Optional

from . import _losses

PASS, FAIL, UNKNOWN = "pass", "fail", "unknown"

NO_MESSAGES = "no message was looked at; verify.yml does that"
"""The scope of a step that has an outcome and no verdict."""

_UNSEEN = ("lost_tail", "missing_key", "torn_frame")
"""What a receiver that died leaves of a run in which nothing is wrong."""

_NOTHING = "Nothing was sent, so there is nothing to verify"
_NO_MESSAGE = "no message: nothing was sent"

NOT_STARTED = "no message: no cluster was started"
"""The scope of a run that did not come so far."""

_HOW = {
    "exactly_once": "each exactly once and in order",
    "at_least_once": "each at least once and in order",
    "none": "each at most once, in order, with what was lost named",
}


@dataclass(frozen=True)
class Judgement:
    """What a run is worth."""

    verdict: str
    scope: str
    """Of which messages."""
    reason: str = ""
    """The first cause; empty for ``pass``."""
    then: str = ""
    """What followed from it, where that was said too."""
    violations: tuple[Mapping[str, Any], ...] = ()
    violation_count: int = 0
    unsent: str = ""
    """What was to be sent and was not, in a sentence."""


@dataclass(frozen=True)
class Case:
    """All that is known of a run when it is judged."""

    verification: Mapping[str, Any]
    """What the verifier said; empty when it was not asked."""
    failure: str = ""
    """Why a step failed, when one did."""
    crashed: Sequence[Mapping[str, Any]] = ()
    """Workers that died of themselves."""
    migrations: Sequence[Any] = ()
    paused: Sequence[str] = ()
    """Processes that a signal has stopped, and workers that are dead, in sentences: causes that no log tells."""
    repeated: Sequence[str] = ()
    """Sentences of a step that say the same, so that they are not told once more."""
    sent: Optional[Mapping[str, Any]] = None
    """What the sender has sent; None when that is not known."""
    known: bool = False
    """The server on which senders run was looked at, so that there was none if ``sent`` is None."""

    blind: str = ""
    """Why nothing is known of what came out in the end, in a sentence: who receives it was not there."""
    began: bool = True
    """The cluster of this run was started; what came out otherwise is another one's."""
    damage: str = ""
    """What was done to the worker on purpose, as the subject of a sentence; empty but for a negative run."""

    @property
    def nothing_sent(self) -> bool:
        """No message can have come out."""
        if self.sent is None:
            return self.known
        return not self.sent["begun"] and int(self.sent["first"]) == 1


def judge(case: Case) -> Judgement:
    """The verdict of a run."""
    said = case.verification
    if not case.began:
        return _told(replace(case, crashed=()), UNKNOWN, NOT_STARTED, case.failure or _NOTHING)
    found = [dict(one) for one in said.get("violations") or []]
    if said.get("verdict") != FAIL:
        verdict, reason = verdict_of(said, case.failure)
        scope = scope_of(said, case.migrations, verdict) if "verdict" in said else "no message was checked"
        # What is verified may end where an interrupted sender did.
        asked = int((case.sent or {}).get("last") or 0)
        rest = _losses.unsent(said, found, case.sent, asked) if verdict == PASS else ""
        return _told(case, verdict, scope, reason, unsent=rest)
    nothing = not int(said.get("received") or 0) and all(one.get("kind") in _losses.MISSING for one in found)
    if case.nothing_sent and nothing:
        return _told(case, UNKNOWN, _NO_MESSAGE, case.failure or _NOTHING)
    came = _losses.arrived(case.crashed)
    kept = _losses.with_sending(found, case.sent, came)
    count = int(said.get("violation_count") or len(found))
    count = max(count - _losses.excused(said, found, case.sent, came), len(kept))
    unsent = _losses.unsent(said, found, case.sent)
    scope = scope_of(said, case.migrations, FAIL)
    # What is wrong in what did come is found before an end that is missing, so it is among those that are listed.
    if case.blind and all(one.get("kind") in _UNSEEN for one in kept):
        return _told(replace(case, paused=[case.blind, *case.paused]), UNKNOWN, scope, case.failure, unsent=unsent)
    if not count:
        return _told(case, UNKNOWN, scope, case.failure or unsent, unsent=unsent)
    return _told(case, FAIL, scope, "", tuple(kept), count, unsent)


def _told(
    case: Case,
    verdict: str,
    scope: str,
    reason: str,
    violations: tuple[Mapping[str, Any], ...] = (),
    count: int = 0,
    unsent: str = "",
) -> Judgement:
    if verdict == PASS:
        return Judgement(verdict, scope, unsent=unsent)
    died = _losses.other_deaths(case.crashed, case.damage)
    behind = _losses.rolled_back(case.crashed, case.migrations, case.damage)
    lost = _losses.never_came_out(violations, count)
    # That the end of a key is missing says nothing that is not in what never came out.
    ended = lost and violations[0].get("kind") == "lost_tail"
    first = str(violations[0].get("sentence") or "") if violations and not ended else ""
    # What a step said is the cause where nobody died of anything and nothing but the end is missing.
    causes = [*case.paused, died]
    if not any((*causes, behind)):
        causes = [reason or (case.failure if lost else "") or first]
    # What is lost stands before why; but a damage that was done on purpose is the cause that was asked for.
    causes += [behind, lost] if case.damage else [lost, behind]
    text = " ".join(f"{one.rstrip('.')}." for one in causes if one)
    others = dict.fromkeys(_without(case.repeated, one) for one in (case.failure, reason))
    then = " ".join(one for one in others if one and one.rstrip(".") not in text)
    return Judgement(verdict, scope, text, then, violations, count, "" if unsent.rstrip(".") in text else unsent)


def _without(sentences: Sequence[str], text: str) -> str:
    for one in sentences:
        text = text.replace(one, "")
    return text.strip()


def scope_of(verification: Mapping[str, Any], migrations: Sequence[Any], verdict: str) -> str:
    """Of which messages a verdict speaks, and through what they went; how they came only ``pass`` may say."""
    received, expected = int(verification.get("received") or 0), int(verification.get("expected") or 0)
    keys = int(verification.get("keys") or 0)
    of = f"{received:,} of {expected:,} messages of {keys:,} key{'' if keys == 1 else 's'}"
    how = _HOW.get(str(verification.get("mode") or ""), "")
    workers = list(dict.fromkeys(one.worker for one in migrations))
    crashes = f"{len(migrations)} crash{'' if len(migrations) == 1 else 'es'} of {' and '.join(workers)}"
    through = f"through {crashes}" if workers else ""
    if verdict == PASS:
        return ", ".join(one for one in (of, how, through) if one)
    came = " ".join(one for one in (of, "came", through) if one)
    return f"{came}; asked was: {how}" if how else came


def crashes(verification: Mapping[str, Any]) -> list[str]:
    """What is to be said of crashes: nothing where every message came once and in order."""
    if verification.get("verdict") == PASS and verification.get("mode") == "exactly_once":
        return []
    said = [str(one["sentence"]) for one in verification.get("crashes") or []]
    return [*said, *filter(None, [str(verification.get("assumed") or "")])]


def noted(verification: Mapping[str, Any]) -> Optional[list[dict[str, Any]]]:
    """What a stranger must know of crashes to judge the messages: each time that the source was read anew, and behind
    which value of each key. None: nothing is known of any.
    """
    if not verification.get("crashes_known"):
        return None
    return [
        {"covered": one["covered_values"], "read_from": values, "again": one["replayed"]}
        for one in verification.get("crashes") or []
        for values in one["read_from_values"] or [None]
    ]


def verdict_of(verification: Optional[Mapping[str, Any]], failure: str) -> tuple[str, str]:
    """Verdict and reason from what the verification said and whether a step failed before it.

    What could not be checked is ``unknown``, never ``pass``; a step that failed after messages were
    already found to be wrong does not hide that.
    """
    if verification and verification.get("verdict") == FAIL:
        return FAIL, failure or str(verification.get("message") or "")
    if failure:
        return UNKNOWN, failure
    if not verification:
        return UNKNOWN, "nothing was verified"
    verdict = str(verification.get("verdict"))
    if verdict == PASS:
        return PASS, ""
    if "verdict" in verification:
        return UNKNOWN, str(verification.get("reason") or verification.get("message") or f"verdict {verdict}")
    # The verifier itself did not come to its end.
    period = (verification.get("timedout") or {}).get("period")
    if period:
        return UNKNOWN, (
            f"The verifier did not answer within {period} s (wallaroo_verification_timeout), so nothing was verified"
        )
    why = str(verification.get("msg") or "").strip() or "it said nothing"
    return UNKNOWN, f"The verification failed: {why}"
