# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook of a test, run on an empty loopback."""

from __future__ import annotations

import os
from pathlib import Path

from tests import preloaded


def play(repository: Path, directory: Path, playbook: Path, *options: str, **environment: str) -> tuple[int, str]:
    """Exit code, and everything that was said, with single blanks.

    :param directory: below which the servers lie.
    """
    ended = preloaded.play(
        [str(playbook), *options],
        {
            **os.environ,
            "WALLAROO_LOOPBACK": str(directory / "servers"),
            "ANSIBLE_CONFIG": str(repository / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_STDOUT_CALLBACK": "default",
            **environment,
        },
        repository,
        limit=120,
    )
    return ended.returncode, " ".join((ended.stdout + ended.stderr).split())
