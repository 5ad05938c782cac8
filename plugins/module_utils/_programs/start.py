# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a deployed program by its name: each is a folder beside this file with a ``main.py``."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from types import ModuleType

from .saying import USAGE, complain

PACKAGE = __name__.rpartition(".")[0]

ENGINE = "engine"
"""The program that goes by the names of its applications, as the executables of a Wallaroo tree do."""


def main(argv: Sequence[str]) -> int:
    """Run ``PROGRAM [ARGUMENT ...]``; returns its exit code."""
    program, arguments = (argv[0], list(argv[1:])) if argv else ("", [])
    if program.isidentifier() and program != ENGINE:
        try:
            main_of = _main_of(program)
        except ModuleNotFoundError as error:
            if not f"{PACKAGE}.{program}.main".startswith(str(error.name)):
                raise
        else:
            return int(main_of.main(arguments) or 0)
    engine = _main_of(ENGINE)
    if program in engine.APPLICATIONS:
        return int(engine.main(program, arguments) or 0)
    # Only here: each call of a server would wait for it.
    import pkgutil

    places = importlib.import_module(PACKAGE).__path__
    names = sorted(found.name for found in pkgutil.iter_modules(places) if found.ispkg and found.name != ENGINE)
    complain(f"usage: PROGRAM [ARGUMENT ...]; PROGRAM is one of {', '.join([*names, *engine.APPLICATIONS])}")
    return USAGE


def _main_of(program: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.{program}.main")
