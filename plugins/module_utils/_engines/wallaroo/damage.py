# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage to the state in a worker's event log that no worker notices as it starts (wallaroo.md, C.2).

The ids of all checkpoints stay, so the one to which the cluster goes back is found; it holds another state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..._formats import event_log
from ..._formats.event_log import CheckpointEnd, Record, StepState
from ..._formats.whole_file import write_whole
from ..._problem import Problem
from ..._resilience.files import ResilienceSet
from . import files as wallaroo_files


class NotDamaged(Problem):
    """Nothing was done to the files; the sentence says why."""


@dataclass
class _Part:
    """The states in front of a record that ends them: the id of a checkpoint, or a restart mark."""

    end: Record
    states: list[StepState] = field(default_factory=list)

    @property
    def checkpoint(self) -> int:
        """Its id; 0 where there is none."""
        return self.end.checkpoint if isinstance(self.end, CheckpointEnd) else 0


def drop_state(files: ResilienceSet) -> str:
    """See :class:`..contract.Damageable`."""
    parts = _parts(files)
    if not any(part.states for part in parts):
        raise NotDamaged(f"{_log(files)} holds no state that could be dropped")
    _write(files, [_Part(part.end) for part in parts])
    return f"the state of every checkpoint is gone from {_log(files).name}"


def restore_older_state(files: ResilienceSet) -> str:
    """See :class:`..contract.Damageable`."""
    parts = _parts(files)
    whole = [part for part in parts if part.checkpoint and part.states]
    newest = whole[-1] if whole else None
    # One that has all of the newest one's steps: what it lacked a worker would begin anew, which is other damage.
    old = next(
        (part for part in whole if newest and _steps(part) == _steps(newest) and part.states != newest.states), None
    )
    if old is None:
        raise NotDamaged(f"{_log(files)} holds no older state that differs from its newest one")
    late = parts.index(old)
    _write(
        files,
        [_Part(part.end, old.states if index > late else part.states) for index, part in enumerate(parts)],
    )
    return f"{_log(files).name} has the state of checkpoint {old.checkpoint} in every later one"


def _log(files: ResilienceSet) -> Path:
    return files.path(wallaroo_files.EVENT_LOG)


def _parts(files: ResilienceSet) -> list[_Part]:
    found: list[_Part] = []
    states: list[StepState] = []
    try:
        for _offset, record in event_log.iterate(_log(files)):
            if isinstance(record, StepState):
                states.append(record)
                continue
            found.append(_Part(record, states))
            states = []
    except event_log.TornEventLog:
        # A worker that starts cuts it off, too.
        pass
    return found


def _steps(part: _Part) -> set[int]:
    return {state.step for state in part.states}


def _write(files: ResilienceSet, parts: Sequence[_Part]) -> None:
    records: list[Record] = [record for part in parts for record in (*part.states, part.end)]
    write_whole(_log(files), b"".join(map(event_log.encode, records)))
