# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The external control channel: tools ask, and tell the cluster to stop (wallaroo.md, F)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Optional

from ..._formats.external import MessageType, decode, encode
from ..._formats.framing import FrameSplitter
from .connections import SMALL_READ_SIZE, Listener
from .output import say

FRAME_LIMIT = 1 << 16

Answer = Optional[tuple[MessageType, bytes]]
Request = Callable[[bytes], Answer]
"""Does what is asked and returns the answer, if there is one."""


def answer(kind: MessageType, data: Any) -> Answer:
    """An answer in compact JSON."""
    return kind, json.dumps(data, separators=(",", ":")).encode()


class ExternalChannel(Listener):
    """Answers the requests it has a function for; any other message is logged and ignored."""

    def __init__(self, name: str, requests: Mapping[MessageType, Request]) -> None:
        super().__init__(f"{name} external", self._receive)
        self._name = name
        self._requests = requests

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter = FrameSplitter(FRAME_LIMIT)
        try:
            while True:
                chunk = await reader.read(SMALL_READ_SIZE)
                if not chunk:
                    return
                for payload in splitter.feed(chunk):
                    reply = self._handle(payload) if payload else None
                    if reply is not None:
                        writer.write(encode(*reply))
                        # One that asks without reading the answers has to wait.
                        await writer.drain()
        finally:
            say(f"ExternalChannelConnectNotifier ({self._name}): server closed")

    def _handle(self, payload: bytes) -> Answer:
        try:
            kind, body = decode(payload)
            request = self._requests[MessageType(kind)]
        except (ValueError, KeyError):
            say(f"{self._name} external: a message that is not understood was ignored")
            return None
        return request(body)
