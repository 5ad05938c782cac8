# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An act that needs other rights than its caller has, made ready before the moment in which it is wanted.

Whoever has the rights leaves a process behind that waits for the word. The caller connects to it in good time, and
from then on the act is a byte away. A process that nobody connects to ends by itself, and so does one whose caller
hangs up without a word, so that an interrupted run leaves none. It listens on an abstract socket (unix(7)), which lies
in no file system and ends with it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from .._problem import Problem
from .start import forsake
from .waiting import wait_until

_CALL_SECONDS = 120.0
"""So long it waits for its caller, who has one task of Ansible to come."""
_ACT_SECONDS = 30.0
_FREE_SECONDS = 5.0
_GO, _DONE = b"!", b"+"


class NotDone(Problem):
    """An act that could not be done, or for which nobody stands by; the sentence says why."""


def standing_address(base: str) -> str:
    """What the change of a server's address is called, of a worker that takes its own along."""
    return f"the address of {base}"


def prepare(what: str, act: Callable[[], object], caller: int) -> None:
    """Leave a process that does it when told, once. One that an interrupted run has left is sent away.

    :param what: what it is called, on this machine.
    :param act: what it raises is told to its caller.
    :param caller: the user who may say the word, beside root.
    :raises LimitReached: when another one does not go.
    """
    with socket.socket(socket.AF_UNIX) as listener:

        def bound() -> bool:
            try:
                listener.bind(_name(what))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                Prepared(what).close()
                return False
            return True

        wait_until(bound, _FREE_SECONDS, f"the end of another one who stands by for {what}")
        listener.listen(1)
        middle = os.fork()
        if middle == 0:
            _stand_by(listener, act, (0, caller))
    os.waitpid(middle, 0)


class Prepared:
    """The way to an act that was prepared."""

    def __init__(self, what: str) -> None:
        """:raises NotDone: when nobody stands by."""
        self._what, self._begun = what, False
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_ACT_SECONDS)
        try:
            self._socket.connect(_name(what))
            if _user(self._socket) not in (0, os.geteuid()):
                raise PermissionError(errno.EPERM, "it is another user's")
        except OSError as error:
            self.close()
            raise NotDone(f"nobody stands by for {what} ({error.strerror or error})") from error

    def do(self) -> None:
        """Have it done.

        :raises NotDone: when that fails, or the answer does not come.
        """
        self.begin()
        self.end()

    def begin(self) -> None:
        """Say the word.

        :raises NotDone: when nobody hears it.
        """
        try:
            self._begun = True
            self._socket.sendall(_GO)
        except OSError as error:
            raise NotDone(f"{self._what}: {error.strerror or error}") from error

    def end(self) -> None:
        """Wait until it is done.

        :raises NotDone: when it failed, or the answer does not come.
        """
        said = b""
        try:
            while part := self._socket.recv(1 << 16):
                said += part
        except OSError as error:
            raise NotDone(f"{self._what}: {error.strerror or error}") from error
        self._begun = False
        if said != _DONE:
            raise NotDone(said.decode("utf-8", "replace") or f"{self._what}: who stood by for it has died")

    def close(self) -> None:
        """Hang up. What was not begun by now is not done.

        What was begun is waited for, once more where it took long.
        """
        if self._begun:
            with suppress(NotDone):
                self.end()
        self._socket.close()


def _stand_by(listener: socket.socket, act: Callable[[], object], callers: tuple[int, ...]) -> NoReturn:
    try:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        forsake()
        listener.settimeout(_CALL_SECONDS)
        while True:
            caller = listener.accept()[0]
            if _user(caller) in callers:
                break
            caller.close()
        listener.close()
        # It comes when the worker is dead, and before that its files are copied.
        caller.settimeout(None)
        if caller.recv(1):
            try:
                act()
                said = _DONE
            except Exception as error:
                said = str(error).encode()
            caller.sendall(said)
    finally:
        # Whatever happened: else this process would go on as a second one of who prepared it.
        os._exit(0)


def _user(peer: socket.socket) -> int:
    """The user at the other end."""
    found: tuple[int, int, int] = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return found[1]


def _name(what: str) -> bytes:
    # A name has 107 bytes, and a path may have more.
    return b"\0wallaroo-" + hashlib.sha256(what.encode()).hexdigest()[:32].encode()
