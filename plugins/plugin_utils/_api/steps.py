# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods of a cluster: one for each playbook that takes a single step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional, TypeVar, Union

from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes import (
    Built,
    Checked,
    Copied,
    Killed,
    Moved,
    Outcome,
    Restarted,
    Sent,
    Started,
    Status,
    Stopped,
    Verified,
)

from .calls import Call, Step
from .execution import EventHandler, Wanted

Name = Union[int, str]
"""A worker, a server, or a whole number, as a number or as a text."""

Number = Union[float, str]

Yielded = TypeVar("Yielded", bound=Outcome)


class Steps:
    """What a cluster is asked to do. Its settings are made by :class:`.cluster.Cluster`."""

    inventory: str
    _formation: Mapping[str, Any]
    """The variables of the playbooks that start a cluster."""
    _symbols_file: Optional[str]
    _common: Mapping[str, Any]
    """The variables of all playbooks."""
    _environment: Mapping[str, str]
    _on_event: Optional[EventHandler]
    _show: bool
    _limit: Optional[float]

    def _call(self, playbook: str, kind: type[Yielded], **variables: Any) -> Call[Yielded]:
        given = {**self._common, **variables}
        return Call(
            Wanted(
                playbook=playbook,
                inventory=self.inventory,
                variables={name: value for name, value in given.items() if value is not None},
                environment=self._environment,
                on_event=self._on_event,
                show=self._show,
                limit=self._limit,
            ),
            kind,
        )

    @Step
    def setup_dev_env(self, /, **variables: Any) -> Call[Outcome]:
        """``setup_dev_env.yml``: make servers ready for Ansible and for building.

        :param variables: those of the role ``dev_env``, such as ``dev_env_toolchain=False``.
        """
        version = self._formation["wallaroo_version"]
        return self._call("setup_dev_env", Outcome, wallaroo_version=version, **variables)

    @Step
    def setup_repo(self, /, resilience: Union[bool, str] = True, **variables: Any) -> Call[Built]:
        """``setup_repo.yml``: build Wallaroo, and bring it to all servers.

        :param resilience: build workers that keep resilience files.
        :param variables: those of the role ``wallaroo_repo``, such as ``wallaroo_repo_branch="master"``.
        """
        formation = {name: self._formation[name] for name in ("wallaroo_home", "wallaroo_version")}
        return self._call("setup_repo", Built, resilience=resilience, **formation, **variables)

    @Step
    def preflight(self, fix: Optional[Union[bool, str]] = None) -> Call[Checked]:
        """``preflight.yml``: check what a cluster needs of its servers.

        :param fix: repair what can be repaired (False).
        :raises CallFailed: when a check has failed; its ``result`` has them all.
        """
        asked = ("workers", "app", "engine", "wallaroo_home", "wallaroo_ports")
        formation = {name: self._formation[name] for name in asked}
        return self._call("preflight", Checked, fix=fix, **formation)

    @Step
    def start(self) -> Call[Started]:
        """``start_cluster.yml``: start the cluster, unless exactly this one runs already."""
        return self._call("start_cluster", Started, symbols_file=self._symbols_file, **self._formation)

    @Step
    def send(
        self,
        until: Optional[Name] = None,
        *,
        first: Optional[Name] = None,
        batch: Optional[Name] = None,
        interval: Optional[Number] = None,
        wait: Optional[Union[bool, str]] = None,
        round: Optional[Name] = None,
        initial_nbbo_file: Optional[str] = None,
        orders_file: Optional[str] = None,
        nbbo_file: Optional[str] = None,
        seed: Optional[Name] = None,
        symbols: Optional[Name] = None,
        orders: Optional[Name] = None,
        quotes: Optional[Name] = None,
        rejecting: Optional[Number] = None,
    ) -> Call[Sent]:
        """``start_sender.yml``: send the values that follow on those already sent.

        :param until: the last value of each key (1000). The playbook calls it ``last``.
        :param first: the value to begin with; refused unless it is the next one.
        :param batch: values a key and tick (100).
        :param interval: seconds between two ticks (0.05).
        :param wait: return when all have come out and a checkpoint covers them (True).
        :param round: market-spread: send the files as the round of this number (1).
        :param initial_nbbo_file: market-spread: the quotes before the first round, an absolute path on server 1.
        :param orders_file: market-spread: the orders. Without any of the three files all are made.
        :param nbbo_file: market-spread: the quotes.
        :param seed: of the files that are made: the same files for the same seed (1).
        :param symbols: of the files that are made: how many symbols (350).
        :param orders: of the files that are made: how many orders (1000).
        :param quotes: of the files that are made: how many quotes (1000).
        :param rejecting: of the files that are made: the share of symbols whose orders are rejected (0.05).
        """
        return self._call(
            "start_sender",
            Sent,
            last=until,
            first=first,
            batch=batch,
            interval=interval,
            wait=wait,
            round=round,
            initial_nbbo_file=initial_nbbo_file,
            orders_file=orders_file,
            nbbo_file=nbbo_file,
            seed=seed,
            symbols=symbols,
            orders=orders,
            quotes=quotes,
            rejecting=rejecting,
        )

    @Step
    def kill(self, worker: Name, server: Optional[Name] = None) -> Call[Killed]:
        """``kill_worker.yml``: SIGKILL to exactly one worker.

        :param server: where it runs; refused when it runs elsewhere.
        """
        return self._call("kill_worker", Killed, worker=worker, server=server)

    @Step
    def copy(
        self,
        worker: Name,
        src: Name,
        dst: Name,
        *,
        via: Optional[str] = None,
        source_lost: Optional[Union[bool, str]] = None,
    ) -> Call[Copied]:
        """``copy_resilience.yml``: bring the resilience files of a dead worker to another server.

        :param via: ``files``, or ``journal`` to restore them from the journal server.
        :param source_lost: with ``via="journal"``: the source server is gone for good.
        """
        return self._call("copy_resilience", Copied, worker=worker, src=src, dst=dst, via=via, source_lost=source_lost)

    @Step
    def restart(
        self, worker: Name, server: Optional[Name] = None, *, source_lost: Optional[Union[bool, str]] = None
    ) -> Call[Restarted]:
        """``restart_worker.yml``: start a crashed worker from the resilience files of a server.

        :param source_lost: the server that does not answer is gone for good, and the worker does not run there.
        """
        return self._call("restart_worker", Restarted, worker=worker, server=server, source_lost=source_lost)

    @Step
    def migrate(
        self,
        worker: Name,
        src: Name,
        dst: Name,
        *,
        via: Optional[str] = None,
        source_lost: Optional[Union[bool, str]] = None,
        settle: Optional[Union[bool, str]] = None,
        keep_address: Optional[Union[bool, str]] = None,
    ) -> Call[Moved]:
        """``migrate.yml``: kill a worker, copy its files, start it elsewhere; completes what was interrupted.

        :param via: ``files``, or ``journal`` to restore them from the journal server.
        :param source_lost: with ``via="journal"``: the source server is gone for good.
        :param settle: wait for a checkpoint that covers what has come out before the kill (True).
        :param keep_address: the worker's address goes along with it (False).
        """
        return self._call(
            "migrate",
            Moved,
            worker=worker,
            src=src,
            dst=dst,
            via=via,
            source_lost=source_lost,
            settle=settle,
            keep_address=keep_address,
        )

    @Step
    def verify(self, last: Optional[Name] = None, *, mode: Optional[str] = None) -> Call[Verified]:
        """``verify.yml``: verify every message that has come out so far.

        :param last: the value that every key must have reached; by default the one up to which was sent.
        :param mode: ``exactly_once`` or ``at_least_once``.
        :raises NotProved: when the verdict is not ``pass``.
        """
        return self._call("verify", Verified, last=last, mode=mode)

    @Step
    def status(self) -> Call[Status]:
        """``status.yml``: who runs on which server, and who owns which worker."""
        return self._call("status", Status)

    @Step
    def collect_logs(
        self, lines: Optional[Union[int, str]] = None, then_fail: Optional[Union[bool, str]] = None
    ) -> Call[Status]:
        """``collect_logs.yml``: the status, and with ``show`` the ends of all logs.

        :param lines: of each log (40).
        :param then_fail: end failed (False), for the failure branch of a workflow.
        """
        return self._call("collect_logs", Status, lines=lines, then_fail=then_fail)

    @Step
    def stop(self, keep_files: Optional[Union[bool, str]] = None) -> Call[Stopped]:
        """``stop_cluster.yml``: stop every process that the collection started, and remove the resilience files.

        :param keep_files: keep the resilience files (False).
        """
        return self._call("stop_cluster", Stopped, keep_files=keep_files)
