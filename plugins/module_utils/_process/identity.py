# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process is meant: pid **and** start time **and** command line, never a name.

A pid alone is used again by the kernel, and a name matches strangers, whose processes would die.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Optional

_DEAD_STATES = ("Z", "X", "x")
_ENDS = 0x4
"""The kernel's flag of a process that is on its way out (PF_EXITING)."""


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, for ever."""

    pid: int
    start_ticks: int
    """Clock ticks between the machine's boot and the process's start (/proc/PID/stat, field 22)."""
    boot_id: str
    """The machine's boot: ticks and pids start anew with each."""
    command: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "command": list(self.command)}


def boot_id() -> str:
    """The id of the machine's current boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def identify(pid: int) -> Optional[ProcessIdentity]:
    """The identity of a running process; None when there is none. A zombie is dead."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        fields = _stat(pid)
    except (OSError, ValueError):
        return None
    if fields[0] in _DEAD_STATES and not _has_other_threads(fields):
        return None
    words = tuple(word.decode("utf-8", "surrogateescape") for word in command.split(b"\0")[:-1])
    return ProcessIdentity(pid, int(fields[19]), boot_id(), words)


def is_alive(identity: ProcessIdentity) -> bool:
    """Whether exactly this process still runs."""
    found = identify(identity.pid)
    if found is None or (found.start_ticks, found.boot_id) != (identity.start_ticks, identity.boot_id):
        return False
    if not found.command:
        # The kernel shows none for a moment of each exec, and none of a process that ends. Looked at afterwards.
        try:
            fields = _stat(identity.pid)
            return not int(fields[6]) & _ENDS or _has_other_threads(fields)
        except (OSError, ValueError):
            return False
    # Before the command line of a script the kernel puts its interpreter.
    return found.command[-len(identity.command) :] == identity.command


def is_stopped(identity: ProcessIdentity) -> bool:
    """Whether exactly this process lives and does nothing, since a signal stopped it; SIGCONT lets it go on."""
    try:
        fields = _stat(identity.pid)
        return fields[0] == "T" and int(fields[19]) == identity.start_ticks and boot_id() == identity.boot_id
    except (OSError, ValueError, IndexError):
        return False


def _has_other_threads(fields: list[str]) -> bool:
    """Then the process lives, though its first thread is a zombie: that is so for a moment wherever another one
    executes a program in its place (/proc/PID/stat, field 20).
    """
    return int(fields[17]) > 1


def _stat(pid: int) -> list[str]:
    # The name in parentheses may hold blanks and parentheses, so what follows the last one counts.
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
