# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a process that outlives the module that starts it.

What a shell's ``&`` gets wrong under Ansible (a terminal that takes its children along, pipes that
hang) is done here by hand: fork, setsid, fork, descriptors away, exec.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Optional

from .._formats.whole_file import make_private_directory
from . import living
from . import record as records
from .identity import ProcessIdentity, identify, is_alive
from .record import ProcessRecord
from .waiting import LimitReached, lock_alone, wait_until

KEPT_LOGS = 5
"""How many logs of earlier starts are kept, as ``log.1`` (the newest) and so on."""

_LOCK = ".start.lock"
"""Held until the program is executed: by who starts it, and by the child that becomes it."""
_START_SECONDS = 5.0
"""Far more than there is between a record and its program."""


class StartFailed(Exception):
    """The program could not be started; the sentence says why. Nothing runs."""


class AlreadyRunning(Exception):
    """A process of that name runs already, or is being started by somebody else."""


def start(
    base: str,
    name: str,
    kind: str,
    argv: Sequence[str],
    cwd: Optional[str] = None,
    environment: Optional[Mapping[str, str]] = None,
    details: Optional[Mapping[str, Any]] = None,
) -> ProcessRecord:
    """Start a program in the background and keep a record of it.

    :param cwd: its directory; by default its own folder, so that what it drops does not lie about.
    :param environment: added to the environment of this process.
    :raises AlreadyRunning: when the recorded process of that name is alive.
    :raises StartFailed: when the program cannot be executed.
    """
    # Absolute, since the program is executed in another directory than this one.
    folder = records.run_folder(os.path.abspath(base), name)
    make_private_directory(folder)
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _locked(lock):
            raise AlreadyRunning(f"{name} is being started by another run at this moment; wait for it.")
        known = living.known(base, name)
        if known is not None and is_alive(known.identity):
            raise AlreadyRunning(f"{name} runs already (pid {known.identity.pid}, log {known.log}); stop it first.")
        log = folder / "log"
        directory = cwd or str(folder)
        started = time.time()

        def keep(identity: ProcessIdentity) -> ProcessRecord:
            record = ProcessRecord(name, kind, identity, list(argv), directory, str(log), started, dict(details or {}))
            records.write(base, record)
            return record

        _begin_log(log)
        try:
            # Recorded before it runs, with the log that it will write: whatever ends this process in between, nobody
            # runs of whom nobody knows, and nobody takes what an earlier process said for the word of this one.
            born = _spawn(list(argv), directory, {**os.environ, **(environment or {})}, log, keep)
        except StartFailed:
            # A program that cannot be executed does not push the logs of earlier starts out.
            _take_back_log(log)
            if known is None:
                records.remove(base, name)
            else:
                records.write(base, known)
            raise
        _numbered(log, KEPT_LOGS + 1).unlink(missing_ok=True)
        # A program may have done what it had to do by now: whoever waits for it finds it dead, with its log.
        found = _identity_of(born.pid)
        return keep(found if found is not None and found.start_ticks == born.start_ticks else born)
    finally:
        os.close(lock)


def wait_for_start(base: str, name: str) -> None:
    """Wait until what a starter that was killed had begun is a running program, or nothing.

    Asked before the record is believed: the process in it may be no program yet, and become one. Where a start takes
    longer than any should, it goes on, and another start is refused.
    """
    try:
        lock = os.open(records.run_folder(base, name) / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        # Nothing of that name was ever started here, or nothing can be.
        return
    try:
        _locked(lock)
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        lock_alone(lock, _START_SECONDS, "another start to end", pause=0.002)
    except LimitReached:
        return False
    return True


def _begin_log(log: Path) -> None:
    """Put the logs of earlier starts aside, one more than are kept, and make an empty one."""
    fresh = log.with_name(".log.new")
    fresh.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    if log.exists():
        for number in range(KEPT_LOGS, -1, -1):
            if _numbered(log, number).exists():
                os.replace(_numbered(log, number), _numbered(log, number + 1))
    os.replace(fresh, log)


def _take_back_log(log: Path) -> None:
    """The reverse of :func:`_begin_log`."""
    log.unlink(missing_ok=True)
    for number in range(KEPT_LOGS + 1):
        if _numbered(log, number + 1).exists():
            os.replace(_numbered(log, number + 1), _numbered(log, number))


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"log.{number}") if number else log


