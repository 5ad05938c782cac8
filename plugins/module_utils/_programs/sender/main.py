# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sender: validation sequences to a source (wallaroo.md, D.2).

Each key gets the values FIRST to LAST in order, in rounds of one batch a
key, and each key stays on one connection, since order is kept only inside a connection.

A source takes at most ten connections at a time; an eleventh waits in its kernel until another is
closed (wallaroo.md, B.2). So the keys are spread over at most ten connections here: with one connection
a key, as the original has it, the eleventh key's data would wait for another sender's end, and
sending in rounds would wait for ever (wallaroo.md, Trap 12).

There is no acknowledgement in the protocol. When a connection breaks, nobody knows what of the last
bytes arrived, so the sender stops and says so, unless it is told to go on (``--on-break resume``).
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import signal
import socket
import struct
import termios
import time
from pathlib import Path
from typing import Optional

from ..._formats.address_file import Address
from ..._formats.detector import encode_input
from ..._formats.framing import frame
from ..._formats.sending_progress import Progress, Sending, read
from .. import shared

SOURCE_CONNECTIONS = 10
RETRY_PAUSE = 0.2
REPORT_PAUSE = 2.0
_POLL_PAUSE = 0.01
_LOOK_PAUSE = 0.1

HIGHEST_VALUE = (1 << 64) - 1


class SendingFailed(Exception):
    """Sending cannot go on; the sentence says why."""


class Limits:
    """How long to wait for what."""

    def __init__(self, resume: bool, reconnect_limit: float, stall_limit: float) -> None:
        self.resume = resume
        self.reconnect_limit = reconnect_limit
        self.stall_limit = stall_limit
        self.broken = False
        """Whether a connection broke."""
        self.progressed = time.monotonic()
        """When the source last took anything on any connection: one that waits for a place is not stalled."""


