# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetching a worker's journals from the journal server, over its own protocol (wallaroo.md, C.5).

So whoever restores a worker needs nothing but that port: no account on the journal server's machine,
and nothing of the machine that is gone.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from .._formats.address_file import Address
from .._formats.whole_file import make_private_directory
from .._process.waiting import LimitReached, wait_until
from .files import ResilienceSet
from .source import CopyError

BLOCK = 1 << 20
"""Bytes that are asked for at once."""

ANSWER_LIMIT = 10.0
"""Seconds that the server has for an answer."""

_LENGTH = struct.Struct(">I")
_LIST_LIMIT = 1 << 20
_PAUSE = 0.05
_SPACE = 5
"""How often an event log lies on the disk at most: fetched, then as log and as journal, beside and in their place."""


class FetchError(CopyError):
    """The journals could not be fetched; the sentence says why and what to do."""


class StillAppended(FetchError):
    """Somebody still appends to the journals: the worker lives, or the server has not noticed its end yet."""


@dataclass(frozen=True)
class Listed:
    """A file on the journal server."""

    size: int
    appended: bool


class JournalServerClient:
    """One session for one worker."""

    def __init__(self, server: Address, worker: str) -> None:
        """Connect.

        :raises FetchError: when the server is not there, or refuses the worker.
        """
        self._server = server
        try:
            self._socket = socket.create_connection((server.host, server.port), ANSWER_LIMIT)
        except OSError as error:
            raise FetchError(
                f"the journal server {server} cannot be reached ({error.strerror or error}); does it run?"
            ) from error
        try:
            answer = self._ask(b"u" + worker.encode())
        except FetchError:
            self.close()
            raise
        if answer != b"ok":
            self.close()
            raise FetchError(f"the journal server {server} does not know what to do with {worker}")

    def close(self) -> None:
        """End the session."""
        self._socket.close()

    def __enter__(self) -> JournalServerClient:
        return self

    def __exit__(self, *_details: object) -> None:
        self.close()

    def listed(self) -> dict[str, Listed]:
        """The files of the worker.

        :raises FetchError: when the answer makes no sense.
        """
        found = {}
        for line in self._ask(b"l").decode("utf-8", "replace").splitlines():
            fields = line.split("\t")
            if len(fields) != 3 or not fields[1].isdigit() or len(fields[1]) > 18 or fields[2] not in ("yes", "no"):
                raise FetchError(f"the journal server {self._server} answered {line[:80]!r}, which is no file")
            found[fields[0]] = Listed(int(fields[1]), fields[2] == "yes")
        return found

    def read(self, name: str, offset: int, size: int) -> bytes:
        """A part of a file.

        :raises FetchError: when it is not there.
        """
        return self._ask(f"g{name}\t{offset}\t{size}".encode(), size)

    def cut(self, name: str, size: int) -> bool:
        """Take away the end of a file; False when this server cannot, as Wallaroo's own.

        :raises FetchError: when it can and does not.
        """
        answer = self._ask(f"t{name}\t{size}".encode())
        if answer != b"ok" and b"unknown command" not in answer:
            raise FetchError(f"the journal server {self._server} does not cut {name} to {size} bytes: {_text(answer)}")
        return answer == b"ok"

    def delete(self, name: str) -> None:
        """Delete a file.

        :raises FetchError: when the server does not.
        """
        answer = self._ask(b"d" + name.encode())
        if answer != b"ok":
            raise FetchError(f"the journal server {self._server} does not delete {name}: {_text(answer)}")

    def append(self, path: Path) -> None:
        """Send a file that the server does not have, and end the session: nothing else can be asked after it.

        :raises FetchError: when the server does not take it.
        """
        answer = self._ask(f"a{path.name}\t0".encode())
        if answer != b"ok":
            raise FetchError(f"the journal server {self._server} does not take {path.name}: {_text(answer)}")
        try:
            self._socket.settimeout(ANSWER_LIMIT)
            with path.open("rb") as stream:
                self._socket.sendfile(stream)
            self._socket.shutdown(socket.SHUT_WR)
            # It reports what it has, and closes when it has everything.
            while self._socket.recv(BLOCK):
                pass
        except OSError as error:
            raise FetchError(f"the journal server {self._server} did not take {path.name} ({error})") from error

    def _ask(self, request: bytes, limit: int = _LIST_LIMIT) -> bytes:
        end = time.monotonic() + ANSWER_LIMIT
        try:
            self._socket.sendall(_LENGTH.pack(len(request)) + request)
            (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size, end))
            if length > limit:
                raise FetchError(f"the journal server {self._server} answers {length} bytes where {limit} are most")
            return self._exactly(length, end)
        except socket.timeout as error:
            raise FetchError(f"the journal server {self._server} did not answer within {ANSWER_LIMIT:g} s") from error
        except OSError as error:
            raise FetchError(f"the connection to the journal server {self._server} broke ({error})") from error

    def _exactly(self, size: int, end: float) -> bytes:
        parts = []
        while size:
            # One limit for the whole answer: a byte now and then is no answer.
            self._socket.settimeout(max(end - time.monotonic(), 0.001))
            part = self._socket.recv(min(size, BLOCK))
            if not part:
                raise FetchError(f"the journal server {self._server} closed the connection without an answer")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def upload(server: Address, worker: str, path: Path) -> None:
    """Give the server a file that it does not have.

    :raises FetchError: when it does not take it.
    """
    with JournalServerClient(server, worker) as client:
        client.append(path)


