# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When which value was sent: ``<progress>.times``, 24 bytes for each batch of a connection.

A record holds the number of the connection, the last value of the batch, and the time in nanoseconds since the epoch,
each as u64 big-endian. It is written as the batch is about to be handed over, so that whoever waits for a source that
reads nothing is seen to wait. All senders of a cluster go on with the same file; a fresh cluster begins it anew.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

RECORD = struct.Struct(">QQQ")


class Batch(NamedTuple):
    """What a connection was about to send at a moment."""

    connection: int
    last: int
    """The last value of each of its keys."""
    nanoseconds: int


def path_of(progress: str) -> str:
    """Where the times of a sender are kept, beside its progress."""
    return f"{progress}.times"


def open_file(progress: str) -> int:
    """Open the times of a sender for appending; -1 where that cannot be done, since nobody is to fail for them."""
    try:
        return os.open(path_of(progress), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return -1


def add(file: int, connection: int, value: int) -> None:
    """Note that a connection is about to send up to a value."""
    if file >= 0:
        # A full disk must not keep anybody from sending.
        with contextlib.suppress(OSError):
            os.write(file, RECORD.pack(connection, value, time.time_ns()))


def close(file: int) -> None:
    """Note no more."""
    if file >= 0:
        os.close(file)


def iterate(progress: str) -> Iterator[Batch]:
    """The batches in the order in which they were sent; none without a file, and a torn last record is left out.

    :raises OSError: when it is there and cannot be read.
    """
    path = Path(path_of(progress))
    if not path.exists():
        return
    data = path.read_bytes()
    for connection, last, nanoseconds in RECORD.iter_unpack(data[: len(data) - len(data) % RECORD.size]):
        yield Batch(connection, last, nanoseconds)
