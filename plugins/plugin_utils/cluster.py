# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driving a cluster from Python.

.. code-block:: python

    from ansible_collections.wallaroo.resilience.plugins.plugin_utils.cluster import Cluster

    with Cluster(inventory="inventory/loopback", app="multi_partition_detector", workers=3) as cluster:
        cluster.send(until=1000)
        move = cluster.migrate(worker=2, src=2, dst=4)
        assert move.downtime_seconds < 5
        result = cluster.verify()

There is one method for each playbook. Called, it runs the playbook and returns what it yields; its ``begin``, with the
same arguments, returns a :class:`Handle` at once, to poll, wait for, ``await`` or cancel. What fails is a
:class:`CallFailed`. Nothing is printed unless ``show`` is true. Workers and servers are called as in the playbooks:
``2``, ``"2"``, ``"worker2"``.

``python -m ansible_collections.wallaroo.resilience.plugins.plugin_utils.cluster`` has the same verbs.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional, Union

from ._api.calls import BoundStep, Handle, Step
from ._api.errors import (
    CallCancelled,
    CallFailed,
    CallTimedOut,
    Failure,
    NotEnded,
    NotProved,
    ResilienceError,
    UsageError,
)
from ._api.execution import EventHandler
from ._api.steps import Name, Number, Steps
from ._declarations import steps
from ._outcomes.clusters import Started, Status, Stopped
from ._outcomes.common import Outcome
from ._outcomes.moves import Migration, Moved
from ._outcomes.reports import Compared, Reported
from ._outcomes.setting_up import Built, Checked
from ._outcomes.single_steps import Copied, Killed, Restarted, Sent
from ._outcomes.verified import Verified, Violation
from ._timeline import Event

__all__ = [
    "BoundStep",
    "Built",
    "CallCancelled",
    "CallFailed",
    "CallTimedOut",
    "Checked",
    "Cluster",
    "Compared",
    "Copied",
    "Event",
    "Failure",
    "Handle",
    "Killed",
    "Migration",
    "Moved",
    "NotEnded",
    "NotProved",
    "Outcome",
    "Reported",
    "ResilienceError",
    "Restarted",
    "Sent",
    "Started",
    "Status",
    "Stopped",
    "UsageError",
    "Verified",
    "Violation",
]


