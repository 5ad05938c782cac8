# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stranger's check of the folder of a run, as somebody calls it who has nothing of the collection."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent.parent / "docs" / "check_run.py"


def check(folder: Path, *more: str) -> tuple[int, str]:
    """Its exit code, and what it says."""
    ended = subprocess.run(
        [sys.executable, "-I", str(PROGRAM), str(folder), *more],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def agrees(folder: Path) -> str:
    """What it says of a run of which it thinks as ``result.json`` does."""
    code, said = check(folder)
    assert code == 0, said
    return said
