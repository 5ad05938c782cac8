# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sender has sent, as it leaves it on disk while it sends: ``<base>/run/<sender>/progress``.

Nobody acknowledges what a source gets, and a sender may be killed at any moment. So it notes for each of its
connections up to where it is going to send *before* it sends, and up to where the kernel has taken all of it
afterwards. What the kernel has taken arrives, whatever becomes of the sender, unless the connection breaks. Where both
numbers are the same what was sent is therefore known exactly; where they are not, something between them was.

One line of JSON says what is to be sent, and in the end how that ended; then come two numbers of fixed width a
connection, overwritten in place: one small write each, which a kill does not tear.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Optional

from . import sending_times
from .json_record import Damaged, bytes_of, made
from .whole_file import write_whole

FILE_NAME = "progress"

_DIGITS = 20
_LINE = 2 * _DIGITS + 2
_DO = "what was sent is not known, so start a fresh cluster with stop_cluster.yml and start_cluster.yml"


@dataclass
class Sending:
    """What was to be sent, and how far it came."""

    first: int
    """The first value of each key, or 1 for the records of a file."""
    last: int
    groups: list[list[str]]
    """The keys of each connection."""
    round: int = 0
    """Which sending of a file this is; 0 for values."""
    exit_code: Optional[int] = None
    """None while it sends, and when it was killed."""
    message: str = ""
    broken: bool = False
    """A connection broke: not all arrived that the kernel had taken."""
    intended: list[int] = field(default_factory=list)
    """Up to where each connection was about to send."""
    handed: list[int] = field(default_factory=list)
    """Up to where the kernel had taken everything of it."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for decisions on the controller."""
        before = self.first - 1
        return {
            "first": self.first,
            "last": self.last,
            "round": self.round,
            "exit_code": self.exit_code,
            "message": self.message,
            "begun": any(value > before for value in self.intended),
            # Each key got all up to here, and none more than up to there.
            "sure": min(self.handed, default=before),
            "perhaps": max(self.intended, default=before),
            "exact": not self.broken and self.intended == self.handed,
        }


class Progress:
    """The file of a sender that runs."""

    def __init__(self, path: str, sending: Sending, come_to: Optional[Sequence[int]] = None) -> None:
        """Begin it; what an earlier sender left is over.

        :param path: where; empty for none.
        :param come_to: up to where each connection's keys were sent by an earlier one.
        :raises OSError: when it cannot be written.
        """
        self._path = path
        self._sending = sending
        before = list(come_to) if come_to is not None else [sending.first - 1] * len(sending.groups)
        sending.intended, sending.handed = before, list(before)
        self._file = self._times = -1
        self._offset = 0
        if path:
            header = self._write()
            self._file, self._offset = os.open(path, os.O_WRONLY | os.O_CLOEXEC), len(header)
            self._times = sending_times.open_file(path)

    def come_to(self, connection: int) -> int:
        """Up to where the keys of this connection were sent."""
        return self._sending.handed[connection]

    def intend(self, connection: int, value: int) -> None:
        """A connection is about to send up to here."""
        self._sending.intended[connection] = value
        self._put(connection, 0, value)
        sending_times.add(self._times, connection, value)

    def handed(self, connection: int, value: int) -> None:
        """The kernel has taken all up to here."""
        self._sending.handed[connection] = value
        self._put(connection, _DIGITS + 1, value)

    def end(self, exit_code: int, message: str, broken: bool) -> None:
        """The sender ends by itself.

        :raises OSError: when that cannot be written; then it is as if it had been killed.
        """
        self._sending.exit_code, self._sending.message, self._sending.broken = exit_code, message, broken
        if self._path:
            os.close(self._file)
            sending_times.close(self._times)
            self._write()

    def _write(self) -> bytes:
        sending = self._sending
        numbers = {"intended", "handed"}
        head = {name: value for name, value in asdict(sending).items() if name not in numbers}
        header = json.dumps(head).encode() + b"\n"
        lines = [
            f"{intended:0{_DIGITS}d} {handed:0{_DIGITS}d}\n".encode()
            for intended, handed in zip(sending.intended, sending.handed)
        ]
        write_whole(self._path, b"".join([header, *lines]))
        return header

    def _put(self, connection: int, column: int, value: int) -> None:
        if self._file >= 0:
            os.pwrite(self._file, f"{value:0{_DIGITS}d}".encode(), self._offset + connection * _LINE + column)


def read(path: Path) -> Optional[Sending]:
    """What a sender has left; None when none ever began.

    :raises Damaged: when it cannot be understood.
    """
    try:
        header, *lines = bytes_of(path).decode("ascii").splitlines()
        found = made(Sending, json.loads(header))
        numbers = [_numbers(line, found) for line in lines]
        if len(numbers) != len(found.groups) or not numbers or not 1 <= found.first <= found.last:
            raise ValueError(f"{len(lines)} lines for {len(found.groups)} connections")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Damaged(path, error.strerror or str(error), _DO) from error
    except (ValueError, RecursionError) as error:
        raise Damaged(path, str(error), _DO) from error
    found.intended, found.handed = [one for one, _unused in numbers], [one for _unused, one in numbers]
    return found


def _numbers(line: str, sending: Sending) -> tuple[int, int]:
    if len(line) != _LINE - 1 or not (line[:_DIGITS] + line[_DIGITS + 1 :]).isdigit():
        raise ValueError(f"{line[:60]!r} are no two numbers")
    intended, handed = int(line[:_DIGITS]), int(line[_DIGITS + 1 :])
    if not sending.first - 1 <= handed <= intended <= sending.last:
        raise ValueError(f"{intended} and {handed} do not fit to {sending.first} to {sending.last}")
    return intended, handed
