# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods of a cluster: one for each playbook.

What is written here are their signatures, for whoever calls them and for type checkers. What the arguments mean, and
which there are, is declared with the steps; that both are the same is proved by a test.
"""
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from .._outcomes.clusters import Started, Status, Stopped
from .._outcomes.common import Outcome
from .._outcomes.moves import Moved
from .._outcomes.reports import Compared, Reported
from .._outcomes.setting_up import Built, Checked
from .._outcomes.single_steps import Copied, Killed, Restarted, Sent
from .._outcomes.verified import Verified
from .calls import runs
from .execution import EventHandler, Wanted

Name = Union[int, str]
"""A worker, a server, or a whole number, as a number or as a text."""

Number = Union[float, str]
Flag = Union[bool, str]


class Steps:
    """What a cluster is asked to do. Its settings are made by :class:`.cluster.Cluster`."""

    inventory: str
    settings: Mapping[str, Any]
    """Variables of what a cluster is started with; a playbook is given those that it takes."""
    _common: Mapping[str, Any]
    """The variables of all playbooks."""
    _environment: Mapping[str, str]
    _on_event: Optional[EventHandler]
    _show: bool
    _limit: Optional[float]

    def wanted(self, playbook: str, variables: Mapping[str, Any]) -> Wanted:
        """A run of a playbook for this cluster; what is None is left to the playbook."""
        given = {**self._common, **variables}
        return Wanted(
            playbook=playbook,
            inventory=self.inventory,
            variables={name: value for name, value in given.items() if value is not None},
            environment=self._environment,
            on_event=self._on_event,
            show=self._show,
            limit=self._limit,
        )

    @runs("setup_dev_env")
    def setup_dev_env(self, /, **variables: Any) -> Outcome: ...

    @runs("setup_repo")
    def setup_repo(self, /, resilience: Flag = True, **variables: Any) -> Built: ...

    @runs("setup_bytewax")
    def setup_bytewax(self, /, **variables: Any) -> Outcome: ...

    @runs("setup_flink")
    def setup_flink(self, /, **variables: Any) -> Outcome: ...

    @runs("preflight")
    def preflight(self, fix: Optional[Flag] = None) -> Checked: ...

    @runs("start_cluster")
    def start(self) -> Started: ...

    @runs("start_sender", last="until")
    def send(
        self,
        until: Optional[Name] = None,
        *,
        first: Optional[Name] = None,
        batch: Optional[Name] = None,
        interval: Optional[Number] = None,
        wait: Optional[Flag] = None,
        round: Optional[Name] = None,
        initial_nbbo_file: Optional[str] = None,
        orders_file: Optional[str] = None,
        nbbo_file: Optional[str] = None,
        seed: Optional[Name] = None,
        symbols: Optional[Name] = None,
        orders: Optional[Name] = None,
        quotes: Optional[Name] = None,
        rejecting: Optional[Number] = None,
    ) -> Sent: ...

    @runs("kill_worker")
    def kill(self, worker: Name, server: Optional[Name] = None) -> Killed: ...

    @runs("copy_resilience")
    def copy(
        self,
        worker: Name,
        src: Optional[Name] = None,
        dst: Optional[Name] = None,
        *,
        via: Optional[str] = None,
        source_lost: Optional[Flag] = None,
    ) -> Copied: ...

    @runs("restart_worker")
    def restart(
        self,
        worker: Name,
        server: Optional[Name] = None,
        *,
        crash: Optional[Flag] = None,
        source_lost: Optional[Flag] = None,
    ) -> Restarted: ...

    @runs("migrate")
    def migrate(
        self,
        worker: Name,
        src: Optional[Name] = None,
        dst: Optional[Name] = None,
        *,
        via: Optional[str] = None,
        source_lost: Optional[Flag] = None,
        settle: Optional[Flag] = None,
        keep_address: Optional[Flag] = None,
    ) -> Moved: ...

    @runs("verify")
    def verify(
        self,
        last: Optional[Name] = None,
        *,
        mode: Optional[str] = None,
        prove_detector: Optional[Flag] = None,
        prove_seed: Optional[Name] = None,
    ) -> Verified: ...

    @runs("status")
    def status(self) -> Status: ...

    @runs("collect_logs")
    def collect_logs(self, lines: Optional[Name] = None, then_fail: Optional[Flag] = None) -> Status: ...

    @runs("stop_cluster")
    def stop(self, keep_files: Optional[Flag] = None) -> Stopped: ...

    @runs("verify_restart")
    def verify_restart(
        self,
        worker: Optional[Name] = None,
        *,
        restarts: Optional[Name] = None,
        values: Optional[Name] = None,
        drain: Optional[Flag] = None,
        batch: Optional[Name] = None,
        interval: Optional[Number] = None,
        mode: Optional[str] = None,
        keep_running: Optional[Flag] = None,
        on_violation: Optional[str] = None,
        prove_detector: Optional[Flag] = None,
        prove_seed: Optional[Name] = None,
    ) -> Verified: ...

    @runs("verify_migration")
    def verify_migration(
        self,
        dst: Optional[Name] = None,
        *,
        worker: Optional[Name] = None,
        path: Optional[Union[str, Sequence[Name]]] = None,
        via: Optional[str] = None,
        restarts: Optional[Name] = None,
        values: Optional[Name] = None,
        drain: Optional[Flag] = None,
        batch: Optional[Name] = None,
        interval: Optional[Number] = None,
        mode: Optional[str] = None,
        keep_running: Optional[Flag] = None,
        on_violation: Optional[str] = None,
        prove_detector: Optional[Flag] = None,
        prove_seed: Optional[Name] = None,
        negative: Optional[str] = None,
    ) -> Verified: ...

    @runs("demo")
    def demo(
        self,
        path: Optional[Union[str, Sequence[Name]]] = None,
        *,
        worker: Optional[Name] = None,
        dst: Optional[Name] = None,
        restarts: Optional[Name] = None,
        values: Optional[Name] = None,
        drain: Optional[Flag] = None,
        via: Optional[str] = None,
        batch: Optional[Name] = None,
        interval: Optional[Number] = None,
        mode: Optional[str] = None,
        keep_running: Optional[Flag] = None,
        on_violation: Optional[str] = None,
        prove_detector: Optional[Flag] = None,
        prove_seed: Optional[Name] = None,
        negative: Optional[str] = None,
    ) -> Verified: ...

    @runs("report")
    def report(self, run: Optional[str] = None) -> Reported: ...

    @runs("compare")
    def compare(self, runs: Union[str, Sequence[str]]) -> Compared: ...
