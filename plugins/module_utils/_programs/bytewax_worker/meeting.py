# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the workers of bytewax wait until all are there, and hear of it when one is lost.

Every worker listens on its control port. The first worker gathers: each of the others joins it, over a connection
that stays as long as both live. When all have joined they are let through one after the other, each as soon as the one
before it listens for data: bytewax connects to those with a lower number, and tries again only after a second.
Whoever sees such a connection end begins anew.

A worker that was brought back elsewhere says ``here`` to everybody, so that the others know where it is before it
joins.
"""

from __future__ import annotations

import contextlib
import json
import math
import socket
import threading
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple, Optional

from ..._process.waiting import wait_until
from .. import shared

PAUSE = 0.01
"""Seconds between two looks for what comes in a moment."""
BEAT, LOST = 1.0, 10.0
"""Seconds between two signs of life, and after which somebody without one is lost: a server whose power is cut says
nothing."""
STALE = 2
"""So many epochs two partitions of one crash may differ."""


_ALIVE = {"alive": True}

_LISTENING = "0A"
"""The state of such a socket in /proc/net/tcp."""


class Member(NamedTuple):
    """A worker, and where it is."""

    name: str
    host: str
    control: int
    data: int


class Refused(Exception):
    """The worker must not take part; the sentence says why."""


class Left(Exception):
    """The other side is gone."""


class Lines:
    """A connection that speaks in lines of JSON, and shows every second that its owner lives."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(LOST)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._reader = connection.makefile("rb")
        self._saying = threading.Lock()
        self._closed = threading.Event()

    def say(self, **what: Any) -> None:
        """One line.

        :raises Left: when nobody is there.
        """
        try:
            with self._saying:
                self._connection.sendall(json.dumps(what).encode() + b"\n")
        except OSError as error:
            raise Left(error.strerror or str(error)) from error

    def hear(self) -> dict[str, Any]:
        """The next line that is no sign of life.

        :raises Left: when nobody is there.
        """
        while True:
            try:
                line = self._reader.readline(1 << 16)
                said = json.loads(line) if line.endswith(b"\n") else None
            except (OSError, ValueError) as error:
                raise Left(getattr(error, "strerror", None) or str(error)) from error
            if not isinstance(said, dict):
                raise Left("it closed the connection")
            if said != _ALIVE:
                return said

    def live(self) -> None:
        """Show from now on that this side lives."""
        threading.Thread(target=self._beat, daemon=True).start()

    def close(self) -> None:
        """Let it go."""
        self._closed.set()
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._connection.close()

    def _beat(self) -> None:
        try:
            self.say(**_ALIVE)
            while not self._closed.wait(BEAT):
                self.say(**_ALIVE)
        except Left:
            # Who listens notices it, too.
            pass


