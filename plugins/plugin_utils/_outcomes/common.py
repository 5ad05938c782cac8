# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each playbook yields, as typed values.

Playbooks publish these as plain data with ``set_stats`` under the one key ``wallaroo_resilience``, where AWX shows
them as the artifacts of a job; the Python API makes the same values of it again.

Python writes code for each of these types when it loads it, for a millisecond, so a step loads its own alone:
they lie in the files beside this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Outcome:
    """What all playbooks have in common; all there is of one that yields nothing else."""

    playbook: str = ""
    """Its name, without ``.yml``."""
    changed: bool = False
    """Whether anything was done; false when all was as wanted already."""
    check: bool = False
    """Whether it only told what it would do (``--check``)."""
    outcome: str = ""
    """What the step did, in a word such as ``moved``, ``restarted`` or ``nothing to do``. Empty for a run that looked
    at messages, which has a verdict instead, and for what was only told."""
    folder: Optional[str] = None
    """The run's folder on the controller; None when the run left none."""
    report: Optional[str] = None
    """The page of the run, ``report.html`` in its folder; None when there is none."""
    summary: str = ""
    """The run in a few lines, as they are shown at its end; empty when it left no folder."""
