# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running git, make and rsync: with a limit that holds even when the run that started them is gone."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from .._problem import Problem
from .._process.waiting import LimitReached, wait_until

ENVIRONMENT = {
    # Nothing here can answer a question on a terminal.
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "LC_ALL": "C",
}
OVER_TIME = (124, 137)
"""How ``timeout`` of coreutils ends when it had to end the program: by SIGTERM, and by SIGKILL."""
KEPT = 1 << 16
"""Bytes of the end of an output that are returned, where it goes to a log."""


class ProvisioningError(Problem):
    """What could not be done, and what to do next. What was there before is still there."""


@dataclass(frozen=True)
class Ended:
    """A program that has ended."""

    code: int
    output: str
    """What it wrote to stdout and stderr, in its order; of a long log the end."""

    @property
    def last_lines(self) -> str:
        """The end of it, for a message."""
        return "\n".join(line for line in self.output.splitlines()[-20:] if line.strip())


def run(
    argv: Sequence[str], limit: float, log: Optional[Path] = None, environment: Optional[Mapping[str, str]] = None
) -> Ended:
    """Run a program and everything it starts to its end.

    :param limit: seconds. It is in the hands of another program (``timeout``), since this one may be killed before.
    :param log: the output is added to this file; without one it is kept in memory.
    :param environment: added to the environment of this process.
    :raises ProvisioningError: when it cannot be executed, or did not end in time.
    """
    program, keeper = shutil.which(argv[0]), shutil.which("timeout")
    if program is None or keeper is None:
        missing = argv[0] if program is None else "timeout (coreutils)"
        raise ProvisioningError(f"there is no program {missing}; setup_dev_env.yml installs it")
    with log.open("ab") if log else tempfile.TemporaryFile() as stream:
        begin = stream.seek(0, os.SEEK_END)
        # A group of its own, to which timeout sends its signals.
        words = [keeper, "--kill-after=10", f"{limit:g}", program, *argv[1:]]
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            pid = os.posix_spawn(
                keeper,
                words,
                {**os.environ, **ENVIRONMENT, **(environment or {})},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, nothing, 0),
                    (os.POSIX_SPAWN_DUP2, stream.fileno(), 1),
                    (os.POSIX_SPAWN_DUP2, stream.fileno(), 2),
                ],
            )
        finally:
            os.close(nothing)
        _unused, status = os.waitpid(pid, 0)
        with open(stream.fileno(), "rb", closefd=False) if log is None else log.open("rb") as said:
            size = said.seek(0, os.SEEK_END)
            said.seek(max(begin, size - KEPT) if log else begin)
            output = said.read().decode("utf-8", "replace")
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    if code in OVER_TIME:
        raise ProvisioningError(
            f"{Path(argv[0]).name} was not ready after {limit:g} s and was ended"
            + (f"; its output is in {log}" if log else f"; it last said: {Ended(code, output).last_lines[-500:]}")
        )
    return Ended(code, output)


@contextmanager
def alone(
    home: Path, limit: float, what: str, only_check: bool = False, home_variable: str = "wallaroo_home"
) -> Iterator[None]:
    """Nobody else works on this tree: not another run, and nothing that an interrupted run left working.

    Programs that are started inherit the lock, so it is held until the last of them has ended.

    :param limit: seconds to wait for others.
    :param what: the variable that holds this limit.
    :param only_check: nothing is going to be changed, so nobody needs to be kept away.
    :param home_variable: the variable that says where the tree is.
    :raises ProvisioningError: when somebody works on it for longer.
    """
    if only_check:
        yield
        return
    path = home.parent / f".{home.name}.wallaroo-lock"
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ProvisioningError(
            f"{path} cannot be written ({error.strerror}); mend the owner or mode of {home.parent}, or set "
            f"{home_variable}"
        ) from error
    try:
        wait_until(lambda: _take(handle), limit, "its end")
        os.set_inheritable(handle, True)
        yield
    except LimitReached as error:
        raise ProvisioningError(
            f"another run, or what an interrupted one left working, is at {home} and did not end within {limit:g} s; "
            f"wait for it, or raise {what}"
        ) from error
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def without_secrets(text: str) -> str:
    """The same without what stands before the @ of a URL, which may be a token."""
    return re.sub(r"(://)[^/@\s]+@", r"\1", text)
