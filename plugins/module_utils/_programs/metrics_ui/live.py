# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live streams: what a page shows, sent again whenever it changes.

A browser gets the newest state and never a queue of old ones. One that does not read waits by itself: nothing is
kept for it but what the kernel and one event hold, and after a while it is let go.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from .store import Store

PAUSE = 0.5
"""Seconds between two events of a stream: a change is with the browser within a second."""

QUIET = 2.0
"""Seconds after which an event is sent though nothing came: time itself moves the charts."""

STUCK = 30.0
"""Seconds in which a browser has to take an event."""

RETRY = b"retry: 1000\n\n"

Encode = Callable[[str, dict[str, str]], bytes]


class Live:
    """All live streams."""

    def __init__(self, store: Store, encode: Encode, limit: int, stuck: float = STUCK) -> None:
        """.

        :param encode: makes the data of a view.
        :param limit: how many streams there may be.
        """
        self._store = store
        self._encode = encode
        self.limit = limit
        self._stuck = stuck
        self.browsers = 0
        self._cache: dict[tuple[Any, ...], tuple[float, int, bytes]] = {}
        self._ended = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether no more can be served."""
        return self.browsers >= self.limit

    def end(self) -> None:
        """End all streams."""
        self._ended.set()

    async def serve(
        self,
        view: str,
        query: dict[str, str],
        send: Callable[[bytes], Awaitable[None]],
        closed: Callable[[], Awaitable[None]],
    ) -> bool:
        """Send a view until the browser goes, or :meth:`end`; returns False when it does not take what it is sent.

        :param closed: returns when the browser has gone.
        """
        self.browsers += 1
        leaving: set[asyncio.Future[Any]] = {
            asyncio.ensure_future(closed()),
            asyncio.ensure_future(self._ended.wait()),
        }
        try:
            if not await self._sent(send(RETRY)):
                return False
            while True:
                version, began = self._store.version, time.monotonic()
                if not await self._sent(send(self._event(view, query))):
                    return False
                while True:
                    done, _unused = await asyncio.wait(leaving, timeout=PAUSE, return_when=asyncio.FIRST_COMPLETED)
                    if done:
                        return True
                    if self._store.version != version or time.monotonic() - began >= QUIET:
                        break
        finally:
            self.browsers -= 1
            for task in leaving:
                task.cancel()

    def _event(self, view: str, query: dict[str, str]) -> bytes:
        # Those who look at the same view share the work.
        key = (view, *sorted(query.items()))
        now = time.monotonic()
        found = self._cache.get(key)
        if found is None or now - found[0] >= PAUSE / 2:
            data = self._encode(view, query)
            self._cache = {old: value for old, value in self._cache.items() if now - value[0] < PAUSE}
            found = self._cache[key] = (now, self._store.version, b"event: view\ndata: " + data + b"\n\n")
        return found[2]

    async def _sent(self, sending: Awaitable[None]) -> bool:
        # Until the browser has taken it: when it goes meanwhile, this returns too.
        task = asyncio.ensure_future(sending)
        await asyncio.wait({task}, timeout=self._stuck)
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            return False
        return task.exception() is None
