# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of the collection, called by the controller with one command instead of being sent.

The library is in this archive already, so a call is its arguments as JSON on standard input. The first line on
standard output says that they have begun, and each that follows is what a module returns.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from ..._called import call, has_ended_well, with_paths
from ..saying import DONE, USAGE, complain, say

BEGUN = "wallaroo-module-begun"
RESULT = "wallaroo-module-result "

_MODULES = __name__.partition(".module_utils.")[0] + ".modules"


def main(argv: Sequence[str]) -> int:
    """Run each ``MODULE`` in turn; returns 0 when there is an answer, be it that one failed."""
    if not argv or not all(name.isidentifier() for name in argv):
        complain("usage: module MODULE ..., with their arguments on standard input")
        return USAGE
    modules = loaded(argv)
    answer(modules, json.load(sys.stdin))
    return DONE


def loaded(names: Sequence[str]) -> list[ModuleType]:
    """The modules of these names.

    :raises ModuleNotFoundError: when one is not here: it has to be sent, so none of them begins.
    """
    return [importlib.import_module(f"{_MODULES}.{name}") for name in names]


def begin(modules: Sequence[ModuleType], wanted: Mapping[str, Any]) -> None:
    """Let each begin what its next call needs, for a process that forks for that call.

    :param wanted: ``calls``, the complete arguments of each.
    """
    for module, given in zip(modules, wanted["calls"]):
        module.begin(with_paths(module.SPEC["argument_spec"], given))


def answer(modules: Sequence[ModuleType], wanted: Mapping[str, Any]) -> None:
    """Say what each returns; the first that fails, or whose event has not come yet, is the last one.

    :param wanted: ``calls``, the complete arguments of each, and ``check_mode``.
    """
    # A shell may have said something without an end of line.
    say(f"\n{BEGUN}")
    for module, given in zip(modules, wanted["calls"]):
        result = call(module, with_paths(module.SPEC["argument_spec"], given), bool(wanted["check_mode"]))
        say(RESULT + json.dumps(result))
        if not has_ended_well(result):
            break
