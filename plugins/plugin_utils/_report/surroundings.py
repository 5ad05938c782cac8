# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run was made on and with, by which calls, and what repeats it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from .words import clock, day, seconds_of, size

Data = Mapping[str, Any]


def of(result: Data) -> dict[str, Any]:
    """For the page."""
    return {
        "made_with": made_with(result),
        "machines": _machines(result),
        "files": _files(result),
        "calls": _calls(result),
        "command": command(result),
        "directory": str((_last(result)).get("directory") or ""),
        "variables": json.dumps(result["variables"], indent=2, default=str) if result.get("variables") else "",
        "inventory": _inventory(result.get("inventory") or {}),
    }


def collection(result: Data) -> str:
    """The version of the collection that made the run."""
    return str((result.get("made_with") or {}).get("collection") or result.get("collection_version") or "")


def command(result: Data) -> str:
    """What repeats the run."""
    given = _last(result).get("command")
    return shlex.join(map(str, given)) if given else f"ansible-playbook playbooks/{result.get('name') or 'demo'}.yml"


def _last(result: Data) -> Data:
    parts = result.get("parts") or [{}]
    return parts[-1] if isinstance(parts[-1], Mapping) else {}


def made_with(result: Data) -> list[tuple[str, str]]:
    """What ran, and with what, as pairs."""
    made = result.get("made_with") or {}
    version = made.get("engine_version")
    rows = [
        ("application", result.get("app")),
        ("engine", " ".join(str(one) for one in (result.get("engine"), version and f"(Wallaroo {version})") if one)),
        ("workers", result.get("workers")),
        ("keys", result.get("keys")),
        ("collection", collection(result)),
        ("ansible-core", made.get("ansible_core")),
        ("Python", made.get("python")),
        ("seed", result.get("seed")),
    ]
    return [(name, str(value)) for name, value in rows if value not in (None, "", 0)]


def _machines(result: Data) -> list[list[str]]:
    """A table of the machines; empty when nothing is known of them."""
    known = {"controller": result.get("controller") or {}, **(result.get("servers") or {})}
    rows = [
        [
            name,
            *(str(one.get(field) or "") for field in ("host", "system", "kernel", "python")),
            f"{one['processors']} {one.get('architecture') or 'CPU'}" if one.get("processors") else "",
            size(int(one.get("memory_bytes") or 0)) if one.get("memory_bytes") else "",
        ]
        for name, one in known.items()
        if isinstance(one, Mapping) and any(one.values())
    ]
    return [["machine", "host", "system", "kernel", "Python", "processors", "memory"], *rows] if rows else []


def _files(result: Data) -> list[list[str]]:
    """A table of what was sent and received, with digests."""
    kept = [*(result.get("sent_files") or []), *(result.get("received_files") or [])]
    rows = [
        [
            str(one.get("path") or one.get("name") or ""),
            size(int(one.get("bytes") or 0)),
            str(one.get("sha256") or ""),
            str(one.get("note") or ""),
        ]
        for one in kept
    ]
    return [["file", "size", "SHA-256", "note"], *rows] if rows else []


def _calls(result: Data) -> list[list[str]]:
    """A table of the calls of a run that had several: one was interrupted, and another completed it."""
    parts = [one for one in result.get("parts") or [] if isinstance(one, Mapping)]
    if len(parts) < 2:
        return []
    rows = [
        [
            str(number),
            day(seconds_of(one.get("started"))),
            clock(seconds_of(one["finished"])) if one.get("finished") else "was interrupted",
            shlex.join(map(str, one.get("command") or [])),
        ]
        for number, one in enumerate(parts, 1)
    ]
    return [["call", "began", "ended", "command"], *rows]


def _inventory(inventory: Data) -> str:
    return json.dumps(inventory, indent=2, default=str) if any(inventory.values()) else ""
