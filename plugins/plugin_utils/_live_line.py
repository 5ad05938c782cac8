# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line at the bottom of a terminal that says what is being done, and goes before anything else is written."""

from __future__ import annotations

import os
import shutil
import threading
from typing import TextIO

_CLEAR = "\r\x1b[2K"
_ELLIPSIS = "…"


class LiveLine:
    """Writes to the terminal itself, so that no lock of Python's own is held while a task is forked."""

    def __init__(self, stream: TextIO) -> None:
        self._file = stream.fileno()
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._shown = ""

    def show(self, what: str, progress: str = "") -> None:
        """Show this, in place of what is shown. Where it is too long, the progress is what stays."""
        with self._lock:
            line = fitted(" ".join(what.split()), " ".join(progress.split()), shutil.get_terminal_size().columns - 1)
            if line != self._shown:
                self._write(_CLEAR + line)
                self._shown = line

    def is_shown(self) -> bool:
        """Whether something is."""
        return bool(self._shown)

    def clear(self) -> None:
        """Make room for a line that stays. In the process of a task it does nothing: the terminal is not its own."""
        if os.getpid() != self._process:
            return
        with self._lock:
            if self._shown:
                self._write(_CLEAR)
                self._shown = ""

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError:
            # A terminal that is gone is no reason to fail.
            pass


def can_be_shown(stream: TextIO) -> bool:
    """Whether a line can be written over there."""
    try:
        return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
    except (AttributeError, ValueError):
        return False


def fitted(what: str, progress: str, width: int) -> str:
    """Both in one line of that width; of what is done at least a third is left."""
    if not progress:
        return _cut(what, width)
    kept = max(width // 3, width - len(progress) - 2)
    return _cut(f"{_cut(what, kept)}: {progress}", width)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + _ELLIPSIS
