# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file sender: records of files to a source, as Wallaroo's ``giles/sender`` sends them (wallaroo.md, D.6).

What differs, on purpose: it sends whole records only and counts them rightly. The original sends pieces of
``--msg-size`` bytes whatever the records are, so that the demo's NBBO run ends inside a record (wallaroo.md, Trap 34).
Here a file whose records do not have that size is refused, with the place, before anything is sent.
"""

from __future__ import annotations

import argparse
import fcntl
import select
import signal
import socket
import struct
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, Optional

from ..._formats.address_file import Address
from ..._formats.framing import HEADER, FrameError, frame, iterate_file
from ..._formats.sending_progress import Progress, Sending
from ..._process.waiting import LimitReached, wait_until
from .. import shared

RETRY_PAUSE = 0.2
REPORT_PAUSE = 2.0
CLOSE_LIMIT = 10.0
"""Seconds that a source has to close after it took the last byte."""

_LOOK_PAUSE = 0.1
_BLOCK = 1 << 20


class SendingFailed(Exception):
    """Sending cannot go on; the sentence says why."""


class _Stopped(Exception):
    """A signal came."""


class Records:
    """The records of the files, in batches of whole ones."""

    def __init__(self, files: list[str], size: int, are_frames: bool) -> None:
        """:param size: bytes of every record with its header; 0 for frames of any size, or for lines."""
        self._files = files
        self._size = size
        self._are_frames = are_frames

    def check(self) -> int:
        """How many there are, looked at one by one.

        :raises SendingFailed: when a file is not made of such records.
        """
        total = 0
        for path in self._files:
            try:
                count = sum(1 for _record in self._of(path))
            except FrameError as error:
                raise SendingFailed(f"{path} is not made of frames: {error}") from error
            except OSError as error:
                raise SendingFailed(f"{path} cannot be read ({error.strerror})") from error
            if not count:
                raise SendingFailed(f"{path} holds no records")
            total += count
        return total

    def batches(self, count: int, batch: int) -> Iterator[tuple[bytes, int]]:
        """``count`` records, from the first file's beginning again when the last ends: bytes and how many."""
        held: list[bytes] = []
        while count:
            for path in self._files:
                for record in self._of(path):
                    held.append(record)
                    count -= 1
                    if len(held) == batch or not count:
                        yield b"".join(held), len(held)
                        held = []
                    if not count:
                        return

    def _of(self, path: str) -> Iterator[bytes]:
        if self._size:
            yield from self._fixed(path)
        elif self._are_frames:
            for _offset, payload in iterate_file(path):
                yield frame(payload)
        else:
            with Path(path).open("rb") as stream:
                for line in stream:
                    yield frame(line.rstrip(b"\r\n"))

    def _fixed(self, path: str) -> Iterator[bytes]:
        header, size = HEADER.pack(self._size - HEADER.size), self._size
        with Path(path).open("rb") as stream:
            offset = 0
            while block := stream.read(size * max(1, _BLOCK // size)):
                for begin in range(0, len(block), size):
                    record = block[begin : begin + size]
                    if len(record) < size or not record.startswith(header):
                        raise SendingFailed(
                            f"{path} is not made of records of {size} bytes: at byte {offset + begin} stands "
                            f"{record[:4].hex()}, and {len(record)} bytes are left; give their size with --msg-size, "
                            "or use --variable-size"
                        )
                    yield record
                offset += len(block)


class Connection:
    """The one connection to the source."""

    def __init__(self, to: Address, connect_limit: float, stall_limit: float) -> None:
        """:raises SendingFailed: when nobody listens there in time."""
        self._to = to
        self._stall_limit = stall_limit
        last: list[OSError] = []

        def attempt() -> Optional[socket.socket]:
            try:
                # A source whose queue is full does not answer at all, so the try itself needs a limit too.
                return socket.create_connection((to.host, to.port), max(connect_limit, _LOOK_PAUSE))
            except OSError as error:
                last[:] = [error]
                return None

        try:
            self._socket = wait_until(attempt, connect_limit, f"a connection to {to}", pause=RETRY_PAUSE)
        except LimitReached as reached:
            raise SendingFailed(
                f"no connection to the source {to} within {connect_limit:g} s ({last[0].strerror or last[0]}); "
                "is the cluster running, and is this its address?"
            ) from reached
        self._socket.setblocking(False)

    def send(self, data: bytes) -> None:
        """Hand all of it to the kernel, which waits for the source.

        :raises SendingFailed: when the connection breaks, or the source reads nothing for too long.
        """
        view, progressed = memoryview(data), time.monotonic()
        while view:
            _readable, writable, _broken = select.select([], [self._socket], [], _LOOK_PAUSE)
            if writable:
                try:
                    view = view[self._socket.send(view) :]
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise SendingFailed(f"the connection to the source {self._to} broke ({error.strerror})") from error
                progressed = time.monotonic()
            elif time.monotonic() - progressed >= self._stall_limit:
                raise self._stalled()

    def idle(self, seconds: float) -> None:
        """Do nothing for a while, but notice when the source goes.

        :raises SendingFailed: when it does.
        """
        readable, _writable, _broken = select.select([self._socket], [], [], seconds)
        if not readable:
            return
        try:
            said = self._socket.recv(_BLOCK)
        except OSError as error:
            raise SendingFailed(f"the connection to the source {self._to} broke ({error.strerror})") from error
        if not said:
            raise SendingFailed(f"the source {self._to} closed the connection")

    def finish(self) -> bool:
        """Say that this was all, and wait until the source has read it; returns whether it closed, too.

        :raises SendingFailed: when it breaks before, or reads nothing for too long.
        """
        try:
            self._socket.shutdown(socket.SHUT_WR)
            return self._wait_for_the_end()
        except OSError as error:
            raise SendingFailed(
                f"the connection to the source {self._to} broke ({error.strerror}) before it had read everything"
            ) from error

    def close(self) -> None:
        """Let it go."""
        self._socket.close()

    def _wait_for_the_end(self) -> bool:
        progressed, unread = time.monotonic(), -1
        while True:
            readable, _writable, _broken = select.select([self._socket], [], [], _LOOK_PAUSE)
            left = struct.unpack("i", fcntl.ioctl(self._socket, termios.TIOCOUTQ, struct.pack("i", 0)))[0]
            if readable and not self._socket.recv(_BLOCK):
                return True
            if left != unread:
                unread, progressed = left, time.monotonic()
            waited = time.monotonic() - progressed
            if not left and waited >= CLOSE_LIMIT:
                # Everything is on the other side; that it keeps the connection is its own affair.
                return False
            if left and waited >= self._stall_limit:
                raise self._stalled()

    def _stalled(self) -> SendingFailed:
        return SendingFailed(
            f"the source {self._to} has read nothing for {self._stall_limit:g} s; a worker is dead or recovering, "
            "or the receiver does not read"
        )


class FileSender:
    """One run of the program."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self.messages = 0
        """Whole records that were handed to the kernel."""
        self.bytes = 0
        self.wanted = 0
        self.closed = False
        self.begun = False
        """Whether the source may have got anything."""
        self.progress: Optional[Progress] = None
        self._reported = time.monotonic()

    def run(self) -> None:
        """Send.

        :raises SendingFailed: when that is not possible to the end.
        """
        arguments = self._arguments
        records = Records(arguments.file, arguments.msg_size, arguments.variable_size)
        there = records.check()
        self.wanted = arguments.messages or there
        if self.wanted > there and not arguments.repeat:
            self.wanted = there
        # Only now: what cannot be sent at all leaves what is known of what was sent before.
        sending = Sending(1, self.wanted, [[str(path) for path in arguments.file]], arguments.round)
        self.progress = Progress(arguments.progress, sending)
        connection = Connection(arguments.to, arguments.connect_limit, arguments.stall_limit)
        try:
            shared.say(f"file_sender: connected to {arguments.to}, {self.wanted:,} records")
            tick, self.begun = time.monotonic(), True
            for data, count in records.batches(self.wanted, arguments.batch):
                self.progress.intend(0, self.messages + count)
                connection.send(data)
                self.messages += count
                self.progress.handed(0, self.messages)
                self.bytes += len(data)
                self._report()
                if self.messages < self.wanted:
                    tick = self._pause(tick, connection)
            self.closed = connection.finish()
        finally:
            connection.close()

    def _pause(self, tick: float, connection: Connection) -> float:
        """Until the next tick; those that passed while the source pushed back are left out (wallaroo.md, D.6)."""
        interval = self._arguments.interval
        if not interval:
            return tick
        now = time.monotonic()
        following: float = tick + interval * max(1, -(-(now - tick) // interval))
        connection.idle(max(following - now, 0.0))
        return following

    def _report(self) -> None:
        if time.monotonic() - self._reported >= REPORT_PAUSE:
            self._reported = time.monotonic()
            shared.say(f"file_sender: {self.messages:,} of {self.wanted:,} records sent")


def _parser() -> shared.Parser:
    parser = shared.Parser(prog="file_sender", description="Sends the records of files to a source.")
    parser.add_argument("--to", type=shared.address, required=True, metavar="HOST:PORT", help="the source")
    parser.add_argument("--file", action="append", required=True, help="a file; may be repeated")
    parser.add_argument("--messages", type=shared.positive, default=0, help="records to send (all, once)")
    parser.add_argument("--repeat", action="store_true", help="start over at the end of the files until --messages")
    parser.add_argument("--batch", type=shared.positive, default=500, help="records a tick (500)")
    parser.add_argument("--interval", type=shared.seconds, default=0.005, help="seconds between two ticks (0.005)")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument(
        "--msg-size", type=shared.positive, default=0, metavar="BYTES", help="every record is a frame of this size"
    )
    sizes.add_argument(
        "--variable-size", action="store_true", help="records are frames of any size; without either, lines of text"
    )
    parser.add_argument(
        "--connect-limit", type=shared.seconds, default=10.0, help="seconds to wait for the source (10)"
    )
    parser.add_argument(
        "--stall-limit", type=shared.seconds, default=60.0, help="seconds a source may read nothing (60)"
    )
    parser.add_argument(
        "--progress", type=shared.result_path, default="", metavar="FILE", help="file in which it notes how far it is"
    )
    parser.add_argument("--round", type=shared.positive, default=0, help="which sending of these files this is")
    parser.add_argument(
        "--result", type=shared.result_path, default="", metavar="FILE", help="JSON file for the result"
    )
    return parser


def _what_is_wrong(arguments: argparse.Namespace) -> str:
    if arguments.repeat and not arguments.messages:
        return "--repeat needs --messages: it would never end"
    if 0 < arguments.msg_size <= HEADER.size:
        return f"--msg-size {arguments.msg_size} has no room for a header and a payload"
    if not arguments.to.host or not arguments.to.port:
        return f"--to {arguments.to} is no address of a source"
    return ""


def _stop(_number: int, _stack: object) -> NoReturn:
    raise _Stopped


def main(argv: list[str]) -> int:
    """Run the program; returns its exit code: 0 all sent and taken, 1 not, 2 wrong arguments."""
    arguments = _parser().parse_args(argv)
    wrong = _what_is_wrong(arguments)
    if wrong:
        shared.complain(f"file_sender: {wrong} (see --help)")
        return shared.USAGE
    result, sender, begin = shared.ResultFile(arguments.result), FileSender(arguments), time.time()
    broken = False
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        sender.run()
        code, message = shared.DONE, f"{sender.messages:,} records sent"
    except SendingFailed as failure:
        code, broken = shared.FAILED, True
        message = (
            f"{failure} ({sender.messages:,} of {sender.wanted:,} records sent)" if sender.messages else f"{failure}"
        )
    except OSError as error:
        code, message = shared.FAILED, f"{error.filename or arguments.progress}: {error.strerror or error}"
    except _Stopped:
        code, message = shared.FAILED, f"stopped by a signal after {sender.messages:,} of {sender.wanted:,} records"
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    (shared.say if code == shared.DONE else shared.complain)(f"file_sender: {message}")
    try:
        if sender.progress is not None:
            sender.progress.end(code, message, broken)
    except OSError as error:
        shared.complain(f"file_sender: {arguments.progress} cannot be written ({error.strerror}); make room")
    return result.write(
        code,
        message,
        messages=sender.messages,
        bytes=sender.bytes,
        files=arguments.file,
        closed=sender.closed,
        begun=sender.begun,
        seconds=round(time.time() - begin, 3),
        started=begin,
        finished=time.time(),
    )
