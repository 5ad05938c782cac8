# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Habits of a process of Ansible that each step would wait for.

Ansible's loader compiles the Python of a collection anew in each process, where Python itself keeps what it has
compiled in ``__pycache__``. And Python looks for garbage again and again, among all that Ansible has loaded, and once
more at its end.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType
from typing import Any, Optional

SHARED = ("plugin_utils", "module_utils", "modules")
"""The packages whose modules are imported, and not only loaded as plugins, which Ansible has compiled already."""

SELDOM = 50_000
"""Garbage is looked for when so many objects more were made than given up; Python does so at 700 (2,000 since 3.13)."""


class Compiled(MetaPathFinder):
    """Finds the modules of this collection as Python finds all others."""

    def __init__(self, plugins: str) -> None:
        """For the modules below the package ``plugins``."""
        self._beginnings = tuple(f"{plugins}.{name}." for name in SHARED)
        self._directories: dict[str, FileFinder] = {}

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        """Where a module is; None of what is not ours, and of what is not there, so that Ansible says so."""
        if not fullname.startswith(self._beginnings):
            return None
        for directory in path or ():
            finder = self._directories.get(directory)
            if finder is None:
                finder = self._directories[directory] = FileFinder(directory, (SourceFileLoader, SOURCE_SUFFIXES))
            found = finder.find_spec(fullname, target)
            if found is not None:
                return found
        return None


def begin(package: str, loader: Any) -> None:
    """Give them up in this process, where Ansible has loaded the package.

    :param package: ``plugin_utils``, with all that is before it.
    :param loader: what has loaded it; outside of Ansible it is Python itself, and nothing is done.
    """
    # Where something stands before Ansible's own finder, as in a tool that watches what is imported, it stays so.
    if not all(type(one).__module__.startswith("ansible.") for one in (loader, sys.meta_path[0])):
        return
    sys.meta_path.insert(0, Compiled(package.rpartition(".")[0]))
    # What was loaded is needed as long as this process.
    gc.freeze()
    gc.set_threshold(SELDOM, *gc.get_threshold()[1:])
    # What lives until the end is no garbage, and all that is held outside of this process was given back by then.
    atexit.register(gc.freeze)
