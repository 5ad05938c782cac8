# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the programs are started that the collection brings to a server."""

from __future__ import annotations

from pathlib import PurePosixPath

PROGRAMS = "programs.pyz"
"""The archive in ``<base>/runtime`` that starts every deployed program by its name."""


def runtime_argv(python: str, base: str, program: str) -> list[str]:
    """How a deployed program is started on a server."""
    return archive_argv(python, str(PurePosixPath(base) / "runtime" / PROGRAMS), program)


def archive_argv(python: str, archive: str, *arguments: str) -> list[str]:
    """How an archive of programs is executed.

    ``-u`` keeps its log current line by line, ``-E -s`` keep the environment and the home
    directory of whoever runs Ansible out of it.
    """
    return [python, "-u", "-E", "-s", archive, *arguments]
