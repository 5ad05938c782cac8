# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sender and the receiver as processes, and a source that they meet."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import threading

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    decode_input,
    encode_output,
    expected_window,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import FrameSplitter, frame

LIBRARY = "ansible_collections.wallaroo.resilience.plugins.module_utils._programs"


class Programs:
    """Starts programs of the collection, and ends those that are left."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[str]] = []

    def start(self, name: str, *arguments: object) -> subprocess.Popen[str]:
        code = f"import sys; from {LIBRARY}.{name}.main import main; sys.exit(main(sys.argv[1:]))"
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", code, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        return process

    def run(self, name: str, *arguments: object) -> tuple[int, str]:
        process = self.start(name, *arguments)
        output, _nothing = process.communicate(timeout=40)
        return process.returncode, output

    def receiver(self, *arguments: object) -> tuple[subprocess.Popen[str], tuple[str, int]]:
        """A receiver that listens, and where."""
        process = self.start("receiver", "--listen", "127.0.0.1:0", *arguments)
        assert process.stdout
        line = process.stdout.readline()
        found = re.match(r"receiver: listening on (.*):(\d+)", line)
        assert found, line
        return process, (found.group(1), int(found.group(2)))

    def source_log(
        self, directory: object, *arguments: object
    ) -> tuple[subprocess.Popen[str], tuple[str, int], tuple[str, int]]:
        """A source log that listens, where for senders, and where for engines."""
        places = ("--listen", "127.0.0.1:0", "--serve", "127.0.0.1:0")
        process = self.start("source_log", *places, "--directory", directory, *arguments)
        assert process.stdout
        line = process.stdout.readline()
        found = re.match(r"source_log: listening on (.*):(\d+), serving on (.*):(\d+)", line)
        assert found, line
        return process, (found.group(1), int(found.group(2))), (found.group(3), int(found.group(4)))

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()


class Source:
    """A source that takes at most so many connections at a time and only reads, as Wallaroo's does."""

    def __init__(self, at_once: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._free = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        self.values: dict[str, list[int]] = {}
        self.most = 0
        self.accepted = 0
        self.open = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            self._free.acquire()
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        with self._lock:
            self.open += 1
            self.accepted += 1
            self.most = max(self.most, self.open)
        splitter = FrameSplitter()
        with connection:
            while chunk := connection.recv(1 << 16):
                with self._lock:
                    for payload in splitter.feed(chunk):
                        value, key = decode_input(payload)
                        self.values.setdefault(key, []).append(value)
        with self._lock:
            self.open -= 1
        self._free.release()

    def close(self) -> None:
        # As long as a thread waits in accept, a closed socket goes on listening, and takes one more connection.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def output_frames(key: str, first: int, last: int) -> bytes:
    return b"".join(frame(encode_output(key, expected_window(value))) for value in range(first, last + 1))
