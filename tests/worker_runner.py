# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real worker processes of either engine, a receiver and senders, for one test."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Optional

from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.applications import application
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import checkpoint_ids
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    decode_output,
    encode_input,
    encode_output,
    expected_window,
    key_name,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.external import MessageType, decode, encode
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import FrameSplitter, frames
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import ResilienceSet

from tests.decoders import all_checkpoint_ids

from .engines import EMBEDDED, Engine
from .listening import Listening
from .port_block import PortBlock

LIMIT = 15.0
"""Seconds for anything that must happen; generous, since tests share a machine."""

KEYS = [key_name(number) for number in range(11)]
RESUMED = "~~~Resuming message processing.~~~"
READY = "|~~ INIT PHASE III: Application is ready to work! ~~|"
INITIALIZED = "Application has successfully initialized."

_LAUNCHER = """\
import sys
sys.path[0] = {path!r}
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.main import main
sys.exit(main({application!r}, sys.argv[1:]))
"""


def wait_for(what: str, reached: Callable[[], Any], limit: float = LIMIT) -> Any:
    """Poll until something is so; fails with what was waited for."""
    end = time.monotonic() + limit
    while True:
        found = reached()
        if found:
            return found
        assert time.monotonic() < end, f"waited {limit} s for {what}"
        time.sleep(0.005)


class Receiver(Listening):
    """What the workers' sinks connect to. Notes every output of every key in the order in which it came."""

    def __init__(self, port: int, reads: bool = True, host: str = "127.0.0.1") -> None:
        self._reads = threading.Event()
        if reads:
            self._reads.set()
        self._lock = threading.Lock()
        self._windows: dict[str, list[tuple[int, int, int, int]]] = {}
        self.keys_of: list[set[str]] = []
        super().__init__(port, host)

    def read_on(self) -> None:
        """Begin to read, where it was made not to."""
        self._reads.set()

    def last(self, key: str) -> int:
        """The last value of a key."""
        with self._lock:
            windows = self._windows.get(key)
            return windows[-1][-1] if windows else 0

    def windows(self, key: str) -> list[tuple[int, int, int, int]]:
        """All outputs of a key."""
        with self._lock:
            return list(self._windows.get(key, ()))

    def wait_until_all_have(self, last: int, keys: Sequence[str] = KEYS, limit: float = LIMIT) -> None:
        """Wait for the output of the last value of every key."""
        wait_for(
            f"value {last} of all keys, there are { ({key: self.last(key) for key in keys}) }",
            lambda: all(self.last(key) == last for key in keys),
            limit,
        )

    def assert_exactly_once(self, last: int, keys: Sequence[str] = KEYS) -> None:
        """Every key has exactly the outputs of the values from 1 on, in order."""
        self.wait_until_all_have(last, keys)
        for key in keys:
            assert self.windows(key) == [expected_window(value) for value in range(1, last + 1)], key

    def write(self, path: Path) -> Path:
        """Everything that came, as a received file; the order between keys is not that in which they came."""
        with self._lock:
            path.write_bytes(
                frames(encode_output(key, window) for key, windows in self._windows.items() for window in windows)
            )
        return path

    def close(self) -> None:
        """End."""
        self._reads.set()
        super().close()

    def serve(self, connection: socket.socket) -> None:
        """Read it."""
        keys: set[str] = set()
        self.keys_of.append(keys)
        splitter = FrameSplitter()
        self._reads.wait()
        while chunk := connection.recv(1 << 18):
            for payload in splitter.feed(chunk):
                full_key, window = decode_output(payload)
                assert full_key.endswith(".TraceID-1.TraceWindow-1")
                key = full_key.split(".")[0]
                with self._lock:
                    keys.add(key)
                    self._windows.setdefault(key, []).append(window)


