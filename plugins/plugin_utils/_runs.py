# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The place for the folders of all runs: ``runs``, or ``wallaroo_runs``."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ._servers import Refusal

_TRIED, _NEEDED = 1 << 20, 32 << 20
"""Bytes that are written to see whether they can be, and bytes that a run with all its files may take."""


def runs_path(runs: Any) -> Path:
    """Where the folders of all runs are, from what a user wrote."""
    return Path.cwd() / Path(str(runs or "runs")).expanduser()


def refuse_unwritable(runs: Any) -> None:
    """No folder could be made there: a result that cannot be kept is better known before anything is done.

    :raises Refusal: with the place that is in the way.
    """
    wanted = runs_path(runs)
    try:
        there = next(place for place in (wanted, *wanted.parents) if os.path.lexists(place))
        why = "" if there.is_dir() else f"{there} is no directory"
        if not why:
            # Trying is the only answer that holds for root and read-only file systems, too; nothing is left of it.
            os.rmdir(tempfile.mkdtemp(dir=there, prefix=".wallaroo-"))
            # A full disk still makes directories.
            with tempfile.TemporaryFile(dir=there) as stream:
                stream.write(bytes(_TRIED))
                stream.flush()
            free = shutil.disk_usage(there).free
            why = f"only {free:,} bytes are free there" if free < _NEEDED else ""
    except OSError as error:
        why = f"nothing can be written there ({error.strerror or error})"
    if why:
        raise Refusal(
            f"wallaroo_runs={wanted}: {why}, so the result of the run could not be kept; choose another place."
        )
