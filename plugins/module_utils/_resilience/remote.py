# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source server of a move, as the target reaches it: over a standing SSH connection, or on the same machine.

One connection carries everything: the agent's questions and answers, and rsync, which brings whole files over.
It is opened before the kill, since an SSH handshake takes longer than the copy of what a worker wrote last
(wallaroo.md, "Four hosts over SSH": 0.24 s each).
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Optional, Protocol

from .._faults.kill import Killed
from .._formats.framing import HEADER
from .._process.control import ControlDirectory
from .._process.piped import Ended, PipeBroken, Piped, run
from .._process.ssh import OTHER, RSYNC_ENVIRONMENT, Access, problem, remote_command, rsync_argv, ssh_argv
from . import agent_protocol
from .files import ResilienceSet
from .manifest import Manifest
from .source import CopyError, NotReached, TailSource

ANSWER_SECONDS = 60.0
"""Limit for one answer of the agent; a manifest of gigabytes takes its time."""

RSYNC_SECONDS = 3600.0
"""Limit for bringing whole files over; without any progress rsync gives up much sooner."""

RSYNC_IDLE_SECONDS = 60


class SourceServer(Protocol):
    """Where a worker is moved from: an :class:`.agent.Agent`, here or at the other end of a connection."""

    @property
    def files(self) -> TailSource:
        """Its resilience files."""

    def pid(self) -> Optional[int]:
        """The worker's process, when it is alive."""

    def kill(self, limit: float) -> Killed:
        """SIGKILL, and wait for the death.

        :raises CopyError: when it does not die, or when the source cannot be asked.
        """

    def stand_by(self) -> None:
        """See :meth:`.agent.Agent.stand_by`."""

    def give_address(self) -> None:
        """See :meth:`.agent.Agent.give_address`."""

    def close(self) -> None:
        """Give the connection up."""


