# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a program of the collection on a server, and waiting until it is ready or has ended."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from .._formats.address_file import Address
from .._formats.json_record import Damaged, read_object
from .._formats.whole_file import make_private_directory, write_whole
from .._problem import Problem
from . import living
from . import log as process_log
from .identity import is_alive, is_stopped
from .log import ProcessEnded
from .record import ProcessRecord
from .start import AlreadyRunning, StartFailed, start, wait_for_start
from .stop import terminate
from .waiting import LimitReached, wait_until


class ProgramProblem(Problem):
    """A program did not do what it should; the sentence says why and where to look."""


@dataclass
class Wanted:
    """What is to run."""

    base: str
    name: str
    kind: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Path below the server's base -> text, written before each start."""
    details: Mapping[str, Any] = field(default_factory=dict)
    ready_pattern: str = ""
    """A regular expression that a line of its own log must match."""
    ready_address: str = ""
    """``host:port`` that must accept a connection."""
    result_file: str = ""
    """JSON file that the program writes when it ends; it is then waited for instead of readiness."""
    unless: Callable[[], str] = lambda: ""
    """Why its end is not waited for any longer; empty as long as it is."""


def ensure_started(
    wanted: Wanted,
    limit: float,
    return_after: Optional[float] = None,
    only_check: bool = False,
    pid: Optional[int] = None,
) -> dict[str, Any]:
    """Start the program unless it runs, and wait for what was asked for.

    :param return_after: seconds after which to return, unfinished, with what was seen.
    :param pid: the process that an earlier call started. It is waited for, and nothing is started: what failed
        between two calls has failed, and a sender that is started again sends everything twice.
    :raises ProgramProblem: when it cannot be started, ends too early, or is not ready in time. It is stopped
        then, also when an earlier call with ``return_after`` had started it.
    :raises ValueError: when what is to be waited for cannot be understood; nothing is started then.
    """
    begin = time.monotonic()
    _check(wanted)
    wait_for_start(wanted.base, wanted.name)
    known = living.known(wanted.base, wanted.name)
    alive = known is not None and is_alive(known.identity)
    if pid is not None:
        if known is None or known.identity.pid != pid:
            raise ProgramProblem(f"process {pid} of {wanted.name} was replaced by another run while it was waited for.")
        return _waited(wanted, known, False, limit, return_after, begin)
    if alive and known is not None and list(known.argv) != list(wanted.argv):
        raise ProgramProblem(
            f"{wanted.name} runs already with other arguments (pid {known.identity.pid}: {' '.join(known.argv)}); "
            "stop it first."
        )
    ended_well = not alive and known is not None and _is_same(known, wanted) and _ended_well(wanted)
    changed = not alive and not ended_well
    if only_check or ended_well:
        return _result(wanted, known if not changed else None, changed, begin, finished=True)
    if known is None or not alive:
        _forget_result(wanted)
        for name, text in wanted.files.items():
            make_private_directory((Path(wanted.base) / name).parent)
            write_whole(Path(wanted.base) / name, text.encode())
        try:
            known = start(
                wanted.base,
                wanted.name,
                wanted.kind,
                wanted.argv,
                environment=wanted.environment,
                details=wanted.details,
            )
        except (AlreadyRunning, StartFailed) as error:
            raise ProgramProblem(f"{wanted.name} could not be started: {error}") from error
    return _waited(wanted, known, changed, limit, return_after, begin)


def _waited(
    wanted: Wanted, known: ProcessRecord, changed: bool, limit: float, return_after: Optional[float], begin: float
) -> dict[str, Any]:
    early = return_after is not None and return_after < limit
    try:
        _wait(wanted, known, return_after if early and return_after is not None else limit)
    except LimitReached as reached:
        if early:
            last = process_log.tail(known.log, lines=1).strip()
            return {
                **_result(wanted, known, changed, begin, finished=False),
                "message": last or f"waiting for {wanted.name}",
            }
        paused = f"A signal had stopped it (pid {known.identity.pid}). " if is_stopped(known.identity) else ""
        terminate(known.identity)
        raise ProgramProblem(f"{wanted.name}: {reached}. {paused}It was ended; its log is {known.log}.") from reached
    except ProcessEnded as ended:
        raise ProgramProblem(str(ended)) from ended
    return _result(wanted, known, changed, begin, finished=True)


