# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof that a verifier can fail: a copy of what a run has received is damaged in every class, and each is to be named.

The copy is small whatever the size of the file: the first values of some keys, as they came. It passes undamaged, and
then a fault of each class is planted into it, at a place and of a form that a seed decides. Where the guarantee allows
a crash something, one goes through the copy too, and everything is planted that is not allowed all the same.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from .._formats.framing import FrameSplitter, frame
from . import damaged_frames, damaged_order
from .damage import PLANTS, Plant, plant
from .damaged_crashes import CRASH_PLANTS, Scene, plant_crash
from .guarantees import AT_LEAST_ONCE, EXACTLY_ONCE, NONE, Crash
from .violations import KINDS
from .windows import UNREADABLE, open_stream, tail_of

CLASSES = KINDS
"""Every class of violation."""

# Their plants are registered when they are loaded.
PARTS = (damaged_order, damaged_frames)

_KEYS, _VALUES = 6, 48
"""How many keys, and values of each, a copy has."""

_BLOCK, _MOST = 1 << 18, 1 << 24
"""Bytes that are read at once, and at most, until the copy is complete."""

Check = Callable[..., Any]
"""The very verifier: path, keys, last value and mode, and ``crashes`` where some are known. What it says has
``verdict`` and ``violations``."""


@dataclass
class Copy:
    """The beginning of what came, of some keys."""

    keys: list[str]
    last: int
    """Every key has the values from 1 up to here."""
    data: bytes


def prove(path: str, keys: Sequence[str], mode: str, seed: int, check: Check) -> dict[str, Any]:
    """Damage a copy of a received file, which is a good one, and see whether each damage is found and named.

    :return: ``proved``, ``reason`` why not, ``seed``; ``planted``, for each class what was done, what that must be
        called, and what was found; ``not_planted``, the classes that this output cannot show, each with the reason.
    """
    said: dict[str, Any] = {"seed": seed, "proved": False, "reason": "", "planted": [], "not_planted": []}
    try:
        copy = copied(path, keys, seed)
        with tempfile.TemporaryDirectory(prefix="wallaroo-proof-") as folder:
            file = Path(folder) / "received.bin"
            return {**said, **_proved(copy, file, mode, seed, check)}
    except (*UNREADABLE, ValueError) as error:
        said["reason"] = f"no copy could be made of {path}: {getattr(error, 'strerror', None) or error}"
    return said


def _proved(copy: Copy, file: Path, mode: str, seed: int, check: Check) -> dict[str, Any]:
    def verify(data: bytes, crashes: Optional[Sequence[Crash]] = None) -> Any:
        file.write_bytes(data)
        known = {} if crashes is None else {"crashes": crashes}
        return check(str(file), copy.keys, copy.last, mode, **known)

    # Of a copy it is known that no crash goes through it.
    untouched: Optional[Sequence[Crash]] = () if mode == NONE else None
    if not copy.last or verify(copy.data, untouched).verdict != "pass":
        return {"reason": "the copy that was to be damaged is no good one"}
    planted: list[dict[str, Any]] = []
    impossible: dict[str, str] = {}
    chance = random.Random(seed)
    for kind in CLASSES:
        forms = [one for one in PLANTS.values() if one.kind == kind and _is_wrong(one, mode)]
        chance.shuffle(forms)
        for form in forms:
            try:
                spoilt = plant(form.name, copy.data, seed)
            except ValueError as error:
                impossible[kind] = str(error)
                continue
            impossible.pop(kind, None)
            wanted = (form.kind_at_least_once if mode == AT_LEAST_ONCE else "") or form.kind
            planted.append(_found(kind, form.name, wanted, verify(spoilt, untouched)))
            break
    reason = ""
    if mode != EXACTLY_ONCE:
        reason = _crashed(copy, mode, seed, verify, planted, impossible)
    missed = [one for one in planted if not one["caught"]]
    reason = reason or "; ".join(
        f"{one['form']} is {one['wanted']} and was {' and '.join(one['found']) or 'not found'}" for one in missed
    )
    if not planted:
        reason = f"nothing could be planted: {next(iter(impossible.values()), '')}"
    return {
        "proved": not reason,
        "reason": reason,
        "planted": planted,
        "not_planted": [f"{kind}: {why}" for kind, why in impossible.items()],
    }


def _crashed(
    copy: Copy,
    mode: str,
    seed: int,
    verify: Callable[[bytes, Sequence[Crash]], Any],
    planted: list[dict[str, Any]],
    impossible: dict[str, str],
) -> str:
    """Plant what the guarantee does not allow a crash; says what is wrong with one that does what it may."""
    try:
        scene = Scene(copy.data, seed, mode)
        if verify(scene.data, scene.crashes).verdict != "pass":
            return f"a crash that does what {mode} allows was called a fault"
    except ValueError as error:
        impossible["crash"] = str(error)
        return ""
    for form in CRASH_PLANTS.values():
        if form.guarantee == mode:
            spoilt = plant_crash(form.name, copy.data, seed)
            planted.append(_found(form.kind, form.name, form.kind, verify(spoilt.data, spoilt.crashes)))
    return ""


def _found(kind: str, form: str, wanted: str, result: Any) -> dict[str, Any]:
    kinds = sorted({one.kind for one in result.violations})
    caught = result.verdict == "fail" and kinds == [wanted]
    return {"kind": kind, "form": form, "wanted": wanted, "found": kinds, "caught": caught}


def _is_wrong(form: Plant, mode: str) -> bool:
    return mode != AT_LEAST_ONCE or not (form.allowed_at_least_once or form.ambiguous_at_least_once)


def copied(path: str, keys: Sequence[str], seed: int) -> Copy:
    """The first values of some keys, each once and in the order in which they came.

    :raises OSError: when the file cannot be read; so does what ``UNREADABLE`` names besides.
    """
    chosen = sorted(random.Random(seed).sample(list(keys), min(len(keys), _KEYS)))
    came = dict.fromkeys(chosen, 0)
    frames: list[tuple[str, int, bytes]] = []
    splitter, read = FrameSplitter(), 0
    with open_stream(Path(path)) as stream:
        while min(came.values()) < _VALUES and read < _MOST:
            block = stream.read(_BLOCK)
            if not block:
                break
            read += len(block)
            for payload in splitter.feed(block):
                key, _unused, rest = payload[1:].partition(b".")
                name = key.decode(errors="replace")
                value = came.get(name, _VALUES) + 1
                # What comes again is left out: a copy has no repeats. Nor has it what is behind a loss.
                if value <= _VALUES and rest.endswith(b",[%b])" % tail_of(value)):
                    came[name] = value
                    frames.append((name, value, frame(payload)))
    last = min(came.values())
    return Copy(chosen, last, b"".join(data for _unused, value, data in frames if value <= last))
