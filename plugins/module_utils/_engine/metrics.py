# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where metrics will be recorded: once a batch, never once a message."""

from __future__ import annotations


class Metrics:
    """Records nothing yet. The address given with ``--metrics`` is accepted, and nothing is sent to it."""

    def taken_in(self, source: int, messages: int) -> None:
        """A source has handed over a batch."""

    def worked_on(self, source: int, messages: int, results: int) -> None:
        """A batch has gone through the states of this worker."""

    def passed_on(self, source: int, worker: str, messages: int) -> None:
        """A batch has been handed to the boundary of another worker."""
