# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading all that a server keeps, each thing alone, so that a damaged one hides no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from .._formats.json_record import Damaged

Some = TypeVar("Some")


class Kept:
    """What is read on a server, each thing alone; what is damaged is noted."""

    def __init__(self, damaged: list[dict[str, Any]]) -> None:
        self._damaged = damaged

    def read(self, record: str, name: str, reading: Callable[[], Some], otherwise: Some) -> Some:
        """What a reading yields, or something else where that is damaged."""
        try:
            return reading()
        except Damaged as damage:
            self.note(record, name, damage)
        except OSError as error:
            do = "mend its owner or mode, or what stands in its place"
            self.note(record, name, Damaged(Path(error.filename or record), error.strerror or str(error), do))
        return otherwise

    def __len__(self) -> int:
        return len(self._damaged)

    def note(self, record: str, name: str, damage: Damaged) -> None:
        """Keep it for the one who asked."""
        found = {
            "record": record,
            "name": name,
            "path": damage.path,
            "what": damage.what,
            "do": damage.do,
            "settled": damage.settled,
        }
        if found not in self._damaged:
            self._damaged.append(found)
