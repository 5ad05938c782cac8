# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded engine: a stand-in, in Python, for a Wallaroo 0.5.4 worker on one machine.

It has the same command line, ports, wire formats, log lines and resilience files, and the same
weaknesses: what passes or fails on it passes or fails on the real one (DESIGN.md, "Two engines").
"""

from __future__ import annotations

import asyncio
import os
import sys

from .._resilience.files import ResilienceSet
from .applications.detector import Detector
from .applications.interface import Application
from .command_line import UsageError, WorkerOptions, options
from .formation import Formation
from .output import fail, say
from .recovery import Recovery
from .worker import Worker


def main(application: str, argv: list[str]) -> int:
    """Run a worker until it ends; returns its exit code (reference A.6)."""
    try:
        given = options(argv, Detector.topology_message)
    except UsageError as error:
        print(error, file=sys.stdout if error.to_stdout else sys.stderr, flush=True)
        return error.code
    for mode in ("RESILIENCE", "CLUSTERING", "AUTOSCALE"):
        say(f"****{mode} MODE is active****")
    files = ResilienceSet(given.resilience_directory, Detector.prefix, given.name)
    if not files.directory.is_dir():
        fail(f"Error: the resilience directory {files.directory} does not exist.", "startup")
    recovering = _recovering(files)
    say(f"||| Resilience directory: {given.resilience_directory}|||")
    say(f"||| Log-rotation: {str(given.log_rotation).lower()}|||")
    try:
        code = asyncio.run(_run(given, _application(application, given), files, recovering))
    except KeyboardInterrupt:
        code = 0
    sys.stdout.flush()
    # Connections and tasks that are still there have no more to say.
    os._exit(code)


def _application(name: str, given: WorkerOptions) -> Application:
    if name != "multi_partition_detector":
        fail(f"Error: the embedded engine has no application {name}.", "startup")
    return Detector(given.depth)


def _recovering(files: ResilienceSet) -> bool:
    """Whether there is something to recover from; half a set ends the worker (reference C.1)."""
    state = files.state()
    if state == "incomplete":
        say("Some resilience/recovery files are missing! Cannot continue!")
        for path in files.missing():
            say(str(path))
        fail("Recovery files are missing.", "startup")
    if state == "complete":
        say("Recovering from recovery files!")
    return state == "complete"


async def _run(given: WorkerOptions, application: Application, files: ResilienceSet, recovering: bool) -> int:
    worker = Worker(given, application, files)
    worker.handle_signals()
    formation = None if recovering else Formation(worker)
    recovery = Recovery(worker)
    if formation is not None:
        worker.tasks.start(formation.start())
    else:
        worker.tasks.start(recovery.start())
    return await worker.finished