def wait_until_left(client: JournalServerClient, files: ResilienceSet, limit: float) -> dict[str, Listed]:
    """The worker's journals, once nobody appends to them.

    The server notices the end of a worker a moment after it, and a worker whose machine is gone some seconds after.

    :raises StillAppended: when that lasts longer than ``limit`` seconds.
    :raises FetchError: when there are none.
    """
    found: dict[str, Listed] = {}

    def left() -> bool:
        listed = client.listed()
        found.clear()
        found.update((name, one) for name, one in listed.items() if files.kind_of(name) in files.layout.journals)
        if not found:
            raise FetchError(f"the journal server holds no journals of {files.worker}; does its cluster journal?")
        return not any(one.appended for one in found.values())

    try:
        wait_until(left, limit, f"the end of {files.worker}", pause=_PAUSE)
    except LimitReached as reached:
        busy = ", ".join(sorted(name for name, one in found.items() if one.appended))
        raise StillAppended(
            f"somebody still appends to {busy} after {limit:g} s: {files.worker} is alive somewhere, "
            "or its machine vanished a moment ago; make sure that it is dead and try again"
        ) from reached
    return found


def fetch(client: JournalServerClient, files: ResilienceSet, listed: dict[str, Listed]) -> int:
    """Copy the listed journals into the directory of ``files``; returns the bytes.

    :raises FetchError: when they change meanwhile, or there is no room.
    :raises OSError: when the directory cannot be written.
    """
    make_private_directory(files.directory)
    needed, free = sum(one.size for one in listed.values()), shutil.disk_usage(files.directory).free
    if free < _SPACE * needed:
        raise FetchError(
            f"{files.directory} has {free:,} bytes free, and restoring {files.worker} needs {_SPACE * needed:,}; "
            "make room"
        )
    for name, one in listed.items():
        _fetch_file(client, name, one.size, files.directory / name)
    after = client.listed()
    if any(after.get(name) != one for name, one in listed.items()):
        raise FetchError(f"the journals of {files.worker} changed while they were fetched; find out who writes to them")
    return needed


def _fetch_file(client: JournalServerClient, name: str, size: int, path: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        offset = 0
        while offset < size:
            # A wanted size of 0 would mean the whole file.
            block = client.read(name, offset, min(BLOCK, size - offset))
            if not block:
                raise FetchError(f"{name} on the journal server ended at byte {offset} of {size}; it was cut meanwhile")
            stream.write(block)
            offset += len(block)


def _text(answer: bytes) -> str:
    return answer[:200].decode("utf-8", "replace")