class Meeting:
    """The meeting, as one worker takes part in it."""

    def __init__(self, me: Member, members: list[Member], epoch: int, remember: Callable[[str, str], None]) -> None:
        """Listen.

        :param epoch: up to which this worker's partition is committed.
        :param remember: notes where another worker is.
        :raises OSError: when nobody can listen there.
        """
        self.me, self._members, self._epoch, self._remember = me, list(members), epoch, remember
        self._changed = threading.Condition()
        self._joined: dict[str, tuple[Lines, int]] = {}
        self._through: set[str] = set()
        self._lines: weakref.WeakSet[Lines] = weakref.WeakSet()
        self._formed = self._left = False
        self._again: Callable[[str], None] = lambda why: None
        self._server = socket.socket(socket.AF_INET6 if ":" in me.host else socket.AF_INET)
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._server.bind((me.host, me.control))
        self._server.listen(64)

    def addresses(self) -> list[str]:
        """Where each worker takes data, in their order."""
        with self._changed:
            return [f"{member.host}:{member.data}" for member in self._members]

    def enter(self, again: Callable[[str], None]) -> None:
        """Wait until all are there.

        :param again: begins anew, called when another worker is gone.
        :raises Refused: when this worker must not take part.
        """
        self._again = again
        self._behind(self._receive)
        for member in self._others():
            self._behind(self._announce, member.name)
        if self.me.name == self._members[0].name:
            self._gather()
        else:
            self._join()

    def close(self) -> None:
        """Leave: all connections end, and nobody is let in."""
        self._again = lambda why: None
        self._left = True
        try:
            # Who waits on it is woken.
            self._server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._server.close()
        with self._changed:
            lines = [*self._lines]
        for one in lines:
            one.close()

    # -- the first worker ---------------------------------------------------------------------------

    def _gather(self) -> None:
        with self._changed:
            while len(self._joined) < len(self._members) - 1 or self._refuse_old():
                self._changed.wait()
            joined = dict(self._joined)
            self._formed = True
        self._behind(self._let_through, joined)

    def _refuse_old(self) -> bool:
        """Send those away whose partitions are older copies, and say whether there were any.

        :raises Refused: when this worker has one.
        """
        epochs = {self.me.name: self._epoch, **{name: epoch for name, (_unused, epoch) in self._joined.items()}}
        newest = max(epochs.values())
        old = [name for name, epoch in epochs.items() if epoch < newest - STALE]
        for name in old:
            why = (
                f"the recovery partition of {name} ends with epoch {epochs[name]}, and others are at {newest}: it is "
                "an older copy, over which bytewax would end all workers; copy the newest one"
            )
            if name == self.me.name:
                raise Refused(why)
            shared.say(f"{self.me.name}: {name} is sent away: {why}")
            lines, _unused = self._joined.pop(name)
            try:
                lines.say(refused=why)
            except Left:
                pass
            lines.close()
        return bool(old)

    def _let_through(self, joined: dict[str, tuple[Lines, int]]) -> None:
        _until_listening(self.me)
        try:
            for member in self._others():
                joined[member.name][0].say(go={one.name: one.host for one in self._members})
                with self._changed:
                    while member.name not in self._through:
                        self._changed.wait()
        except Left:
            # Who listens to it notices that, too.
            pass

    def _joins(self, lines: Lines, name: str, host: str, epoch: int) -> None:
        with self._changed:
            taken = name in self._joined
            if not taken:
                self._joined[name] = (lines, epoch)
        if taken:
            lines.say(busy=f"another {name} has joined, and is waited for to leave")
            lines.close()
            return
        self._know({name: host})
        lines.live()
        with self._changed:
            self._changed.notify_all()
        try:
            while True:
                if lines.hear().get("listening"):
                    with self._changed:
                        self._through.add(name)
                        self._changed.notify_all()
        except Left as left:
            with self._changed:
                formed = self._formed
                mine = self._joined.get(name, (None, 0))[0] is lines
                if not formed and mine:
                    # It makes room for another.
                    del self._joined[name]
            lines.close()
            if formed and mine:
                self._again(f"{self.me.name}: {name} is gone ({left}), beginning anew")

    # -- the others ---------------------------------------------------------------------------------

    def _join(self) -> None:
        told = ""

        def let_in() -> Optional[tuple[dict[str, Any], Lines]]:
            nonlocal told
            said, lines = self._ask_to_join()
            if "refused" in said:
                raise Refused(str(said["refused"]))
            busy = str(said.get("busy") or "")
            if busy and busy != told:
                shared.say(f"{self.me.name}: {busy}")
                told = busy
            return (said, lines) if lines is not None and "go" in said else None

        # Whoever started this process has a limit.
        said, lines = wait_until(let_in, math.inf, "the first worker")
        self._know({str(name): str(host) for name, host in said["go"].items()})
        self._formed = True
        self._behind(self._live_with, lines)

    def _ask_to_join(self) -> tuple[dict[str, Any], Optional[Lines]]:
        lines = self._reach(self._members[0].name)
        if lines is None:
            return {}, None
        try:
            lines.say(join=self.me.name, host=self.me.host, epoch=self._epoch)
            lines.live()
            said = lines.hear()
        except Left:
            lines.close()
            return {}, None
        if "go" not in said:
            lines.close()
        return said, lines

    def _live_with(self, lines: Lines) -> None:
        try:
            # Nobody comes behind the last one. It listens for a moment only, and who missed that would look for ever.
            if self.me.name != self._members[-1].name:
                _until_listening(self.me)
            lines.say(listening=True)
            while True:
                lines.hear()
        except Left as left:
            self._again(f"{self.me.name}: {self._members[0].name} is gone ({left}), beginning anew")

    # -- all ----------------------------------------------------------------------------------------

    def _others(self) -> list[Member]:
        return [member for member in self._members if member.name != self.me.name]

    @staticmethod
    def _behind(what: Callable[..., None], *arguments: Any) -> None:
        def done() -> None:
            # Whoever has left, or was sent away, has nothing more to do behind.
            with contextlib.suppress(Refused, Left):
                what(*arguments)

        threading.Thread(target=done, daemon=True).start()

    def _receive(self) -> None:
        while True:
            try:
                connection, _unused = self._server.accept()
            except OSError:
                # It was closed.
                return
            self._behind(self._meet, self._kept(connection))

    def _meet(self, lines: Lines) -> None:
        try:
            said = lines.hear()
            name, host = str(said.get("here") or said.get("join") or ""), str(said.get("host") or "")
            if name not in [member.name for member in self._others()] or not host:
                lines.close()
            elif "here" in said:
                self._know({name: host})
                lines.close()
            else:
                self._joins(lines, name, host, int(said.get("epoch") or 0))
        except (Left, ValueError):
            lines.close()

    def _announce(self, name: str) -> None:
        """Once, as soon as it can be reached."""
        wait_until(lambda: self._formed or self._told(name), math.inf, f"{name}")

    def _told(self, name: str) -> bool:
        lines = self._reach(name)
        if lines is None:
            return False
        try:
            lines.say(here=self.me.name, host=self.me.host)
            return True
        except Left:
            return False
        finally:
            lines.close()

    def _reach(self, name: str) -> Optional[Lines]:
        if self._left:
            raise Refused(f"{self.me.name} has left")
        with self._changed:
            member = next(one for one in self._members if one.name == name)
        try:
            return self._kept(socket.create_connection((member.host, member.control), timeout=LOST))
        except OSError:
            return None

    def _kept(self, connection: socket.socket) -> Lines:
        lines = Lines(connection)
        with self._changed:
            self._lines.add(lines)
        return lines

    def _know(self, hosts: dict[str, str]) -> None:
        with self._changed:
            changed = {
                member.name: hosts[member.name]
                for member in self._others()
                if hosts.get(member.name, member.host) != member.host
            }
            self._members = [member._replace(host=changed.get(member.name, member.host)) for member in self._members]
        for name, host in changed.items():
            shared.say(f"{self.me.name}: {name} is at {host} now")
            self._remember(name, host)


def _until_listening(me: Member) -> None:
    """Until the dataflow of this process takes data; others would have to try again after a second."""
    wanted = f":{me.data:04X}"
    tables = ("/proc/self/net/tcp", "/proc/self/net/tcp6")
    wait_until(lambda: any(_has_listener(table, wanted) for table in tables), math.inf, "its dataflow", pause=PAUSE)


def _has_listener(table: str, wanted: str) -> bool:
    try:
        with open(table, encoding="ascii") as stream:
            return any(_listens(line, wanted) for line in stream)
    except OSError:
        # A machine need not have IPv6.
        return False


def _listens(line: str, wanted: str) -> bool:
    columns = line.split()
    return len(columns) > 3 and columns[1].endswith(wanted) and columns[3] == _LISTENING