class Link:
    """One connection to the source, with the keys that travel on it."""

    def __init__(self, to: Address, keys: list[str], number: int, progress: Progress, limits: Limits) -> None:
        self.keys = keys
        self.written = progress.come_to(number)
        """The last value of which every byte was handed to the kernel, for all keys of this link."""
        self._number = number
        self._progress = progress
        self._to = to
        self._limits = limits
        self._batch = b""
        self._reader: Optional[asyncio.StreamReader] = None
        self._writer: Optional[asyncio.StreamWriter] = None

    async def connect(self, limit: float) -> None:
        """Connect, again and again until the limit."""
        end = time.monotonic() + limit
        while True:
            try:
                reader, writer = await self._attempt(max(end - time.monotonic(), _POLL_PAUSE))
                # Without a buffer of our own, what was drained is with the kernel.
                writer.transport.set_write_buffer_limits(high=0)
                self._reader, self._writer = reader, writer
                return
            except (OSError, asyncio.TimeoutError) as error:
                if time.monotonic() >= end:
                    why = getattr(error, "strerror", None) or str(error) or "no answer"
                    raise SendingFailed(
                        f"no connection to the source {self._to} within {limit:g} s ({why}); "
                        "is the cluster running, and is this its address?"
                    ) from error
            await asyncio.sleep(min(RETRY_PAUSE, max(end - time.monotonic(), 0.0)))

    async def _attempt(self, limit: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        # A source whose queue is full does not answer at all, so the try itself needs a limit too. Not that of
        # asyncio.wait_for: up to Python 3.11 it forgets a signal that comes as the attempt ends.
        attempt = asyncio.ensure_future(asyncio.open_connection(self._to.host, self._to.port))
        try:
            await asyncio.wait({attempt}, timeout=limit)
            if not attempt.done():
                raise asyncio.TimeoutError
            return attempt.result()
        finally:
            if not attempt.cancel() and not attempt.cancelled():
                # Asked for, since an error that nobody takes is printed.
                attempt.exception()

    async def send(self, first: int, last: int) -> None:
        """Send a batch of values for each key of this link."""
        self._batch = b"".join(frame(encode_input(value, key)) for key in self.keys for value in range(first, last + 1))
        # Noted first, so that whoever is killed in between is known to have sent some of it, perhaps.
        self._progress.intend(self._number, last)
        await self._hand_over(self._batch, to_the_other_side=False)
        self._progress.handed(self._number, last)
        self.written = last

    async def finish(self) -> None:
        """Close when the other side's kernel has taken every byte."""
        await self._hand_over(b"", to_the_other_side=True)
        self.close()

    def close(self) -> None:
        """Let the connection go."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def _hand_over(self, data: bytes, to_the_other_side: bool) -> None:
        while True:
            try:
                await self._write(data, to_the_other_side)
                return
            except OSError as error:
                self._limits.broken = True
                if not self._limits.resume:
                    raise SendingFailed(
                        f"the connection to the source {self._to} broke ({error.strerror or error}) after value "
                        f"{self.written} of {', '.join(self.keys)}; what arrived of the values sent last is not known"
                    ) from error
                shared.say(f"sender: the connection broke after value {self.written}, going on")
                if self._writer is not None:
                    self._writer.transport.abort()
                    self._writer = None
                await self.connect(self._limits.reconnect_limit)
                data = self._batch

    async def _write(self, data: bytes, to_the_other_side: bool) -> None:
        if self._writer is None or self._reader is None:
            raise ConnectionResetError("not connected")
        self._writer.write(data)
        drain = asyncio.ensure_future(self._writer.drain())
        left = -1
        try:
            while True:
                await asyncio.wait({drain}, timeout=_LOOK_PAUSE)
                unsent = _unsent(self._writer)
                if drain.done():
                    drain.result()
                    if not to_the_other_side:
                        if self._reader.at_eof():
                            raise ConnectionResetError("the source closed it")
                        return
                    if unsent == 0:
                        return
                    if self._reader.at_eof():
                        raise ConnectionResetError("the source closed it")
                    await asyncio.sleep(_POLL_PAUSE)
                if unsent != left:
                    left, self._limits.progressed = unsent, time.monotonic()
                elif time.monotonic() - self._limits.progressed >= self._limits.stall_limit:
                    # What its kernel holds may still be read, or never.
                    self._limits.broken = True
                    raise SendingFailed(self._stalled())
        finally:
            drain.cancel()

    def _stalled(self) -> str:
        return (
            f"the source {self._to} has read nothing for {self._limits.stall_limit:g} s, after value {self.written} of "
            f"{', '.join(self.keys)}; a worker is dead or recovering, or the receiver does not read"
        )


def _unsent(writer: asyncio.StreamWriter) -> int:
    """Bytes that the other side's kernel has not acknowledged yet.

    :raises OSError: when the connection is broken. A reset empties the queue, which must not pass for success.
    """
    connection = writer.get_extra_info("socket")
    if writer.transport.is_closing() or connection.fileno() < 0:
        raise ConnectionResetError("the connection was lost")
    answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    number = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, os.strerror(number))
    return int(struct.unpack("i", answer)[0]) + writer.transport.get_write_buffer_size()


def _spread(keys: list[str], connections: int) -> list[list[str]]:
    groups: list[list[str]] = [[] for _unused in range(min(connections, len(keys)))]
    for number, key in enumerate(keys):
        groups[number % len(groups)].append(key)
    return groups


class Sender:
    """One run of the program."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self.keys = shared.key_names(arguments.keys, arguments.key)
        self.limits = Limits(arguments.on_break == "resume", arguments.reconnect_limit, arguments.stall_limit)
        groups = _spread(self.keys, arguments.connections)
        come_to = _come_to(arguments, groups) if arguments.go_on else None
        self.progress = Progress(arguments.progress, Sending(arguments.first, arguments.last, groups), come_to)
        self.links = [
            Link(arguments.to, group, number, self.progress, self.limits) for number, group in enumerate(groups)
        ]
        self.begun = False
        """Whether the source may have got anything."""
        self._before = {number: link.written for number, link in enumerate(self.links)}
        self.total = sum(len(link.keys) * (arguments.last - link.written) for link in self.links)
        self._reported = time.monotonic()

    @property
    def sent(self) -> int:
        """Messages of which every byte was handed to the kernel."""
        return sum((link.written - self._before[number]) * len(link.keys) for number, link in enumerate(self.links))

    async def run(self) -> None:
        """Send everything."""
        arguments = self._arguments
        await asyncio.gather(*(link.connect(arguments.connect_limit) for link in self.links))
        shared.say(f"sender: connected to {arguments.to}, {len(self.links)} connections for {len(self.keys)} keys")
        begin, self.begun = time.monotonic(), True
        # Each connection at its own pace: were all to wait for each other in every round, one that has no place at the
        # source, since somebody else is connected too, would hold up those whose end would make room for it.
        await asyncio.gather(*(self._send(link, begin) for link in self.links))

    async def _send(self, link: Link, begin: float) -> None:
        arguments = self._arguments
        for first in range(link.written + 1, arguments.last + 1, arguments.batch):
            last = min(first + arguments.batch - 1, arguments.last)
            await link.send(first, last)
            self._report()
            pause = arguments.interval
            if arguments.rate:
                pause = max(pause, begin + self.sent / arguments.rate - time.monotonic())
            if last < arguments.last and pause > 0:
                await asyncio.sleep(pause)
        await link.finish()

    def close(self) -> None:
        """Let all connections go."""
        for link in self.links:
            link.close()

    def last_values(self) -> dict[str, int]:
        """Per key the last value that was handed over."""
        return {key: link.written for link in self.links for key in link.keys}

    def _report(self) -> None:
        if time.monotonic() - self._reported >= REPORT_PAUSE:
            self._reported = time.monotonic()
            shared.say(f"sender: {self.sent:,} of {self.total:,} messages sent")


def _parser() -> shared.Parser:
    parser = shared.Parser(prog="sender", description="Sends validation sequences to a source.")
    parser.add_argument("--to", type=shared.address, required=True, metavar="HOST:PORT", help="the source")
    parser.add_argument("--first", type=shared.positive, default=1, help="first value of each key (1)")
    parser.add_argument("--last", type=shared.positive, required=True, help="last value of each key")
    parser.add_argument("--keys", type=shared.positive, default=11, help="how many keys key_0, key_1 ... (11)")
    parser.add_argument("--key", action="append", default=[], help="a key, instead; may be repeated")
    parser.add_argument("--batch", type=shared.positive, default=100, help="values a key and round (100)")
    parser.add_argument("--interval", type=shared.seconds, default=0.05, help="seconds between two rounds (0.05)")
    parser.add_argument(
        "--rate", type=shared.seconds, default=0.0, help="messages a second at most, all keys (no limit)"
    )
    parser.add_argument("--connections", type=shared.positive, default=SOURCE_CONNECTIONS, help="at most (10)")
    parser.add_argument(
        "--connect-limit", type=shared.seconds, default=10.0, help="seconds to wait for the source (10)"
    )
    parser.add_argument("--reconnect-limit", type=shared.seconds, default=10.0, help="the same after a break (10)")
    parser.add_argument(
        "--stall-limit", type=shared.seconds, default=60.0, help="seconds a source may read nothing (60)"
    )
    parser.add_argument("--limit", type=shared.seconds, default=0.0, help="seconds for everything (no limit)")
    parser.add_argument(
        "--on-break", choices=("fail", "resume"), default="fail", help="when a connection breaks (fail)"
    )
    parser.add_argument(
        "--progress", type=shared.result_path, default="", metavar="FILE", help="file in which it notes how far it is"
    )
    parser.add_argument("--go-on", action="store_true", help="begin each key where --progress says that it ended")
    parser.add_argument(
        "--result", type=shared.result_path, default="", metavar="FILE", help="JSON file for the result"
    )
    return parser


def _come_to(arguments: argparse.Namespace, groups: list[list[str]]) -> list[int]:
    """Where an earlier sender ended, a value a connection.

    :raises ValueError: when that is not known exactly, or it sent something else.
    """
    before = read(Path(arguments.progress))
    if before is None or before.groups != groups or not before.to_dict()["exact"]:
        raise ValueError(f"{arguments.progress or 'no --progress'} does not say exactly where each key ended")
    if min(before.handed) + 1 != arguments.first or max(before.handed) > arguments.last:
        raise ValueError(f"--first {arguments.first} --last {arguments.last} do not follow on {arguments.progress}")
    return before.handed


def _what_is_wrong(arguments: argparse.Namespace) -> str:
    if arguments.last < arguments.first:
        return f"--last {arguments.last} lies before --first {arguments.first}"
    if arguments.last > HIGHEST_VALUE:
        return f"--last {arguments.last} is more than a message can hold ({HIGHEST_VALUE})"
    if not arguments.to.host or not arguments.to.port:
        return f"--to {arguments.to} is no address of a source"
    return shared.wrong_keys(arguments.key)


async def _run(sender: Sender, limit: float) -> tuple[int, str]:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(sender.run())
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await asyncio.wait_for(task, limit or None)
        return shared.DONE, f"{sender.total:,} messages sent"
    except asyncio.CancelledError:
        if not stopped:
            raise
        return shared.FAILED, f"stopped by a signal after {sender.sent:,} of {sender.total:,} messages"
    except asyncio.TimeoutError:
        return shared.FAILED, f"{sender.sent:,} of {sender.total:,} messages sent when the limit of {limit:g} s passed"
    except SendingFailed as failure:
        return shared.FAILED, str(failure)
    except OSError as error:
        return shared.FAILED, f"sending failed: {error.strerror or error}"
    finally:
        sender.close()


def main(argv: list[str]) -> int:
    """Run the program; returns its exit code: 0 all sent and taken, 1 not, 2 wrong arguments."""
    arguments = _parser().parse_args(argv)
    wrong = _what_is_wrong(arguments)
    if wrong:
        shared.complain(f"sender: {wrong} (see --help)")
        return shared.USAGE
    try:
        sender = Sender(arguments)
    except (ValueError, OSError) as error:
        shared.complain(f"sender: {error}")
        return shared.USAGE
    result = shared.ResultFile(arguments.result)
    begin = time.time()
    code, message = asyncio.run(_run(sender, arguments.limit))
    (shared.say if code == shared.DONE else shared.complain)(f"sender: {message}")
    try:
        sender.progress.end(code, message, sender.limits.broken)
    except OSError as error:
        shared.complain(f"sender: {arguments.progress} cannot be written ({error.strerror}); make room")
    return result.write(
        code,
        message,
        first=arguments.first,
        last=arguments.last,
        keys=len(sender.keys),
        messages=sender.sent,
        last_values=sender.last_values(),
        begun=sender.begun,
        seconds=round(time.time() - begin, 3),
        started=begin,
        finished=time.time(),
    )
