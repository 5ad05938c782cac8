# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A call of a playbook: described, started, waited for, awaited, cancelled."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, Concatenate, Generic, Optional, ParamSpec, TypeVar, overload

from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _publishing
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes import Outcome, Verified

from .errors import CallCancelled, CallFailed, CallTimedOut, NotEnded, NotProved
from .execution import Ended, Execution, Wanted

Made = TypeVar("Made", bound=Outcome)
Parameters = ParamSpec("Parameters")


@dataclass(frozen=True)
class Call(Generic[Made]):
    """What is to be run, and what it yields."""

    wanted: Wanted
    kind: type[Made]

    def begin(self) -> Handle[Made]:
        """Start it."""
        return Handle(self)


class Handle(Generic[Made]):
    """A call that was started. ``await`` it, or poll and wait."""

    def __init__(self, call: Call[Made]) -> None:
        """Start the call.

        :raises UsageError: when it makes no sense; nothing is started then.
        """
        self._call = call
        self._execution = Execution(call.wanted)

    @property
    def playbook(self) -> str:
        """The name of its playbook."""
        return self._call.wanted.playbook

    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._execution.done

    def wait(self, limit: Optional[float] = None) -> Made:
        """Wait until it has ended, and return what it yields.

        Ctrl-C in here cancels the call, waits for its end, and goes on as ``KeyboardInterrupt``.

        :param limit: seconds; None waits as long as the call takes.
        :raises NotEnded: when it has not ended by then. It goes on.
        :raises CallFailed: when it failed, was cancelled, took longer than its own limit, or proved nothing.
        """
        try:
            ended = self._execution.wait(limit)
        except KeyboardInterrupt:
            self.cancel()
            raise
        if not ended:
            raise NotEnded(f"{self.playbook} has not ended after {limit:g} s; it goes on.")
        return self._result()

    def cancel(self, limit: Optional[float] = 60.0) -> bool:
        """Cancel it, and wait until ansible-playbook is gone; :meth:`wait` then raises ``CallCancelled``.

        What a step has begun on a server ends there by itself, within its own limit. The same call again waits for that
        and completes what is missing. Without effect on a call that has ended.

        :param limit: seconds to wait for its end; 0 does not wait.
        :returns: whether it has ended.
        """
        self._execution.cancel()
        return self._execution.wait(limit)

    def __await__(self) -> Generator[Any, None, Made]:
        return self._awaited().__await__()

    async def _awaited(self) -> Made:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            try:
                loop.call_soon_threadsafe(ended.set)
            except RuntimeError:
                # The loop was closed before the call had ended; nobody waits any more.
                pass

        self._execution.then(tell)
        try:
            await ended.wait()
        except asyncio.CancelledError:
            self._execution.cancel()
            await ended.wait()
            raise
        return self._result()

    def _result(self) -> Made:
        ended, playbook = self._execution.ended, self.playbook
        if ended.error is not None:
            raise ended.error
        result = self._made(ended)
        if ended.status != "successful" or ended.code != 0:
            kind, summary = self._verdict(ended, result)
            raise kind(playbook, summary, ended.failures, ended.folder, ended.code, result)
        if not ended.steps:
            # For Ansible that is a success.
            raise CallFailed(playbook, "nothing was done, since the inventory has no hosts in the group servers")
        if result is None:
            # It publishes nothing, and all there is to tell is whether it did anything.
            result = _publishing.from_data(
                self._call.kind,
                {"playbook": playbook, "changed": ended.changed, "check": ended.check, "folder": ended.folder},
            )
        return result

    def _verdict(self, ended: Ended, result: Optional[Outcome]) -> tuple[type[CallFailed], str]:
        if ended.status == "canceled":
            return CallCancelled, "cancelled; the same call again completes it"
        if ended.status == "timeout":
            limit = self._call.wanted.limit or 0.0
            return CallTimedOut, f"took longer than {limit:g} s and was cancelled; the same call again completes it"
        if isinstance(result, Verified) and not result.passed:
            return NotProved, f"verdict {result.verdict}: {result.reason}"
        return CallFailed, _summary(ended)

    def _made(self, ended: Ended) -> Optional[Made]:
        # A run that failed may have published what one of its parts yielded.
        if ended.published is None or ended.published.get("playbook") != self.playbook:
            return None
        try:
            made = _publishing.from_data(self._call.kind, ended.published)
        except ValueError as error:
            raise CallFailed(self.playbook, f"published what it must not: {error}", folder=ended.folder) from error
        return made if made.folder or not ended.folder else replace(made, folder=ended.folder)


def _summary(ended: Ended) -> str:
    if ended.failures:
        return str(ended.failures[-1])
    return f"ansible-playbook ended with code {ended.code}: {ended.last_words or 'it said nothing'}"


class BoundStep(Generic[Parameters, Made]):
    """A method of a cluster that runs a playbook: call it to wait for the result, or :meth:`begin` it."""

    def __init__(self, build: Callable[Parameters, Call[Made]], documented: Callable[..., Any]) -> None:
        self._build = build
        self.__name__ = documented.__name__
        self.__doc__ = documented.__doc__
        self.__signature__ = inspect.signature(build)

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Made:
        """Run the playbook and return what it yields."""
        return self._build(*args, **kwargs).begin().wait()

    def begin(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Handle[Made]:
        """Start the playbook with the same arguments, and return a handle at once."""
        return self._build(*args, **kwargs).begin()


class Step(Generic[Parameters, Made]):
    """Makes a method that describes a call one that carries it out."""

    def __init__(self, build: Callable[Concatenate[Any, Parameters], Call[Made]]) -> None:
        self._build = build
        self.__name__ = build.__name__
        self.__doc__ = build.__doc__

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """Its arguments by name."""
        found = dict(inspect.signature(self._build).parameters)
        found.pop("self")
        return found

    @overload
    def __get__(self, instance: None, owner: type) -> Step[Parameters, Made]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> BoundStep[Parameters, Made]: ...

    def __get__(self, instance: Optional[object], owner: type) -> Any:
        if instance is None:
            return self
        return BoundStep(functools.partial(self._build, instance), self._build)