class Process:
    """One life of a worker."""

    def __init__(self, name: str, argv: list[str], log: Path, directory: Path) -> None:
        self.name = name
        self.path = log
        with log.open("wb") as stream:
            self.popen = subprocess.Popen(argv, stdout=stream, stderr=stream, cwd=directory)

    def log(self) -> str:
        return self.path.read_text(errors="replace")

    def phases(self) -> list[str]:
        """The lines of its recovery phases."""
        return [line for line in self.log().splitlines() if "Recovery Phase" in line or "Reconnect" in line]

    def wait_for(self, line: str, limit: float = LIMIT, times: int = 1) -> None:
        def said() -> bool:
            # Asked before the log is read: what it said before its end counts.
            code = self.popen.poll()
            found = self.log().count(line) >= times
            assert found or code is None, f"{self.name} ended with {code} and never said {line!r}"
            return found

        try:
            wait_for(f"{line!r} in the log of {self.name}", said, limit)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def never_says(self, line: str, seconds: float) -> None:
        """Look for a while that a line does not come, and that the process stays alive."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert line not in self.log(), self.log()
            assert self.popen.poll() is None, self.log()
            time.sleep(0.05)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait(LIMIT)

    def terminate(self) -> None:
        self.popen.send_signal(signal.SIGTERM)

    def exit_code(self, limit: float = LIMIT) -> int:
        return self.popen.wait(limit)

    def memory(self) -> int:
        """Resident bytes."""
        pages = int(Path(f"/proc/{self.popen.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


class Cluster:
    """Workers, their ports and directories."""

    def __init__(
        self,
        directory: Path,
        interval: float = 0.1,
        application: str = "multi_partition_detector",
        engine: Engine = EMBEDDED,
    ) -> None:
        self.directory = directory
        self.application = application
        self.engine = engine
        self.interval = interval
        self.processes: dict[str, Process] = {}
        self._block = PortBlock()
        self._next_port = self._block.base
        self._started: list[Process] = []
        self._senders: list[Sender] = []
        self.source, self.sink, self.external, self.metrics, self.second_source = (self.port() for _ in range(5))
        self.ports: dict[str, tuple[int, int]] = {}
        self.journal = 0
        """Port of a journal server; 0 when nobody journals."""
        self._launcher = directory / "launcher.py"
        collections = Path(__file__).resolve().parents[1] / ".collections"
        self._launcher.write_text(_LAUNCHER.format(path=str(collections), application=application))
        self.receivers: list[Receiver] = []
        self.host = "127.0.0.1"
        """Where sources and sinks are."""

    def port(self) -> int:
        """A port that nobody else uses."""
        self._next_port += 1
        return self._next_port - 1

    def receiver(self, reads: bool = True) -> Receiver:
        self.receivers.append(Receiver(self.sink, reads, self.host))
        return self.receivers[-1]

    def ports_of(self, name: str) -> tuple[int, int]:
        """Control and data port of a worker."""
        if name not in self.ports:
            self.ports[name] = (self.port(), self.port())
        return self.ports[name]

    def files(self, name: str) -> ResilienceSet:
        return resilience_set(self.directory / name, application(self.application).prefix_at(self.engine.version), name)

    def start(self, name: str, workers: int = 2, host: str = "127.0.0.1", own: bool = True) -> Process:
        """Start a worker, fresh or again, with what ``ports`` says of it.

        :param own: whether an initializer gets ``--my-control`` and ``--my-data``.
        """
        (self.directory / name).mkdir(exist_ok=True)
        control, data = self.ports_of(name)
        first_control, first_data = self.ports_of("initializer")
        argv = self.engine.executable(self.application, self._launcher)
        sources = [self.source, self.second_source] if self.application == "market_spread" else [self.source]
        argv += ["-i", ",".join(f"127.0.0.1:{port}" for port in sources)]
        argv += ["-o", f"127.0.0.1:{self.sink}", "-m", f"127.0.0.1:{self.metrics}"]
        argv += ["-c", f"127.0.0.1:{first_control}", "-r", str(self.directory / name)]
        argv += self.engine.flags
        if name == "initializer":
            argv += ["-t", "-w", str(workers), "-d", f"127.0.0.1:{first_data}", "-e", f"127.0.0.1:{self.external}"]
            argv += ["--time-between-checkpoints", str(int(self.interval * 1e9))]
        else:
            argv += ["-n", name]
        if name != "initializer" or own:
            argv += ["--my-control", f"{host}:{control}", "--my-data", f"{host}:{data}"]
        if self.journal:
            argv += ["--resilience-enable-io-journal", "--resilience-dos-server", f"127.0.0.1:{self.journal}"]
        log = self.directory / f"{name}.{len(self._started)}.log"
        process = Process(name, self.placed(name, argv), log, self.directory)
        self._started.append(process)
        self.processes[name] = process
        return process

    def placed(self, name: str, argv: list[str]) -> list[str]:
        """The command line where the worker is to run; all are on 127.0.0.1."""
        return argv

    def start_all(self, workers: int = 2, own: bool = True) -> None:
        """Form a fresh cluster and wait until all of it is ready."""
        initializer = self.start("initializer", workers, own=own)
        if workers > 1:
            initializer.wait_for("initializer control: listening on")
        for number in range(2, workers + 1):
            self.start(f"worker{number}")
            # The order in which they are heard of decides who owns which key.
            initializer.wait_for(f"Worker worker{number} control channel identified")
        initializer.wait_for(INITIALIZED)
        for process in self.processes.values():
            process.wait_for(READY)

    def __getitem__(self, name: str) -> Process:
        return self.processes[name]

    def send(self, first: int, last: int, keys: Sequence[str] = KEYS) -> None:
        """Send values of all keys on one connection."""
        data = frames(encode_input(value, key) for value in range(first, last + 1) for key in keys)
        with socket.create_connection((self.host, self.source), LIMIT) as connection:
            connection.sendall(data)

    def sender(self, keys: Sequence[str] = KEYS, batch: int = 20, pause: float = 0.002) -> Sender:
        """Something that sends on and on, until it is stopped or its connection breaks."""
        self._senders.append(Sender(self.source, keys, batch, pause))
        return self._senders[-1]

    def last_checkpoint(self, name: str = "initializer") -> int:
        found = all_checkpoint_ids(self.files(name).path("checkpoint_ids"))
        return found[-1].checkpoint

    def wait_for_checkpoints(self, more: int = 2, name: str = "initializer") -> None:
        """Wait until what has been processed by now is part of a committed checkpoint (wallaroo.md, B.4)."""
        before = self.last_checkpoint(name)
        path = self.files(name).path("checkpoint_ids")
        wait_for(
            f"{more} more checkpoints of {name}", lambda: len(checkpoint_ids.committed_after(path, before)) >= more
        )

    def write_addresses(self, name: str) -> None:
        """What a migration does: the address files say what the command line will say."""
        for suffix, port in zip(("tcp-control", "tcp-data"), self.ports_of(name)):
            self.files(name).path(suffix).write_text(f"127.0.0.1\n{port}\n")

    def ask(self, kind: MessageType, body: bytes = b"") -> Optional[tuple[int, Any]]:
        """A question to the initializer's external channel, and its answer."""
        with socket.create_connection(("127.0.0.1", self.external), LIMIT) as connection:
            connection.settimeout(LIMIT)
            connection.sendall(encode(kind, body))
            splitter = FrameSplitter()
            while True:
                chunk = connection.recv(1 << 16)
                if not chunk:
                    return None
                for payload in splitter.feed(chunk):
                    found, text = decode(payload)
                    return found, json.loads(text) if text else None

    def forget(self) -> None:
        """Kill all, and remove what they wrote: the next start is a fresh one."""
        for name, process in self.processes.items():
            process.kill()
            self.files(name).remove()
        self.processes.clear()

    def tell(self, data: bytes) -> None:
        """A message to the initializer's external channel that has no answer."""
        with socket.create_connection(("127.0.0.1", self.external), LIMIT) as connection:
            connection.sendall(data)

    def is_processing(self) -> bool:
        """Whether messages are processed."""
        found = self.ask(MessageType.CLUSTER_STATUS_QUERY)
        return found is not None and found[0] == 10 and found[1]["processing_messages"]

    def close(self) -> None:
        """Leave nothing behind."""
        for sender in self._senders:
            sender.abandon()
        for process in self._started:
            if process.popen.poll() is None:
                process.kill()
        for receiver in self.receivers:
            receiver.close()
        self._block.close()


