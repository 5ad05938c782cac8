# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of which is known what a page has to make of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Optional

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.metrics import (
    BINS,
    COMPUTATION,
    NODE_INGRESS_EGRESS,
    NOTHING,
    START_TO_END,
    Metric,
    Payload,
    encode,
    topic_of,
)

from tests.metrics_ui_runner import WorkerClient

PIPELINE = "Orders"
COMPUTATION_NAME = "Check Order"

THROUGHPUT = {"now": 150, "min": 10, "median": 100, "max": 1000}
"""Messages per second, as :func:`feed` sends them."""

PERCENTILES = {
    "50": ("≤ 1.02 µs", 1 << 10),
    "95": ("≤ 1.05 ms", 1 << 20),
    "99": ("≤ 4.19 ms", 1 << 22),
    "99.9": ("≤ 33.6 ms", 1 << 25),
    "99.99": ("≤ 268 ms", 1 << 28),
}
"""How they are shown, and in ns."""

BARS = {10: 9000, 15: 6300, 20: 1830, 22: 170, 25: 18, 28: 2}
"""Messages by bin."""

COUNT = sum(BARS.values())


def even(second: float) -> int:
    """The end of a period, which are at multiples of 2 s."""
    return int(second) // 2 * 2


def metric(
    client: WorkerClient,
    second: int,
    bins: Mapping[int, int],
    category: str = NODE_INGRESS_EGRESS,
    name: Optional[str] = None,
    pipeline: str = PIPELINE,
) -> bytes:
    """A histogram of the two seconds before a time."""
    names = {NODE_INGRESS_EGRESS: client.name, START_TO_END: pipeline, COMPUTATION: COMPUTATION_NAME}
    counts = tuple(bins.get(number, 0) for number in range(BINS))
    least = min((1 << number >> 1 for number in bins), default=NOTHING)
    most = max(((1 << number) - 1 for number in bins), default=0)
    whole = name or names[category]
    found = Metric(whole, category, client.name, pipeline, 0, counts, least, most, 2 * 10**9, second * 10**9)
    return encode(Payload(topic_of(client.application), found))


def known(now: float) -> list[tuple[int, dict[int, int]]]:
    """Histograms that make ``THROUGHPUT``, ``PERCENTILES`` and ``BARS``, and go on doing so for half a minute.

    The last of them are of periods that have not yet come: a worker's clock may be ahead by so much, and so the
    newest period is not an empty one, however long a test takes.
    """
    last = even(now)
    slow = [(last - 20 - 2 * index, {10: 200}) for index in range(45)]
    steady = [(last - 14 + 2 * index, {15: 300}) for index in range(21)]
    return [*slow, *steady, (last - 112, {20: 1830, 22: 170}), (last - 114, {25: 18, 28: 2})]


def feed(client: WorkerClient, *categories: str, now: Optional[float] = None) -> None:
    """Send what is known, as one worker that has one pipeline and one computation.

    :param now: of several workers, so that their periods are the same.
    """
    wanted = categories or (NODE_INGRESS_EGRESS, START_TO_END, COMPUTATION)
    for second, bins in known(time.time() if now is None else now):
        client.socket.sendall(b"".join(metric(client, second, bins, category) for category in wanted))


def moved(payloads: Sequence[Payload], last: int) -> list[Payload]:
    """The same, as though the last period had ended at a given second."""
    shift = last * 10**9 - max(payload.metric.period_end for payload in payloads)
    return [
        replace(payload, metric=replace(payload.metric, period_end=payload.metric.period_end + shift))
        for payload in payloads
    ]
