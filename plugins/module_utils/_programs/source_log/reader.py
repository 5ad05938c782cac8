# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Those who read the source log: one engine at a time, and whoever asks how far the log is.

The sockets are used as they are, not as streams: what a reader acknowledged before it died is in the kernel still when
writing to it fails, and has to be taken from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from typing import Callable, Optional

from ..._formats.source_log import ACK, FROM, NOW, STATUS, Status
from .. import shared
from .store import Events, Log, StoreFailed

_LINE = 64
"""Bytes of a line at most."""
_PATIENCE = 10.0
"""Seconds in which a connection has to say what it wants."""
_ACCEPT_PAUSE = 0.1
_LAST_BLOCKS = 64
"""Of 4 KiB, that are taken from one that ends: some write for ever."""

_WANTS = re.compile(rb"(FROM) ([0-9]{1,18})|(NOW)")
_ACKNOWLEDGES = re.compile(rb"ACK ([0-9]{1,18})")


class Readers:
    """All connections to the port ``log``. The reader that came last is the one that is served."""

    def __init__(self, log: Log, events: Events, fail: Callable[[StoreFailed], None]) -> None:
        """Nobody reads yet.

        :param fail: is told when the log cannot be kept.
        """
        self.log = log
        self.events = events
        self.fail = fail
        self._all: set[Reader] = set()
        self._served: Optional[Reader] = None
        self._listener: Optional[socket.socket] = None

    def listen(self, listener: socket.socket) -> None:
        """Take connections until :meth:`close`. ``sock_accept`` of asyncio complains of one that comes as it ends."""
        self._listener = listener
        asyncio.get_running_loop().add_reader(listener, self._accept)

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            connection, address = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            # Whoever it was is gone.
            return
        except OSError as error:
            # Out of descriptors, for one: those who are there are served on.
            shared.complain(f"source_log: a connection could not be accepted: {error.strerror or error}")
            loop, listener = asyncio.get_running_loop(), self._listener
            loop.remove_reader(listener)
            loop.call_later(_ACCEPT_PAUSE, self._listen_again, listener)
            return
        self._all.add(Reader(connection, f"{address[0]}:{address[1]}", self))

    def _listen_again(self, listener: socket.socket) -> None:
        if self._listener is not None:
            self.listen(listener)

    def appended(self) -> None:
        """There is more to read."""
        if self._served is not None:
            self._served.more.set()

    def close(self) -> None:
        """Let all of them go, and take no more."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener = None
        for reader in list(self._all):
            reader.end("the log ends")

    def serve(self, reader: Reader) -> None:
        """Let a reader take the place of the one before it."""
        if self._served is not None:
            self._served.end("another reader has come")
        self._served = reader

    def gone(self, reader: Reader) -> None:
        """A connection was closed."""
        self._all.discard(reader)
        if self._served is reader:
            self._served = None


class Reader:
    """One connection."""

    def __init__(self, connection: socket.socket, peer: str, readers: Readers) -> None:
        """Wait for what it wants."""
        self.more = asyncio.Event()
        """Whether there may be something that was not written to it yet."""
        self._connection = connection
        self._peer = peer
        self._readers = readers
        self._number = 0
        self._sent = 0
        self._acknowledged = -1
        self._held = b""
        self._ended = False
        self._over = False
        self._serving: Optional[asyncio.Task[None]] = None
        self._loop = asyncio.get_running_loop()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(connection, self._readable)
        self._patience = self._loop.call_later(_PATIENCE, self.end, f"it said nothing for {_PATIENCE:g} s")

    def end(self, why: str) -> None:
        """Close it, after what it has acknowledged was taken."""
        if self._ended:
            return
        self._ended = True
        self._patience.cancel()
        self._loop.remove_reader(self._connection)
        try:
            if self._number:
                for _unused in range(_LAST_BLOCKS):
                    if not self._receive():
                        break
                self._over = True
                self._readers.events.closed(self._number, self._sent)
        except StoreFailed as failure:
            self._readers.fail(failure)
        if self._number:
            shared.say(f"source_log: reader {self._number} ({self._peer}) is gone after record {self._sent:,}: {why}")
        self._readers.gone(self)
        if self._serving is None:
            self._connection.close()
        else:
            # Not while the loop still waits for this socket.
            self._serving.add_done_callback(lambda _task: self._connection.close())
            self._serving.cancel()

    def _readable(self) -> None:
        try:
            if not self._receive():
                self.end("it closed the connection")
        except StoreFailed as failure:
            self._readers.fail(failure)

    def _receive(self) -> bool:
        """Take what has come; False when nothing more comes, or there is nothing for one that is ending."""
        try:
            data = self._connection.recv(1 << 12)
        except (BlockingIOError, InterruptedError):
            return not self._ended
        except OSError:
            return False
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            if self._over:
                return False
            if self._number:
                self._acknowledge(line)
            elif not self._ended:
                self._begin(line)
        if len(self._held) > _LINE:
            self._held = b""
            self._refuse(f"A line has {_LINE} bytes at most.")
        return bool(data)

    def _begin(self, line: bytes) -> None:
        log, events = self._readers.log, self._readers.events
        if line == STATUS.strip():
            self._say(Status(log.records, events.covered).encoded())
            self.end("it was told")
            return
        wants = _WANTS.fullmatch(line)
        if wants is None:
            shared.complain(f"source_log: {self._peer} asks for nothing that is known: {line[:_LINE]!r}")
            self._refuse("Ask with FROM and how many records there are already, or NOW.")
            return
        at = log.records if wants[3] else int(wants[2])
        if at > log.records:
            events.refused(0, at, FROM, self._peer)
            shared.complain(f"source_log: {self._peer} has {at:,} records, more than the {log.records:,} of this log")
            self._refuse(f"This log has {log.records} records, not {at}.")
            return
        offset = log.offset_of(at) if wants[1] else log.size
        self._patience.cancel()
        self._readers.serve(self)
        self._number = events.began(at, FROM if wants[1] else NOW, self._peer)
        self._sent = at
        shared.say(f"source_log: reader {self._number} ({self._peer}) reads from record {at + 1:,} on")
        self._serving = self._loop.create_task(self._serve(at, offset))

    def _acknowledge(self, line: bytes) -> None:
        found = _ACKNOWLEDGES.fullmatch(line)
        if found is None:
            self._refuse("Say ACK and how many records a checkpoint covers.")
            return
        at = int(found[1])
        if at > self._sent:
            self._readers.events.refused(self._number, at, ACK, self._peer)
            self._refuse(f"No checkpoint covers {at} records: {self._sent} were sent.")
        elif at > self._acknowledged:
            # What covers less than is covered already tells nothing.
            self._acknowledged = at
            self._readers.events.acknowledged(self._number, at)

    async def _serve(self, at: int, offset: int) -> None:
        try:
            await self._loop.sock_sendall(self._connection, b"AT %d\n" % at)
            while True:
                data, count = self._readers.log.read(offset)
                if not count:
                    self.more.clear()
                    await self.more.wait()
                    continue
                # Before it is written: the reader may acknowledge it before all is.
                self._sent += count
                offset += len(data)
                await self._loop.sock_sendall(self._connection, data)
        except StoreFailed as failure:
            self._readers.fail(failure)
        except OSError as error:
            self.end(error.strerror or str(error))

    def _refuse(self, sentence: str) -> None:
        if self._ended:
            return
        if self._number:
            # Behind frames a line would be taken for one of them.
            shared.complain(f"source_log: reader {self._number} ({self._peer}) is cut off: {sentence}")
        else:
            self._say(f"ERROR {sentence}\n".encode())
        self.end("it was refused")

    def _say(self, line: bytes) -> None:
        # The first that is written to it, so there is room; whoever is gone needs no answer.
        with contextlib.suppress(OSError):
            self._connection.send(line)
