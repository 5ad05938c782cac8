# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many processes of xdist run the tests, and which tests run in one of them: those of a group, and those that share
what is prepared once for their file.

xdist 3.8 writes the group into the test's id, which pytest 9.1 and newer do not take. So its processes write down
which tests belong together, and the scheduler reads it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

GROUPS = "groups"
"""What a process of xdist is told: where to write the groups."""
_FILE = pytest.StashKey[Path]()


def processes() -> int:
    """Half as many again as there are cores: the longest tests wait for events most of the time."""
    return max(2, len(os.sched_getaffinity(0)) * 3 // 2)


def file_of(config: pytest.Config) -> Path:
    """Where the processes of a run write the groups, all of them the same."""
    if _FILE not in config.stash:
        handle, name = tempfile.mkstemp(prefix="wallaroo-resilience-groups-")
        os.close(handle)
        config.stash[_FILE] = Path(name)
        config.add_cleanup(lambda: Path(name).unlink(missing_ok=True))
    return config.stash[_FILE]


def write(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Write the groups down, in a process of xdist."""
    path = getattr(config, "workerinput", {}).get(GROUPS)
    if path:
        groups = {item.nodeid: group for item in items if (group := _group(item))}
        own = Path(f"{path}.{config.workerinput['workerid']}")
        own.write_text(json.dumps(groups))
        own.rename(path)


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    if marker:
        return str(marker.args[0])
    known = getattr(item, "_fixtureinfo", None)
    used = [one for found in known.name2fixturedefs.values() for one in found] if known else []
    return item.nodeid.partition("::")[0] if any(one.scope == "module" for one in used) else ""


class Together(LoadGroupScheduling):
    """Gives each group to one process, and every other test to whichever is free."""

    def __init__(self, config: pytest.Config, log: Any, path: Path) -> None:
        super().__init__(config, log)
        self._path = path
        self._groups: dict[str, str] = {}

    def _split_scope(self, nodeid: str) -> str:
        if not self._groups:
            # Each process has written it before it said what it has collected.
            self._groups = json.loads(self._path.read_text()) or {"": ""}
        return self._groups.get(nodeid) or str(super()._split_scope(nodeid))
