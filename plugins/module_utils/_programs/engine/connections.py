# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all connections of a worker have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Optional

from ..._formats.framing import HEADER
from .command_line import HostPort
from .output import say
from .tasks import Signal

READ_SIZE = 1 << 18
"""Bytes taken from a data connection at once; twice that is the most that waits in this process."""

SMALL_READ_SIZE = 1 << 14
"""The same where small messages are spoken, and strangers may call."""

HIGH_WATER = 1 << 20
"""Bytes that wait to be sent on a connection before what feeds it is stopped."""

RETRY_PAUSE = 10.0
"""Seconds between two tries to reach a worker or the receiver (wallaroo.md, B.5, D.1)."""

_STRANGERS = 64
_GREETING_LIMIT = 1 << 12
_CLOSE_LIMIT = 5.0


class Outlet(asyncio.Protocol):
    """The writing end of a connection. What comes back on it is thrown away."""

    def __init__(self, lost: Callable[[Outlet], None], changed: Signal) -> None:
        self._lost = lost
        self._changed = changed
        self._transport: Optional[asyncio.Transport] = None
        self.full = False
        """Whether more waits to be sent than may wait."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.Protocol`."""
        if not isinstance(transport, asyncio.Transport):
            raise AssertionError("the transport of a stream is one that can be written to")
        transport.set_write_buffer_limits(high=HIGH_WATER)
        self._transport = transport

    def pause_writing(self) -> None:
        """See :class:`asyncio.Protocol`."""
        self.full = True

    def resume_writing(self) -> None:
        """See :class:`asyncio.Protocol`."""
        self.full = False
        self._changed.wake()

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """See :class:`asyncio.Protocol`."""
        self.full = False
        self._lost(self)
        self._changed.wake()

    @property
    def usable(self) -> bool:
        """Whether what is written now has a chance to arrive."""
        return self._transport is not None and not self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send, or drop when the connection is closing."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def abort(self) -> None:
        """Close at once; what waits to be sent is dropped."""
        if self._transport is not None:
            self._transport.abort()

    async def flush(self, limit: float) -> None:
        """Wait until everything has left this process, for a number of seconds at most."""
        if self._transport is None or self._transport.is_closing():
            return
        # From now on the connection counts as full until its last byte has left.
        self._transport.set_write_buffer_limits(high=0)
        leaving = asyncio.ensure_future(self._changed.until(lambda: not self.full or not self.usable))
        await asyncio.wait({leaving}, timeout=limit)
        leaving.cancel()


async def open_outlet(address: HostPort, lost: Callable[[Outlet], None], changed: Signal) -> Outlet:
    """Connect once.

    :raises OSError: when nobody listens there, or the connection is gone at once.
    """
    loop = asyncio.get_running_loop()
    host = address[0] or "127.0.0.1"
    _transport, outlet = await loop.create_connection(lambda: Outlet(lost, changed), host, address[1])
    if not outlet.usable:
        raise ConnectionResetError(f"{host}:{address[1]} closed the connection")
    return outlet


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """A port on which anybody may connect; what comes from strangers is limited in number and harmless."""

    def __init__(self, title: str, serve: Serve, read_size: int = SMALL_READ_SIZE) -> None:
        self._title = title
        self._serve = serve
        self._read_size = read_size
        self._server: Optional[asyncio.AbstractServer] = None
        self._strangers: dict[asyncio.StreamWriter, None] = {}
        self._members: dict[str, asyncio.StreamWriter] = {}
        self.address: HostPort = ("", 0)

    async def listen(self, address: HostPort) -> None:
        """Open the port.

        :raises OSError: when it cannot be had.
        """
        host = address[0] or "0.0.0.0"
        self._server = await asyncio.start_server(self._accepted, host, address[1], limit=self._read_size)
        bound: Any = self._server.sockets[0].getsockname()
        self.address = (str(bound[0]), int(bound[1]))

    @staticmethod
    async def greeting(reader: asyncio.StreamReader) -> bytes:
        """The first frame, in which somebody says who it is: short, since it may be anybody.

        :raises ValueError: when it announces more.
        """
        (length,) = HEADER.unpack(await reader.readexactly(HEADER.size))
        if length > _GREETING_LIMIT:
            raise ValueError(f"the first frame announces {length} bytes, more than the {_GREETING_LIMIT} allowed")
        return await reader.readexactly(length)

    def identified(self, writer: asyncio.StreamWriter, name: str) -> None:
        """Whose a connection is, is known now. It takes the place of an older one of the same worker."""
        self._strangers.pop(writer, None)
        old = self._members.get(name)
        self._members[name] = writer
        if old is not None:
            old.transport.abort()

    def is_current(self, writer: asyncio.StreamWriter, name: str) -> bool:
        """Whether no newer connection of this worker has come."""
        return self._members.get(name) is writer

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._strangers[writer] = None
        if len(self._strangers) > _STRANGERS:
            # The oldest of those who connected and never said who they are.
            next(iter(self._strangers)).transport.abort()
            del self._strangers[next(iter(self._strangers))]
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        except Exception as error:
            # Whatever a stranger sends costs its own connection, and nothing else.
            say(f"{self._title}: cutting off {peer_host(writer)}: {type(error).__name__}: {str(error)[:200]}")
        finally:
            self._strangers.pop(writer, None)
            for name in [name for name, member in self._members.items() if member is writer]:
                del self._members[name]
            # What was answered still leaves, but one that does not read it is not waited for.
            writer.close()
            asyncio.get_running_loop().call_later(_CLOSE_LIMIT, writer.transport.abort)


def peer_host(writer: asyncio.StreamWriter) -> str:
    """The address from which the other side connected."""
    name = writer.get_extra_info("peername")
    return str(name[0]) if name else ""
