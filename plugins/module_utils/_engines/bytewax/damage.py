# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaging a recovery partition so that no worker notices it as it starts: for negative runs, and nobody else."""

from __future__ import annotations

from ..._problem import Problem
from ..._resilience.files import ResilienceSet
from .files import DATABASE, LOG

_WINDOWS = "detector.window.%"
"""The steps of the dataflow that keep windows; its source is another one."""


class NothingToDamage(Problem):
    """There is no state that could be damaged so; the sentence says why."""


def drop_state(files: ResilienceSet) -> str:
    """Take the windows out of a partition, and leave what says up to where it is committed.

    :raises NothingToDamage: when there are none.
    """
    database = files.path(DATABASE)
    import sqlite3

    connection = sqlite3.connect(f"file:{database}?mode=rw", uri=True, timeout=5)
    try:
        with connection:
            count = connection.execute("delete from snaps where step_id like ?", (_WINDOWS,)).rowcount
    except sqlite3.Error as error:
        raise NothingToDamage(f"{database} cannot be damaged ({error})") from error
    finally:
        connection.close()
    # Who closes it as the last puts it in order, and removes the log. An empty one says the same.
    files.path(LOG).touch()
    if not count:
        raise NothingToDamage(f"{database} holds no windows yet, so there is no state that could be dropped")
    return f"the windows of {count} keys were taken out of the recovery partition of {files.worker}"


def restore_older_state(files: ResilienceSet) -> str:
    """Bytewax removes what is older than the last committed epoch, so there is no older state to be had.

    :raises NothingToDamage: always.
    """
    raise NothingToDamage(
        f"{files.path(DATABASE)} holds the state of one epoch only, and a whole older copy is refused by all workers"
    )
