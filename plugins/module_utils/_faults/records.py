# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that were begun on a server: ``<base>/faults/<kind>-<worker>.json``.

Not in ``run/``, which a fresh start removes: what is lasting outlives the cluster that it was done to.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Optional

from .._formats.json_record import Damaged, made, read_object
from .._formats.whole_file import make_private_directory, remove_directory
from .contract import Done_co, Fault
from .kill import Kill

KINDS: dict[str, type[Fault[object]]] = {Kill.kind: Kill}
"""All faults that there are."""

_DO = "remove it once the server does again what it should"


def inject(base: str, fault: Fault[Done_co], limit: float) -> Done_co:
    """Record a fault, then do it; returns what the fault says that it did.

    The record of one that fails stays, since it may have been done by half.

    :raises OSError: when a lasting one cannot be recorded; nothing was done then.
    """
    path = _path(base, fault)
    try:
        _write(path, fault)
    except OSError:
        # A full disk keeps nobody from what is over in a moment: it may be why a worker is to leave.
        if fault.lasting:
            raise
    done = fault.inject(base, limit)
    if not fault.lasting:
        with suppress(OSError):
            path.unlink()
    return done


def heal(base: str) -> list[Damaged]:
    """End what is left of every fault, and forget it; returns the records that nobody understands."""
    damaged = []
    for path in sorted((Path(base) / "faults").glob("*.json")):
        try:
            fault = _read(path)
        except Damaged as damage:
            damaged.append(damage)
            continue
        if fault is None:
            continue
        try:
            fault.heal(base)
        except Damaged as damage:
            damaged.append(damage)
            continue
        path.unlink(missing_ok=True)
    return damaged


def _write(path: Path, fault: Fault[object]) -> None:
    make_private_directory(path.parent)
    remove_directory(path)
    partial = path.with_name(f".{path.name}")
    try:
        # Without waiting for the disk: a worker may be down soon, and a machine that loses its power loses the fault.
        partial.write_text(json.dumps({fault.kind: vars(fault)}, default=vars), encoding="utf-8")
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _read(path: Path) -> Optional[Fault[object]]:
    data = read_object(path, _DO)
    if data is None:
        return None
    kind = next(iter(data), "nothing")
    if kind not in KINDS:
        raise Damaged(path, f"there is no fault {kind[:80]!r}", _DO)
    try:
        return made(KINDS[kind], data[kind])
    except ValueError as error:
        raise Damaged(path, str(error), _DO) from error


def _path(base: str, fault: Fault[object]) -> Path:
    return Path(base) / "faults" / f"{fault.kind}-{fault.worker}.json"