class Sender:
    """Sends rising values, in batches of every key, as long as it is allowed to."""

    def __init__(self, port: int, keys: Sequence[str], batch: int, pause: float) -> None:
        self.sent = 0
        """The last value that was handed over to the kernel."""
        self.bytes = 0
        self._keys, self._batch, self._pause = keys, batch, pause
        self._stopped, self._abandoned = threading.Event(), threading.Event()
        self._connection = socket.create_connection(("127.0.0.1", port), LIMIT)
        self._connection.settimeout(0.2)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self, limit: float = 60) -> int:
        """Stop at a whole batch; returns the last value."""
        self._stopped.set()
        self._thread.join(limit)
        assert not self._thread.is_alive(), "the sender is still blocked"
        self._connection.close()
        return self.sent

    def abandon(self) -> None:
        """Stop at once, whatever is under way."""
        self._abandoned.set()
        self._stopped.set()
        self._thread.join(LIMIT)
        self._connection.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            values = range(self.sent + 1, self.sent + 1 + self._batch)
            data = memoryview(frames(encode_input(value, key) for value in values for key in self._keys))
            while data:
                try:
                    done = self._connection.send(data)
                except socket.timeout:
                    if self._abandoned.is_set():
                        return
                    continue
                except OSError:
                    return
                self.bytes += done
                data = data[done:]
            self.sent += self._batch
            self._stopped.wait(self._pause)


def fed(cluster: Cluster, workers: int, last: int = 200) -> Receiver:
    """A cluster that has processed values 1 to ``last``, all of them part of a committed checkpoint."""
    receiver = cluster.receiver()
    cluster.start_all(workers)
    cluster.send(1, last)
    receiver.wait_until_all_have(last)
    cluster.wait_for_checkpoints()
    return receiver


def failed_start(cluster: Cluster, name: str) -> str:
    """Start a worker that ends with exit code 1; returns what it said."""
    process = cluster.start(name)
    assert process.exit_code() == 1, process.log()
    return process.log()


def crash_and_restart(cluster: Cluster, name: str) -> None:
    """SIGKILL, and the same command line again."""
    cluster[name].kill()
    cluster.start(name).wait_for(RESUMED)
