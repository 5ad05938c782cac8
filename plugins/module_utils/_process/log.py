# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the log of a process: its own, the current one, from its beginning.

Readiness is never looked for in a directory of logs: an old log says of an old process that it
was ready (wallaroo.md, Trap 26).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from typing import NamedTuple, Optional

from .identity import is_alive, is_stopped
from .record import ProcessRecord
from .waiting import wait_until

LINE_LIMIT = 64 << 10
"""Bytes of a line; what is longer is cut."""

_READ_SIZE = 1 << 18


class ProcessEnded(Exception):
    """The process died before it said what was waited for."""


class FailureSeen(Exception):
    """The process said that it failed."""


class Match(NamedTuple):
    """A line that was waited for."""

    line: str
    seen: float
    """Seconds since the epoch."""


class LogReader:
    """The complete lines of a growing file."""

    def __init__(self, path: str, offset: int = 0) -> None:
        self._path = path
        self._offset = offset
        self._rest = b""
        self.last_line = ""

    def lines(self) -> list[str]:
        """What has come since the last call; nothing while the file does not exist."""
        found: list[str] = []
        try:
            with open(self._path, "rb") as stream:
                stream.seek(self._offset)
                while True:
                    chunk = stream.read(_READ_SIZE)
                    if not chunk:
                        break
                    self._offset += len(chunk)
                    parts = (self._rest + chunk).split(b"\n")
                    self._rest = parts.pop()[:LINE_LIMIT]
                    found += [part[:LINE_LIMIT].decode("utf-8", "replace") for part in parts]
        except FileNotFoundError:
            return []
        self._note(found)
        return found

    def rest(self) -> list[str]:
        """The last line of a process that died before it had ended the line; at most one."""
        found = [self._rest.decode("utf-8", "replace")] if self._rest else []
        self._rest = b""
        self._note(found)
        return found

    def _note(self, lines: list[str]) -> None:
        for line in reversed(lines):
            if line.strip():
                self.last_line = line.strip()
                return


def wait_for_line(
    record: ProcessRecord,
    patterns: Sequence[str],
    failures: Sequence[str] = (),
    limit: float = 60.0,
) -> Match:
    """Wait until a line of the process's log matches one of ``patterns`` (regular expressions).

    :raises FailureSeen: when a line matches one of ``failures`` before.
    :raises ProcessEnded: when the process dies before.
    :raises LimitReached: after ``limit`` seconds.
    """
    wanted = [re.compile(pattern) for pattern in patterns]
    bad = [re.compile(pattern) for pattern in failures]
    reader = LogReader(record.log)

    def look() -> Optional[Match]:
        # Asked before the log is read: what a process wrote before its death is read in any case.
        alive = is_alive(record.identity)
        for line in reader.lines() + ([] if alive else reader.rest()):
            if any(pattern.search(line) for pattern in wanted):
                return Match(line.strip(), time.time())
            if any(pattern.search(line) for pattern in bad):
                raise FailureSeen(f"{record.name} says: {line.strip()} (log {record.log})")
        if not alive:
            raise ProcessEnded(
                f"{record.name} (pid {record.identity.pid}) ended; its log {record.log} ends with: "
                f"{reader.last_line or '(nothing)'}"
            )
        return None

    what = f"{record.name} to say {' or '.join(repr(pattern) for pattern in patterns)} in {record.log}"

    def last_seen() -> str:
        last = reader.last_line or "(nothing)"
        if is_stopped(record.identity):
            return (
                f"{last}; {record.name} (pid {record.identity.pid}) is stopped by a signal, which kill -CONT takes back"
            )
        return last

    return wait_until(look, limit, what, last_seen, pause=0.01)


def has_said(path: str, pattern: str) -> bool:
    """Whether a line of a log matches a pattern; false when there is no log.

    A process can be without one: it was started, and whoever started it was killed before its log had its name.
    """
    wanted = re.compile(pattern)
    return any(wanted.search(line) for line in LogReader(path).lines())


def tail(path: str, lines: int = 20, max_bytes: int = 16 << 10) -> str:
    """The end of a log as text; empty when there is none."""
    try:
        with open(path, "rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - max_bytes))
            data = stream.read()
    except OSError:
        return ""
    if size > max_bytes:
        # The first line is a piece of one, which is still better than nothing.
        data = data.partition(b"\n")[2] or data
    return b"\n".join(data.rstrip(b"\n").split(b"\n")[-lines:]).decode("utf-8", "replace")
