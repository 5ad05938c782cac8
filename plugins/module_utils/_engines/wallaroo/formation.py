# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a cluster has come together: what tells a start that was interrupted from a cluster that has lost a worker.

Nobody notes that a start is complete, since a run can be cut before it notes anything. The initializer itself says in
its log when all workers are there, and what a worker has taken in stands in its files: both are the cluster's own word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..._cluster.naming import INITIALIZER
from ..._process.log import LINE_LIMIT
from ..._process.record import ProcessRecord
from ..._resilience.files import ResilienceSet
from ..contract import COVERED, FORMED, FORMING, UNKNOWN
from . import progress
from .log_lines import INITIALIZED


def formation(workers: Iterable[ResilienceSet], processes: Mapping[str, ProcessRecord]) -> str:
    """What this server knows of it.

    :param workers: the files of all workers, as far as they are here.
    :param processes: those that were started here, by name.
    """
    if any(map(_has_checkpoint, workers)):
        return COVERED
    initializer = processes.get(INITIALIZER)
    if initializer is None:
        return UNKNOWN
    return FORMED if _has_said(initializer.log) else FORMING


def _has_checkpoint(files: ResilienceSet) -> bool:
    try:
        found = progress.of_files(files)
    except (ValueError, OSError):
        # Whatever stands in them: files that cannot be read are not taken for empty ones.
        return True
    # Every event log begins with checkpoint 0, which holds nothing.
    return bool(found["committed"] or found["written"])


def _has_said(log: str) -> bool:
    pattern = re.compile(INITIALIZED.encode())
    try:
        with open(log, "rb") as stream:
            return any(pattern.search(line) for line in iter(lambda: stream.readline(LINE_LIMIT), b""))
    except FileNotFoundError:
        # The process was started, and whoever started it was killed before its log had its name.
        return False
    except OSError:
        return True
