# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine needs to know of an application.

An application is handed whole batches: a message costs no call and no await of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..command_line import Given, Options


class InvariantViolated(Exception):
    """The application found that its state must not be so; the worker ends."""

    def __init__(self, line: str, where: str) -> None:
        super().__init__(line)
        self.where = where


@dataclass(frozen=True)
class SourceDescription:
    """One source of an application."""

    pipeline: str
    """Name of the pipeline, also used in log lines: ``Detector source is listening``."""
    key: slice
    """Where the key stands in a payload."""
    minimum: int
    """Bytes below which a payload cannot be decoded."""
    computation: str
    """Name of the computation that works on the state, for metrics."""
    stateless: tuple[str, ...] = ()
    """Names of the computations in front of it, which work where the source is."""


States = dict[bytes, Any]
"""Key -> state, whatever the application keeps there."""


class Application(Protocol):
    """What an application does with messages."""

    prefix: str
    """What its resilience files begin with (wallaroo.md, C.1)."""
    display_name: str
    """Its name in metrics and logs."""
    state_name: str
    """Its state collection."""
    topology_message: str
    """What it prints when an address is missing (wallaroo.md, A.2)."""
    options: Options
    """What it knows of the command line, beside Wallaroo."""
    sources: Sequence[SourceDescription]
    initial_keys: Sequence[bytes]
    """Keys that have a state from the start, whoever owns them; all others get theirs when they first come."""
    key_separator: bytes
    """What ends the part of a key that decides whose it is; empty where the whole key does."""

    def configure(self, given: Given) -> list[str]:
        """Take over its own options; returns the lines that it prints about them."""

    def decodable(self, source: int, payloads: list[bytes]) -> list[bytes]:
        """Those of at least one payload that are messages of this source.

        :raises InvariantViolated: when one is of a kind that ends the worker.
        """

    def process(self, source: int, payloads: Sequence[bytes], states: States) -> list[bytes]:
        """Work on a batch of one source: change the states, return the bytes that go to the sink.

        :returns: two parts for each message that has a result.
        :raises InvariantViolated: when a state must not be so.
        """

    def initial_state(self, key: bytes) -> Any:
        """The state of a key before its first message."""

    def encode_state(self, state: Any) -> bytes:
        """A state as it is written to the event log."""

    def revive(self, key: bytes, data: bytes) -> Any:
        """The reverse: the state of a key as :meth:`process` keeps it.

        :raises ValueError: when the bytes are no state.
        """
