# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook of a test, run on an empty loopback as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def play(repository: Path, directory: Path, playbook: Path, *options: str, **environment: str) -> tuple[int, str]:
    """Exit code, and everything that was said, with single blanks.

    :param directory: below which the servers lie.
    """
    ended = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), str(playbook), *options],
        cwd=repository,
        env={
            **os.environ,
            "WALLAROO_LOOPBACK": str(directory / "servers"),
            "ANSIBLE_CONFIG": str(repository / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_STDOUT_CALLBACK": "default",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return ended.returncode, " ".join((ended.stdout + ended.stderr).split())
