# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics UI: takes the metrics of all workers on one port and shows them on another (wallaroo.md, E)."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import socket
from pathlib import Path
from typing import Optional

from ..._engines.registry import counting
from ..._formats.address_file import Address
from ..._formats.whole_file import write_whole
from .. import shared
from .asking import Asker
from .files import PageFiles, PageMissing
from .hosts import Names
from .http_server import BACKLOG, Server
from .receiver import Receiver
from .store import Limits, Store
from .web import SECURITY_HEADERS, Web

_STUCK_MS = 30_000


class Failure(Exception):
    """Why the program cannot run, in a sentence."""


async def _run(arguments: argparse.Namespace) -> int:
    token = secrets.token_urlsafe(32)
    limits = Limits(clients=arguments.clients, series=arguments.series, memory=arguments.memory << 20)
    receiver = Receiver(Store(limits), shared.say)
    names = Names([arguments.listen.host, arguments.metrics.host, *arguments.name])
    asker = _asker(arguments, receiver.store)
    problems = [asker.problems] if asker else []
    web = Web(receiver, PageFiles(arguments.page), token, arguments.browsers, names, problems)

    with (
        _socket(arguments.metrics, "--metrics", BACKLOG) as metrics,
        _socket(arguments.listen, "--listen", BACKLOG) as pages,
    ):
        # Accepted connections have it from the listener: a browser that takes nothing is let go by the kernel.
        pages.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STUCK_MS)
        # Not before both ports are ours: another one that runs must not lose its token.
        _keep(token, arguments.token_file)
        listening = await receiver.listen(metrics)
        server = Server(web.answer, arguments.browsers, SECURITY_HEADERS, shared.say)
        await server.listen(pages)
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        host, port = pages.getsockname()[:2]
        shared.say(f"metrics ui: taking metrics on {_name(metrics)}")
        shared.say(f"metrics ui: listening on {host}:{port}, open http://{host}:{port}/")
        asking = asyncio.ensure_future(asker.run()) if asker else None
        try:
            await stopped.wait()
        finally:
            if asking:
                asking.cancel()
            listening.close()
            receiver.close()
            web.live.end()
            await server.close()
    shared.say("metrics ui: stopped by a signal")
    return shared.DONE


def _asker(arguments: argparse.Namespace, store: Store) -> Optional[Asker]:
    """Who asks for what workers do not send."""
    if arguments.ask is None:
        return None
    return Asker(counting()[arguments.ask], arguments.at, store, shared.say)


def _socket(where: Address, option: str, backlog: int) -> socket.socket:
    try:
        return socket.create_server((where.host, where.port), backlog=backlog)
    except OSError as error:
        # Not its text, which some Pythons make longer.
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
        raise Failure(
            f"nobody can listen on {where} ({option}): {why}; stop who does, or choose another port"
        ) from error


def _name(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"{host}:{port}"


def _keep(token: str, path: str) -> None:
    try:
        write_whole(Path(path), token.encode())
    except OSError as error:
        raise Failure(f"the token cannot be written to {path}: {error.strerror}") from error


def _parser() -> shared.Parser:
    parser = shared.Parser(prog="metrics_ui", description="Takes workers' metrics and shows them in the browser.")
    parser.add_argument("--listen", type=shared.address, required=True, metavar="HOST:PORT", help="where browsers come")
    parser.add_argument(
        "--metrics", type=shared.address, required=True, metavar="HOST:PORT", help="where workers send their metrics"
    )
    parser.add_argument(
        "--page", default="", metavar="DIRECTORY", help="the files of the page (those that came with the programs)"
    )
    parser.add_argument(
        "--token-file", required=True, metavar="FILE", help="is given what whoever posts a mark has to know"
    )
    parser.add_argument(
        "--name", action="append", default=[], help="another name of this server in the address bar; may be repeated"
    )
    parser.add_argument(
        "--ask", choices=sorted(counting()), help="the engine whose coordinator is asked, as its workers send nothing"
    )
    parser.add_argument("--at", type=shared.address, metavar="HOST:PORT", help="where that is")
    limits = Limits()
    parser.add_argument(
        "--clients", type=shared.positive, default=limits.clients, help=f"workers, at most ({limits.clients})"
    )
    parser.add_argument("--browsers", type=shared.positive, default=64, help="open pages, at most (64)")
    parser.add_argument(
        "--series", type=shared.positive, default=limits.series, help=f"series, at most ({limits.series})"
    )
    parser.add_argument(
        "--memory",
        type=shared.positive,
        default=limits.memory >> 20,
        metavar="MIB",
        help=f"for histograms, at most ({limits.memory >> 20})",
    )
    return parser


def main(argv: Optional[list[str]] = None) -> int:
    """Run the program; returns its exit code: 0 stopped, 1 failed, 2 wrong arguments."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if bool(arguments.ask) != bool(arguments.at):
        parser.error("--ask says who is asked, and --at where: neither goes without the other")
    os.umask(0o077)
    try:
        return asyncio.run(_run(arguments))
    except (Failure, PageMissing) as failure:
        shared.complain(f"metrics ui: {failure}")
    return shared.FAILED
