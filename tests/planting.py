# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that are planted in the workers of one server, in the deployed engine.

A module in the deployed archive stands in the way of one of Python's own. The archive keeps its name and gets a new
sum, so it survives every deployment of programs that are deployed already.
"""

from __future__ import annotations

import shutil
import subprocess
import zipfile
import zlib
from pathlib import Path

from tests.integration.conftest import LIMIT, Loopback

CRASH = "crash"
"""The worker ends at its start, without a word that would say why."""

SILENT = "silent"
"""The worker works, and never says that it does: whoever waits for it takes it for one that hangs."""

_SHADOWED = "asyncio"

_SOURCE = """
import glob, importlib, os, sys

runtime = os.path.dirname(sys.argv[0])
there, left = sys.path.pop(0), os.path.join(runtime, "planted")
del sys.modules[{shadowed!r}]
importlib.import_module({shadowed!r})
sys.path.insert(0, there)
recovers = "-n" in sys.argv and glob.glob(sys.argv[sys.argv.index("-r") + 1] + "/*.workers")
if recovers and os.path.exists(left):
    with open(left) as stream:
        count, what = stream.read().split()
    count = int(count)
    with open(left, "w") as stream:
        stream.write("%d %s" % (count - 1, what))
    if count > 0 and what == "crash":
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


def plant(loopback: Loopback, number: int, what: str, starts: int) -> None:
    """Let the next recoveries of a worker on a server go wrong.

    :param number: the number of the server.
    """
    base = loopback.base(number)
    program = shutil.which("ansible")
    assert program, "ansible is not on PATH; run the tests with make test"
    subprocess.run(
        [program, f"server{number}", "-m", "wallaroo.resilience.server_prepare", "-a"]
        + [f"base={base} server=server{number}"],
        env=loopback.environment,
        cwd=loopback.repository,
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=LIMIT,
    )
    (base / "runtime" / "planted").write_text(f"{starts} {what}")
    archive = (base / "runtime" / "programs.pyz").resolve()
    with zipfile.ZipFile(archive, "a") as programs:
        if f"{_SHADOWED}.py" not in programs.namelist():
            programs.writestr(f"{_SHADOWED}.py", _SOURCE.format(shadowed=_SHADOWED))
    archive.with_suffix(".crc32").write_text(f"{zlib.crc32(archive.read_bytes()):08x}")


def left(loopback: Loopback, number: int) -> int:
    """How many starts will still go wrong there; below 0 for each that went well since."""
    return int((loopback.base(number) / "runtime" / "planted").read_text().split()[0])


def mend(base: Path) -> None:
    """Let all starts succeed from now on."""
    (base / "runtime" / "planted").unlink(missing_ok=True)
