# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that keeps one connection of a run, and hands calls of the run's tasks on.

It watches four things at once: the run, the connection, whoever waits for an answer, and who else comes. Nobody is
kept waiting: who comes while another is served is turned away. When whoever waits goes away, as a task does whose time
is over, the connection ends, since nobody knows how long its answer would take.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Optional

from ..module_utils._programs.standing.main import ENDED, STANDS

_PIECE = 1 << 16

_SECONDS = 1.0
"""How long a command line that has said all may take to end."""

_OF_SSH = 255
"""The exit code of ssh where it has failed itself."""


class _Over(Exception):
    """The run has ended, or whoever waited has gone."""


def begin(argv: Sequence[str], place: Path, run: int) -> None:
    """Leave a relay behind.

    :param argv: what starts the program ``standing`` on the server.
    :param place: the socket at which tasks find the relay; nothing is done where there is one.
    :param run: the process of the run, an ancestor of this one.
    :raises OSError: when no process or no socket can be had.
    """
    with socket.socket(socket.AF_UNIX) as listener:
        made = place.with_suffix(f".{os.getpid()}")
        try:
            with near(made) as name:
                listener.bind(name)
            listener.listen()
            # Who finds it can connect to it: before that it has another name.
            with suppress(FileExistsError):
                os.link(made, place)
                # The task ends soon, so that nobody has to wait for this process.
                if os.fork() == 0:
                    _become(argv, place, run, listener)
        finally:
            made.unlink(missing_ok=True)


@contextmanager
def near(place: Path) -> Iterator[str]:
    """A short name of a socket, for as long as it is used: the kernel takes 107 characters of a path."""
    directory = os.open(place.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{place.name}"
    finally:
        os.close(directory)


def _become(argv: Sequence[str], place: Path, run: int, listener: socket.socket) -> None:
    """Never returns: nothing of what Ansible would do at the end of a process is done in this one."""
    try:
        # A collection would copy all that is Ansible's.
        gc.disable()
        os.setsid()
        _relay(argv, place, run, listener)
    finally:
        os._exit(0)


def asked(connection: socket.socket, line: bytes) -> dict[str, Any]:
    """The answer to one call: ``rc``, ``stdout`` and ``stderr``; ``unreached``, what ssh said; ``lost``, why there will
    be none, although it may have been carried out; or nothing, since it was not made.
    """
    try:
        connection.sendall(line)
        said = b"".join(iter(lambda: connection.recv(_PIECE), b""))
        return dict(json.loads(said))
    except (BrokenPipeError, ConnectionResetError, ValueError):
        # Nothing, or the beginning of an answer.
        return {"lost": "the process of the controller that kept it is gone"}


def _relay(argv: Sequence[str], place: Path, run: int, listener: socket.socket) -> None:
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_DFL)
    try:
        life = os.pidfd_open(run)
        _keep_only(listener.fileno(), life)
        # A file in memory: nobody has to read it while the connection stands, and no disk can be full.
        with open(os.memfd_create("errors"), "w+b") as errors:
            ours, its = socket.socketpair()
            with its:
                # S603: these are the words by which Ansible's own connection plugin would reach the server.
                program = subprocess.Popen(list(argv), stdin=its.fileno(), stdout=its.fileno(), stderr=errors)  # noqa: S603
            try:
                _Relay(program, ours, errors, listener, life).serve()
            finally:
                program.kill()
    except (OSError, _Over):
        # Another way finds out what is wrong with the command line, or with this machine.
        pass
    finally:
        place.unlink(missing_ok=True)
        # Standard input is read by nobody: one descriptor for whoever has come, where there is no other.
        with suppress(OSError):
            os.close(0)
        _turn_away(listener)


def _turn_away(listener: socket.socket) -> None:
    """Tell who has come in this very moment that nothing was done."""
    listener.setblocking(False)
    with suppress(OSError):
        while True:
            _refuse(listener)


def _refuse(listener: socket.socket) -> None:
    with listener.accept()[0] as another, suppress(OSError, _Over):
        # What nobody has read would be lost with its answer.
        _line(another)
        another.sendall(b"{}")


