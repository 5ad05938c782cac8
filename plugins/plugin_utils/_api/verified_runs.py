# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods of a cluster that start it afresh, crash and move a worker, and verify every message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional, Union

from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes import Verified

from .calls import Call, Step
from .steps import Name, Number, Steps


class VerifiedRuns(Steps):
    """The verified runs. Each stops what runs on the servers, and at its end its own cluster."""

    @Step
    def verify_restart(
        self,
        worker: Optional[Name] = None,
        *,
        restarts: Optional[Name] = None,
        values: Optional[Name] = None,
        drain: Optional[Union[bool, str]] = None,
        batch: Optional[Name] = None,
        interval: Optional[Number] = None,
        mode: Optional[str] = None,
        keep_running: Optional[Union[bool, str]] = None,
    ) -> Call[Verified]:
        """``verify_restart.yml``: a fresh cluster, a crash, a restart in place, and every message verified.

        :param worker: who is crashed (2); for the others see :attr:`demo`.
        :param restarts: how often (1).
        :raises NotProved: when the verdict is not ``pass``.
        """
        return self._run(
            "verify_restart",
            worker=worker,
            restarts=restarts,
            values=values,
            drain=drain,
            batch=batch,
            interval=interval,
            mode=mode,
            keep_running=keep_running,
        )

    @Step
    def verify_migration(
        self,
        dst: Optional[Name] = None,
        *,
        worker: Optional[Name] = None,
        path: Optional[Union[str, Sequence[Name]]] = None,
        via: Optional[str] = None,
        restarts: Optional[Name] = None,
        values: Optional[Name] = None,
        drain: Optional[Union[bool, str]] = None,
        batch: Optional[Name] = None,
        interval: Optional[Number] = None,
        mode: Optional[str] = None,
        keep_running: Optional[Union[bool, str]] = None,
    ) -> Call[Verified]:
        """``verify_migration.yml``: a fresh cluster, a migration, and every message verified.

        :param dst: where the worker is moved to (the server after the last worker's); for the others see :attr:`demo`.
        :raises NotProved: when the verdict is not ``pass``.
        """
        return self._run(
            "verify_migration",
            dst=dst,
            worker=worker,
            path=_path(path),
            via=via,
            restarts=restarts,
            values=values,
            drain=drain,
            batch=batch,
            interval=interval,
            mode=mode,
            keep_running=keep_running,
        )

    @Step
    def demo(
        self,
        path: Optional[Union[str, Sequence[Name]]] = None,
        *,
        worker: Optional[Name] = None,
        dst: Optional[Name] = None,
        restarts: Optional[Name] = None,
        values: Optional[Name] = None,
        drain: Optional[Union[bool, str]] = None,
        via: Optional[str] = None,
        batch: Optional[Name] = None,
        interval: Optional[Number] = None,
        mode: Optional[str] = None,
        keep_running: Optional[Union[bool, str]] = None,
    ) -> Call[Verified]:
        """``demo.yml``: a fresh cluster, a worker that is moved along a path, and every message verified.

        :param path: the servers that the worker visits, its home first, e.g. ``[2, 4, 2, 3]`` (2, 3).
        :param worker: who is moved (2).
        :param dst: short for a path of two.
        :param restarts: crashes in place at the end of the path (0).
        :param values: values a key and round (1000).
        :param drain: wait until all has come out before each crash (True); False loses data.
        :param via: ``files``, or ``journal`` to restore the worker from the journal server at each move.
        :param batch: values a key and tick.
        :param interval: seconds between two ticks (0.05).
        :param mode: ``exactly_once`` or ``at_least_once``.
        :param keep_running: do not stop the cluster at the end.
        :raises NotProved: when the verdict is not ``pass``.
        """
        return self._run(
            "demo",
            path=_path(path),
            worker=worker,
            dst=dst,
            restarts=restarts,
            values=values,
            drain=drain,
            via=via,
            batch=batch,
            interval=interval,
            mode=mode,
            keep_running=keep_running,
        )

    def _run(self, playbook: str, **variables: Any) -> Call[Verified]:
        return self._call(playbook, Verified, **self._formation, **variables)


def _path(path: Optional[Union[str, Sequence[Name]]]) -> Optional[str]:
    if path is None or isinstance(path, str):
        return path
    return ",".join(str(server) for server in path)
