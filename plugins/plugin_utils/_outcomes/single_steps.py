# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the single steps of a run yield, but for a migration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .common import Outcome


@dataclass(frozen=True)
class Sent(Outcome):
    """``start_sender.yml``: what has been sent."""

    first: Optional[int] = None
    """The first value of each key that this call sent; None when there was nothing left to send, and for
    market-spread."""
    last: Optional[int] = None
    """The last value of each key that has been sent by now; None for market-spread."""
    round: Optional[int] = None
    """market-spread: how often the files have been sent by now."""
    keys: int = 0
    expected: Optional[int] = None
    """How many messages should have come out by now; None for market-spread."""
    waited: bool = True
    """Whether all of them had come out when the playbook ended."""


@dataclass(frozen=True)
class Killed(Outcome):
    """``kill_worker.yml``."""

    worker: str = ""
    server: str = ""
    pid: Optional[int] = None
    """None when it was dead already."""
    killed: Optional[str] = None
    """When SIGKILL was sent: UTC, ISO 8601."""
    died: Optional[str] = None


@dataclass(frozen=True)
class Copied(Outcome):
    """``copy_resilience.yml``: a proved copy."""

    worker: str = ""
    src: str = ""
    dst: str = ""
    via: str = ""
    """``files`` or ``journal``."""
    epoch: int = 0
    files: tuple[str, ...] = ()
    """The names of the files that were brought over; what was there already is not among them."""
    copied_bytes: int = 0


@dataclass(frozen=True)
class Restarted(Outcome):
    """``restart_worker.yml``."""

    worker: str = ""
    server: str = ""
    pid: Optional[int] = None
    epoch: int = 0
    seconds: Optional[float] = None
    """How long it took until the worker processed messages; None when it ran already."""