def _keep_only(*kept: int) -> None:
    """Let go of what belongs to the task: its way to Ansible above all, and its standard streams.

    Their numbers stay taken. Objects of Ansible that are here by the fork close them when they are collected, and would
    close what had got such a number since.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/proc/self/fd"):
        # The directory that was read is closed already.
        with suppress(OSError):
            if int(name) not in (*kept, nothing) and os.fstat(int(name)):
                os.dup2(nothing, int(name))


class _Relay:
    """One connection, and who asks over it."""

    def __init__(
        self,
        program: subprocess.Popen[bytes],
        streams: socket.socket,
        errors: BinaryIO,
        listener: socket.socket,
        life: int,
    ) -> None:
        self._program, self._streams, self._errors, self._listener = program, streams, errors, listener
        self._selector = selectors.DefaultSelector()
        for name, what in (("run", life), ("program", streams), ("another", listener)):
            self._selector.register(what, selectors.EVENT_READ, name)
        self._said = b""
        self._stands = False

    def serve(self) -> None:
        """Until the connection ends.

        :raises _Over: when the run has ended, or one who waited has gone.
        """
        while True:
            with self._next() as client:
                answer = self._answer(client, _line(client))
                with suppress(OSError):
                    client.sendall(json.dumps(answer).encode())
            if "rc" not in answer:
                return

    def _answer(self, client: socket.socket, line: bytes) -> dict[str, Any]:
        if not self._stands:
            self._stands = self._read_until(STANDS, client) is not None
            if not self._stands:
                return self._not_begun()
        try:
            self._streams.sendall(line)
        except (BrokenPipeError, ConnectionResetError):
            return self._lost()
        said = self._read_until(ENDED, client)
        if said is None:
            return self._lost()
        text, _unused, last = said.rpartition(ENDED.encode())
        return {**json.loads(last), "stdout": text.decode(errors="replace")}

    def _lost(self) -> dict[str, Any]:
        return {"lost": self._last_error() or "nothing said why"}

    def _not_begun(self) -> dict[str, Any]:
        """No connection, or no programs: a command of its own finds out which, but for what ssh has waited for."""
        try:
            code = self._program.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            return {}
        told = self._last_error()
        return {"unreached": told} if code == _OF_SSH and told.startswith("ssh: ") else {}

    def _last_error(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip().rpartition("\n")[2].strip()

    def _read_until(self, beginning: str, client: socket.socket) -> Optional[bytes]:
        """What is said up to the line that begins like this, with it; None when the connection has ended before."""
        self._selector.register(client, selectors.EVENT_READ, "client")
        try:
            while True:
                before, found, rest = self._said.partition(b"\n" + beginning.encode())
                line, end, rest = rest.partition(b"\n")
                if found and end:
                    self._said = b"\n" + rest
                    return before + found + line
                if not self._hear():
                    return None
        finally:
            self._selector.unregister(client)

    def _hear(self) -> bool:
        """Wait for the next thing to happen; False when it is the end of the connection."""
        names = {key.data for key, _mask in self._selector.select()}
        if "run" in names or "client" in names:
            raise _Over
        if "another" in names:
            # Somebody else's call is under way: whoever comes is turned away at once.
            _refuse(self._listener)
        return "program" not in names or self._heard()

    def _next(self) -> socket.socket:
        """Who asks next."""
        while True:
            names = {key.data for key, _mask in self._selector.select()}
            if "run" in names:
                raise _Over
            if "another" in names:
                return self._listener.accept()[0]
            # Nobody has asked anything, so whatever comes is of no interest but for its end.
            if not self._heard():
                raise _Over

    def _heard(self) -> bool:
        """Keep what has been said; False when that was all."""
        try:
            piece = self._streams.recv(_PIECE)
        except ConnectionResetError:
            piece = b""
        self._said += piece
        return bool(piece)


def _line(client: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = client.recv(_PIECE)
        if not piece:
            raise _Over
        line += piece
    return line
