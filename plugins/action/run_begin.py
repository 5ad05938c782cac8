# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``run_begin``: make the folder of a run before anything is done, or find the one that is to be completed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _gathering, _moves, _run_folder, _runs
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._deciding import DecidingAction
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._declarations import steps
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.moves import Migration
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal

# Read before Ansible's processes for the tasks: the one that writes the result needs all of them, too.
steps()


class ActionModule(DecidingAction):
    """See the documentation of the module of the same name."""

    _VALID_ARGS = frozenset(("name", "cluster", "move", "runs", "withdraw"))

    def decide(self, variables: dict[str, Any]) -> dict[str, Any]:
        """``folder`` and ``started``."""
        given, started = self._task.args, time.time()
        withdrawn = str(given.get("withdraw") or "")
        if withdrawn:
            _run_folder.withdraw(Path(withdrawn))
            return {"folder": ""}
        folder = None
        if not self._task.check_mode:
            try:
                folder = self._begin(given, variables, started)
            except OSError as error:
                raise Refusal(
                    f"wallaroo_runs={_runs.runs_path(given.get('runs'))}: the folder of this run could not be made "
                    f"({error}), so nothing was begun; choose another place."
                ) from error
        return {"folder": str(folder or ""), "started": started}

    def _begin(self, given: Mapping[str, Any], variables: dict[str, Any], started: float) -> Optional[Path]:
        runs, name, cluster = _runs.runs_path(given.get("runs")), str(given["name"]), given.get("cluster") or {}
        part = _gathering.part(started)
        move = given.get("move") or {}
        known = move.get("known") or {}
        completes = bool(move) and (bool(known.get("killed")) or not move.get("needed"))
        if completes:
            identifier = str(cluster.get("identifier") or "")
            left = _run_folder.interrupted(runs, identifier, move, _moves.seconds(known.get("killed")))
            if left is not None:
                _run_folder.go_on(left, part)
                return left
        if move and not (move.get("needed") or move.get("completes")):
            # Nothing is left to be done, and nobody has been interrupted.
            return None
        found = _gathering.evidence(name, variables, self._templar, cluster, (part,))
        return _run_folder.begin(runs, _run_folder.unended(name, cluster, started, _migrations(move)), found, started)


def _migrations(move: Mapping[str, Any]) -> list[Migration]:
    if not move:
        return []
    worker, src, dst, via = (str(move.get(name) or "") for name in ("worker", "src", "dst", "via"))
    return [Migration(worker, src, dst, via=via, outcome=_moves.UNFINISHED)]
