# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running another program with pipes to it, for as long as it is needed and no longer.

The counterpart of :mod:`.start`, whose programs outlive the module that starts them.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Optional

from .waiting import LimitReached, wait_until

_READ_SIZE = 1 << 16
ERRORS_KEPT = 1 << 16
"""Bytes of the end of stderr that are returned."""


class PipeBroken(Exception):
    """The program ended, or did not answer in time; ``errors`` is what it wrote to stderr."""

    def __init__(self, message: str, errors: str) -> None:
        super().__init__(message)
        self.errors = errors


@dataclass(frozen=True)
class Ended:
    """A program that has ended."""

    code: int
    """Its exit code, or minus the signal that ended it."""
    output: bytes
    errors: str


class Piped:
    """A program that runs, with a pipe to its stdin and one from its stdout; a context manager that ends it."""

    def __init__(self, argv: Sequence[str], environment: Optional[Mapping[str, str]] = None) -> None:
        """:raises OSError: when it cannot be executed."""
        program = shutil.which(argv[0])
        if program is None:
            raise FileNotFoundError(2, "No such program", argv[0])
        self.name = argv[0]
        child_in, self._to = os.pipe()
        self._from, child_out = os.pipe()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed with this object
        self._code: Optional[int] = None
        actions = [
            (os.POSIX_SPAWN_DUP2, child_in, 0),
            (os.POSIX_SPAWN_DUP2, child_out, 1),
            (os.POSIX_SPAWN_DUP2, self._errors.fileno(), 2),
        ]
        try:
            self._pid = os.posix_spawn(
                program,
                list(argv),
                {**os.environ, **(environment or {})},
                file_actions=actions,
                # Python ignores it, and a program that inherits that never notices that nobody reads.
                setsigdef=[signal.SIGPIPE],
            )
        except BaseException:
            os.close(self._to)
            os.close(self._from)
            self._errors.close()
            raise
        finally:
            os.close(child_in)
            os.close(child_out)

    def __enter__(self) -> Piped:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close(0.0 if error is not None else 5.0)

    def write(self, data: bytes) -> None:
        """Give it all of this on stdin.

        :raises PipeBroken: when it has ended.
        """
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._to, view) :]
        except OSError as error:
            self.close(1.0)
            raise PipeBroken(f"{self.name} has ended", self.errors()) from error

    def read(self, size: int, limit: float) -> bytes:
        """Exactly so many bytes of its stdout.

        :param limit: seconds without a byte.
        :raises PipeBroken: when it ends before, or says nothing for so long.
        """
        parts = []
        while size:
            chunk = self._some(size, limit)
            if not chunk:
                self.close(1.0)
                raise PipeBroken(f"{self.name} has ended", self.errors())
            parts.append(chunk)
            size -= len(chunk)
        return b"".join(parts)

    def close_input(self) -> None:
        """Tell it that nothing more comes."""
        if self._to >= 0:
            os.close(self._to)
            self._to = -1

    def close(self, grace: float = 5.0) -> int:
        """End it: by the end of its stdin, and with SIGKILL when it is still there after ``grace`` seconds.

        :returns: its exit code, or minus the signal that ended it.
        """
        if self._code is not None:
            return self._code
        self.close_input()
        os.close(self._from)
        self._from = -1
        try:
            wait_until(self._reap, grace, "its end", pause=0.005)
        except LimitReached:
            os.kill(self._pid, signal.SIGKILL)
            wait_until(self._reap, 5.0, "its end", pause=0.002)
        code: Optional[int] = self._code
        return -signal.SIGKILL if code is None else code

    def errors(self) -> str:
        """The end of what it wrote to stderr."""
        size = os.fstat(self._errors.fileno()).st_size
        data = os.pread(self._errors.fileno(), ERRORS_KEPT, max(size - ERRORS_KEPT, 0))
        return data.decode("utf-8", "replace")

    def drain(self, limit: float) -> bytes:
        """Everything that it still writes to stdout, until it closes it.

        :param limit: seconds in all.
        :raises PipeBroken: when it does not end in time; it is ended.
        """
        end = time.monotonic() + limit
        parts: list[bytes] = []
        while True:
            chunk = self._some(_READ_SIZE, max(end - time.monotonic(), 0.0))
            if not chunk:
                return b"".join(parts)
            parts.append(chunk)

    def _some(self, size: int, limit: float) -> bytes:
        waiting = select.poll()
        waiting.register(self._from, select.POLLIN)
        if not waiting.poll(limit * 1000):
            self.close(0.0)
            raise PipeBroken(f"{self.name} said nothing for {limit:g} s", self.errors())
        return os.read(self._from, min(size, _READ_SIZE))

    def _reap(self) -> bool:
        if self._code is None:
            try:
                pid, status = os.waitpid(self._pid, os.WNOHANG)
            except ChildProcessError:
                # Whoever ignores SIGCHLD has no children to wait for.
                pid, status = self._pid, 0
            if pid:
                self._code = _code(status)
        return self._code is not None


def run(
    argv: Sequence[str], limit: float, given: bytes = b"", environment: Optional[Mapping[str, str]] = None
) -> Ended:
    """Run a program to its end.

    :param limit: seconds; it is ended when they have passed.
    :param given: what it reads on stdin; at most what a pipe holds (64 KiB), since it is given before anything is read.
    :raises PipeBroken: when it does not end in time.
    :raises OSError: when it cannot be executed.
    """
    with Piped(argv, environment) as program:
        if given:
            try:
                program.write(given)
            except PipeBroken:
                # It ended without having read everything, and its exit code says why.
                return Ended(program.close(), b"", program.errors())
        program.close_input()
        output = program.drain(limit)
        return Ended(program.close(), output, program.errors())


def _code(status: int) -> int:
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
