# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs in PID namespaces of their own, as containers of one machine have them."""

from __future__ import annotations

import subprocess

import pytest

CONTAINER = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]
"""Before a command line: it has processes of its own, and a /proc that shows no others."""


def _can_be_made() -> bool:
    try:
        return subprocess.run([*CONTAINER, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


in_containers = pytest.mark.skipif(not _can_be_made(), reason="no PID namespace can be made here")
