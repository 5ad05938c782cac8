# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker of bytewax: one process of its cluster, with the detector as its dataflow.

bytewax ends every process as soon as one of them is dead, and each of them has to be started again with the addresses
of all. Here a process that lost another one begins anew in its own place (it executes itself), and waits at the
*meeting* (:mod:`.meeting`) until all are there again. Whoever was brought back elsewhere tells the others where it is
now.

Executed with the Python of an environment that has bytewax; everything else is of the standard library.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

from ..._engines.bytewax import files, log_lines
from .. import shared
from . import commits
from .meeting import Left, Meeting, Member, Refused

_FAILURES = "BYTEWAX_WORKER_FAILURES"
"""In the environment of a process that begins anew: how often in a row its dataflow ended as soon as it had begun."""
_SOON, _MOST = 5.0, 3
"""Seconds within which that is so, and how often it may be: the loss of another worker ends it, and so does what a
fresh beginning does not mend."""


def _parser() -> shared.Parser:
    parser = shared.Parser(prog="bytewax_worker", description="A worker of bytewax that runs the detector.")
    parser.add_argument("--index", type=int, required=True, help="which worker, from 0")
    parser.add_argument(
        "--worker",
        type=_member,
        action="append",
        required=True,
        metavar="NAME=HOST:CONTROL:DATA",
        help="a worker, its host, its control port, and its data port; once for each, in their order",
    )
    parser.add_argument("--directory", type=Path, required=True, help="its recovery partition is here")
    parser.add_argument("--source", type=shared.address, required=True, metavar="HOST:PORT", help="the source log")
    parser.add_argument("--sink", type=shared.address, required=True, metavar="HOST:PORT", help="the receiver")
    parser.add_argument(
        "--plain-source", action="store_true", help="ask the source log for what comes from now on only"
    )
    parser.add_argument("--committing-sink", action="store_true", help="have the receiver take back what is repeated")
    parser.add_argument("--interval", type=shared.seconds, required=True, help="seconds between two snapshots")
    return parser


def _member(text: str) -> Member:
    name, _unused, place = text.partition("=")
    host, *ports = place.rsplit(":", 2)
    try:
        control, data = (int(port) for port in ports)
    except ValueError:
        control = data = 0
    if not (name and host and control and data):
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=HOST:CONTROL:DATA")
    return Member(name, host, control, data)


def main(argv: list[str]) -> int:
    """Run the worker until it is killed; returns its exit code: 1 failed, 2 wrong arguments."""
    if argv[:1] == [commits.WATCH]:
        return commits.watch(argv[1])
    arguments = _parser().parse_args(argv)
    members: list[Member] = arguments.worker
    if not 0 <= arguments.index < len(members):
        shared.complain(f"bytewax_worker: there is no worker {arguments.index} among {len(members)} (see --help)")
        return shared.USAGE
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    me = members[arguments.index]
    try:
        from bytewax.recovery import RecoveryConfig, init_db_dir
    except ImportError as error:
        shared.complain(f"Error: {sys.executable} has no bytewax ({error}); set it up with setup_bytewax.yml")
        return shared.FAILED
    partition = files.Partition(arguments.directory, arguments.index, len(members))
    try:
        partition.begin(init_db_dir)
        addresses = partition.peers()
        members = [member._replace(host=addresses.get(member.name, member.host)) for member in members]
        members[arguments.index] = me
        meeting = Meeting(me, members, partition.covered(), partition.remember)
        others = ", ".join(member.name for member in members if member != me) or "there are none"
        shared.say(f"{log_lines.WAITING} ({others}): this is {me.name}, at {me.host}:{me.control}")
        meeting.enter(_again)
    except (OSError, ValueError, Refused, Left) as error:
        shared.complain(f"Error: {error}")
        return shared.FAILED
    from . import flow

    begun = time.monotonic()
    shared.say(f"{log_lines.FORMED}: {', '.join(meeting.addresses())}")
    try:
        from bytewax._bytewax import cluster_main

        cluster_main(
            flow.detector(arguments, me.name, partition),
            meeting.addresses(),
            arguments.index,
            epoch_interval=timedelta(seconds=arguments.interval),
            recovery_config=RecoveryConfig(arguments.directory, timedelta(0)),
        )
    except BaseException as error:
        # What it raises when another worker is gone is no Exception.
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        failures = int(os.environ.get(_FAILURES) or 0) + 1 if time.monotonic() - begun < _SOON else 1
        if failures > _MOST:
            partition.keep_log()
            shared.complain(f"Error: bytewax ended {_MOST} times in a row as soon as all workers were there: {error!r}")
            return shared.FAILED
        os.environ[_FAILURES] = str(failures)
        _again(f"{me.name}: bytewax ended ({_first_line(error)}), beginning anew")
    return shared.DONE


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _again(why: str) -> None:
    """Become a fresh process with the same pid, start and command line."""
    shared.say(why)
    words = Path("/proc/self/cmdline").read_bytes().split(b"\0")[:-1]
    os.execv(sys.executable, words)
