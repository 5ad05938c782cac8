# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of two workers that runs for seconds, to see that Flink works here and which classes it loads.

One worker crashes and comes back from its files, since that is the start that somebody waits for.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Optional

from ..._catalogue.applications import DETECTOR
from ..._cluster.naming import worker_names
from ..._cluster.ports import Ports
from ..._cluster.record import ClusterRecord, ServerAddress
from ..._engines.contract import REPLAYABLE, Command
from ..._engines.flink import log_lines
from ..._engines.registry import ENGINES
from ..._formats.detector import encode_input, key_name
from ..._formats.framing import frames
from ..._process.waiting import LimitReached, wait_until
from ..command import ProvisioningError
from .home import Distribution

FIRST, SECOND = worker_names(2)

LIMIT = 180.0
"""Seconds for each thing that is waited for."""
_LIFE = 900.0
"""Seconds after which a process ends that its caller, killed itself, could not end."""

_HERE = "127.0.0.1"
_RECORDS = 500


class _SourceLog(socketserver.ThreadingTCPServer):
    """Has a few records, and knows whether a checkpoint covered them."""

    daemon_threads = True

    def __init__(self) -> None:
        self.covered = threading.Event()
        self.returned = threading.Event()
        super().__init__((_HERE, 0), _Reader)