def _identity_of(pid: int) -> Optional[ProcessIdentity]:
    """The identity of a program that was executed this moment; None when it has ended."""

    def known() -> tuple[Optional[ProcessIdentity], ...]:
        identity = identify(pid)
        # The kernel closes the pipe of _spawn a moment before it fills in the command line.
        return () if identity is not None and not identity.command else (identity,)

    return wait_until(known, 5.0, f"the command line of process {pid}", pause=0.001)[0]


def _spawn(
    argv: list[str],
    cwd: str,
    environment: Mapping[str, str],
    log: Path,
    keep: Callable[[ProcessIdentity], object],
) -> ProcessIdentity:
    """Fork twice and execute; returns who the program is once it has really been executed.

    The program waits to be executed until it is known when it was born: it may be over a moment later.

    :param keep: called with who it is going to be, before it is executed.
    """
    reader, writer = os.pipe()
    waiting, go = os.pipe()
    try:
        middle = os.fork()
    except OSError as error:
        for descriptor in (reader, writer, waiting, go):
            os.close(descriptor)
        raise StartFailed(f"{argv[0]}: no process could be made for it ({error.strerror})") from error
    if middle == 0:
        os.close(reader)
        os.close(go)
        _become_daemon(argv, cwd, environment, log, writer, waiting)
    os.close(writer)
    os.close(waiting)
    with os.fdopen(reader, "rb") as stream:
        number = stream.readline().decode("ascii", "replace")
        born = identify(int(number)) if number.strip().isdigit() else None
        try:
            if born is not None:
                keep(ProcessIdentity(born.pid, born.start_ticks, born.boot_id, tuple(argv)))
                os.write(go, b"!")
        finally:
            os.close(go)
        # The program's end of the pipe is closed by its exec, so the end of the stream means success.
        said = number + stream.read().decode("utf-8", "replace")
    try:
        os.waitpid(middle, 0)
    except ChildProcessError:
        # Whoever ignores SIGCHLD has no children to wait for.
        pass
    pid, end, problem = said.partition("\n")
    if not end or problem or not pid.isdigit() or born is None:
        raise StartFailed((problem if end else said).strip() or f"{argv[0]} could not be started")
    return ProcessIdentity(born.pid, born.start_ticks, born.boot_id, tuple(argv))


def _become_daemon(
    argv: list[str], cwd: str, environment: Mapping[str, str], log: Path, writer: int, waiting: int
) -> NoReturn:
    try:
        # Above the places of the program's own descriptors, whichever of them are open here.
        writer, waiting = (fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 10) for number in (writer, waiting))
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        os.write(writer, f"{os.getpid()}\n".encode())
        if not os.read(waiting, 1):
            # Whoever starts this has died, or could not record it: nothing was executed, and nothing will be.
            os._exit(0)
        os.umask(0o077)
        os.chdir(cwd)
        forsake(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        for number in range(1, signal.NSIG):
            try:
                signal.signal(number, signal.SIG_DFL)
            except (OSError, ValueError):
                continue
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execvpe(argv[0], argv, dict(environment))
    except OSError as error:
        _tell(writer, f"{argv[0]}: {error.strerror} ({error.filename or cwd})")
    except BaseException as error:
        _tell(writer, f"{argv[0]}: {error}")
    finally:
        # Whatever happened: else this process would go on as a second one of who starts it, and undo what that does.
        os._exit(127)


def forsake(output: Optional[int] = None) -> None:
    """Give up the descriptors that whoever forked this process has handed down.

    One that is kept open would make Ansible wait for the end of the daemon. Those that exec closes are left to it: with
    them the kernel holds the locks of the start and of the act until the program is there.

    :param output: where this process writes to from now on; by default nowhere.
    """
    null = os.open(os.devnull, os.O_RDWR)
    out = null if output is None else output
    # Above the places of a program's own descriptors, whichever of them are open here.
    null, out = (fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 10) for number in (null, out))
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    for number in [int(name) for name in os.listdir("/proc/self/fd")]:
        if number > 2 and _is_inherited(number):
            os.close(number)


def _tell(writer: int, problem: str) -> None:
    try:
        os.write(writer, problem.encode("utf-8", "replace"))
    except OSError:
        # Whoever starts this has died.
        pass


def _is_inherited(descriptor: int) -> bool:
    try:
        return os.get_inheritable(descriptor)
    except OSError:
        # The one through which the others were listed.
        return False
