# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of the messages through a worker: from sources and boundaries to states, boundaries and the sink."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Optional

from ..._formats.framing import frames
from .applications.interface import Application, InvariantViolated
from .data_channel import Boundary
from .metrics import Journey, Metrics, now
from .output import fail, say
from .routing import NOBODY, Owners
from .sink import Sink
from .state import StateStore
from .tasks import Signal


class Flow:
    """Works on batches. All waiting is done before a batch, none within: between two batches the states are whole."""

    def __init__(
        self, application: Application, store: StateStore, sink: Sink, metrics: Metrics, changed: Signal
    ) -> None:
        self._application = application
        self._store = store
        self._sink = sink
        self._metrics = metrics
        self._changed = changed
        self._routes: list[Optional[Boundary]] = [None]
        self._own = 0
        self._owners = Owners(1)
        self._processing = False
        self._discarding = False

    def route(self, names: Sequence[str], own: str, boundaries: dict[str, Boundary]) -> None:
        """Whose the keys are: the workers in the cluster's order."""
        self._own = names.index(own)
        self._routes = [boundaries.get(name) for name in names]
        self._owners = Owners(len(names), self._application.key_separator)

    @property
    def processing(self) -> bool:
        """Whether sources are read: not before the cluster is up, and not while the world is stopped."""
        return self._processing

    @processing.setter
    def processing(self, value: bool) -> None:
        self._processing = value
        self._changed.wake()

    @property
    def discarding(self) -> bool:
        """Between a mute and the rollback barrier: what comes in belongs to what is rolled back."""
        return self._discarding

    @discarding.setter
    def discarding(self, value: bool) -> None:
        self._discarding = value
        self._changed.wake()

    async def offer(self, source: int, payloads: list[bytes], decoding: int) -> None:
        """A batch of a source: returns when it has been handed over, which is the back-pressure on the sender.

        :param decoding: the nanoseconds it took to cut the batch into messages.
        """
        began = now()
        groups = self._groups(source, payloads)
        routing = now() - began
        others = [route for route in (self._routes[owner] for owner in groups if owner != self._own) if route]

        def admitted() -> bool:
            return self._processing and self._sink.accepts and all(boundary.accepts for boundary in others)

        if not admitted():
            await self._changed.until(admitted)
            if self._own not in groups:
                # After a stand-still this worker's own keys come first, whatever source they wait in: so it
                # is this worker that notices when values are missing (wallaroo.md, "Observed").
                await asyncio.sleep(0)
                await self._changed.until(admitted)
        # Real sources are not read while the world stands still: the time before does not count.
        ingested = now()
        self._metrics.taken_in(source, len(payloads), decoding, routing)
        if self._own in groups:
            self._work(source, groups[self._own], Journey(ingested, ingested))
        for owner, group in groups.items():
            boundary = self._routes[owner]
            if boundary is not None:
                boundary.batch(source, frames(group), ingested)
                self._metrics.passed_on(source, boundary.name, len(group), ingested)

    def admission(self) -> Optional[Awaitable[None]]:
        """See :class:`.data_channel.DataReceiver`: a batch waits for the sink, unless it is to be thrown away."""
        if self._sink.accepts or self._discarding:
            return None
        return self._changed.until(lambda: self._sink.accepts or self._discarding)

    def received(self, name: str, source: int, payloads: list[bytes], journey: Journey) -> None:
        """A batch from another worker.

        :raises ValueError: when it is none of this application.
        """
        if source >= len(self._application.sources):
            raise ValueError(f"there is no source {source}")
        if min(map(len, payloads)) < self._application.sources[source].minimum:
            raise ValueError("a message that is too short")
        if not self._discarding:
            self._metrics.received(source, name, len(payloads), journey)
            self._work(source, payloads, journey)

    def _groups(self, source: int, payloads: list[bytes]) -> dict[int, list[bytes]]:
        where, owners = self._application.sources[source].key, self._owners
        groups: dict[int, list[bytes]] = {}
        for payload in payloads:
            owner = owners[payload[where]]
            if owner in groups:
                groups[owner].append(payload)
            else:
                groups[owner] = [payload]
        if NOBODY in groups:
            say(f"Unable to decode message at {self._application.sources[source].pipeline} source")
            del groups[NOBODY]
        return groups

    def _work(self, source: int, payloads: list[bytes], journey: Journey) -> None:
        began = now()
        try:
            results = self._application.process(source, payloads, self._store.states)
        except InvariantViolated as violated:
            fail(str(violated), violated.where)
        if results:
            self._sink.write(b"".join(results))
        self._metrics.worked_on(source, len(payloads), len(results) // 2, began, journey)
