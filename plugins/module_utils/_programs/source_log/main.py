# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source log: keeps what senders send, and lets engines read it, again after a crash.

For engines whose sources dial. Senders connect to it as to any source. What is read is read from the file, so a reader
that is slow or gone holds nobody up. ``_formats/source_log.py`` says what is kept and how it is read.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import time
from pathlib import Path
from typing import Any, Optional

from ..._formats.address_file import Address
from ..._formats.framing import FrameError, FrameSplitter, FrameTooLong, frames
from ..._formats.whole_file import make_private_directory
from .. import shared
from .reader import Readers
from .store import Events, Log, StoreFailed

_READ_SIZE = 1 << 18
_BACKLOG = 128


class SourceLogFailed(Exception):
    """It cannot go on; the sentence says why."""


class SourceLog:
    """One run of the program."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._log: Optional[Log] = None
        self._events: Optional[Events] = None
        self._readers: Optional[Readers] = None
        self.connections = 0
        """Of senders."""
        self.torn: list[str] = []
        """What became of connections whose last frame was not whole."""
        self._before = 0

    async def run(self) -> None:
        """Keep and serve until a signal.

        :raises SourceLogFailed: when a port cannot be had.
        :raises StoreFailed: when the log cannot be kept.
        :raises OSError: when its files cannot be opened.
        """
        arguments = self._arguments
        try:
            senders = await asyncio.start_server(
                self._take, arguments.listen.host or None, arguments.listen.port, start_serving=False
            )
        except OSError as error:
            raise _not_listening(arguments.listen, error) from error
        try:
            try:
                listener = socket.create_server((arguments.serve.host, arguments.serve.port), backlog=_BACKLOG)
            except OSError as error:
                raise _not_listening(arguments.serve, error) from error
            with listener:
                # The ports first: whoever does not get them must not touch the files of who has them.
                await self._serve(senders, listener, self._open())
        finally:
            senders.close()

    def stop(self) -> None:
        """End as wished."""
        if not self._done.done():
            self._done.set_result(None)

    def close(self) -> None:
        """Close the files."""
        for file in (self._log, self._events):
            if file is not None:
                file.close()

    def numbers(self) -> dict[str, Any]:
        """What it kept."""
        return {
            "records": self._log.records if self._log else 0,
            "bytes": self._log.size if self._log else 0,
            "received": self.received,
            "connections": self.connections,
            "readers": self._events.readers if self._events else 0,
            "covered": self._events.covered if self._events else 0,
            "torn": self.torn,
        }

    @property
    def received(self) -> int:
        """Records that came in this run."""
        return self._log.records - self._before if self._log else 0

    def _open(self) -> Readers:
        directory = Path(self._arguments.directory)
        make_private_directory(directory)
        self._log = Log(directory, self._arguments.frame_limit)
        self._before = self._log.records
        self._events = Events(directory)
        self._events.opened(self._log.records)
        self._readers = Readers(self._log, self._events, self._fail)
        return self._readers

    async def _serve(self, senders: asyncio.Server, listener: socket.socket, readers: Readers) -> None:
        listener.setblocking(False)
        try:
            await senders.start_serving()
        except OSError as error:
            raise _not_listening(self._arguments.listen, error) from error
        readers.listen(listener)
        try:
            shared.say(f"source_log: listening on {_bound(senders.sockets[0])}, serving on {_bound(listener)}")
            await self._done
        finally:
            readers.close()
            # What they were written has a turn to end.
            await asyncio.sleep(0)

    def _fail(self, failure: StoreFailed) -> None:
        if not self._done.done():
            self._done.set_exception(failure)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter = FrameSplitter(self._arguments.frame_limit)
        peer = ":".join(str(part) for part in (writer.get_extra_info("peername") or ("?", "?"))[:2])
        self.connections += 1
        shared.say(f"source_log: {peer} connected")
        try:
            while True:
                chunk = await reader.read(_READ_SIZE)
                if not chunk:
                    break
                self._keep(splitter.feed(chunk))
            splitter.finish()
        except FrameTooLong as error:
            # What came before the bad header is whole.
            self._keep(error.complete)
            self._cut_off(peer, str(error))
        except FrameError as error:
            self._cut_off(peer, str(error))
        except OSError as error:
            if splitter.pending:
                self.torn.append(f"{peer}: the connection broke inside a frame")
            shared.complain(f"source_log: {peer} broke off: {error.strerror or error}")
        except asyncio.CancelledError:
            pass
        finally:
            shared.say(f"source_log: {peer} closed")
            writer.close()

    def _cut_off(self, peer: str, why: str) -> None:
        self.torn.append(f"{peer}: {why}")
        shared.complain(f"source_log: {peer} is cut off: {why}")

    def _keep(self, payloads: list[bytes]) -> None:
        # What comes after the end, or after a failure, is not kept.
        if not payloads or self._log is None or self._readers is None or self._done.done():
            return
        try:
            self._log.append(frames(payloads), len(payloads))
        except StoreFailed as failure:
            self._fail(failure)
            return
        self._readers.appended()


def _bound(listener: Any) -> str:
    return ":".join(str(part) for part in listener.getsockname()[:2])


def _not_listening(address: Address, error: OSError) -> SourceLogFailed:
    return SourceLogFailed(
        f"nobody can listen on {address}: {error.strerror or error}; stop who does, or choose another port"
    )


def _parser() -> shared.Parser:
    parser = shared.Parser(prog="source_log", description="Keeps what senders send, for engines that read it again.")
    parser.add_argument(
        "--listen", type=shared.address, required=True, metavar="HOST:PORT", help="where senders connect"
    )
    parser.add_argument(
        "--serve", type=shared.address, required=True, metavar="HOST:PORT", help="where engines connect"
    )
    parser.add_argument("--directory", required=True, help="where to keep it; what is there is gone on with")
    parser.add_argument("--frame-limit", type=shared.positive, default=1 << 20, help="bytes of a frame at most (1 MiB)")
    parser.add_argument(
        "--result", type=shared.result_path, default="", metavar="FILE", help="JSON file for the result"
    )
    return parser


async def _run(arguments: argparse.Namespace, result: shared.ResultFile) -> int:
    log = SourceLog(arguments)
    begin = time.time()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, log.stop)
    try:
        await log.run()
        code, message = shared.DONE, f"{log.received:,} records received, {log.numbers()['records']:,} kept"
    except (SourceLogFailed, StoreFailed) as failure:
        code, message = shared.FAILED, str(failure)
    except OSError as error:
        code, message = shared.FAILED, f"{error.filename or arguments.directory} cannot be written: {error.strerror}"
    (shared.say if code == shared.DONE else shared.complain)(f"source_log: {message}")
    log.close()
    return result.write(code, message, **log.numbers(), seconds=round(time.time() - begin, 3))


def main(argv: list[str]) -> int:
    """Run the program; returns its exit code: 0 done, 1 failed, 2 wrong arguments."""
    arguments = _parser().parse_args(argv)
    return asyncio.run(_run(arguments, shared.ResultFile(arguments.result)))
