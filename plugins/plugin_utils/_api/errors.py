# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with a call, as exceptions that say what, where, and where to look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .._outcomes.common import Outcome


class ResilienceError(Exception):
    """Whatever the API raises of its own accord."""


class UsageError(ResilienceError, ValueError):
    """Something makes no sense before anything was started: no such inventory, no ansible-runner."""


@dataclass(frozen=True)
class Failure:
    """A step that failed on a host; also one that was rescued afterwards, such as a move that was taken back."""

    step: str
    """The name of the task, as the output shows it."""
    host: str
    server: str
    """Where it was done: the host, or the one that it was delegated to."""
    message: str
    module: str = ""
    unreachable: bool = False

    def __str__(self) -> str:
        return f"{self.step} on {self.server}: {self.message}"


class CallFailed(ResilienceError):
    """A playbook failed.

    ``step``, ``host`` and ``message`` are those of the failure that ended it, and empty when it failed before its first
    step; ``failures`` are all of them in order, so that the first tells where it began.
    """

    def __init__(
        self,
        playbook: str,
        summary: str,
        failures: tuple[Failure, ...] = (),
        folder: Optional[str] = None,
        code: Optional[int] = None,
        result: Optional[Outcome] = None,
    ) -> None:
        self.playbook = playbook
        self.failures = failures
        self.folder = folder
        """The run's folder: its timeline, what Ansible said, and what else it left; None when it could not be
        written."""
        self.code = code
        """The exit code of ansible-playbook."""
        self.result = result
        """What it published before it failed."""
        last = failures[-1] if failures else None
        self.step = last.step if last else ""
        self.host = last.host if last else ""
        self.message = last.message if last else summary
        super().__init__(f"{playbook}: {summary}" + (f" (see {folder})" if folder else ""))


class NotProved(CallFailed):
    """A verdict other than ``pass``; ``result`` holds it, with the violations."""


class CallCancelled(CallFailed):
    """A call was cancelled. What it had begun on a server ends there by itself; the same call again completes it."""


class CallTimedOut(CallFailed, TimeoutError):
    """A call took longer than its limit and was cancelled; the same call again completes it."""


class NotEnded(ResilienceError, TimeoutError):
    """A call has not ended in the time that was given to wait for it. It goes on."""
