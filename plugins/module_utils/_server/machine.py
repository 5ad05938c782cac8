# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of machine this is, for whoever reads the result of a run somewhere else."""

from __future__ import annotations

import os
import sys
from typing import Any


def facts() -> dict[str, Any]:
    """Name, system, kernel, processors, memory and Python; what cannot be told is empty."""
    names = os.uname()
    return {
        "host": names.nodename,
        "system": _system(),
        "kernel": f"{names.sysname} {names.release}",
        "architecture": names.machine,
        "processors": os.cpu_count() or 0,
        "memory_bytes": _memory(),
        "python": ".".join(str(number) for number in sys.version_info[:3]),
    }


def _system() -> str:
    try:
        with open("/etc/os-release", encoding="utf-8", errors="replace") as stream:
            found = dict(line.rstrip("\n").partition("=")[::2] for line in stream)
    except OSError:
        return ""
    return found.get("PRETTY_NAME", "").strip("\"'")


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return 0
