# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``timeline.jsonl`` of a run of which no callback writes one: the steps of its migrations, from the result itself.

Ansible loads a callback of a collection only where ``callbacks_enabled`` names it, as the checkout's ``ansible.cfg``
does and that of somebody who has installed the collection does not. What such a run did when is known all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

from ansible import constants

from . import _moves, _timeline
from ._outcomes.moves import Migration
from ._outcomes.verified import Verified

CALLBACK = "wallaroo.resilience.timeline"

NOTE = (
    f"{_timeline.FILE} has the steps of migrations alone, since callbacks_enabled does not name {CALLBACK}, "
    "which writes all steps"
)


def is_needed() -> bool:
    """Whether nobody else writes one."""
    return CALLBACK not in constants.CALLBACKS_ENABLED


def write(folder: Path, run: Verified, good: bool) -> None:
    """Append what is known of a run that has ended; an interrupted one before it may have left its own half.

    :param good: whether the run did what it was for.
    :raises OSError: when it cannot be written.
    """
    writer = _timeline.Writer(str(folder / _timeline.FILE))
    try:
        for record, fields in _records(run, good):
            writer.write(record, **fields)
    finally:
        writer.close()


def _records(run: Verified, good: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    yield _timeline.RUN, {"at": run.started, "version": _timeline.VERSION, "playbook": f"{run.playbook}.yml"}
    for migration in run.migrations:
        yield from _of(migration, run.finished)
    yield _timeline.FINISH, {"at": run.finished, "outcome": _timeline.OK if good else _timeline.FAILED}


def _of(migration: Migration, finished: str) -> Iterator[tuple[str, dict[str, Any]]]:
    worker, src, dst = migration.worker, migration.src, migration.dst
    back = src if migration.outcome == _moves.ROLLED_BACK else dst
    began = migration.killed
    for step, server, ended in (
        (f"Kill {worker}", src, migration.died),
        (f"Copy its files from {src}", dst, migration.copied),
        (f"Start {worker}", back, migration.started),
        (f"Wait until {worker} processes messages", back, migration.resumed),
    ):
        if ended:
            yield _timeline.END, _step(step, server, began, ended, _timeline.CHANGED)
        began = ended or began
    if migration.outcome in (_moves.ROLLED_BACK, _moves.UNFINISHED):
        failed = _step(f"Move {worker}", dst, migration.killed, began or finished, _timeline.FAILED)
        yield _timeline.END, {**failed, "message": migration.note}


def _step(name: str, server: str, began: Optional[str], ended: str, outcome: str) -> dict[str, Any]:
    seconds = round(_moves.time_of(ended) - _moves.time_of(began), 3) if began else None
    return {"at": ended, "step": name, "server": server, "outcome": outcome, "seconds": seconds, "message": ""}
