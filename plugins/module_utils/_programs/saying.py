# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program says, and how it ends."""

from __future__ import annotations

import sys

DONE, FAILED, USAGE = 0, 1, 2


def say(line: str) -> None:
    """One line on stdout, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def complain(line: str) -> None:
    """One sentence on stderr."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