def ensure_stopped(base: str, name: str, grace: float, limit: float, only_check: bool = False) -> dict[str, Any]:
    """Stop the program: SIGTERM, and SIGKILL after ``grace`` seconds."""
    known = living.known(base, name)
    alive = known is not None and is_alive(known.identity)
    if alive and known is not None and not only_check:
        terminate(known.identity, grace=grace, limit=limit)
    return {
        "changed": alive,
        "name": name,
        "state": "stopped",
        "pid": known.identity.pid if known and alive else None,
        "log": known.log if known else None,
        "finished": True,
    }


def _check(wanted: Wanted) -> None:
    if not wanted.argv:
        raise ValueError(f"{wanted.name} has an empty command line")
    try:
        re.compile(wanted.ready_pattern)
    except re.error as error:
        raise ValueError(f"ready_pattern {wanted.ready_pattern!r} is no regular expression ({error})") from error
    if wanted.ready_address:
        Address.parse(wanted.ready_address)


def _wait(wanted: Wanted, record: ProcessRecord, limit: float) -> None:
    if wanted.result_file:
        _wait_for_end(wanted, record, limit)
        return
    end = time.monotonic() + limit
    if wanted.ready_pattern:
        process_log.wait_for_line(record, [wanted.ready_pattern], (), limit)
    if wanted.ready_address:
        address = Address.parse(wanted.ready_address)

        def accepts() -> bool:
            if not is_alive(record.identity):
                raise ProcessEnded(f"{wanted.name} ended; its log {record.log} ends with: {_last_line(record)}")
            try:
                socket.create_connection((address.host, address.port), 1.0).close()
            except OSError:
                return False
            return True

        left = max(0.0, end - time.monotonic())
        wait_until(accepts, left, f"{wanted.name} to accept connections on {address}", lambda: _last_line(record))


def _wait_for_end(wanted: Wanted, record: ProcessRecord, limit: float) -> None:
    def ended() -> bool:
        # Asked first: what a program leaves behind is complete when it is dead.
        dead = not is_alive(record.identity)
        if dead and _read_result(wanted) is None:
            raise ProcessEnded(
                f"{wanted.name} was killed before it had finished; its log {record.log} ends with: {_last_line(record)}"
            )
        why = "" if dead else wanted.unless()
        if why:
            terminate(record.identity)
            raise ProgramProblem(f"{why} {wanted.name} was ended.")
        return dead

    wait_until(ended, limit, f"{wanted.name} to finish", lambda: _last_line(record))
    result = _read_result(wanted) or {}
    if result.get("exit_code") != 0:
        raise ProcessEnded(f"{wanted.name} failed: {result.get('message')} (log {record.log})")


def _read_result(wanted: Wanted) -> Optional[dict[str, Any]]:
    return read_object(Path(wanted.result_file), f"how {wanted.name} ended is not known")


def _ended_well(wanted: Wanted) -> bool:
    try:
        return bool(wanted.result_file) and (_read_result(wanted) or {}).get("exit_code") == 0
    except Damaged:
        return False


def _is_same(known: ProcessRecord, wanted: Wanted) -> bool:
    # The details count too: a file may be sent for a second time with the very same command line.
    return list(known.argv) == list(wanted.argv) and dict(known.details) == dict(wanted.details)


def _forget_result(wanted: Wanted) -> None:
    if wanted.result_file:
        Path(wanted.result_file).unlink(missing_ok=True)


def _last_line(record: ProcessRecord) -> str:
    return process_log.tail(record.log, lines=1).strip() or "(nothing)"


def _result(
    wanted: Wanted, record: Optional[ProcessRecord], changed: bool, begin: float, finished: bool
) -> dict[str, Any]:
    return {
        "changed": changed,
        "name": wanted.name,
        "state": "started",
        "pid": record.identity.pid if record else None,
        "log": record.log if record else None,
        "started": record.started if record else None,
        "finished": finished,
        "result": _read_result(wanted) if wanted.result_file and finished else None,
        "seconds": round(time.monotonic() - begin, 3),
    }
