# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks yield that look at runs that were kept."""

from __future__ import annotations

from dataclasses import dataclass

from .common import Outcome


@dataclass(frozen=True)
class Reported(Outcome):
    """``report.yml``: the page of a run that was kept, which is ``report``."""

    verdict: str = ""
    """Of the run: its verdict, or its outcome where it looked at no message."""
    reason: str = ""
    missing: tuple[str, ...] = ()
    """What of the run could not be read, a sentence each."""


@dataclass(frozen=True)
class Measure:
    """Something that can be measured of both runs."""

    name: str = ""
    values: tuple[str, ...] = ()
    """Of the first run and of the second one, with their units."""
    difference: str = ""
    """Of the second one to the first one."""


@dataclass(frozen=True)
class Compared(Outcome):
    """``compare.yml``: two runs beside each other; the page is ``report``."""

    runs: tuple[str, ...] = ()
    """The folders of both."""
    measures: tuple[Measure, ...] = ()
