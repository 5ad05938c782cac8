# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration yields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .common import Outcome


@dataclass(frozen=True)
class Migration:
    """A crash of a worker and its return, elsewhere or (``src`` is ``dst``) in place. Moments are UTC, ISO 8601."""

    worker: str = ""
    src: str = ""
    dst: str = ""
    downtime_seconds: Optional[float] = None
    """From the SIGKILL until the worker processes messages again. None when that is not known: it was dead before
    it was moved, was lost with its server, or an interrupted run has not noted when it was back."""
    output_gap_seconds: Optional[float] = None
    """From the last message out before the kill to the first one out after it, in verified runs."""
    copied_bytes: int = 0
    epoch: int = 0
    via: str = ""
    """``files`` or ``journal``; empty for a restart in place."""
    killed: Optional[str] = None
    died: Optional[str] = None
    copied: Optional[str] = None
    started: Optional[str] = None
    resumed: Optional[str] = None
    note: str = ""
    """What went wrong, when something did."""
    outcome: str = ""
    """``moved``, ``rolled back`` (started again where it was), ``unfinished`` (down, or not known), or ``nothing to
    do``; empty for a restart in place."""
    source_lost: bool = False
    """Whether its server was lost, so that nothing could be killed there."""


@dataclass(frozen=True)
class Moved(Migration, Outcome):
    """``migrate.yml``. Where the worker had been moved before, ``changed`` is false, and the times are those that the
    servers still know.
    """

    reason: str = ""
    """Why the worker could not be moved, or what is left to be done after it has."""
    scope: str = ""
    """That no message was looked at: a move has an outcome and no verdict."""
