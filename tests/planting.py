# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that are planted in the workers of one server, in the deployed engine.

A compiled module without its source stands in the way of one of Python's own, is taken for no part of the deployed
programs, and so survives every deployment.
"""

from __future__ import annotations

import py_compile
from pathlib import Path

CRASH = "crash"
"""The worker ends at its start, without a word that would say why."""

SILENT = "silent"
"""The worker works, and never says that it does: whoever waits for it takes it for one that hangs."""

_SHADOWED = "asyncio"

_SOURCE = """
import importlib, os, sys

runtime = os.path.dirname(sys.argv[0])
there, left = sys.path.pop(0), os.path.join(runtime, "planted")
del sys.modules[{shadowed!r}]
importlib.import_module({shadowed!r})
sys.path.insert(0, there)
if "--my-control" in sys.argv and os.path.exists(left):
    with open(left) as stream:
        count = int(stream.read())
    with open(left, "w") as stream:
        stream.write(str(count - 1))
    if count > 0 and {what!r} == "crash":
        print("the program is broken")
        sys.exit(1)
    if count > 0:

        class Silent:
            def __init__(self, stream):
                self.stream = stream

            def write(self, text):
                return self.stream.write("" if "Resuming" in text else text)

            def __getattr__(self, name):
                return getattr(self.stream, name)

        sys.stdout = Silent(sys.stdout)
"""


def plant(base: Path, what: str, starts: int) -> None:
    """Let the next starts of a worker on a server go wrong.

    :param base: the directory of a server to which the programs were deployed.
    """
    source = base / "planted-source"
    source.write_text(_SOURCE.format(shadowed=_SHADOWED, what=what))
    (base / "runtime" / "planted").write_text(str(starts))
    py_compile.compile(str(source), str(base / "runtime" / f"{_SHADOWED}.pyc"), doraise=True)
    source.unlink()


def mend(base: Path) -> None:
    """Let all starts succeed from now on."""
    (base / "runtime" / "planted").unlink(missing_ok=True)