class OtherServer:
    """Another server, with a standing SSH connection to its agent."""

    def __init__(self, name: str, access: Access, agent: Sequence[str], files: ResilienceSet) -> None:
        """Begin to open the connection; :meth:`greet` waits for it.

        :param name: the source server's name, for messages.
        :param agent: the command line of the agent there.
        :param files: what the worker's files are called there.
        :raises CopyError: when it cannot be begun; the sentence says why and what to do.
        """
        self.name = name
        self.access = access
        self.files: TailSource = RemoteFiles(self, files)
        self._control = ControlDirectory()
        if not os.access(access.identity, os.R_OK):
            self.close()
            raise CopyError(
                f"{name} cannot be reached by SSH from here: there is no key {access.identity} on this server; "
                "run preflight.yml -e fix=true"
            )
        argv = [*ssh_argv(access, "ControlMaster=yes", f"ControlPath={self._control.socket}"), remote_command(agent)]
        try:
            self._connection = Piped(argv)
        except OSError as error:
            self.close()
            raise CopyError(f"ssh cannot be started on this server ({error.strerror}); install it.") from error

    def greet(self, run: str) -> None:
        """Wait until it stands; it is given up otherwise.

        :param run: whose act it is.
        :raises CopyError: when it cannot be opened; the sentence says why and what to do.
        """
        try:
            self.ask("hello", run=run)
        except BaseException:
            self.close()
            raise

    def pid(self) -> Optional[int]:
        """The worker's process, when it is alive."""
        found = self.ask("process").get("pid")
        return int(found) if found is not None else None

    def kill(self, limit: float) -> Killed:
        """SIGKILL, and wait for the death."""
        answer = self.ask("kill", limit=limit)
        return Killed(answer.get("pid"), answer.get("killed"), answer.get("died"))

    def stand_by(self) -> None:
        """Let the agent take the way to whoever gives the worker's address away."""
        self.ask("stand_by")

    def give_address(self) -> None:
        """Have it given away."""
        self.ask("give_address")

    def ask(self, act: str, **details: Any) -> dict[str, Any]:
        """One question.

        :raises NotReached: when ssh says why the server cannot be reached.
        :raises CopyError: when the agent says that it cannot, or the connection broke.
        :raises FileNotFoundError: when a file is not there.
        """
        try:
            self._connection.write(agent_protocol.encode({"act": act, **details}))
            (length,) = HEADER.unpack(self._connection.read(HEADER.size, ANSWER_SECONDS))
            if length > agent_protocol.LIMIT:
                raise agent_protocol.ProtocolError("it answered with something else than an agent does")
            answer = agent_protocol.decode(self._connection.read(length, ANSWER_SECONDS))
        except PipeBroken as broken:
            if not broken.errors:
                raise CopyError(f"the connection to {self.name} ({self.access}) broke: {broken}") from broken
            what = problem(self.access, broken.errors)
            raise (CopyError if what.kind == OTHER else NotReached)(
                f"{self.name} ({self.access}) cannot be reached by SSH from here: {what.sentence}"
            ) from broken
        except agent_protocol.ProtocolError as error:
            raise CopyError(
                f"{self.name} ({self.access}) did not start the agent properly: {error}; "
                "whatever its shell prints at a login has to go."
            ) from error
        if "gone" in answer:
            raise FileNotFoundError(2, "No such file", str(answer["gone"]))
        if "error" in answer:
            raise CopyError(f"{self.name}: {answer['error']}")
        return answer

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Bytes of a file from an offset on, as many as there are and one answer holds."""
        wanted = min(length, agent_protocol.MOST_BYTES)
        answer = self.ask("read", name=name, offset=offset, length=wanted)
        size = int(answer["bytes"])
        try:
            return self._connection.read(size, ANSWER_SECONDS) if 0 < size <= wanted else b""
        except PipeBroken as broken:
            raise CopyError(f"the connection to {self.name} ({self.access}) broke: {broken}") from broken

    def rsync(self, arguments: Sequence[str], given: bytes, directory: str, target: Path) -> None:
        """Run rsync from a directory there into one here, over the connection that stands.

        :raises CopyError: when it fails.
        """
        over = ("ControlMaster=no", f"ControlPath={self._control.socket}")
        argv = rsync_argv(self.access, arguments, directory, str(target), *over)
        try:
            ended = run(argv, RSYNC_SECONDS, given, RSYNC_ENVIRONMENT)
        except FileNotFoundError as error:
            raise CopyError(
                "There is no rsync on this server; run preflight.yml -e fix=true, or install it."
            ) from error
        except PipeBroken as error:
            raise CopyError(f"rsync from {self.name} was given up: {error}") from error
        if ended.code != 0:
            raise CopyError(f"rsync from {self.name} failed: {_rsync_problem(ended, self.name)}")

    def close(self) -> None:
        """Give the connection up."""
        connection = getattr(self, "_connection", None)
        if connection is not None:
            connection.close(2.0)
        self._control.close()


class RemoteFiles:
    """The resilience files of a worker on another server; a source for :func:`.copying.copy`."""

    def __init__(self, server: OtherServer, files: ResilienceSet) -> None:
        self._server = server
        self._files = files

    def manifest(self) -> Manifest:
        """What lies there now."""
        return Manifest.from_dict(self._server.ask("manifest")["manifest"])

    def open(self, name: str) -> BinaryIO:
        """The bytes of a file."""
        return self.open_at(name, 0)

    def open_at(self, name: str, offset: int) -> BinaryIO:
        """The bytes of a file from an offset on."""
        return io.BufferedReader(_RemoteFile(self._server, name, offset), agent_protocol.MOST_BYTES)

    def digest_of_beginning(self, name: str, length: int) -> str:
        """SHA-256 of the first ``length`` bytes of a file."""
        return str(self._server.ask("beginning", name=name, length=length)["sha256"])

    def fetch(self, names: list[str], directory: Path) -> None:
        """Bring whole files over with rsync. What it leaves is proved by the manifests, not by its exit code."""
        arguments = ["--whole-file", "--from0", "--files-from=-", f"--timeout={RSYNC_IDLE_SECONDS}"]
        given = b"".join(name.encode() + b"\0" for name in names)
        self._server.rsync(arguments, given, str(self._files.directory), directory)

    def describe(self) -> str:
        """Server and directory."""
        return f"{self._files.directory} on {self._server.name}"


class _RemoteFile(io.RawIOBase):
    def __init__(self, server: OtherServer, name: str, offset: int) -> None:
        super().__init__()
        self._server = server
        self._name = name
        self._offset = offset

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._server.read(self._name, self._offset, len(buffer))
        buffer[: len(data)] = data
        self._offset += len(data)
        return len(data)


def _rsync_problem(ended: Ended, server: str) -> str:
    if "rsync: command not found" in ended.errors or "rsync: not found" in ended.errors:
        return f"there is no rsync on {server}; run preflight.yml -e fix=true, or install it there"
    lines = [line.strip() for line in ended.errors.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("rsync error:")]
    return (telling or lines or [f"exit code {ended.code}"])[0]
