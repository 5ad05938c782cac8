# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the sender sends, the receiver keeps and the source log passes on, each against plain sockets.

Run: ``PYTHONPATH=.collections python3 tests/benchmarks/bench_programs.py [messages per key]``
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    encode_input,
    encode_output,
    expected_window,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame

KEYS = 11
CODE = (
    "import sys; from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.{}.main import main; "
    "sys.exit(main(sys.argv[1:]))"
)


def program(name: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a program of the collection."""
    words = [sys.executable, "-u", "-c", CODE.format(name), *map(str, arguments)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def show(name: str, messages: int, size: int, seconds: float) -> None:
    """Print a line."""
    print(f"{name:42} {messages:>10,} messages {seconds:8.3f} s {messages / seconds:12,.0f} messages/s", end="")
    print(f" {size / seconds / 1e6:6.1f} MB/s")


def drain(listener: socket.socket, sizes: list[int]) -> None:
    """Read everything that comes on every connection."""

    def read(connection: socket.socket) -> None:
        with connection:
            while chunk := connection.recv(1 << 18):
                sizes.append(len(chunk))

    while True:
        try:
            connection, _address = listener.accept()
        except OSError:
            return
        threading.Thread(target=read, args=(connection,), daemon=True).start()


def send(last: int) -> None:
    """Measure the sender, with the start of its process."""
    sizes: list[int] = []
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        threading.Thread(target=drain, args=(listener, sizes), daemon=True).start()
        begin = time.perf_counter()
        to = f"127.0.0.1:{listener.getsockname()[1]}"
        process = program("sender", "--to", to, "--last", last, "--interval", 0, "--batch", 1000)
        process.communicate()
        seconds = time.perf_counter() - begin
    if process.returncode:
        raise RuntimeError("the sender failed")
    show("sender", last * KEYS, sum(sizes), seconds)


def receive(last: int, until: bool) -> None:
    """Measure the receiver from the first byte to its end, with or without a target that it looks out for."""
    data = [
        b"".join(frame(encode_output(f"key_{key}", expected_window(value))) for value in range(1, last + 1))
        for key in range(KEYS)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "received.bin")
        target = ["--until", last] if until else []
        process = program("receiver", "--listen", "127.0.0.1:0", "--file", path, *target)
        assert process.stdout
        found = re.search(r":(\d+)$", process.stdout.readline().strip())
        port = int(found.group(1)) if found else 0
        threading.Thread(target=process.stdout.read, daemon=True).start()
        begin = time.perf_counter()
        connections = [socket.create_connection(("127.0.0.1", port)) for _ in data]
        threads = [threading.Thread(target=c.sendall, args=(d,)) for c, d in zip(connections, data)]
        for thread in threads:
            thread.start()
        size = sum(map(len, data))
        while path.stat().st_size < size and process.poll() is None:
            time.sleep(0.002)
        seconds = time.perf_counter() - begin
        for connection in connections:
            connection.close()
        process.terminate()
        process.wait()
    show("receiver with a target" if until else "receiver", last * KEYS, size, seconds)


def pass_on(last: int) -> None:
    """Measure the source log: from the first byte sent to the last that is read, and reading all of it again."""
    data = [b"".join(frame(encode_input(value, f"key_{key}")) for value in range(1, last + 1)) for key in range(KEYS)]
    size = sum(map(len, data))
    with tempfile.TemporaryDirectory() as folder:
        places = ["--listen", "127.0.0.1:0", "--serve", "127.0.0.1:0"]
        process = program("source_log", *places, "--directory", Path(folder, "sent"))
        assert process.stdout
        sources, engines = map(int, re.findall(r":(\d+)", process.stdout.readline()))
        threading.Thread(target=process.stdout.read, daemon=True).start()
        for name in ("source log, sent and read", "source log, read again"):
            with socket.create_connection(("127.0.0.1", engines)) as connection:
                connection.sendall(b"FROM 0\n")
                begin = time.perf_counter()
                if name.endswith("sent and read"):
                    for part in data:
                        threading.Thread(target=_send_all, args=(sources, part)).start()
                missing = size + len(b"AT 0\n")
                while missing:
                    missing -= len(connection.recv(1 << 18))
                show(name, last * KEYS, size, time.perf_counter() - begin)
        process.terminate()
        process.wait()


def _send_all(port: int, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(data)


def main() -> int:
    """Measure and print."""
    last = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    send(last)
    receive(last, until=False)
    receive(last, until=True)
    pass_on(last)
    return 0


if __name__ == "__main__":
    sys.exit(main())
