# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a sink has the receiver take back what no checkpoint covers.

Frames go to the receiver as to any; a connection that begins with :data:`HEAD` instead of the length of a frame is one
whose frames may be taken back. Behind it stands the size at which what was received is cut, and an empty frame asks how
much is there. Both are answered with a line, ``AT <bytes>``.
"""

from __future__ import annotations

import struct

HEAD = b"\xffcut"
"""As the length of a frame it would be far beyond every limit."""

_BEGIN = struct.Struct(">4sQ")
BEGIN_SIZE = _BEGIN.size


def begin(size: int) -> bytes:
    """What a connection begins with: keep so many bytes, and what comes behind them."""
    return _BEGIN.pack(HEAD, size)


def size_of(data: bytes) -> int:
    """The reverse of :func:`begin`.

    :raises ValueError: when it is none.
    """
    if len(data) != BEGIN_SIZE or not data.startswith(HEAD):
        raise ValueError(f"{data!r} does not begin a connection whose frames may be taken back")
    return int(_BEGIN.unpack(data)[1])


def question() -> bytes:
    """Asks how much is there: an empty frame, which is no message."""
    return bytes(4)


def answer(size: int) -> bytes:
    """So many bytes are there."""
    return b"AT %d\n" % size
