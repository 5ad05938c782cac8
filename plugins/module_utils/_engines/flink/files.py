# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Flink's processes keep in their resilience directories.

A TaskManager keeps the state of each completed checkpoint in its working directory, the JobManager the checkpoints
themselves. The configuration of each is the file without which neither starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..._cluster.naming import worker_number
from ..._resilience.files import Layout, ResilienceSet

CONFIGURATION = "config.yaml"
CHECKPOINTS = "checkpoints"
"""The JobManager's directory of checkpoints."""
STATE = "state"
"""Beside the log of a worker a link of this name leads to its resilience directory. Flink keeps absolute paths in its
state; they go through the working directory of whichever process reads them, so that they hold wherever it runs."""
HERE = f"/proc/self/cwd/{STATE}"
SCRATCH = "scratch"
"""Beside the log: what a process needs while it runs only."""

_CHECKPOINT = re.compile(r"/chk[-_]([0-9]+)/")
_WHOLE = re.compile(rf"{CHECKPOINTS}/[0-9a-f]+/chk-([0-9]+)/_metadata")


def layout(worker: str, made_of: tuple[str, str, str] = ("", "", "")) -> Layout:
    """What the files of a worker are called."""
    stem, _unused, suffix = CONFIGURATION.rpartition(".")
    if worker_number(worker) == 1:
        trees: tuple[str, ...] = (CHECKPOINTS,)
    else:
        trees = tuple(f"tm_{worker}/{part}" for part in ("localState", "slotAllocationSnapshots"))
    return Layout(stem=stem, required=(suffix,), key=suffix, trees=trees, made_of=made_of)


def checkpoints(files: ResilienceSet) -> list[int]:
    """The checkpoints that are there, the oldest first: of the JobManager the completed ones.

    :raises OSError: when a directory cannot be read.
    """
    return sorted(_numbers(_WHOLE if files.layout.trees == (CHECKPOINTS,) else _CHECKPOINT, files.names()))


def _numbers(pattern: re.Pattern[str], names: Iterable[str]) -> set[int]:
    return {int(found[1]) for name in names if (found := pattern.search(name))}
