# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What actions say to people while a playbook runs.

An action runs in a process of its own and owns no terminal. The callback ``steps`` opens a channel before any of them
is started, and prints what comes through it in its own way. With every other callback stdout is that callback's alone,
so people read it on stderr.
"""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import astuple, dataclass, replace
from typing import Optional

from ansible.utils.display import Display

LONGEST = 60_000
"""Bytes of one message, below what a socket takes in one piece."""

_BUFFER = 1 << 20
_PATIENCE = 5.0


@dataclass(frozen=True)
class Said:
    """Something that was said."""

    text: str
    passing: bool = False
    """Whether it is over as soon as something else is said: how far a wait is."""
    where: str = ""
    """The server it is about, when it is about one."""
    last: bool = False
    """Whether it is to be read at the end, whatever is done or said after it."""


class Channel:
    """From the processes of tasks to the callback that prints. A message comes as a whole or not at all."""

    def __init__(self, live: bool) -> None:
        """.

        :param live: whether progress is shown in place, so that more of it bothers nobody.
        """
        self.live = live
        self._reading, self._writing = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._reading.setblocking(False)
        # A task holds both ends, so it would wait for a callback that is gone for ever.
        self._writing.settimeout(_PATIENCE)
        with contextlib.suppress(OSError):
            self._writing.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)

    def fileno(self) -> int:
        """For whoever waits until something is said."""
        return self._reading.fileno()

    def put(self, said: Said) -> None:
        """Say it.

        :raises OSError: when nobody listens any more.
        """
        data = json.dumps(astuple(said)).encode()
        if len(data) > LONGEST:
            data = json.dumps(astuple(replace(said, text=f"{said.text[: LONGEST // 8]} ..."))).encode()
        self._writing.send(data)

    def take(self) -> Optional[Said]:
        """The next that was said; None when there is nothing yet."""
        try:
            return Said(*json.loads(self._reading.recv(_BUFFER)))
        except (BlockingIOError, InterruptedError):
            return None

    def close(self) -> None:
        """Listen no more."""
        self._reading.close()
        self._writing.close()


class _Open:
    """The channel that is open, if any; tasks inherit it."""

    channel: Optional[Channel] = None


def listen(live: bool) -> Channel:
    """Open the channel: from now on whatever is said here, and in processes that are forked from here, goes there."""
    _Open.channel = Channel(live)
    return _Open.channel


def hush() -> None:
    """Close it again."""
    channel, _Open.channel = _Open.channel, None
    if channel is not None:
        channel.close()


def is_live() -> bool:
    """Whether progress is shown in place."""
    return _Open.channel is not None and _Open.channel.live


def say(text: str) -> None:
    """Show it for good."""
    _say(Said(text))


def conclude(text: str) -> None:
    """Show it at the end: the summary of a run, which nothing follows."""
    _say(Said(text, last=True))


def tell_progress(where: str, text: str) -> None:
    """Show how far a wait is.

    :param where: the server on which something is waited for.
    """
    _say(Said(text, True, where))


def _say(said: Said) -> None:
    if _Open.channel is not None:
        try:
            _Open.channel.put(said)
            return
        except OSError:
            # Whoever listened is gone; what is said is still worth reading.
            pass
    Display().display(f"{said.where}: {said.text}" if said.where else said.text, stderr=True)
