# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The children of an ansible-playbook that was killed.

ansible-runner kills a process group, and the children of a newer ansible-core are not in it. Left alone they go on:
wait for the next event, and make the directory for temporary files again. What they had started on a server, here or
elsewhere, is not theirs any more and is left to end by itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ...module_utils._process.identity import ProcessIdentity, identify
from ...module_utils._process.stop import StillAlive, kill

PROGRAM = b"ansible-playbook"

WORDS = 3
"""Among so many words of a command line it is: before it are a Python and one option, or a program that starts it."""

LIMIT = 5.0
"""Seconds in which one of them must be dead."""


def end_children(variable: str, value: str) -> int:
    """Kill the processes of one run of ansible-playbook, and nothing that it has started; returns how many there were.

    :param variable: a variable of the environment that was given to this run,
    :param value: and its value, which no other run has.
    """
    ended = 0
    for child in _children(f"{variable}={value}".encode()):
        try:
            kill(child, LIMIT)
        except (StillAlive, OSError):
            # It cannot be helped, and does no harm but to wait.
            continue
        ended += 1
    return ended


def _children(mark: bytes) -> Iterator[ProcessIdentity]:
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            if mark not in (folder / "environ").read_bytes().split(b"\0"):
                continue
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            # It has ended, or belongs to somebody else.
            continue
        # What it started has the same environment and another command line: a shell, a module, a worker.
        if not any(os.path.basename(word) == PROGRAM for word in words[:WORDS]):
            continue
        identity = identify(int(folder.name))
        if identity is not None:
            yield identity
