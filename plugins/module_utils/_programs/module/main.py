# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module of the collection, called by the controller with one command instead of being sent.

The library is in this archive already, so a call is its arguments as JSON on standard input. The first line on
standard output says that it has begun, and the second one is what the module returns.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence

from ..._called import call, with_paths
from ..saying import DONE, USAGE, complain, say

BEGUN = "wallaroo-module-begun"
RESULT = "wallaroo-module-result "

_MODULES = __name__.partition(".module_utils.")[0] + ".modules"


def main(argv: Sequence[str]) -> int:
    """Run ``MODULE``; returns 0 when it has an answer, be it that it failed."""
    if len(argv) != 1 or not argv[0].isidentifier():
        complain("usage: module MODULE, with its arguments on standard input")
        return USAGE
    module = importlib.import_module(f"{_MODULES}.{argv[0]}")
    wanted = json.load(sys.stdin)
    # A shell may have said something without an end of line.
    say(f"\n{BEGUN}")
    arguments = with_paths(module.SPEC["argument_spec"], wanted["arguments"])
    say(RESULT + json.dumps(call(module, arguments, bool(wanted["check_mode"]))))
    return DONE
