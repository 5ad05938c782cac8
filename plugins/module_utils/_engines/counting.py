# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines whose workers send no metrics: whoever leads them is asked for what it has counted.

As in :mod:`.contract` the adapter only answers: it says what to ask and reads what comes. The metrics UI asks.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Protocol, runtime_checkable

from .._formats.address_file import Address

if TYPE_CHECKING:
    from .._cluster.record import ClusterRecord


class Counted(NamedTuple):
    """How many messages a part of a worker has had."""

    category: str
    """One of :mod:`.._formats.metrics`, which says what the names are the names of."""
    name: str
    worker: str
    pipeline: str
    id: int
    """Of a computation its position in the pipeline."""
    life: str
    """Tells one run of this part from another, which counts from 0 again."""
    began: float
    """When that run began, in seconds since the epoch."""
    messages: Optional[int]
    """None while it does not tell."""


class Counts(NamedTuple):
    """What was counted up to now."""

    application: str
    workers: Sequence[str]
    """Those that are there."""
    parts: Sequence[Counted]


@runtime_checkable
class Counting(Protocol):
    """Its coordinator answers over HTTP, in JSON, how many messages the workers have had."""

    coordinator: str
    """Which worker is asked."""
    gathering: float
    """Seconds after the first question in which it gathers what the answers to the others tell."""

    def asked_at(self, record: ClusterRecord) -> Address:
        """Where the coordinator answers."""

    def ask(self) -> Generator[str, Any, Counts]:
        """Yields the path of each question, and is sent its answer.

        :raises ValueError: with a sentence, when an answer is not what it should be.
        """
