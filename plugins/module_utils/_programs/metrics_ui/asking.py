# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines whose workers send nothing are asked, in the period of the protocol, and what they say goes where metrics go.

Whoever is asked may be dead for a while, or be somebody else: what is read is bounded in bytes and in time, and what
is odd is told on the page and costs one period.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any, Optional

from ..._engines.counting import Counted, Counting, Counts
from ..._formats.address_file import Address
from ..._formats.metrics import BINS, NOTHING, Metric
from .store import Client, Store

PERIOD = 2
"""Seconds, as in the protocol; a period ends when the wall clock shows a multiple of it (wallaroo.md, E.4)."""

LIMIT = 10.0
"""Seconds for all answers of a period."""

ANSWER_LIMIT = 1 << 20
"""Bytes of one answer."""

QUESTIONS = 64
"""In a period, at most."""

_SPREAD = 150
"""Periods over which messages are spread that came while nobody could ask, at most."""

_FORGOTTEN = 60
"""Seconds after which a run of a part that is not told of any more is forgotten."""

_REASON_LIMIT = 160


class Counter:
    """What was counted since it was asked last, as metrics of the periods since."""

    def __init__(self, since: float) -> None:
        """.

        :param since: when somebody began to look: of a run that is older nobody knows when its messages came.
        """
        self._since = since
        self._known: dict[tuple[str, ...], tuple[float, int, float]] = {}
        """By part and run: up to when it is known, how many messages there were, and when it was told of."""

    def metrics(self, counts: Counts, at: int) -> list[Metric]:
        """The metrics of the periods that have ended since.

        :param at: up to when was counted, in seconds since the epoch: the end of a period.
        """
        found: list[Metric] = []
        for part in counts.parts:
            key = (part.category, part.name, part.worker, part.pipeline, part.life)
            if part.messages is None:
                continue
            begin = (part.began, 0, 0.0) if part.began >= self._since else (float(at), part.messages, 0.0)
            then, before, _told = self._known.get(key, begin)
            # What has become less has begun anew.
            more = part.messages - before if part.messages >= before else part.messages
            found += _spread(part, more, then, at)
            self._known[key] = (float(at), part.messages, float(at))
        self._known = {key: known for key, known in self._known.items() if at - known[2] < _FORGOTTEN}
        return found


def _spread(part: Counted, messages: int, then: float, at: int) -> list[Metric]:
    """So many messages evenly over the periods from a time on."""
    periods = min(max(round((at - then) / PERIOD), 1), _SPREAD)
    each, rest = divmod(messages, periods)
    shares = [(each + (number < rest), at - number * PERIOD) for number in range(periods)]
    # As a worker does, it says nothing of a period in which there was nothing.
    return [_metric(part, share, second) for share, second in shares if share]


def _metric(part: Counted, messages: int, second: int) -> Metric:
    # With the minimum of nothing: counted, and not timed.
    bins = (messages, *[0] * (BINS - 1))
    period, end = PERIOD * 10**9, second * 10**9
    return Metric(part.name, part.category, part.worker, part.pipeline, part.id, bins, NOTHING, 0, period, end)


class Asker:
    """Asks the coordinator of a cluster."""

    def __init__(self, adapter: Counting, address: Address, store: Store, say: Callable[[str], None]) -> None:
        """.

        :param say: takes a line for the log.
        """
        self._adapter = adapter
        self._coordinator = adapter.coordinator
        self._address = address
        self._store = store
        self._say = say
        self._counter = Counter(store.clock())
        self._clients: dict[tuple[str, str], Client] = {}
        self._beginning = Client("", None)
        """In whose name series begin."""
        self._problem = "it was not asked yet"

    def problems(self) -> list[str]:
        """What a user should know, in sentences."""
        if not self._problem:
            return []
        return [
            f"The {self._coordinator} tells nothing of the messages of its workers at {self._address}: {self._problem}."
        ]

    async def run(self) -> None:
        """Ask at the end of each period, for ever."""
        at = 0
        while True:
            at = max(int(self._store.clock()) // PERIOD * PERIOD, at) + PERIOD
            # Periods end by the clock, and by nothing that could be waited for.
            await asyncio.sleep(at - self._store.clock())
            await self.look(at)

    async def look(self, at: int) -> None:
        """Ask once.

        :param at: which second it is.
        """
        try:
            counts = await asyncio.wait_for(self._ask(), LIMIT)
            self._take(counts, at)
            problem = ""
        except asyncio.TimeoutError:
            problem = f"no whole answer within {LIMIT:g} s"
        except (OSError, ValueError, RecursionError) as error:
            problem = _reason(error)[:_REASON_LIMIT]
        if problem:
            self._gone(self._coordinator)
        if bool(problem) != bool(self._problem):
            self._say(f"metrics ui: {self._address} {'tells nothing: ' + problem if problem else 'tells its counts'}")
        if problem != self._problem:
            self._problem = problem
            self._store.version += 1

    async def _ask(self) -> Counts:
        asking = self._adapter.ask()
        try:
            path = next(asking)
            for number in range(QUESTIONS):
                answer = await fetch(self._address, path)
                if number == 0:
                    # It gathers because it was asked, tells nobody when it has, and answers with what it had before.
                    await asyncio.sleep(self._adapter.gathering)
                path = asking.send(answer)
        except StopIteration as told:
            counts: Counts = told.value
            return counts
        raise ValueError(f"it takes more than {QUESTIONS} questions")

    def _take(self, counts: Counts, at: int) -> None:
        store, application = self._store, counts.application
        present = {(application, worker) for worker in counts.workers}
        for key in set(self._clients) - present:
            store.leave(self._clients.pop(key))
        for key in sorted(present - set(self._clients)):
            client = Client(*key)
            store.join(client)
            self._clients[key] = client
        if self._beginning.application != application:
            self._beginning = Client(application, None)
        for metric in self._counter.metrics(counts, at):
            store.add(self._beginning, application, metric)

    def _gone(self, worker: str) -> None:
        # Of the others nobody knows anything.
        for key in [key for key in self._clients if key[1] == worker]:
            self._store.leave(self._clients.pop(key))


def _reason(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number and number > 0 else str(error) or type(error).__name__


async def fetch(address: Address, path: str) -> Any:
    """The JSON at a path.

    :raises OSError: when nobody answers.
    :raises ValueError: when it is no answer, with a sentence.
    """
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        # HTTP/1.0: the answer ends with the connection, and comes in no pieces.
        head = f"GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
        writer.write(head.encode("ascii"))
        held = bytearray()
        while piece := await reader.read(1 << 16):
            held += piece
            if len(held) > ANSWER_LIMIT:
                raise ValueError(f"an answer has more than {ANSWER_LIMIT >> 20} MiB")
    finally:
        writer.close()
    return _read(bytes(held))


def _read(answer: bytes) -> Any:
    head, _unused, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _blank, status = first.partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(f"no answer of a web server: {first[:40]!r}")
    if not status.startswith("200"):
        raise ValueError(f"it answered {status[:40]!r}")
    fields = dict(line.lower().split(":", 1) for line in lines if ":" in line)
    length: Optional[str] = fields.get("content-length")
    if length is not None and length.strip() != str(len(body)):
        raise ValueError("an answer was cut off")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError("an answer is no JSON") from error
