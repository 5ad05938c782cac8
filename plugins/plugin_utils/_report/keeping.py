# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping what came out when, and the page, in the folder of a run. What fails here never changes a verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from . import page
from .stored import FLOW, PAGE


def keep(folder: Path, flow: Optional[Mapping[str, Any]]) -> tuple[Optional[Path], list[str]]:
    """Write what came out when, and the page of the run.

    :param folder: of the run, with its result.
    :param flow: what ``run_flow`` has returned; empty when nobody looked.
    :returns: the page, or None when there is none; and what could not be kept, a sentence each.
    """
    problems = []
    if flow:
        try:
            page.put(folder / FLOW, json.dumps(flow, separators=(",", ":")))
        except (OSError, TypeError, ValueError) as error:
            problems.append(f"What came out when could not be kept in {folder}: {error}")
    try:
        return page.write(folder), problems
    except Exception as error:
        problems.append(f"{PAGE} of this run could not be made: {error!r}. report.yml makes it again.")
        return None, problems
