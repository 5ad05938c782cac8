# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of the collection, called again and again by one run over one connection.

A Python that starts and imports the library takes ten times as long as most modules need. Here that is done once. Each
call is one line of JSON on standard input: ``modules``, and what the program ``module`` reads. It runs in a process of
its own, a fork of this one, which no other call can change; what it says is said as by ``module``, and then one line
tells its exit code and its standard error. This process ends with the connection.

A module that has the functions ``begin`` and ``end`` can begin something for its next call. With ``begin`` in a line
nobody waits: the function is called in this process when the answer has been given, with the arguments of that line,
and the other one after the next call.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any, BinaryIO, cast

from ..module.main import answer, begin, loaded
from ..saying import DONE, FAILED, USAGE, complain, say

STANDS = "wallaroo-modules-stand"
"""The first line: from now on there are answers."""

ENDED = "wallaroo-modules-ended "
"""How the last line of each answer begins."""


def main(argv: Sequence[str]) -> int:
    """Answer until nobody asks any more; before that, load each ``MODULE``, which will be called."""
    if not all(name.isidentifier() for name in argv):
        complain("usage: standing [MODULE ...], with one call a line on standard input")
        return USAGE
    # What is loaded is needed as long as this process, and each call is a fork of it.
    gc.disable()
    loaded(argv)
    gc.freeze()
    gc.enable()
    # A shell may have said something without an end of line.
    say(f"\n{STANDS}")
    for line in sys.stdin.buffer:
        wanted = json.loads(line)
        ended = {"rc": DONE, "stderr": ""} if wanted.get("begin") else _carried_out(wanted)
        # Whatever was said before has an end of line, too.
        say("\n" + ENDED + json.dumps(ended))
        if wanted.get("begin"):
            _begin(wanted)
    _end(_begun)
    return DONE


_begun: list[ModuleType] = []
"""The modules that have begun something."""


def _begin(wanted: Mapping[str, Any]) -> None:
    # What is wrong the call finds out, and says.
    with suppress(Exception):
        modules = loaded(wanted["modules"])
        _begun.extend(module for module in modules if module not in _begun)
        begin(modules, wanted)


def _end(modules: Sequence[ModuleType]) -> None:
    for module in [one for one in _begun if one in modules]:
        _begun.remove(module)
        with suppress(Exception):
            module.end()


def _carried_out(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """How a call has ended, after what it said."""
    try:
        # Here, so that each is imported once.
        modules = loaded(wanted["modules"])
    except Exception:
        return {"rc": FAILED, "stderr": _traceback()}
    with _kept_nowhere() as errors:
        pid = os.fork()
        if pid == 0:
            _in_a_process_of_its_own(modules, wanted, errors.fileno())
        _unused, status = os.waitpid(pid, 0)
        _end(modules)
        errors.seek(0)
        return {"rc": _exit_code(status), "stderr": errors.read().decode(errors="replace")}


def _kept_nowhere() -> BinaryIO:
    """A file of which nothing stays behind, and which nobody has to read while the call runs."""
    try:
        return open(os.memfd_create("errors"), "w+b")
    except AttributeError:
        # Python has it where glibc has (2.27 and later): that of Xenial has not.
        import tempfile

        return cast(BinaryIO, tempfile.TemporaryFile())


def _in_a_process_of_its_own(modules: Sequence[ModuleType], wanted: Mapping[str, Any], errors: int) -> None:
    """Never returns."""
    code = FAILED
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        # What the module starts must not read the next call.
        os.dup2(nothing, 0)
        os.dup2(errors, 2)
        answer(modules, wanted)
        code = DONE
    except BaseException:
        sys.stderr.write(_traceback())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _traceback() -> str:
    # Only where it is needed: every call of a run would wait for it.
    import traceback

    return traceback.format_exc()


def _exit_code(status: int) -> int:
    """As ``subprocess`` tells it: a signal is a negative number."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
