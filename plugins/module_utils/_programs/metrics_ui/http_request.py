# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading one HTTP/1.1 request (RFC 9112), with a limit for every part of it.

Strict where two readers of the same bytes could understand two requests: lines end with CR LF, lengths and ``Host`` are
given once, and a body has a length or chunks but not both.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Optional

LINE_LIMIT = 1 << 13
"""Bytes of one line: an address with two names of the longest that are kept has about 6,000."""

HEAD_LIMIT = 1 << 14
"""Bytes of all lines of a request together."""

BODY_LIMIT = 1 << 12
"""Bytes of a body; a mark, the only one that is used, has at most 1,000."""

_FIRST_LINE = re.compile(rb"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_LENGTH = re.compile(r"[0-9]{1,12}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
_ONCE = {"content-length", "host", "transfer-encoding"}


class Refusal(Exception):
    """A request that is not read to its end, so that its connection cannot be used any further; says why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Request:
    """One request, read as a whole."""

    method: str
    path: str
    """Still with its percent signs."""
    query: str
    headers: Mapping[str, str]
    """By their names in small letters; those that came more than once are joined with commas."""
    body: bytes
    minor: int
    """Of the version HTTP/1.x."""

    @property
    def keeps(self) -> bool:
        """Whether another request may follow on the same connection."""
        words = self.headers.get("connection", "").lower().split(",")
        return self.minor > 0 and "close" not in {word.strip() for word in words}


async def read_request(reader: asyncio.StreamReader, proceed: Callable[[], None]) -> Optional[Request]:
    """The next request of a connection; None when it has ended before one began.

    :param reader: with ``LINE_LIMIT`` as its limit.
    :param proceed: tells a client that waits for it that its body is wanted.
    :raises Refusal: when it is none, or more than there may be.
    :raises asyncio.IncompleteReadError: when it ended in the middle.
    """
    lines = _Lines(reader)
    try:
        # Some clients end a body with a line too much.
        first = await lines.next() or await lines.next()
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise
    found = _FIRST_LINE.fullmatch(first)
    if found is None:
        raise Refusal(400, "the first line is no request of HTTP/1.1")
    minor = int(found[3])
    headers = await _headers(lines)
    if minor and "host" not in headers:
        raise Refusal(400, "Host is missing")
    path, _mark, query = found[2].decode("ascii").partition("?")
    body = await _body(reader, lines, headers, minor, proceed)
    return Request(found[1].decode("ascii"), path, query, headers, body, minor)


class _Lines:
    """The lines of a request, of which there are so many bytes and no more."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._left = HEAD_LIMIT
        self._any = False

    async def next(self) -> bytes:
        """The next line, without its end."""
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise Refusal(431 if self._any else 414, f"a line has at most {LINE_LIMIT} bytes") from None
        self._any = True
        self._left -= len(line)
        if self._left < 0:
            raise Refusal(431, f"the lines of a request have at most {HEAD_LIMIT} bytes")
        if not line.endswith(b"\r\n"):
            raise Refusal(400, "a line ends with CR LF")
        return line[:-2]


async def _headers(lines: _Lines) -> dict[str, str]:
    headers: dict[str, str] = {}
    while line := await lines.next():
        found = _FIELD.fullmatch(line)
        if found is None:
            raise Refusal(400, "a line is no header")
        name, value = found[1].decode("ascii").lower(), found[2].decode("latin-1").strip(" \t")
        if name in headers:
            if name in _ONCE:
                raise Refusal(400, f"{name} is given twice")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


async def _body(
    reader: asyncio.StreamReader, lines: _Lines, headers: Mapping[str, str], minor: int, proceed: Callable[[], None]
) -> bytes:
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is None and length is None:
        return b""
    if coding is not None and (length is not None or not minor):
        raise Refusal(400, "a body has a length or, with HTTP/1.1, chunks")
    if coding is not None and coding.lower() != "chunked":
        raise Refusal(501, "chunked is the only coding that is known here")
    if length is not None and not _LENGTH.fullmatch(length):
        raise Refusal(400, "content-length is no number")
    _limit(int(length or 0))
    expected = headers.get("expect")
    if expected is not None and minor:
        if expected.lower() != "100-continue":
            raise Refusal(417, "100-continue is all that can be expected here")
        proceed()
    return await _chunks(reader, lines) if length is None else await reader.readexactly(int(length))


async def _chunks(reader: asyncio.StreamReader, lines: _Lines) -> bytes:
    body = b""
    while True:
        found = _CHUNK.fullmatch(await lines.next())
        if found is None:
            raise Refusal(400, "a chunk begins with its length")
        size = int(found[1], 16)
        if size == 0:
            # What may follow are headers that nobody here needs.
            await _headers(lines)
            return body
        _limit(len(body) + size)
        body += await reader.readexactly(size)
        if await lines.next():
            raise Refusal(400, "a chunk is longer than it says")


def _limit(size: int) -> None:
    if size > BODY_LIMIT:
        raise Refusal(413, f"a body has at most {BODY_LIMIT} bytes")
