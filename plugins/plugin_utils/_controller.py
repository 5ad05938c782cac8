# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that runs the playbook: who it is, and whether the one of another run is still alive.

A task is executed in a child of it, which goes on for a while when the run is killed: then its parent is some other
process, so that "my parent" is no answer.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..module_utils._process.identity import boot_id, identify

ALIVE, DEAD, UNKNOWN = "alive", "dead", "unknown"

_WHOLE_MACHINE = "pid:[4026531836]"
"""The PID namespace in which every process of a machine is seen; the kernel gives it this number since 3.8."""


class RunIsGone(Exception):
    """The run that a task belongs to has ended; the task is what is left of it."""


@dataclass(frozen=True)
class Controller:
    """The process of one run, for ever."""

    pid: int
    start_ticks: int
    boot: str
    namespace: str

    @property
    def run(self) -> str:
        """Differs from run to run, on all machines and in all containers."""
        return f"{self.boot}-{self.namespace}-{self.pid}-{self.start_ticks}"


def this_run() -> Controller:
    """The run that this process belongs to.

    :raises RunIsGone: when it has ended.
    """
    parent = multiprocessing.parent_process()
    pid = parent.pid if parent is not None and parent.pid is not None else os.getpid()
    process = identify(pid)
    # Asked last: while it is our parent, the pid means nobody else.
    if process is None or pid not in (os.getppid(), os.getpid()):
        raise RunIsGone(f"the run that this task belongs to (process {pid}) has ended")
    return Controller(pid, process.start_ticks, process.boot_id, pid_namespace())


def life(holder: Mapping[str, Any]) -> str:
    """Whether the run of a lock's holder is ``alive`` or ``dead``, or ``unknown`` since it cannot be seen from here.

    Only a process that would be seen here if it lived is dead: one of another machine or another container may live.
    """
    namespace = str(holder.get("namespace") or "")
    pid, ticks = int(holder.get("pid") or 0), int(holder.get("start_ticks") or 0)
    if not namespace or holder.get("controller") != boot_id() or os.readlink("/proc/self") != str(os.getpid()):
        return UNKNOWN
    if namespace == pid_namespace():
        process = identify(pid)
        return ALIVE if process is not None and process.start_ticks == ticks else DEAD
    if pid_namespace() == _WHOLE_MACHINE and identify(1) is not None:
        return ALIVE if _in_a_container(pid, ticks) else DEAD
    return UNKNOWN


def pid_namespace() -> str:
    """In which PID namespace this process is; empty when the kernel does not say."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _in_a_container(pid: int, start_ticks: int) -> bool:
    """Whether some process was started at that moment and is known by this pid in its own PID namespace."""
    for entry in Path("/proc").iterdir():
        process = identify(int(entry.name)) if entry.name.isdigit() else None
        if process is not None and process.start_ticks == start_ticks and _own_pid(entry) in (pid, None):
            return True
    return False


def _own_pid(entry: Path) -> int | None:
    """A process's pid as it sees it itself; None when that cannot be known."""
    try:
        for line in (entry / "status").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    except (OSError, ValueError):
        pass
    return None
