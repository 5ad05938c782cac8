# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Negative runs: verified runs in which a worker is damaged on purpose, and which succeed when that is caught.

Caught is what has the verdict ``fail``, with the classes of violation that this damage must give and no others, and
with the words of the worker that the damage ended. Else the verifier, or a check before it, has failed to see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from ..module_utils._cluster.record import DROPPED_STATE, OLD_COPY, TWO_OWNERS
from ..module_utils._engines.contract import Damageable
from ..module_utils._engines.registry import offered
from . import _losses
from ._judging import FAIL, UNKNOWN, Case, Judgement
from ._outcomes.verified import Negative
from ._servers import Refusal, Servers

Crashed = Sequence[Mapping[str, Any]]

Answer = Mapping[str, Any]
"""What ``worker_second_owner`` returned; empty where it was not called."""


@dataclass(frozen=True)
class Effect:
    """What a damage must lead to."""

    did: str
    """What it did, as the subject of a sentence."""
    kinds: frozenset[str]
    """The classes of violation: at least one, and none but these."""
    seen: Callable[[Crashed, Answer], bool]
    """Whether the workers that ended, and the second owner, tell of this damage."""
    missing: str
    """What is said when they do not."""
    before: str = ""
    """What was seen before, else there would have been no damage."""


def _behind_at(begin: int, end: float) -> Callable[[Crashed, Answer], bool]:
    """Whether a worker ended at a state that was at one of these values."""
    return lambda crashed, _second: any(begin <= gap["state"] <= end for gap in _losses.gaps(crashed))


def _no_second_life(crashed: Crashed, second: Answer) -> bool:
    """Whether a second owner was refused first, and then did not get ready; nobody ended at his state."""
    return bool(second.get("refused") and second.get("ended")) and not _losses.gaps(crashed)


# The detector ends at the first value that does not follow on its state. So nothing wrong comes out, and the rest is
# missing.
_REST = frozenset(("lost_tail",))

EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {
        DROPPED_STATE: Effect(
            "The state that was dropped",
            _REST,
            _behind_at(0, 0),
            "no worker said that it knew nothing of what it had seen",
        ),
        OLD_COPY: Effect(
            "The old copy that was restored",
            _REST,
            _behind_at(1, float("inf")),
            "no worker said that it knew an older state",
        ),
        TWO_OWNERS: Effect(
            "The second owner",
            _REST,
            _no_second_life,
            "there was no second owner that was refused first, and then came to nothing",
            "refused by the fence, and when that was lifted ",
        ),
    }
)


def refuse_others(servers: Servers) -> None:
    """A step of its own does nothing to the cluster of a negative run, which one that was cut may have left."""
    for state in servers.states.values():
        wanted = (state.get("cluster") or {}).get("negative")
        if wanted:
            raise Refusal(
                f"This cluster was started for a negative run ({wanted}), in which a move damages its worker; "
                "stop_cluster.yml ends it."
            )


def case(wanted: str, known: Case, second: Answer) -> Case:
    """What is known of a run, and that a damage is the cause."""
    ended = str(second.get("ended") or "")
    # One that died of it says so itself.
    paused = [*known.paused, *([f"The second owner came to nothing: {ended}"] if ended and not known.crashed else [])]
    return replace(known, damage=EFFECTS[wanted].did, paused=paused)


def _effect(wanted: str, name: str) -> Effect:
    """What a damage must lead to, with an engine."""
    if wanted != DROPPED_STATE or offered(name, Damageable).ends_at_wrong_state:
        return EFFECTS[wanted]
    # Nobody ends of it, and so the windows that come out show it.
    return replace(EFFECTS[wanted], kinds=frozenset(("reset_state",)), seen=lambda _crashed, _second: True)


def judged(
    wanted: str, name: str, judgement: Judgement, crashed: Crashed, second: Answer
) -> tuple[Judgement, Negative]:
    """The verdict of a negative run, and whether its damage was caught; what was not makes it ``unknown``.

    :param wanted: the damage.
    :param name: of the engine.
    :param crashed: workers that died of themselves.
    :param second: what became of the second owner.
    """
    effect, kinds = _effect(wanted, name), sorted({str(one.get("kind")) for one in judgement.violations})
    named = ", ".join(kinds)
    missed = ""
    if judgement.verdict != FAIL:
        missed = f"the verdict was {judgement.verdict}"
    elif not kinds or not set(kinds) <= effect.kinds:
        missed = f"it was called {named or 'nothing'}, and has to be called {', '.join(sorted(effect.kinds))}"
    elif not effect.seen(crashed, second):
        missed = effect.missing
    if missed:
        sentence = f"negative run: {wanted} was not caught: {missed}"
        if judgement.verdict == UNKNOWN:
            # Why nothing could be caught is the first cause.
            return judgement, Negative(wanted, False, sentence)
        reason = f"{sentence[0].upper()}{sentence[1:]}."
        then = " ".join(one for one in (judgement.reason, judgement.then) if one)
        return replace(judgement, verdict=UNKNOWN, reason=reason, then=then), Negative(wanted, False, sentence)
    count = judgement.violation_count
    found = f"{count:,} violation{'' if count == 1 else 's'} ({named}), as this damage must give"
    return judgement, Negative(wanted, True, f"negative run: {wanted} was caught: {effect.before}{found}")
