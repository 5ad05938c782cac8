# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far each key has come in a file that is still being written.

Only what has come since the last look is read. Nothing is judged here: what is wrong in the file is
found by ``ordering``, when all of it is there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Optional, Union

from .windows import END, SEPARATOR, Envelope

_BLOCK = 1 << 18
_HEADER = 4
_LONGEST = 8192
"""Bytes without the end of a message from which on they are no beginning of one and are not kept."""


class Progress:
    """Reads on where it stopped; a frame that is not complete yet is left for later."""

    def __init__(self, path: Union[str, os.PathLike[str]], keys: Sequence[str], depth: int = 1) -> None:
        self._path = Path(path)
        self._keys = {Envelope(key, depth).text: key for key in keys}
        self._identity = (0, 0)
        self._offset = 0
        self._held = b""
        self.messages = 0
        """Messages so far, repeats and those of other keys included."""
        self.last: dict[str, int] = dict.fromkeys(keys, 0)
        """Key -> the highest value that came, 0 while none has."""
        self.newest: dict[str, int] = dict.fromkeys(keys, 0)
        """Key -> the value that came last, which is lower while a key repeats what it has sent."""

    @property
    def exists(self) -> bool:
        """Whether the file has appeared."""
        return self._path.is_file()

    def update(self) -> dict[str, int]:
        """Read what has come since the last call; key -> highest value.

        A file that is not there yet has no messages. One that was replaced or cut is read anew.

        :raises OSError: when it is there and cannot be read.
        """
        try:
            with self._path.open("rb") as stream:
                state = os.fstat(stream.fileno())
                identity = (state.st_dev, state.st_ino)
                if identity != self._identity or state.st_size < self._offset:
                    self._start_over(identity)
                stream.seek(self._offset)
                while True:
                    block = stream.read(_BLOCK)
                    if not block:
                        break
                    self._offset += len(block)
                    self._take(block)
        except FileNotFoundError:
            self._start_over((0, 0))
        return dict(self.last)

    def missing(self, last: int) -> dict[str, int]:
        """The keys that are before ``last``, also in a repeat, with the value at which each is."""
        return {key: seen for key, seen in self.newest.items() if seen < last}

    def _start_over(self, identity: tuple[int, int]) -> None:
        self._identity, self._offset, self._held, self.messages = identity, 0, b"", 0
        self.last = dict.fromkeys(self.last, 0)
        self.newest = dict.fromkeys(self.newest, 0)

    def _take(self, block: bytes) -> None:
        pieces = (self._held + block).split(END)
        rest = pieces.pop()
        self._held = rest if len(rest) <= _LONGEST else b""
        self.messages += len(pieces)
        # The head contains the length. Of windows of one key that are equally long the greatest text is
        # the greatest value, so numbers are read once for each length and not for each message.
        greatest: dict[bytes, bytes] = {}
        repeated: set[bytes] = set()
        separator, known = SEPARATOR, greatest.get
        for piece in pieces:
            head, _unused, tail = piece.partition(separator)
            if tail > known(head, b""):
                greatest[head] = tail
            else:
                repeated.add(head)
        came_last: dict[str, bytes] = {}
        for head, tail in greatest.items():
            key, newest = self._keys.get(head[_HEADER:]), _newest(tail)
            if key is None or newest is None:
                continue
            self.last[key] = max(self.last[key], newest)
            # Of a repeat, and of windows of several lengths, the order says which came last.
            in_order = head in repeated or key in came_last
            came_last[key] = self._latest_of(key, pieces) if in_order else tail
        for key, tail in came_last.items():
            newest = _newest(tail)
            if newest is not None:
                self.newest[key] = newest

    def _latest_of(self, wanted: str, pieces: list[bytes]) -> bytes:
        for piece in reversed(pieces):
            head, _unused, tail = piece.partition(SEPARATOR)
            if self._keys.get(head[_HEADER:]) == wanted:
                return tail
        return b""


def _newest(tail: bytes) -> Optional[int]:
    """The newest of the numbers of a window; None when it is no value."""
    text = tail[tail.rfind(b",") + 1 :]
    return int(text) if text.isdigit() and len(text) <= 20 else None
