# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded engine: a stand-in, in Python, for a Wallaroo 0.5.4 worker on one machine.

It has the same command line, ports, wire formats, log lines and resilience files, and the same
weaknesses: what passes or fails on it passes or fails on the real one (design.md, "Engines, one contract").
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from ..._engines.wallaroo.files import resilience_set
from ..._resilience.files import ResilienceSet
from .applications.detector import Detector
from .applications.interface import Application
from .applications.market_spread import MarketSpread
from .command_line import HostPort, UsageError, WorkerOptions, addresses, parse, worker_options
from .formation import Formation
from .journal import WorkerJournal
from .output import fail, say
from .recovery import Recovery
from .requests import Requests
from .shutdown import Shutdown
from .survivor import Survivor
from .worker import Worker

APPLICATIONS: dict[str, Callable[[], Application]] = {
    "multi_partition_detector": Detector,
    "market_spread": MarketSpread,
}


def main(application: str, argv: list[str]) -> int:
    """Run a worker until it ends; returns its exit code (wallaroo.md, A.6)."""
    if application not in APPLICATIONS:
        sys.stderr.write(f"Error: the embedded engine has no application {application!r}.\n")
        return 1
    try:
        return _start(APPLICATIONS[application](), argv)
    except UsageError as error:
        (sys.stdout if error.to_stdout else sys.stderr).write(f"{error}\n")
        return error.code


def _start(application: Application, argv: list[str]) -> NoReturn:
    # The application builds its pipeline before Wallaroo looks at its own options (wallaroo.md, A.2).
    own = parse(argv, application.options)
    try:
        sources, sinks = addresses(own, "in"), addresses(own, "out")
        if len(sources) < len(application.sources):
            raise ValueError("an address is missing")
    except ValueError:
        raise UsageError(application.topology_message, code=0, to_stdout=True) from None
    for line in application.configure(own):
        say(line)
    for mode in ("RESILIENCE", "CLUSTERING", "AUTOSCALE"):
        say(f"****{mode} MODE is active****")
    options = worker_options(argv)
    if options.help:
        say("The options of a worker are those of Wallaroo 0.5.4: see its book, or docs/wallaroo.md, A.")
    if options.is_joining:
        raise UsageError("Error: workers cannot join a cluster of the embedded engine.")
    files = _files(application, options)
    is_recovering = _is_recovering(files)
    say(f"||| Resilience directory: {options.resilience_directory}|||")
    say(f"||| Log-rotation: {str(options.log_rotation).lower()}|||")
    if options.external is not None:
        say(f"Set up external channel listener on {options.external[0]}:{options.external[1]}")
    asyncio.run(_run(options, application, files, sources, sinks, is_recovering))


def _files(application: Application, options: WorkerOptions) -> ResilienceSet:
    """The later checks (wallaroo.md, A.3)."""
    if options.metrics is None:
        fail("Error: --metrics is missing: every worker needs the address of the metrics receiver.", "startup")
    if not options.name:
        fail("Error: --name is missing: a worker that is not the initializer needs a name.", "startup")
    if "/" in options.name or "\0" in options.name or options.name != options.name.strip():
        fail(f"Error: --name: {options.name!r} is no name for a worker.", "startup")
    files = resilience_set(options.resilience_directory, application.prefix, options.name)
    if not files.directory.is_dir():
        fail(f"Error: --resilience-dir: {files.directory} is no directory: make it first.", "startup")
    return files


def _is_recovering(files: ResilienceSet) -> bool:
    """Whether there is something to recover from; a part of a set ends the worker (wallaroo.md, C.1)."""
    state = files.state()
    if state == "incomplete":
        say("Some resilience/recovery files are missing! Cannot continue!")
        say("The missing files are:")
        for path in files.missing():
            say(f"    {path}")
        fail("", "startup: the resilience files are incomplete")
    if state == "complete":
        say("Recovering from recovery files!\nAttempting to recover...")
    return state == "complete"


def _journal(worker: Worker, is_recovering: bool) -> None:
    try:
        journal = WorkerJournal(worker.files.set, worker.options.journal_server)
        if is_recovering:
            journal.recover()
    except OSError as error:
        fail(f"{error.filename} cannot be written: {error.strerror}", "the journal")
    worker.files.layer.journals.append(journal)
    worker.journal = journal
    journal.start(worker.tasks, worker.changed.wake)


async def _run(
    options: WorkerOptions,
    application: Application,
    files: ResilienceSet,
    sources: list[HostPort],
    sinks: list[HostPort],
    is_recovering: bool,
) -> NoReturn:
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: say(f"event loop: {context.get('message')}"))
    worker = Worker(options, application, files, sources, sinks)
    shutdown = Shutdown(worker)
    Requests(worker, shutdown)
    survivor = Survivor(worker)
    if options.journal:
        _journal(worker, is_recovering)
    if options.metrics is not None:
        worker.tasks.start(worker.metrics_sender.run(options.metrics))
    start = Recovery(worker, survivor).start() if is_recovering else Formation(worker).start()
    worker.tasks.start(start)
    await shutdown.finished
    sys.stdout.flush()
    # At once: connections and tasks that are still there have no more to say.
    os._exit(0)
