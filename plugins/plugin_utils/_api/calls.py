# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A call of a playbook: described, started, waited for, awaited, cancelled."""

from __future__ import annotations

import asyncio
import inspect
import typing
from collections.abc import Callable, Container, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Concatenate, Generic, Optional, ParamSpec, TypeVar, overload

from .. import _publishing
from .._declarations import Step as Declared
from .._declarations import step as declared_step
from .._outcomes.common import Outcome
from .._outcomes.verified import Verified
from .errors import CallCancelled, CallFailed, CallTimedOut, NotEnded, NotProved, UsageError
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
        if ended.published is None:
            return None
        try:
            made = _publishing.from_data(self._call.kind, ended.published)
        except ValueError as error:
            raise CallFailed(self.playbook, f"published what it must not: {error}", folder=ended.folder) from error
        return made if made.folder or not ended.folder else replace(made, folder=ended.folder)


def _in_a_sentence(words: str) -> str:
    """A sentence as the rest of another one; abbreviations such as SIGKILL stay as they are."""
    return words if words[1:2].isupper() else f"{words[:1].lower()}{words[1:]}"


def _summary(ended: Ended) -> str:
    if ended.failures:
        return str(ended.failures[-1])
    return f"ansible-playbook ended with code {ended.code}: {ended.last_words or 'it said nothing'}"


class BoundStep(Generic[Parameters, Made]):
    """A method of a cluster that runs a playbook: call it to wait for the result, or :meth:`begin` it."""

    def __init__(self, step: Step[Parameters, Made], cluster: Any) -> None:
        self._step, self._cluster = step, cluster
        self.__name__ = step.__name__
        self.__doc__ = step.__doc__
        self.__signature__ = inspect.Signature(list(step.parameters.values()), return_annotation=step.kind)

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Made:
        """Run the playbook and return what it yields."""
        return self.begin(*args, **kwargs).wait()

    def begin(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Handle[Made]:
        """Start the playbook with the same arguments, and return a handle at once."""
        return self._step.call(self._cluster, *args, **kwargs).begin()


class Step(Generic[Parameters, Made]):
    """Makes a method of a signature, which says what a playbook takes and yields, and carries it out."""

    def __init__(
        self, playbook: str, signature: Callable[Concatenate[Any, Parameters], Made], renamed: Mapping[str, str]
    ) -> None:
        """:param renamed: variables of the playbook that are called otherwise here."""
        self.playbook, self.renamed = playbook, dict(renamed)
        self.__name__ = signature.__name__
        self._signature = inspect.signature(signature)
        self.kind: type[Made] = typing.get_type_hints(signature)["return"]

    @classmethod
    def of(cls, declared: Declared) -> Step[..., Outcome]:
        """The method of a step for which no signature was written: it takes what is declared."""
        known = declared.arguments.values()

        def signature(_self: Any) -> Outcome:
            return Outcome()

        step: Step[..., Outcome] = Step(declared.playbook, signature, {})
        step.__name__ = declared.playbook
        first, later = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        needed = [inspect.Parameter(one.name, first) for one in known if one.required]
        others = [inspect.Parameter(one.name, later, default=None) for one in known if not one.required]
        step._signature = inspect.Signature([inspect.Parameter("self", first), *needed, *others])
        return step

    @property
    def declared(self) -> Declared:
        """The step of its playbook."""
        found = declared_step(self.playbook)
        if found is None:
            raise UsageError(f"This collection has no playbook {self.playbook}.yml.")
        return found

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """Its arguments by name."""
        found = dict(self._signature.parameters)
        found.pop("self")
        return found

    def missing(self, given: Container[str]) -> list[str]:
        """Its arguments that must be given and are not. What may be left out stands before some of them."""
        needed = {self.renamed.get(name, name) for name, one in self.declared.arguments.items() if one.required}
        return [name for name in self.parameters if name in needed and name not in given]

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        names = {python: name for name, python in self.renamed.items()}
        summary = self.declared.summary
        lines = [f"``{self.playbook}.yml``: {_in_a_sentence(summary)}.", ""]
        for name, parameter in self.parameters.items():
            argument = self.declared.arguments.get(names.get(name, name))
            if argument is not None:
                meant = argument.sentence.rstrip(".")
                default = "" if argument.default is None else f" ({argument.default})"
                also = f". The playbook calls it ``{names[name]}``" if name in names else ""
                lines.append(f":param {name}: {_in_a_sentence(meant)}{default}{also}.")
            elif parameter.kind is parameter.VAR_KEYWORD:
                lines.append(f":param {name}: those of the role ``{self.declared.role}``.")
        if issubclass(self.kind, Verified):
            lines.append(":raises NotProved: when the verdict is not ``pass``.")
        return "\n".join(lines).strip()

    def call(self, cluster: Any, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Call[Made]:
        """The call with these arguments, and with the settings of the cluster that the playbook takes.

        :raises TypeError: when an argument is missing or unknown.
        """
        given = self._signature.bind(cluster, *args, **kwargs).arguments
        given.pop("self")
        missing = self.missing([name for name, value in given.items() if value is not None])
        if missing:
            raise TypeError(f"{self.__name__}() needs {', '.join(missing)}")
        names = {python: name for name, python in self.renamed.items()}
        own: dict[str, Any] = {}
        for name, value in given.items():
            if self._signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                own.update(value)
            else:
                own[names.get(name, name)] = value
        takes = self.declared.arguments
        settings = {name: value for name, value in cluster.settings.items() if name in takes and name not in own}
        for name, value in own.items():
            if isinstance(value, (list, tuple)) and name in takes and takes[name].type == "str":
                own[name] = ",".join(str(one) for one in value)
        return Call(cluster.wanted(self.playbook, {**settings, **own}), self.kind)

    @overload
    def __get__(self, instance: None, owner: type) -> Step[Parameters, Made]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> BoundStep[Parameters, Made]: ...

    def __get__(self, instance: Optional[object], owner: type) -> Any:
        return self if instance is None else BoundStep(self, instance)


def runs(
    playbook: str, **renamed: str
) -> Callable[[Callable[Concatenate[Any, Parameters], Made]], Step[Parameters, Made]]:
    """Makes a method that runs a playbook of a signature."""

    def made(signature: Callable[Concatenate[Any, Parameters], Made]) -> Step[Parameters, Made]:
        return Step(playbook, signature, renamed)

    return made
