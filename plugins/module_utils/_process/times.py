# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a worker was killed on a server, when its files came, when it was back: ``<base>/run/<worker>/times.json``.

A run that is cut in the middle takes what it has measured along. What is noted here on the servers is what the run
that completes it can still tell. It is for people: nothing is decided by it, what cannot be written or read is as good
as not known, and no disk is waited for while a worker is down.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .._formats.whole_file import reserve_partial

FILE_NAME = "times.json"


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
