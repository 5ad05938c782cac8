# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states that a worker holds, and how they get into the event log and back (wallaroo.md, B.4, C.2)."""

from __future__ import annotations

from collections.abc import Iterable

from ..._formats.event_log import StepState, encode, parse_state_payload, state_payload
from .applications.interface import Application, States
from .routing import STEPS, step_id, step_number


class StateStore:
    """Key -> state, and which step holds which key."""

    def __init__(self, application: Application, worker: str) -> None:
        self._application = application
        self.states: States = {}
        self.step_ids = [step_id(application.state_name, worker, number) for number in range(STEPS)]
        """The ids of this worker's steps."""
        self._numbers = {identifier: number for number, identifier in enumerate(self.step_ids)}
        self._step_of: dict[bytes, int] = {}
        self._recorded: set[bytes] = set()
        self._unregistered: frozenset[bytes] = frozenset()

    def adopt(self, keys: Iterable[bytes]) -> None:
        """Keys that this worker holds from the start, with or without messages (wallaroo.md, C.3)."""
        for key in keys:
            self._recorded.add(key)
            if key not in self.states:
                self.states[key] = self._application.initial_state(key)

    def snapshot(self) -> bytes:
        """The event log's records of all steps that hold a key; state is written in full each time."""
        held: list[list[tuple[str, bytes]]] = [[] for _unused in range(STEPS)]
        encode_state, step_of = self._application.encode_state, self._step_of
        for key, state in self.states.items():
            number = step_of.get(key)
            if number is None:
                number = step_of[key] = step_number(key)
            held[number].append((key.decode(), encode_state(state)))
        return b"".join(
            encode(StepState(self.step_ids[number], state_payload(entries)))
            for number, entries in enumerate(held)
            if entries
        )

    def restore(self, records: list[StepState]) -> int:
        """Put back what a rollback found.

        A step without a record is not touched: on a survivor it keeps what it received after the
        checkpoint, as in the real engine (wallaroo.md, C.2).

        :returns: the number of records.
        :raises ValueError: when a record is none of this worker and application.
        """
        for record in records:
            number = self._numbers.get(record.step)
            if number is None:
                raise ValueError(f"the event log holds the step {record.step}, which this worker does not have")
            for key in [key for key in self.states if step_number(key) == number]:
                del self.states[key]
            for name, data in parse_state_payload(record.payload):
                self.states[name.encode()] = self._application.revive(name.encode(), data)
        self._unregistered = frozenset(self.states) - self._recorded
        return len(records)

    def registered_keys(self) -> list[str]:
        """The keys that this worker tells of when it is asked for its state entities.

        After a rollback these are fewer than it holds, on every worker: the real engine then takes the keys from
        ``.local-keys``, where those that appeared at run time do not stand, and hears only of new ones (wallaroo.md,
        C.3, Trap 37).
        """
        return [key.decode("utf-8", "replace") for key in self.states if key not in self._unregistered]
