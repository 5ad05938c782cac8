# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states that a worker holds, and how they get into the event log and back."""

from __future__ import annotations

from typing import Any

from .._formats.event_log import CheckpointEnd, StepState, encode, parse_state_payload, state_payload
from .applications.interface import Application
from .routing import STEPS, step_id, step_number


class StateStore:
    """Key -> state, and which step holds which key."""

    def __init__(self, application: Application, worker: str) -> None:
        self._application = application
        self.states: dict[bytes, Any] = {}
        self._steps = [step_id(application.state_name, worker, number) for number in range(STEPS)]
        self._numbers = {identifier: number for number, identifier in enumerate(self._steps)}
        self._step_of: dict[bytes, int] = {}

    @property
    def step_ids(self) -> list[int]:
        """The ids of this worker's steps."""
        return list(self._steps)

    def snapshot(self) -> bytes:
        """The records of all steps that hold a key: state is written in full each time."""
        held: list[list[tuple[str, bytes]]] = [[] for _ in range(STEPS)]
        encode_state, step_of = self._application.encode_state, self._step_of
        for key, state in self.states.items():
            number = step_of.get(key)
            if number is None:
                number = step_of[key] = step_number(key)
            held[number].append((key.decode("utf-8", "replace"), encode_state(state)))
        return b"".join(
            encode(StepState(self._steps[number], state_payload(entries)))
            for number, entries in enumerate(held)
            if entries
        )

    @staticmethod
    def end_record(checkpoint: int) -> bytes:
        """The record that ends a checkpoint."""
        return encode(CheckpointEnd(checkpoint))

    def restore(self, records: list[StepState]) -> int:
        """Put back what a rollback found.

        A step without a record is not touched: on a survivor it keeps what it received after the
        checkpoint, as in the real engine (reference C.2).

        :returns: the number of records.
        """
        for record in records:
            number = self._numbers.get(record.step)
            if number is None:
                raise ValueError(f"the event log holds the step {record.step}, which this worker does not have")
            for key in [key for key in self.states if step_number(key) == number]:
                del self.states[key]
            for name, data in parse_state_payload(record.payload):
                key = name.encode()
                self.states[key] = self._application.revive(key, data)
        return len(records)
