# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server knows of itself, as typed values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class ProcessState:
    """A process that the collection started on a server."""

    name: str = ""
    kind: str = ""
    """``worker``, ``sender``, ``receiver``, ``journal_server`` or ``metrics_ui``."""
    alive: bool = False
    stopped: bool = False
    """Whether it lives and does nothing, since a signal (SIGSTOP) stopped it."""
    pid: int = 0
    log: str = ""


@dataclass(frozen=True)
class WorkerState:
    """What a server knows of a worker."""

    worker: str = ""
    alive: bool = False
    """Whether it runs on this server."""
    ownership: str = ""
    """``owner``, ``moved`` or ``none``; ``unknown`` where its record is damaged."""
    epoch: int = 0
    moved_to: Optional[str] = None
    resilience: str = ""
    """Its resilience files: ``complete``, ``incomplete``, ``fenced``, ``none``, or ``unknown``: they cannot be read."""
    resilience_bytes: int = 0
    state: str = ""
    """Where it is: ``running``, ``paused`` (a signal stopped it), ``crashed``, or ``stopped`` with its cluster. Empty
    on a server where it was once."""
    since: Optional[str] = None
    """UTC, ISO 8601; None when it is not known."""
    pid: Optional[int] = None
    checkpoints: Optional[int] = None
    """The last checkpoint that its files have as committed."""
    messages_out: Optional[int] = None
    """How many messages have come out of it, as far as the metrics UI has heard."""


@dataclass(frozen=True)
class ServerState:
    """A server."""

    name: str = ""
    problem: str = ""
    """Why it cannot be used, or did not answer; empty otherwise."""
    processes: tuple[ProcessState, ...] = ()
    damaged: tuple[str, ...] = ()
    """What cannot be read there, a sentence each."""
    workers: tuple[WorkerState, ...] = ()
