# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that were kept: ``tests/fixtures/runs``, recorded from real ones, and what is made of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures" / "runs"

KINDS = ("passing", "lossy", "rolled-back", "interrupted", "completed")
"""A passing run, one with ``drain=false``, a failed move, an interrupted one, and one that a second call completed."""


def keep(kind: str, place: Path) -> Path:
    """The folder of a run of this kind, in a place of one's own."""
    folder = place / f"20261128T045715-{kind}"
    shutil.copytree(FIXTURES / kind, folder)
    return folder


def change(folder: Path, file: str = "result.json", /, **values: Any) -> None:
    """Let a file of a run say something else."""
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
