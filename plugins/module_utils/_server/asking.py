# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a running worker, and having it print something, by the channel that its engine offers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Optional

from .._engines.contract import Answering, Channel, ClusterStatus, NoAnswer
from .._engines.registry import offered
from .._process.waiting import LimitReached, wait_until

LONGEST = 1000
"""Characters of a text."""

_PAUSE = 0.05
"""Seconds between two questions."""


class Asked:
    """One worker that is asked for the state of its cluster, and what else is wanted."""

    def __init__(self, engine: str, host: str, port: int, queries: Sequence[str], limit: float) -> None:
        """.

        :param queries: of :data:`.contract.QUESTIONS`; they are asked after the state.
        :param limit: seconds for each answer.
        :raises ValueError: when nobody can be asked like this.
        """
        if limit <= 0:
            raise ValueError("answer_timeout has to be more than 0 seconds.")
        self._where = f"{host}:{port}"
        self._queries = queries
        self._channel: Channel = offered(engine, Answering).channel(host, port, limit)

    def once(self, only_check: bool) -> dict[str, Any]:
        """Ask now.

        :param only_check: what would answer may not have been started; that is no failure.
        :raises NoAnswer: when there is none.
        """
        try:
            return {**_told(self._channel.cluster_status()), **self._answers()}
        except NoAnswer as error:
            if only_check:
                return _nothing(True, error)
            raise NoAnswer(f"{error} Is the cluster running?") from error

    def wait(
        self, until: str, workers: Optional[int], limit: float, return_after: Optional[float] = None
    ) -> dict[str, Any]:
        """Ask again and again.

        :param until: ``initialized`` or ``processing``.
        :param workers: also wait until there are so many.
        :param return_after: seconds after which a caller wants to show how far it is.
        :raises NoAnswer: when the event has not come, or nobody answers any more when it has.
        """
        seen, begin = "nobody was asked yet", time.monotonic()
        early = return_after if return_after is not None and return_after < limit else None

        def look() -> Optional[ClusterStatus]:
            nonlocal seen
            try:
                status = self._channel.cluster_status()
            except NoAnswer as error:
                seen = str(error)
                return None
            seen = _words(status)
            enough = workers is None or len(status.workers) == workers
            return status if getattr(status, until) and enough else None

        what = f"the cluster at {self._where} to be {until}"
        try:
            status = wait_until(look, limit if early is None else early, what, lambda: seen, _PAUSE)
        except LimitReached as reached:
            if early is not None:
                return _nothing(False, reached)
            raise NoAnswer(f"{reached}. Look at the workers' logs with playbooks/status.yml.") from reached
        seconds = round(time.monotonic() - begin, 3)
        try:
            return {**_told(status), **self._answers(), "seconds": seconds}
        except NoAnswer as error:
            raise NoAnswer(f"{error} The cluster was there a moment ago: look at the worker's log.") from error

    def _answers(self) -> dict[str, Any]:
        return {name: self._channel.query(name) for name in self._queries}


def say(engine: str, host: str, port: int, text: str, only_check: bool) -> str:
    """Have a worker print a text; returns what was done, in words.

    :raises ValueError: when nobody can be told such a thing.
    :raises NoAnswer: when nobody takes it.
    """
    # A text of several lines could look like lines of the worker itself, which others wait for.
    if len(text) > LONGEST or not text.isprintable():
        raise ValueError(f"text has to be one line of at most {LONGEST} printable characters.")
    channel: Channel = offered(engine, Answering).channel(host, port, 5.0)
    try:
        if not only_check:
            channel.say(text)
    except NoAnswer as error:
        raise NoAnswer(f"{error} Is the worker running, and was it started with an external channel?") from error
    return f"handed to {host}:{port}: {text}"


def _words(status: ClusterStatus) -> str:
    if not status.initialized:
        return "not initialized yet"
    return f"{len(status.workers)} workers, {'' if status.processing else 'not '}processing messages"


def _told(status: ClusterStatus) -> dict[str, Any]:
    return {
        "changed": False,
        "initialized": status.initialized,
        "processing": status.processing,
        "workers": list(status.workers),
        "finished": True,
        "message": _words(status),
    }


def _nothing(finished: bool, why: Exception) -> dict[str, Any]:
    """What is returned when nobody has told anything that was waited for."""
    return {**_told(ClusterStatus(False, False, ())), "finished": finished, "message": str(why)}
