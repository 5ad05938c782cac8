# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection to the journal server (wallaroo.md, C.5).

Requests and replies are frames; the first byte of a request is its command. After ``a`` every byte
that comes is appended, unframed, until the client closes, and the server says from time to time how
much it has. A command of our own, which real workers never send, is ``t NAME TAB SIZE``: cut a file.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Callable
from typing import Optional

from .connection import Connection
from .store import BLOCK, Appender, Folder, Refused, Store, checked

REQUEST_LIMIT = 4096
"""Bytes of a request."""

REPORT_PAUSE = 1.0
"""Seconds between two reports while data flows, and after the last data."""

_LENGTH = struct.Struct(">I")
_MOST = (1 << 32) - 1


class Session:
    """Serves one client until it goes."""

    def __init__(self, store: Store, connection: Connection, say: Callable[[str], None]) -> None:
        self._store = store
        self._connection = connection
        self._say = say
        self._folder: Folder = store.folder()
        self._commands: dict[int, Callable[[bytes], bytes]] = {
            ord("u"): self._use,
            ord("l"): self._list,
            ord("d"): self._delete,
            ord("s"): self._sync,
            ord("t"): self._cut,
        }

    async def serve(self) -> None:
        """Until the client has gone.

        :raises OSError: when the connection breaks.
        :raises Refused: when the client is to be cut off; the sentence says why.
        """
        while True:
            request = await self._request()
            if request is None:
                return
            command, argument = request[:1], request[1:]
            if command == b"a":
                await self._append(argument)
                return
            if command == b"g":
                await self._get(argument)
            else:
                await self._connection.send(_frame(self._answer(command, argument)))

    async def _request(self) -> Optional[bytes]:
        header = await self._connection.exactly(_LENGTH.size, "a request")
        if not header:
            return None
        (length,) = _LENGTH.unpack(header)
        if length > REQUEST_LIMIT:
            raise Refused(f"a request of {length} bytes; there are none above {REQUEST_LIMIT}")
        request = await self._connection.exactly(length, "the rest of a request")
        return request if len(request) == length else None

    def _answer(self, command: bytes, argument: bytes) -> bytes:
        known = self._commands.get(command[0]) if command else None
        if known is None:
            return f'ERROR: unknown command "{command.decode("ascii", "backslashreplace")}"'.encode()
        try:
            return known(argument)
        except Refused as refused:
            return f"ERROR: {refused}".encode()
        except (OSError, ValueError) as error:
            # A missing file gets the bare word, as from the original.
            return b"ERROR" if isinstance(error, FileNotFoundError) else f"ERROR: {error}".encode()

    def _use(self, argument: bytes) -> bytes:
        self._folder = self._store.folder(checked(argument))
        return b"ok"

    def _list(self, argument: bytes) -> bytes:
        del argument
        return "".join(
            f"{entry.name}\t{entry.size}\t{'yes' if entry.appended else 'no'}\n" for entry in self._folder.entries()
        ).encode()

    def _delete(self, argument: bytes) -> bytes:
        self._folder.delete(argument)
        return b"ok"

    def _sync(self, argument: bytes) -> bytes:
        size = self._folder.sync(argument)
        return f"{size}\t{size}".encode()

    def _cut(self, argument: bytes) -> bytes:
        name, size = _fields(argument, 2)
        self._folder.cut(name, _number(size))
        return b"ok"

    async def _get(self, argument: bytes) -> None:
        """A part of a file in one frame, which is never held as a whole.

        A missing file ends the session without a word: that is the protocol.
        """
        try:
            name, offset, wanted = _fields(argument, 3)
            begin, length = max(_number(offset), 0), _number(wanted)
            handle = self._folder.read(name)
        except (OSError, ValueError) as error:
            raise Refused(f"{argument[:80]!r} cannot be read: {error}") from error
        try:
            size = os.fstat(handle).st_size
            end = size if length <= 0 else min(begin + length, size)
            end = min(max(end, begin), begin + _MOST)
            await self._connection.send(_LENGTH.pack(end - begin))
            while begin < end:
                block = os.pread(handle, min(BLOCK, end - begin), begin)
                if not block:
                    raise Refused(f"{argument[:80]!r} became shorter while it was read")
                await self._connection.send(block)
                begin += len(block)
        finally:
            os.close(handle)

    async def _append(self, argument: bytes) -> None:
        try:
            name, offset = _fields(argument, 2)
            appender = self._folder.append(name, _number(offset))
        except (Refused, OSError, ValueError) as error:
            await self._connection.send(_frame(f"ERROR: {error}".encode()))
            return
        self._say(f"appends to {appender.name} from byte {appender.size}")
        try:
            await self._connection.send(_frame(b"ok"))
            await self._stream(appender)
        finally:
            appender.close()
            self._say(f"left {appender.name} at byte {appender.size}")

    async def _stream(self, appender: Appender) -> None:
        loop = asyncio.get_running_loop()
        reported, last_report = appender.size, loop.time()
        read = asyncio.ensure_future(self._connection.receive())
        try:
            while True:
                await asyncio.wait({read}, timeout=REPORT_PAUSE)
                if read.done():
                    data = read.result()
                    if not data:
                        break
                    appender.write(data)
                    read = asyncio.ensure_future(self._connection.receive())
                if appender.size != reported and loop.time() - last_report >= REPORT_PAUSE:
                    await self._report(appender)
                    reported, last_report = appender.size, loop.time()
        finally:
            if not read.cancel() and not read.cancelled():
                read.exception()
            # Also for a client that broke off: what came of its last bytes is on the disk before others may append.
            await loop.run_in_executor(None, appender.sync)
        await self._report(appender)

    async def _report(self, appender: Appender) -> None:
        """Say how much was written, and how much of it is on the disk."""
        await asyncio.get_running_loop().run_in_executor(None, appender.sync)
        self._connection.offer(_frame(f"{appender.size}\t{appender.synced}".encode()))


def _frame(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def _fields(argument: bytes, count: int) -> list[bytes]:
    fields = argument.split(b"\t")
    if len(fields) != count:
        raise Refused(f"{count} fields are needed, {len(fields)} came")
    return fields


def _number(text: bytes) -> int:
    # Not everything that int() takes: underscores, blanks and digits of other scripts are no numbers here.
    digits = text[1:] if text[:1] == b"-" else text
    if not digits.isdigit() or len(digits) > 19:
        raise Refused(f"{text[:40]!r} is no number")
    return int(text)
