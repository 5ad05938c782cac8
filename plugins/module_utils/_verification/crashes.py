# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The crashes of a run: what each of them allows, and what each of them did to the messages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Optional

from .guarantees import (
    AT_LEAST_ONCE,
    NONE,
    Allowance,
    AnyRepeat,
    Crash,
    Repeats,
    readings,
    value_of,
)
from .losses import Losses, Span
from .violations import END_OF_STREAM, REWOUND, Fault

Crashes = Optional[Sequence[Crash]]
"""In the order of time; None: nothing is known of crashes."""

_SHOWN = 20
"""Ranges of values that a sentence names; the data has all."""


def allowances(mode: str, crashes: Crashes, first: int, last: int) -> Callable[[str], Allowance]:
    """What the guarantee allows a key.

    :param first: the value with which every key begins.
    :param last: the value on which every key ends.
    """

    def repeats(key: str) -> Allowance:
        if crashes is None:
            return AnyRepeat()
        behind: list[Optional[int]] = []
        for number, place in readings(crashes):
            crash = crashes[number]
            # Behind the last value nothing can be repeated.
            again = value_of(crash.froms[place], key, first, last) if crash.known and crash.replayed else last
            behind.append(again if crash.known else None)
        return Repeats(behind)

    def losses(key: str) -> Allowance:
        if crashes is None:
            return Losses(None)
        spans = []
        for number, place in readings(crashes):
            crash = crashes[number]
            covered = value_of(crash.covered, key, first, last)
            at = value_of(crash.froms[place], key, first, last) if crash.known else last
            # Where it was read again nothing may be lost.
            spans.append(Span(covered, covered if crash.replayed else at))
        return Losses(spans)

    return {AT_LEAST_ONCE: repeats, NONE: losses}.get(mode, lambda _key: Allowance())


Ranges = dict[str, list[list[int]]]


@dataclass
class Account:
    """What a crash did to the messages."""

    killed: float
    """When it was, in seconds since the epoch."""
    covered: int
    """How many records of all keys a checkpoint had covered."""
    read_from: list[int]
    """The numbers, from 1, of the records with which the source began again."""
    replayed: bool
    """Whether it read again what had been sent."""
    repeated: int = 0
    """Messages that came again."""
    lost_count: int = 0
    lost: Ranges = field(default_factory=dict)
    """Key -> first and last of the values that were sent and never came out."""
    forgotten: Ranges = field(default_factory=dict)
    """Key -> first and last of the values that had come out, and that the state does not know any more."""
    covered_values: Mapping[str, int] = field(default_factory=dict)
    """Key -> its last value that a checkpoint had covered."""
    read_from_values: Sequence[Mapping[str, int]] = ()
    """For each of :attr:`read_from`, key -> its last value before that record."""
    sentence: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def accounts(crashes: Sequence[Crash], mode: str, allowed: Mapping[str, Allowance]) -> list[Account]:
    """What each of these crashes did, by what was seen of each key."""
    found = [
        Account(
            one.killed,
            one.covered_records,
            [position + 1 for position in one.from_records],
            one.replayed,
            covered_values=dict(one.covered),
            read_from_values=[dict(values) for values in one.froms],
        )
        for one in crashes
    ]
    sources = [number for number, _place in readings(crashes)]
    for key, allowance in allowed.items():
        for repeat in allowance.repeated:
            found[sources[repeat.source]].repeated += repeat.last - repeat.first + 1
        for loss in allowance.lost:
            account = found[sources[loss.source]]
            (account.forgotten if loss.came_out else account.lost).setdefault(key, []).append([loss.first, loss.last])
            account.lost_count += 0 if loss.came_out else loss.last - loss.first + 1
    for account, crash in zip(found, crashes):
        account.sentence = _sentence(account, crash, mode)
    return found


def rewound(crashes: Sequence[Crash], allowed: Iterable[Allowance]) -> list[Fault]:
    """A fault for each time that the source was read again before what a checkpoint had covered."""
    seen = [repeat for allowance in allowed for repeat in allowance.repeated]
    faults = []
    for source, (number, place) in enumerate(readings(crashes)):
        crash = crashes[number]
        if not crash.replayed or place not in range(len(crash.from_records)):
            continue
        if crash.from_records[place] >= crash.covered_records:
            continue
        # The first message that came again because of it shows it.
        places = [(repeat.position, repeat.offset) for repeat in seen if repeat.source == source]
        position, offset = min(places, default=(END_OF_STREAM, 0))
        record = f"record {crash.from_records[place] + 1:,}"
        faults.append(Fault(REWOUND, None, position, offset, f"{crash.covered_records:,}", record))
    return faults


def unknown(crashes: Sequence[Crash]) -> str:
    """Why the guarantee cannot be known, in a sentence; empty when it can."""
    silent = [when(one) for one in crashes if not one.known]
    if not silent:
        return ""
    return (
        f"from where the source was read after the crash at {' and at '.join(silent)} is not known: it never came back"
    )


def when(crash: Crash) -> str:
    """The moment of a crash, as in a sentence."""
    return time.strftime("%H:%M:%S UTC", time.gmtime(crash.killed))


def told(ranges: Ranges) -> str:
    """Ranges of values with the keys that share them: ``101..110 of key_0, key_1; 99 of key_2``."""
    keys: dict[tuple[int, int], list[str]] = {}
    for key, pairs in ranges.items():
        for first, last in pairs:
            keys.setdefault((first, last), []).append(key)
    said = [
        f"{first if first == last else f'{first}..{last}'} of {', '.join(names[:_SHOWN])}"
        + (f" and {len(names) - _SHOWN:,} more keys" if len(names) > _SHOWN else "")
        for (first, last), names in list(keys.items())[:_SHOWN]
    ]
    return "; ".join(said) + (f"; and {len(keys) - _SHOWN:,} more ranges" if len(keys) > _SHOWN else "")


def _sentence(account: Account, crash: Crash, mode: str) -> str:
    if not crash.known:
        return f"{unknown([crash])[:1].upper()}{unknown([crash])[1:]}."
    records = " and ".join(f"{record:,}" for record in account.read_from)
    covered = f"a checkpoint had covered {account.covered:,}" if account.covered else "nothing was covered"
    again = f"read again from record {records} on" if crash.replayed else f"read from record {records} on"
    said = [f"After the crash at {when(crash)} the source was {again}; before it {covered}."]
    noted = ["No step noted a kill then: it is taken for a crash that its reader went."] if crash.assumed else []
    if mode == AT_LEAST_ONCE:
        if crash.replayed and not account.covered and 1 in account.read_from:
            said = [f"Nothing was covered before the crash at {when(crash)}, so everything was sent again."]
        said.append(f"{_messages(account.repeated)} came again.")
    if mode == NONE:
        said.append(
            f"Sent and never came out: {told(account.lost)}."
            if account.lost
            else "Every message that was sent came out."
        )
        if account.forgotten:
            said.append(f"Came out, and the state has forgotten it: {told(account.forgotten)}.")
    return " ".join(said + noted)


def _messages(count: int) -> str:
    return f"{count:,} message{'' if count == 1 else 's'}"
