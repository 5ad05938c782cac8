# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listens on the ports of a cluster for a moment, so that other servers can try whether they reach them.

Whoever connects is told the token, and so knows that nobody else answers there. Ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Sequence

from ..shared import DONE, FAILED, Parser, complain, say, seconds


async def listen(address: str, ports: Sequence[int], token: bytes, limit: float) -> int:
    """Serve until the limit has passed, or SIGTERM comes."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(token)
        try:
            await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    servers, taken = [], []
    for port in ports:
        try:
            servers.append(await asyncio.start_server(answer, address, port))
        except OSError as error:
            taken.append(port)
            complain(f"port_listener: {address}:{port} cannot be listened on ({error.strerror})")
    say(f"port listener: listening on {len(servers)} ports of {address}; taken: {','.join(map(str, taken)) or 'none'}")
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    try:
        await asyncio.wait_for(end.wait(), limit)
    except asyncio.TimeoutError:
        pass
    for server in servers:
        server.close()
    return DONE if servers else FAILED


def main(arguments: Sequence[str]) -> int:
    """Run the program."""
    parser = Parser(prog="port_listener", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--address", required=True)
    parser.add_argument("--ports", required=True, help="separated by commas")
    parser.add_argument("--token", required=True, help="what is said to whoever connects")
    parser.add_argument("--seconds", type=seconds, default=60.0, help="after which it ends")
    options: argparse.Namespace = parser.parse_args(arguments)
    try:
        ports = [int(port) for port in options.ports.split(",")]
    except ValueError:
        parser.error(f"--ports {options.ports} is no list of numbers")
    return asyncio.run(listen(options.address, ports, options.token.encode(), options.seconds))