class _Reader(socketserver.StreamRequestHandler):
    server: _SourceLog

    def handle(self) -> None:
        """``FROM n``, and then ``ACK n`` now and again."""
        taken = int(self.rfile.readline().split()[-1])
        if taken:
            self.server.returned.set()
        self.wfile.write(f"AT {taken}\n".encode())
        left = range(taken, _RECORDS)
        self.wfile.write(frames(encode_input(number // 11 + 1, key_name(number % 11)) for number in left))
        for line in self.rfile:
            if int(line.split()[-1]) == _RECORDS:
                self.server.covered.set()


class _Receiver(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((_HERE, 0), _Swallow)


class _Swallow(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """Take what comes."""
        while self.rfile.read1(1 << 16):
            pass


class _Worker:
    """A process of this one; dead before its pid is anybody else's."""

    def __init__(self, name: str, command: Command, base: Path, classes: Path) -> None:
        self.name, self.log, self.classes = name, classes.with_suffix(".log"), classes
        keeper = shutil.which("timeout")
        if keeper is None:
            raise ProvisioningError("there is no program timeout (coreutils); setup_dev_env.yml installs it")
        java, *words = command.argv
        # An archive of before would hide what is loaded.
        words = [word for word in words if not word.startswith("-XX:SharedArchiveFile=")]
        directory = base / "run" / name
        for path, text in command.files.items():
            (base / path).parent.mkdir(parents=True, exist_ok=True)
            (base / path).write_text(text, encoding="utf-8")
        for path in command.emptied:
            shutil.rmtree(base / path, ignore_errors=True)
            (base / path).mkdir(parents=True)
        for path, target in command.links.items():
            (base / path).parent.mkdir(parents=True, exist_ok=True)
            (base / path).unlink(missing_ok=True)
            (base / path).symlink_to(target)
        output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        argv = [keeper, "--kill-after=10", f"{_LIFE:g}", "env", "-C", str(directory), java]
        try:
            self.pid: Optional[int] = os.posix_spawn(
                keeper,
                [*argv, f"-XX:DumpLoadedClassList={classes}", *words],
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, nothing, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, output, 2),
                ],
            )
        finally:
            os.close(nothing)
            os.close(output)

    def wait_for(self, pattern: str) -> None:
        """Wait until it has said something."""
        wait_until(lambda: self._has_said(pattern), LIMIT, f"{self.name} to say {pattern!r}", self.last_words)

    def last_words(self) -> str:
        """The last line of its log that is one of Flink or of Java, or the cause of the last error."""
        lines = self._lines()
        return ENGINES["flink"].last_words(lines) or next((line for line in reversed(lines) if line.strip()), "nothing")

    def end(self, number: int) -> None:
        """Send a signal to it, and wait until it is dead; SIGKILL to who does not die."""
        if self.pid is None:
            return
        os.killpg(self.pid, number) if number == signal.SIGKILL else os.kill(self.pid, number)
        try:
            wait_until(self._is_dead, LIMIT, f"{self.name} to end")
        except LimitReached:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.pid = None

    def _is_dead(self) -> bool:
        return self.pid is None or os.waitpid(self.pid, os.WNOHANG)[0] != 0

    def _has_said(self, pattern: str) -> bool:
        dead = self._is_dead()
        if any(re.search(pattern, line) for line in self._lines()):
            return True
        if dead:
            self.pid = None
            raise ProvisioningError(f"Flink does not run here: its {self.name} ended. It said: {self.last_words()}")
        return False

    def _lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()


def loaded(flink: Distribution, place: Path) -> list[str]:
    """The classes that such a cluster loads, as Java lists them.

    :param place: a directory for everything.
    :raises ProvisioningError: when it does not work; with what was last said.
    """
    try:
        with _ends() as (log, receiver), ExitStack() as running:
            base = place / "base"
            record = _record(flink, str(base), log.server_address[1], receiver.server_address[1])

            def start(name: str, classes: str, said: str) -> _Worker:
                command = ENGINES["flink"].command(record, name, record.first_server, "")
                worker = _Worker(name, command, base, place / f"{classes}.classes")
                running.callback(worker.end, signal.SIGKILL)
                worker.wait_for(said)
                return worker

            first = start(FIRST, FIRST, log_lines.LEADS)
            second = start(SECOND, SECOND, log_lines.REGISTERED)
            _until(log.covered, first, "a checkpoint of what was sent")
            second.end(signal.SIGKILL)
            again = start(SECOND, f"{SECOND}-again", log_lines.REGISTERED)
            _until(log.returned, first, f"{SECOND} to go on from its files")
            for worker in (again, first):
                worker.end(signal.SIGTERM)
            lists = [worker.classes.read_text(encoding="utf-8") for worker in (first, second, again)]
    except LimitReached as problem:
        raise ProvisioningError(f"Flink does not run here: {problem}") from problem
    return merged(lists)


def merged(lists: Sequence[str]) -> list[str]:
    """One list of what several processes loaded.

    The numbers that newer Javas give to classes are of one process, and are needed for classes of loaders of their
    own alone, which no archive helps.
    """
    lines = [line for text in lists for line in text.splitlines() if " source: " not in line]
    return list(dict.fromkeys(re.sub(r" id: [0-9]+$", "", line) for line in lines))


def _until(event: threading.Event, worker: _Worker, what: str) -> None:
    wait_until(event.is_set, LIMIT, what, worker.last_words)


@contextmanager
def _ends() -> Iterator[tuple[_SourceLog, _Receiver]]:
    with _SourceLog() as log, _Receiver() as receiver:
        ends = (log, receiver)
        for one in ends:
            threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield ends
        finally:
            for one in ends:
                one.shutdown()


def _record(flink: Distribution, base: str, log: int, sink: int) -> ClusterRecord:
    control, data, external = _free(1), _free(1), _free(1)
    ports = Ports(log=log, sink=sink, control=control, data=data, external=external, workers=_free(2) - 4)
    return ClusterRecord(
        identifier="rehearsal",
        application=DETECTOR,
        engine="flink",
        version=ENGINES["flink"].versions[-1],
        workers=2,
        servers=[ServerAddress("here", _HERE, base)],
        placement={FIRST: "here", SECOND: "here"},
        ports=ports.to_dict(),
        engine_home=str(flink.home),
        checkpoint_interval=0.2,
        source=REPLAYABLE,
    )


def _free(count: int) -> int:
    """The first of so many ports, one behind the other, that nobody uses at this moment."""
    while True:
        with ExitStack() as held:
            first = held.enter_context(closing(socket.socket()))
            first.bind((_HERE, 0))
            port: int = first.getsockname()[1]
            try:
                for number in range(1, count):
                    held.enter_context(closing(socket.socket())).bind((_HERE, port + number))
            except (OSError, OverflowError):
                continue
            return port
