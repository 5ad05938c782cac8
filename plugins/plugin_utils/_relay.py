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
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Optional

from ..module_utils._programs.standing.main import ENDED, STANDS

_PIECE = 1 << 16

_ENDED = "the connection has ended"

_OF_SSH = 255
"""The exit code of ssh where it has failed itself."""


class _Over(Exception):
    """The run has ended, or whoever waited has gone."""


def begin(argv: Sequence[str], place: Path, run: int) -> socket.socket:
    """Leave a relay behind; returns the way to it for the first call.

    :param argv: what starts the program ``standing`` on the server.
    :param place: where later tasks find the relay.
    :param run: the process of the run, an ancestor of this one.
    :raises OSError: when no process or no socket can be had.
    """
    here, there = socket.socketpair()
    # The task ends soon, so that nobody has to wait for this process.
    if os.fork() == 0:
        # Nothing of what Ansible would do at the end of a process is done in this one.
        try:
            gc.disable()
            os.setsid()
            _relay(argv, place, run, there)
        finally:
            os._exit(0)
    there.close()
    return here


def asked(connection: socket.socket, line: bytes) -> dict[str, Any]:
    """The answer to one call: ``rc``, ``stdout`` and ``stderr``; ``lost``, why there will be none, although it may have
    been carried out; or nothing, since it was not made.
    """
    try:
        connection.sendall(line)
        said = b"".join(iter(lambda: connection.recv(_PIECE), b""))
    except (BrokenPipeError, ConnectionResetError):
        said = b""
    return dict(json.loads(said)) if said else {"lost": "the process that kept the connection has ended"}


def _relay(argv: Sequence[str], place: Path, run: int, first: socket.socket) -> None:
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_DFL)
    life = os.pidfd_open(run)
    _keep_only(first.fileno(), life)
    try:
        _keep(argv, place, life, first)
    except OSError as error:
        with suppress(OSError):
            first.sendall(json.dumps({"lost": f"the process that keeps the connection has failed: {error}"}).encode())


def _keep(argv: Sequence[str], place: Path, life: int, first: socket.socket) -> None:
    with socket.socket(socket.AF_UNIX) as listener, tempfile.TemporaryFile() as errors:
        try:
            listener.bind(str(place))
            listener.listen()
            found: Optional[socket.socket] = listener
        except OSError:
            # Another task was first: this relay serves whoever has begun it, and nobody else.
            found = None
        ours, its = socket.socketpair()
        with its:
            # Ansible's own command line, of words and without a shell of this machine.
            agent = subprocess.Popen(list(argv), stdin=its.fileno(), stdout=its.fileno(), stderr=errors)  # noqa: S603
        try:
            with suppress(_Over):
                _Relay(agent, ours, errors, found, life).serve(first)
        finally:
            if found is not None:
                with suppress(OSError):
                    place.unlink()
            agent.kill()


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
        agent: subprocess.Popen[bytes],
        streams: socket.socket,
        errors: BinaryIO,
        listener: Optional[socket.socket],
        life: int,
    ) -> None:
        self._agent, self._streams, self._errors, self._listener = agent, streams, errors, listener
        self._selector = selectors.DefaultSelector()
        for name, what in (("run", life), ("agent", streams), ("another", listener)):
            if what is not None:
                self._selector.register(what, selectors.EVENT_READ, name)
        self._said = b""
        self._stands = False

    def serve(self, client: Optional[socket.socket]) -> None:
        """Until the connection ends.

        :raises _Over: when the run has ended, or one who waited has gone.
        """
        while client is not None:
            with client:
                answer = self._answer(client, _line(client))
                with suppress(OSError):
                    client.sendall(json.dumps(answer).encode())
            # Who was first without a socket has asked all that it will.
            client = self._next() if "rc" in answer and self._listener is not None else None

    def _answer(self, client: socket.socket, line: bytes) -> dict[str, Any]:
        if not self._stands:
            self._stands = self._read_until(STANDS, client) is not None
            if not self._stands:
                return self._not_begun()
        try:
            self._streams.sendall(line)
        except (BrokenPipeError, ConnectionResetError):
            return {"lost": self._last_error() or _ENDED}
        said = self._read_until(ENDED, client)
        if said is None:
            return {"lost": self._last_error() or _ENDED}
        text, _unused, last = said.rpartition(ENDED.encode())
        return {**json.loads(last), "stdout": text.decode(errors="replace")}

    def _not_begun(self) -> dict[str, Any]:
        """No connection, or no programs: a command of its own finds out which, but for what ssh has waited for."""
        told = self._last_error()
        return {"lost": told} if self._agent.wait() == _OF_SSH and told.startswith("ssh: ") else {}

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
            another = self._accepted()
            if another is not None:
                with another, suppress(OSError, _Over):
                    # What nobody has read would be lost with its answer.
                    _line(another)
                    another.sendall(b"{}")
        if "agent" in names:
            piece = self._heard()
            self._said += piece
            return bool(piece)
        return True

    def _next(self) -> Optional[socket.socket]:
        """Who asks next; None when the connection has ended."""
        while True:
            names = {key.data for key, _mask in self._selector.select()}
            if "run" in names:
                raise _Over
            if "agent" in names:
                # Nobody has asked anything, so this is the end, or somebody else's word.
                piece = self._heard()
                if not piece:
                    return None
                self._said += piece
            elif "another" in names:
                return self._accepted()

    def _heard(self) -> bytes:
        """What has been said; nothing at the end of the connection."""
        try:
            return self._streams.recv(_PIECE)
        except ConnectionResetError:
            return b""

    def _accepted(self) -> Optional[socket.socket]:
        return self._listener.accept()[0] if self._listener is not None else None


def _line(client: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = client.recv(_PIECE)
        if not piece:
            raise _Over
        line += piece
    return line
