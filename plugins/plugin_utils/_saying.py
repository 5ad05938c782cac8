# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What actions say to people while a playbook runs."""

from __future__ import annotations

from ansible import constants
from ansible.utils.display import Display

FOR_PROGRAMS = ("json", "jsonl", "null")
"""Callbacks whose output is read by programs, or is meant to be empty."""


def say(text: str) -> None:
    """Show it, on stderr where stdout is for programs."""
    callback = str(constants.DEFAULT_STDOUT_CALLBACK).rsplit(".", maxsplit=1)[-1]
    Display().display(text, stderr=callback in FOR_PROGRAMS)
