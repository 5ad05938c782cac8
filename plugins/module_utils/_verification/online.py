# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification while messages come: who receives has a thread that reads behind it what it has written.

It reads the file and not what is in memory, so it can be as slow as it likes, throw, or hang: what is received does not
depend on it. It looks for the first violation only, and that is decided by what came so far: what is missing at the end
is found when the stream has ended, by ``ordering``.

What it found stands beside the file, ``<file>.violation``, for everybody who waits for messages.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Optional, Protocol

from .._formats.json_record import made, read_object
from .._formats.whole_file import write_whole
from . import arrivals
from .violations import Fault, Violation

CONTINUE, STOP = "continue", "stop"
ON_VIOLATION = (CONTINUE, STOP)

NO_LAST = 10**15
"""The last value of a stream of which nobody knows how long it will be."""

SETTLES = 0.2
"""Seconds in which the messages behind a violation may still show what it is."""

ANSWERS = 5.0
"""Seconds without a step, while there is something to read, after which a verifier is said not to answer."""

_BLOCK = 1 << 18
_DO = "what the receiver has found is not known; verify.yml looks at all of it"


@dataclass
class Note:
    """What is known of a stream that still comes."""

    sentence: str = ""
    """The first violation in words; empty while there is none."""
    kind: str = ""
    """As far as it could be told when it came."""
    key: str = ""
    position: int = -1
    offset: int = 0
    expected: str = ""
    found: str = ""
    arrived: float = 0.0
    """When its message came, and when it was known, in seconds since the epoch."""
    known: float = 0.0
    problem: str = ""
    """Why nothing is verified any more; empty otherwise."""


class Check(Protocol):
    """What is asked of a verifier."""

    def feed(self, block: bytes) -> None:
        """The next piece of the stream."""

    @property
    def first(self) -> Optional[Fault]:
        """The first fault so far."""


def path_of(received: str) -> str:
    """Where the note on a received file is."""
    return f"{received}.violation"


def noted(received: str) -> Note:
    """What is known of a received file; an empty note when nothing is.

    :raises Damaged: when the note cannot be understood.
    """
    path = Path(path_of(received))
    found: dict[str, Any] = read_object(path, _DO) or {}
    return made(Note, found)


class Online(threading.Thread):
    """Verifies a received file while it grows."""

    def __init__(self, received: str, check: Check, tell: Callable[[Note], None]) -> None:
        """:param tell: is called once for the first violation and once for a problem, in this thread."""
        super().__init__(name="online verification", daemon=True)
        self._received, self._check, self._tell = received, check, tell
        self._wake = threading.Event()
        self._size = self._read = 0
        self._moved = time.monotonic()
        self._over = False
        self._lock = threading.Lock()
        self.note = Note()
        Path(path_of(received)).unlink(missing_ok=True)

    def arrived(self, size: int) -> None:
        """The file has so many bytes now."""
        if self._read == self._size:
            self._moved = time.monotonic()
        self._size = size
        self._wake.set()

    def finish(self, limit: float) -> None:
        """Nothing more comes: look at the rest, but not for longer than that."""
        self._over = True
        self._wake.set()
        self.join(limit)
        if self.is_alive():
            self._stopped("it did not come to its end")

    def look_after(self) -> None:
        """Say so when it does not answer; called from time to time."""
        if self._read < self._size and time.monotonic() - self._moved > ANSWERS:
            self._stopped(f"it has not answered for {ANSWERS:g} s")

    def run(self) -> None:
        """Read on behind the receiver."""
        try:
            with open(self._received, "rb") as stream:
                self._follow(stream)
        except Exception as error:
            # Whatever a verifier throws, receiving goes on.
            self._stopped(f"{type(error).__name__}: {error}")

    def _follow(self, stream: BinaryIO) -> None:
        since: Optional[float] = None
        while True:
            over = self._over
            while block := stream.read(_BLOCK):
                self._check.feed(block)
                self._read += len(block)
                self._moved = time.monotonic()
            fault = self._check.first
            if fault is not None:
                since = time.monotonic() if since is None else since
                if over or time.monotonic() - since >= SETTLES:
                    self._found(fault.violation())
                    return
            elif over:
                return
            self._wake.wait(SETTLES / 2 if fault is not None else None)
            self._wake.clear()

    def _found(self, violation: Violation) -> None:
        came = next((one for one in arrivals.iterate(self._received) if one.bytes > violation.offset), None)
        with self._lock:
            self.note.sentence, self.note.kind, self.note.key = (
                violation.sentence(),
                violation.kind,
                violation.key or "",
            )
            self.note.position, self.note.offset = violation.position, violation.offset
            self.note.expected, self.note.found = violation.expected, violation.found
            self.note.known = time.time()
            self.note.arrived = came.nanoseconds / 1e9 if came is not None else self.note.known
            self._write()
        self._read = self._size
        self._tell(self.note)

    def _stopped(self, why: str) -> None:
        with self._lock:
            if self.note.problem or self.note.sentence:
                return
            self.note.problem = f"nothing is verified any more while messages come: {why}"
            self._write()
        self._tell(self.note)

    def _write(self) -> None:
        try:
            write_whole(path_of(self._received), json.dumps(asdict(self.note)).encode())
        except OSError as error:
            self.note.problem = f"{path_of(self._received)} cannot be written ({error.strerror})"
