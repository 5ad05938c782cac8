# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far each key has come in a file that is still being written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .._formats.framing import FrameSplitter

_LAST = re.compile(rb"^\(([^.,]+)[^,]*,\[.*?(\d+)\]\)$", re.DOTALL)
_READ_SIZE = 1 << 20


class Progress:
    """Reads on where it stopped; a frame that is not complete yet is left for later."""

    def __init__(self, path: str, keys: Sequence[str]) -> None:
        self._path = Path(path)
        self._offset = 0
        self._splitter = FrameSplitter()
        self.messages = 0
        self.last: dict[str, int] = dict.fromkeys(keys, 0)
        """Key -> the last value that came, 0 while none has."""

    @property
    def exists(self) -> bool:
        """Whether the file has appeared."""
        return self._path.is_file()

    def update(self) -> dict[str, int]:
        """Read what has come since the last call.

        :raises ValueError: when the file is no sequence of frames.
        """
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                while True:
                    chunk = stream.read(_READ_SIZE)
                    if not chunk:
                        break
                    self._offset += len(chunk)
                    self._take(self._splitter.feed(chunk))
        except FileNotFoundError:
            pass
        return dict(self.last)

    def missing(self, last: int) -> dict[str, int]:
        """The keys that have not reached ``last``, with the last value that came of each."""
        return {key: seen for key, seen in self.last.items() if seen != last}

    def _take(self, payloads: list[bytes]) -> None:
        self.messages += len(payloads)
        known = self.last
        for payload in payloads:
            found = _LAST.match(payload)
            if found:
                key = found.group(1).decode("utf-8", "replace")
                if key in known:
                    known[key] = int(found.group(2))

