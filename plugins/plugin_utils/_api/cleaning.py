# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing the folders of old runs from the command line: ``clean_runs days=30``."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from .. import _run_folder, _runs
from .._report.words import counted
from .errors import UsageError

VERB = "clean_runs"
SUMMARY = "Remove the folders of runs that ended more than days= ago (30), below runs= (runs)."


def main(arguments: Sequence[str]) -> int:
    """Remove them, and name each; returns the exit code.

    :raises UsageError: for arguments that make no sense.
    """
    given = {"days": "30", "runs": "runs"}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name not in given or not equals or not value:
            raise UsageError(f"{VERB} does not understand {argument!r}: it takes days=30 and runs=PATH.")
        given[name] = value
    try:
        days = float(given["days"])
    except ValueError:
        days = -1.0
    # What is no number at all compares as false, too.
    if not days >= 0:
        raise UsageError(f"days={given['days']} is no number of days.")
    runs = _runs.runs_path(given["runs"])
    if not runs.is_dir():
        raise UsageError(f"There is no folder {runs}: name that of the runs with runs=PATH.")
    try:
        removed = _run_folder.clean(runs, days, time.time())
    except OSError as error:
        print(f"{VERB}: {error}", file=sys.stderr)
        return 1
    for folder in removed:
        print(f"removed {folder}")
    print(
        f"{counted(len(removed), 'run')} removed, {sum(1 for _unused in _run_folder.folders(runs))} are left in {runs}"
    )
    return 0
