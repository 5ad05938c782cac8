# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts ansible-playbook quickly: PYTHON playbook.py PROGRAM WORD...

While Python loads Ansible it looks for garbage again and again, for a tenth of the time that a playbook takes to begin,
and there is none. That is all that is left out; then the program runs as it would have from the beginning.
"""

from __future__ import annotations

import gc
import os
import runpy
import sys
from collections.abc import Sequence
from contextlib import suppress


def become(program: str, words: Sequence[str]) -> None:
    """Run the program in this process, as if it had been started itself."""
    gc.disable()
    sys.argv[:] = [program, *words]
    # This directory is no place to load anything from.
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.path.dirname(program), *(path for path in sys.path if path != own)]
    # Where that cannot be loaded the program says so itself.
    with suppress(ImportError):
        import ansible.cli.playbook  # noqa: F401
    gc.freeze()
    gc.enable()
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    become(sys.argv[1], sys.argv[2:])
