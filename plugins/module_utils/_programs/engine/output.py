# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker says: lines on stdout, and its last words on stderr (wallaroo.md, A.6, A.7)."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def say(line: str) -> None:
    """One line on stdout, at once: others poll the log for it. A log that cannot be written ends nothing."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        pass


def fail(line: str, where: str = "") -> NoReturn:
    """End this process as Wallaroo's ``Fail()`` does: exit code 1, nothing cleaned up.

    :param where: what failed, for the line that begins with "This should never happen"; without
        it the text is a user's error and stands alone.
    """
    try:
        sys.stdout.flush()
        sys.stderr.write(line + "\n" if line else "")
        if where:
            sys.stderr.write(f"This should never happen: failure in {where}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass
    os._exit(1)
