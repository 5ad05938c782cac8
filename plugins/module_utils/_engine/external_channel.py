# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The external control channel (reference F)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Optional

from .._formats.external import MessageType, decode, encode
from .._formats.framing import FrameError, FrameSplitter
from .command_line import HostPort
from .output import say

FRAME_LIMIT = 1 << 20
_READ_SIZE = 1 << 16

Answer = Optional[tuple[MessageType, bytes]]
Request = Callable[[bytes], Answer]
"""Does what is asked and returns the answer, if there is one."""


def answer(kind: MessageType, data: Any) -> Answer:
    """An answer in compact JSON."""
    return kind, json.dumps(data, separators=(",", ":")).encode()


class ExternalChannel:
    """Answers the requests that were registered; what it does not know is logged and ignored."""

    def __init__(self, requests: dict[MessageType, Request]) -> None:
        self._requests = requests
        self._server: Optional[asyncio.AbstractServer] = None

    async def listen(self, name: str, address: HostPort) -> None:
        """Open the port; a port that is taken is not fatal (reference, Trap 39)."""
        say(f"Set up external channel listener on {address[0]}:{address[1]}")
        try:
            self._server = await asyncio.start_server(self._serve, address[0] or None, address[1])
        except OSError:
            say(f"{name} external: couldn't listen")
            return
        say(f"{name} external: listening on {address[0]}:{address[1]}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter = FrameSplitter(FRAME_LIMIT)
        try:
            while True:
                chunk = await reader.read(_READ_SIZE)
                if not chunk:
                    break
                for payload in splitter.feed(chunk):
                    if payload:
                        self._handle(payload, writer)
                await writer.drain()
        except (FrameError, OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def _handle(self, payload: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            kind, body = decode(payload)
            request = self._requests[MessageType(kind)]
        except (ValueError, KeyError):
            say("External channel: a message that cannot be decoded was ignored")
            return
        reply = request(body)
        if reply is not None:
            writer.write(encode(*reply))
