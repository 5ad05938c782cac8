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


class InvariantViolated(Exception):
    """The application found that its state must not be so; the worker ends."""


@dataclass(frozen=True)
class SourceDescription:
    """One source of an application."""

    pipeline: str
    key: slice
    """Where the key stands in a payload."""
    minimum: int
    """Bytes below which a payload cannot be decoded."""


class Application(Protocol):
    """What an application does with messages."""

    @property
    def prefix(self) -> str:
        """What its resilience files begin with."""

    @property
    def display_name(self) -> str:
        """Its name in metrics and logs."""

    @property
    def state_name(self) -> str:
        """Its state collection."""

    @property
    def topology_message(self) -> str:
        """What it prints when an address is missing (reference A.2)."""

    @property
    def sources(self) -> Sequence[SourceDescription]:
        """Its sources, in the order of their addresses."""

    def process(self, source: int, payloads: Sequence[bytes], states: dict[bytes, Any]) -> list[bytes]:
        """Work on a batch of one source: change the states, return the frames that go to the sink.

        :raises InvariantViolated: when a state must not be so.
        """

    def encode_state(self, state: Any) -> bytes:
        """A state as it is written to the event log."""

    def revive(self, key: bytes, data: bytes) -> Any:
        """The reverse: the state of a key as :meth:`process` keeps it.

        :raises ValueError: when the bytes are no state.
        """
