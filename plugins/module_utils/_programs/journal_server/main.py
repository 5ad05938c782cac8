# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal server: holds the journals of all workers, on another machine than theirs.

Workers of either engine stream to it (``--resilience-dos-server``). It speaks the protocol of Wallaroo's
own server (wallaroo.md, C.5) and, unlike that one, keeps inside its directory whatever a client asks, limits
what a client can make it hold, notices a client whose machine is gone (wallaroo.md, Trap 19), and says that something
is on the disk only when it is.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket

from .. import shared
from .connection import Connection
from .session import Session
from .store import Refused, Store

_BACKLOG = 128
_ACCEPT_PAUSE = 0.1


class JournalServer:
    """Listens, and serves each client by itself."""

    def __init__(self, store: Store, arguments: argparse.Namespace) -> None:
        self._store = store
        self._arguments = arguments
        self._sessions: set[asyncio.Task[None]] = set()
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Serve until :meth:`stop`.

        :raises OSError: when the port cannot be had.
        """
        where = self._arguments.listen
        with socket.create_server((where.host, where.port), backlog=_BACKLOG) as listener:
            listener.setblocking(False)
            host, port = listener.getsockname()[:2]
            shared.say(f"journal server: listening on {host}:{port}")
            accepting = asyncio.ensure_future(self._accept(listener))
            try:
                await self._ended
            finally:
                accepting.cancel()
                for session in self._sessions:
                    session.cancel()
                # The last bytes of those who append are brought to the disk.
                await asyncio.gather(accepting, *self._sessions, return_exceptions=True)

    def stop(self) -> None:
        """End as wished."""
        if not self._ended.done():
            self._ended.set_result(None)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, address = await loop.sock_accept(listener)
            except OSError as error:
                # Out of descriptors, for one: those who are there are served on.
                shared.complain(f"journal server: a connection could not be accepted: {error.strerror or error}")
                await asyncio.sleep(_ACCEPT_PAUSE)
                continue
            peer = f"{address[0]}:{address[1]}"
            if len(self._sessions) >= self._arguments.connections:
                shared.complain(f"journal server: {peer} is turned away: there are {len(self._sessions)} connections")
                client.close()
                continue
            task = loop.create_task(self._serve(client, peer))
            self._sessions.add(task)
            task.add_done_callback(self._sessions.discard)

    async def _serve(self, client: socket.socket, peer: str) -> None:
        try:
            connection = Connection(client, self._arguments.idle_limit, self._arguments.vanished_after)
            await Session(self._store, connection, lambda line: shared.say(f"journal server: {peer} {line}")).serve()
        except Refused as refused:
            shared.complain(f"journal server: {peer} is cut off: {refused}")
        except OSError as error:
            shared.complain(f"journal server: {peer} broke off: {error.strerror or error}")
        finally:
            client.close()


def _parser() -> shared.Parser:
    parser = shared.Parser(prog="journal_server", description="Holds the journals that workers stream to it.")
    parser.add_argument("--listen", type=shared.address, required=True, metavar="HOST:PORT", help="where to listen")
    parser.add_argument("--directory", required=True, help="where the journals are kept, a directory a worker")
    parser.add_argument("--connections", type=shared.positive, default=256, help="at most (256); a worker needs two")
    parser.add_argument(
        "--idle-limit", type=shared.seconds, default=60.0, help="seconds in which a client asks nothing (60)"
    )
    parser.add_argument(
        "--vanished-after", type=shared.positive, default=6, help="seconds until a client counts as gone (6)"
    )
    parser.add_argument(
        "--keep-free", type=shared.positive, default=64 << 20, help="bytes that stay free on the disk (64 MiB)"
    )
    return parser


async def _run(arguments: argparse.Namespace) -> int:
    try:
        store = Store(arguments.directory, arguments.keep_free)
    except OSError as error:
        shared.complain(f"journal server: {arguments.directory} cannot be used ({error.strerror}); mend that")
        return shared.FAILED
    server = JournalServer(store, arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    try:
        await server.run()
    except OSError as error:
        shared.complain(
            f"journal server: nobody can listen on {arguments.listen}: {error.strerror or error}; "
            "stop who does, or choose another port"
        )
        return shared.FAILED
    shared.say("journal server: stopped by a signal")
    return shared.DONE


def main(argv: list[str]) -> int:
    """Run the program; returns its exit code: 0 stopped, 1 failed, 2 wrong arguments."""
    return asyncio.run(_run(_parser().parse_args(argv)))
