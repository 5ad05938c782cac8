# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The receiver: takes what comes out of a cluster and keeps every frame (wallaroo.md, D.3).

Any number of workers connect. Whole frames are written with their headers in the order in which
they arrive, so the file is what the validation receiver of the demo writes. Beside it,
``<file>.arrivals`` tells when which part of it came, and with ``--on-violation`` what comes is verified while it comes:
``<file>.violation`` tells of the first violation.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import time
from typing import Optional

from ..._formats import committing
from ..._formats.detector import base_key, decode_output
from ..._formats.framing import FrameError, FrameSplitter, FrameTooLong, iterate_file
from ..._verification import online, ordering
from ..._verification.comparison import Comparison
from ..._verification.crashes import allowances
from .. import shared
from .files import Files, ReceivingFailed

_READ_SIZE = 1 << 18

_KEPT = 100
"""Faults that are kept while they come: the first is told."""
_REST = 5.0
"""Seconds that the verification has for the rest when nothing more comes."""


class Receiver:
    """One run of the program."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self.messages = 0
        self.torn: list[str] = []
        self.connections = 0
        self._wanted: dict[str, int] = {}
        if arguments.until:
            self._wanted = dict.fromkeys(shared.key_names(arguments.keys, arguments.key), 0)
        self._last_came = time.monotonic()
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._files: Optional[Files] = None
        self._committer: Optional[asyncio.StreamWriter] = None
        self.verification: Optional[online.Online] = None

    @property
    def size(self) -> int:
        """Bytes of the file of what was received."""
        return self._files.size if self._files else 0

    async def run(self) -> None:
        """Receive until the target, a limit, or a signal.

        :raises ReceivingFailed: when it cannot go on, or a limit has passed.
        :raises OSError: when the files cannot be opened.
        """
        arguments = self._arguments
        try:
            # The port first: a port that is taken must not leave an empty file behind.
            server = await asyncio.start_server(
                self._serve, arguments.listen.host or None, arguments.listen.port, start_serving=False
            )
        except OSError as error:
            raise self._not_listening(error) from error
        watch = asyncio.ensure_future(self._watch())
        try:
            self._begin()
            try:
                await server.start_serving()
            except OSError as error:
                raise self._not_listening(error) from error
            host, port = server.sockets[0].getsockname()[:2]
            shared.say(f"receiver: listening on {host}:{port}")
            await self._done
        finally:
            watch.cancel()
            server.close()

    def stop(self) -> None:
        """End as wished."""
        if not self._done.done():
            self._done.set_result(None)

    def close(self) -> None:
        """Close the files, when what came is verified."""
        if self.verification is not None and self.verification.is_alive():
            self.verification.finish(_REST)
        if self._files is not None:
            self._files.close()

    def missing(self) -> dict[str, int]:
        """Keys that have not reached the target, with the last value seen."""
        return {key: last for key, last in self._wanted.items() if last < self._arguments.until}

    def _begin(self) -> None:
        """Open the files; what is there already counts for the target."""
        arguments = self._arguments
        if arguments.append and os.path.isfile(arguments.file):
            try:
                for _offset, payload in iterate_file(arguments.file, arguments.frame_limit):
                    if self._wanted:
                        self._note(payload)
            except FrameError as error:
                raise ReceivingFailed(
                    f"{arguments.file} cannot be gone on with, for what came next could not be read: {error}; "
                    "move it away"
                ) from error
        self._files = Files(arguments.file, arguments.append)
        if arguments.on_violation:
            self._verify()
        if self._wanted and not self.missing():
            self.stop()

    def _verify(self) -> None:
        arguments, loop = self._arguments, asyncio.get_running_loop()
        keys = shared.key_names(arguments.keys, arguments.key)
        last = arguments.until or online.NO_LAST
        # While messages come nobody tells of crashes.
        allowed = allowances(arguments.mode, None, 1, last)
        check = Comparison(keys, 1, last, allowed, _KEPT, arguments.depth)

        def tell(note: online.Note) -> None:
            shared.complain(
                f"receiver: first violation: {note.sentence}" if note.sentence else f"receiver: {note.problem}"
            )
            if note.sentence and arguments.on_violation == online.STOP:
                loop.call_soon_threadsafe(self._stop_at, note)

        self.verification = online.Online(arguments.file, check, tell)
        self.verification.start()
        self.verification.arrived(self.size)

    def _stop_at(self, note: online.Note) -> None:
        if not self._done.done():
            self._done.set_exception(ReceivingFailed(f"stopped at the first violation: {note.sentence}"))

    def _not_listening(self, error: OSError) -> ReceivingFailed:
        return ReceivingFailed(
            f"nobody can listen on {self._arguments.listen}: {error.strerror or error}; "
            "stop who does, or choose another port"
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter = FrameSplitter(self._arguments.frame_limit)
        peer = ":".join(str(part) for part in (writer.get_extra_info("peername") or ("?", "?"))[:2])
        self.connections += 1
        shared.say(f"receiver: {peer} connected")
        try:
            head = await _head(reader)
            if head.startswith(committing.HEAD):
                await self._commit(committing.size_of(head), reader, writer)
                return
            self._keep(splitter.feed(head))
            while True:
                chunk = await reader.read(_READ_SIZE)
                if not chunk:
                    break
                self._keep(splitter.feed(chunk))
            splitter.finish()
        except FrameTooLong as error:
            # What came before the bad header is whole.
            self._keep(error.complete)
            self.torn.append(f"{peer}: {error}")
            shared.complain(f"receiver: {peer} is cut off: {error}")
        except FrameError as error:
            self.torn.append(f"{peer}: {error}")
            shared.complain(f"receiver: {peer} is cut off: {error}")
        except OSError as error:
            if splitter.pending:
                self.torn.append(f"{peer}: the connection broke inside a frame")
            shared.complain(f"receiver: {peer} broke off: {error.strerror or error}")
        except asyncio.CancelledError:
            pass
        finally:
            shared.say(f"receiver: {peer} closed")
            writer.close()

    async def _commit(self, size: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A sink that takes back what no checkpoint covers. Whoever did that before has nothing to say any more."""
        if self._committer is not None:
            self._committer.transport.abort()
        self._committer = writer
        if self._files is not None and size <= self._files.size:
            back = self._files.size - size
            self.messages = self._files.cut(size)
            shared.say(f"receiver: {back:,} bytes are taken back, {size:,} are kept")
        writer.write(committing.answer(self.size))
        splitter = FrameSplitter(self._arguments.frame_limit)
        while chunk := await reader.read(_READ_SIZE):
            if self._committer is not writer:
                return
            payloads = splitter.feed(chunk)
            # An empty frame is a question, which is asked behind what it asks for.
            self._keep([payload for payload in payloads if payload])
            for _unused in range(payloads.count(b"")):
                writer.write(committing.answer(self.size))

    def _keep(self, payloads: list[bytes]) -> None:
        # What comes after the end, or after a failure, is not kept.
        if not payloads or self._files is None or self._done.done():
            return
        try:
            self._files.add(payloads, self.messages + len(payloads))
        except ReceivingFailed as failure:
            self._done.set_exception(failure)
            return
        self.messages += len(payloads)
        self._last_came = time.monotonic()
        if self.verification is not None:
            self.verification.arrived(self._files.size)
        if self._wanted:
            for payload in payloads:
                self._note(payload)
            if not self.missing():
                self.stop()

    def _note(self, payload: bytes) -> None:
        try:
            key, window = decode_output(payload)
        except ValueError:
            return
        base = base_key(key)
        if base in self._wanted:
            self._wanted[base] = window[-1]

    async def _watch(self) -> None:
        begin, arguments = time.monotonic(), self._arguments
        while not self._done.done():
            await asyncio.sleep(0.1)
            if self.verification is not None:
                self.verification.look_after()
            now = time.monotonic()
            gave_up = ""
            if arguments.limit and now - begin > arguments.limit:
                gave_up = f"the limit of {arguments.limit:g} s passed"
            elif arguments.idle_limit and now - self._last_came > arguments.idle_limit:
                gave_up = f"nothing came for {arguments.idle_limit:g} s"
            if gave_up and not self._done.done():
                self._done.set_exception(ReceivingFailed(f"{gave_up}: {self._lacking()}"))

    def _lacking(self) -> str:
        missing = self.missing()
        if not missing:
            return f"{self.messages:,} messages had come"
        shown = ", ".join(f"{key} is at {last}" for key, last in sorted(missing.items())[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        return f"{len(missing)} of {len(self._wanted)} keys have not reached {self._arguments.until}: {shown}{more}"


async def _head(reader: asyncio.StreamReader) -> bytes:
    """The first bytes of a connection: those that tell of which kind it is, or what there is."""
    head = await reader.read(_READ_SIZE)
    while 0 < len(head) < committing.BEGIN_SIZE and committing.HEAD.startswith(head[: len(committing.HEAD)]):
        more = await reader.read(committing.BEGIN_SIZE - len(head))
        if not more:
            break
        head += more
    return head


def _parser() -> shared.Parser:
    parser = shared.Parser(prog="receiver", description="Receives what comes out of a cluster and keeps every frame.")
    parser.add_argument("--listen", type=shared.address, required=True, metavar="HOST:PORT", help="where to listen")
    parser.add_argument("--file", required=True, help="where to write; must not exist")
    parser.add_argument("--append", action="store_true", help="go on with a file that exists")
    parser.add_argument("--until", type=shared.positive, default=0, help="end when every key has come to this value")
    parser.add_argument("--keys", type=shared.positive, default=11, help="how many keys key_0, key_1 ... (11)")
    parser.add_argument("--key", action="append", default=[], help="a key, instead; may be repeated")
    parser.add_argument(
        "--on-violation",
        choices=online.ON_VIOLATION,
        default="",
        help="verify while messages come; what a violation does",
    )
    parser.add_argument("--mode", choices=ordering.MODES, default=ordering.EXACTLY_ONCE, help="the rule (exactly_once)")
    parser.add_argument("--depth", type=shared.positive, default=1, help="layers of the detector (1)")
    parser.add_argument("--limit", type=shared.seconds, default=0.0, help="seconds for everything (no limit)")
    parser.add_argument(
        "--idle-limit", type=shared.seconds, default=0.0, help="seconds in which nothing comes (no limit)"
    )
    parser.add_argument("--frame-limit", type=shared.positive, default=1 << 20, help="bytes of a frame at most (1 MiB)")
    parser.add_argument(
        "--result", type=shared.result_path, default="", metavar="FILE", help="JSON file for the result"
    )
    return parser


async def _run(arguments: argparse.Namespace, result: shared.ResultFile) -> int:
    receiver: Optional[Receiver] = None
    begin = time.time()
    try:
        receiver = Receiver(arguments)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, receiver.stop)
        await receiver.run()
        code, message = shared.DONE, f"{receiver.messages:,} messages received"
        if receiver.missing():
            code, message = shared.FAILED, f"stopped by a signal: {receiver._lacking()}"
    except ReceivingFailed as failure:
        code, message = shared.FAILED, str(failure)
    except FileExistsError as error:
        code = shared.FAILED
        message = f"{error.filename or arguments.file} exists already; move it away, or use --append"
    except OSError as error:
        code, message = shared.FAILED, f"{error.filename or arguments.file} cannot be written: {error.strerror}"
    (shared.say if code == shared.DONE else shared.complain)(f"receiver: {message}")
    numbers = {"messages": 0, "bytes": 0, "connections": 0, "torn": [], "missing": {}, "violation": "", "problem": ""}
    if receiver is not None:
        receiver.close()
        numbers = {
            "messages": receiver.messages,
            "bytes": receiver.size,
            "connections": receiver.connections,
            "torn": receiver.torn,
            "missing": receiver.missing(),
            "violation": receiver.verification.note.sentence if receiver.verification else "",
            "problem": receiver.verification.note.problem if receiver.verification else "",
        }
    return result.write(code, message, **numbers, seconds=round(time.time() - begin, 3))


def main(argv: list[str]) -> int:
    """Run the program; returns its exit code: 0 done, 1 failed, 2 wrong arguments."""
    arguments = _parser().parse_args(argv)
    wrong = shared.wrong_keys(arguments.key)
    if wrong:
        shared.complain(f"receiver: {wrong} (see --help)")
        return shared.USAGE
    return asyncio.run(_run(arguments, shared.ResultFile(arguments.result)))
