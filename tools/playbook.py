# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts ansible-playbook quickly: PYTHON playbook.py PROGRAM WORD...

Until the first task Python looks for garbage again and again, for a tenth of the time that a playbook takes to begin,
and there is none; and Ansible parses what is its own anew (``parsed.py``). That is all that is left out; then the
program runs as it would have from the beginning.
"""

from __future__ import annotations

import gc
import os
import runpy
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import parsed


def become(program: str, words: Sequence[str]) -> None:
    """Run the program in this process, as if it had been started itself."""
    gc.disable()
    # Ansible carries out each task in a fork.
    os.register_at_fork(before=_collect_garbage)
    sys.argv[:] = [program, *words]
    # This directory is no place to load anything from.
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.path.dirname(program), *(path for path in sys.path if path != own)]
    # Where that cannot be loaded the program says so itself.
    with suppress(ImportError):
        parsed.use(Path(program).parent)
        import ansible.cli.playbook  # noqa: F401

        parsed.use_options(Path(program).parent)
    runpy.run_path(program, run_name="__main__")


def _collect_garbage() -> None:
    """Look for it from now on, but not in what was loaded by now."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


if __name__ == "__main__":
    become(sys.argv[1], sys.argv[2:])
