# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a worker was killed on a server, when its files came, when it was back: ``<base>/run/<worker>/times.json``.

``kills`` beside it has a line for each time that the worker was killed here, in seconds since the epoch.

A run that is cut in the middle takes what it has measured along. What is noted here on the servers is what the run
that completes it can still tell, and what ``verify.yml`` knows of crashes. Nothing else is decided by it, what cannot
be written or read is as good as not known, and no disk is waited for while a worker is down.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Optional

from .._formats.whole_file import reserve_partial

FILE_NAME, KILLS_NAME = "times.json", "kills"


def read(base: str, worker: str) -> dict[str, Any]:
    """What is known; empty when nothing is."""
    try:
        found = json.loads(_path(base, worker).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name): value for name, value in found.items() if isinstance(value, (int, float, str))}


def note(base: str, worker: str, **facts: Any) -> None:
    """Add what has happened; None forgets."""
    _write(base, worker, {**read(base, worker), **facts})


def note_kill(base: str, worker: str, killed: float, died: Optional[float]) -> None:
    """The worker was killed: the newest of its kills here."""
    note(base, worker, killed=killed, died=died)
    try:
        with _path(base, worker).with_name(KILLS_NAME).open("a", encoding="ascii") as file:
            file.write(f"{killed!r}\n")
    except OSError:
        # What nobody noted is told by the source log: that its reader went.
        pass


def kills(base: str, worker: str) -> list[float]:
    """When the worker was killed on this server since the cluster began, as far as that could be noted."""
    found = []
    try:
        lines = _path(base, worker).with_name(KILLS_NAME).read_text(encoding="ascii", errors="replace").split("\n")
    except OSError:
        return []
    # The last one ends without a line feed where a disk became full in it.
    for line in lines[:-1]:
        with suppress(ValueError):
            found.append(float(line))
    return found


def begin(base: str, worker: str, **facts: Any) -> None:
    """A stay of the worker begins: what is known of earlier ones is over."""
    _write(base, worker, facts)


def _write(base: str, worker: str, facts: dict[str, Any]) -> None:
    path = _path(base, worker)
    try:
        partial = reserve_partial(path)
        try:
            partial.write_text(json.dumps({name: value for name, value in facts.items() if value is not None}))
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError:
        # The worker's way back is what counts.
        pass


def _path(base: str, worker: str) -> Path:
    return Path(base) / "run" / worker / FILE_NAME