class Cluster(Steps):
    """A cluster on the servers of an inventory, and the settings with which it is started.

    As a context manager (``with`` or ``async with``) it starts the cluster, unless exactly this one runs already, and
    stops it at the end, whatever happened in between.
    """

    def __init__(
        self,
        inventory: Union[str, Path] = "",
        *,
        workers: Optional[Name] = None,
        app: Optional[str] = None,
        engine: Optional[str] = None,
        keys: Optional[Name] = None,
        checkpoint_interval: Optional[Number] = None,
        journal: Optional[Union[bool, str]] = None,
        metrics_ui: Optional[Union[bool, str]] = None,
        metrics_ui_listen: Optional[str] = None,
        symbols_file: Optional[str] = None,
        wallaroo_home: Optional[str] = None,
        wallaroo_version: Optional[str] = None,
        flink_home: Optional[str] = None,
        flink_checkpoints: Optional[str] = None,
        bytewax_home: Optional[str] = None,
        source: Optional[str] = None,
        sink: Optional[str] = None,
        spare: Optional[Union[bool, str]] = None,
        ports: Optional[Union[Mapping[str, int], int, str]] = None,
        runs: Union[str, Path] = "runs",
        variables: Optional[Mapping[str, Any]] = None,
        environment: Optional[Mapping[str, str]] = None,
        on_event: Optional[EventHandler] = None,
        show: bool = False,
        limit: Optional[float] = None,
        take_over: bool = False,
    ) -> None:
        """Nothing is started yet.

        What is None has the default of the playbooks.

        :param inventory: a path, in the working directory or in the collection; empty for four servers on this machine.
        :param workers: how many, the initializer counted (2).
        :param app: ``multi_partition_detector`` or ``market_spread``.
        :param engine: ``embedded``, or ``wallaroo``, ``flink`` or ``bytewax``, which need ``wallaroo_home``,
            ``flink_home`` or ``bytewax_home``.
        :param keys: how many keys senders use (11).
        :param checkpoint_interval: seconds between two checkpoints (1).
        :param journal: every worker journals to a journal server.
        :param metrics_ui: show metrics in the browser. None: where it can start.
        :param metrics_ui_listen: where to, such as ``0.0.0.0`` for all addresses of server 1 (its internal one).
        :param symbols_file: for market-spread: the file with its symbols on the servers.
        :param source: ``replayable`` or ``plain``, as far as the engine can (the first of them that it can).
        :param sink: ``plain`` or ``committing`` (``plain``).
        :param flink_checkpoints: a directory that all servers see, for Flink's checkpoints.
        :param spare: with ``flink``, a process stands by that has the work of a worker that dies until that is back.
        :param ports: ports other than those of the demo, e.g. ``{"orders": 17000}``, or the first of all.
        :param runs: where the folders of runs are; relative to the working directory of this moment.
        :param variables: further variables of the playbooks and of the inventory.
        :param environment: added to the environment of ansible-playbook.
        :param on_event: called for each :class:`Event` while a call runs, from another thread. What it raises cancels
            the call and comes out of it.
        :param show: print what ansible-playbook prints.
        :param limit: seconds that a call may take before it is cancelled. None by default, since every act has a limit
            of its own.
        :param take_over: take the servers' lock over from whoever holds it, e.g. a controller that is gone for good.
        """
        self.inventory = str(inventory)
        self.runs = Path(runs).expanduser().absolute()
        self.settings: dict[str, Any] = {
            "workers": workers,
            "app": app,
            "engine": engine,
            "keys": keys,
            "checkpoint_interval": checkpoint_interval,
            "journal": journal,
            "metrics_ui": metrics_ui,
            "metrics_ui_listen": metrics_ui_listen,
            "symbols_file": symbols_file,
            "wallaroo_home": wallaroo_home,
            "wallaroo_version": wallaroo_version,
            "flink_home": flink_home,
            "flink_checkpoints": flink_checkpoints,
            "bytewax_home": bytewax_home,
            "source": source,
            "sink": sink,
            "spare": spare,
            "wallaroo_ports": None if ports in ("", {}) else dict(ports) if isinstance(ports, Mapping) else ports,
        }
        self._common = {"take_over": take_over or None, **(variables or {}), "wallaroo_runs": str(self.runs)}
        self._environment = dict(environment or {})
        self._on_event = on_event
        self._show = show
        self._limit = limit

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(self, kind: object, error: Optional[BaseException], traceback: object) -> None:
        try:
            self.stop()
        except ResilienceError as failed:
            _after(error, failed)

    async def __aenter__(self) -> Cluster:
        await self.start.begin()
        return self

    async def __aexit__(self, kind: object, error: Optional[BaseException], traceback: object) -> None:
        try:
            await self.stop.begin()
        except ResilienceError as failed:
            _after(error, failed)


def _complete() -> None:
    """Give the steps that have no written method one: a playbook that was added needs no edit here."""
    written = {known.playbook for known in vars(Steps).values() if isinstance(known, Step)}
    for playbook, declared in steps().items():
        if playbook not in written and declared.hosts == "servers":
            method: Any = Step.of(declared)
            setattr(Cluster, playbook, method)


_complete()


def _after(error: Optional[BaseException], failed: ResilienceError) -> None:
    """What went wrong first is what matters; that the end went wrong too is added to it."""
    if error is None:
        raise failed
    note = f"The cluster could not be stopped afterwards: {failed}"
    add_note = getattr(error, "add_note", None)
    if add_note is not None:
        add_note(note)
        return
    # Python 3.10 has no notes, and would lose it: it is put where newer versions have it, and said.
    error.__notes__ = [*getattr(error, "__notes__", []), note]  # type: ignore[attr-defined]
    warnings.warn(note, RuntimeWarning, stacklevel=3)


if __name__ == "__main__":
    from ._api.console import main

    sys.exit(main(sys.argv[1:]))
