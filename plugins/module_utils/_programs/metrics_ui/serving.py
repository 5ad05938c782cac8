# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How uvicorn serves the application: with limits for whoever connects, and with the signals left to the program."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Optional

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

BACKLOG = 128
SHUTDOWN = 2
"""Seconds that answers have to end in when the program is stopped."""

REQUEST_WITHIN = 20.0
"""Seconds in which whoever connects has to have asked for something: uvicorn itself waits for ever, and a few hundred
connections that say nothing would lock everybody out."""

CONNECTIONS_A_PAGE, CONNECTIONS_MORE = 6, 16
"""A browser opens up to six connections to load a page; more are for whoever asks without one, such as Prometheus."""


class Protocol(H11Protocol):
    """A browser's connection."""

    _waiting: Optional[asyncio.TimerHandle] = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for its first request."""
        super().connection_made(transport)
        self._waiting = self.loop.call_later(REQUEST_WITHIN, self._give_up)

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """It has gone."""
        self._came()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Something came; once it is a whole request, uvicorn's own limits hold."""
        super().handle_events()
        if self.cycle is not None:
            self._came()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, unless it is the body of a request: that has its answer, or is about to have it."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def _came(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """Leaves the signals to the program: they end both its ports together."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Not."""
        yield


def server(application: ASGIApp, browsers: int) -> Server:
    """What serves an application.

    :param browsers: how many pages may be open at a time.
    """
    return Server(
        uvicorn.Config(
            application,
            lifespan="off",
            ws="none",
            http=Protocol,
            loop="asyncio",
            log_config=None,
            # What is no HTTP is answered; a line for each in the log would let anybody fill the disk.
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=browsers * CONNECTIONS_A_PAGE + CONNECTIONS_MORE,
            timeout_keep_alive=10,
            timeout_graceful_shutdown=SHUTDOWN,
            backlog=BACKLOG,
        )
    )
