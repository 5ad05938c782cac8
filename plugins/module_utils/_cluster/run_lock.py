# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time on a cluster: ``<base>/run.lock`` on its first server.

Two migrations of the same worker at once could end with two owners of its state. The lock is a file and
no open descriptor, since a run is many short programs on the server, one after the other.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Optional

FILE_NAME = "run.lock"


@dataclass(frozen=True)
class Holder:
    """Who holds the lock."""

    run: str
    """Differs from run to run."""
    description: str
    """For people: which playbook, who, on which controller, since when."""
    controller: str
    """Tells the controller's machine and its boot."""
    pid: int
    """The run's process on the controller."""
    start_ticks: int
    """When that process was started there, in clock ticks after the boot."""


def path_of(base: str) -> Path:
    """Where the lock lies."""
    return Path(base) / FILE_NAME


def holder(base: str) -> Optional[Holder]:
    """Who holds the lock now; None when nobody does."""
    try:
        return Holder(**json.loads(path_of(base).read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError):
        return Holder("unknown", f"somebody who left a damaged {path_of(base)}", "", 0, 0)


def acquire(base: str, wanted: Holder, instead_of: str = "", by_force: bool = False) -> Optional[Holder]:
    """Take the lock; returns None, or who holds it instead.

    :param instead_of: the run that was found to be dead and whose lock may be taken over.
    :param by_force: take it over from whoever holds it.
    """
    path = path_of(base)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{FILE_NAME}.{os.getpid()}")
    temporary.write_text(json.dumps(asdict(wanted)), encoding="utf-8")
    temporary.chmod(0o600)
    try:
        # A link fails when the name is there already, so that of two runs exactly one succeeds.
        os.link(temporary, path)
        return None
    except FileExistsError:
        found = holder(base)
        if found is not None and found.run == wanted.run:
            return None
        if found is None or by_force or (instead_of and found.run == instead_of):
            os.replace(temporary, path)
            return None
        return found
    finally:
        temporary.unlink(missing_ok=True)


def release(base: str, run: str) -> None:
    """Give the lock back; one that another run holds stays."""
    found = holder(base)
    if found is not None and found.run == run:
        path_of(base).unlink(missing_ok=True)
