# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages per second that a cluster of the embedded engine takes in, works on and puts out.

Run: ``PYTHONPATH=.collections python3 tests/benchmarks/bench_engine.py [messages]``

Real processes with resilience on and a checkpoint every second; sender and receiver run beside
them on the same machine, so on two cores four processes share them.
"""

from __future__ import annotations

import selectors
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import encode_input, key_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frames

KEYS = [key_name(number) for number in range(11)]
LIMIT = 120.0

_LAUNCHER = """\
import sys
sys.path[0] = {path!r}
from ansible_collections.wallaroo.resilience.plugins.module_utils._engine.main import main
sys.exit(main("multi_partition_detector", sys.argv[1:]))
"""

_SENDER = """\
import socket, sys
with open(sys.argv[2], "rb") as stream, socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    connection.sendfile(stream)
"""


def main() -> None:
    """Print messages per second with one and with two workers, and the time from a restart to its end."""
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 440_000
    last = messages // len(KEYS)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "launcher.py").write_text(
            _LAUNCHER.format(path=str(Path(__file__).resolve().parents[2] / ".collections"))
        )
        (directory / "input").write_bytes(
            frames(encode_input(value, key) for value in range(1, last + 1) for key in KEYS)
        )
        for workers in (1, 2):
            measure(directory, workers, last * len(KEYS))


def measure(directory: Path, workers: int, messages: int) -> None:
    """One cluster: form it, send everything, count what comes out."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as sink:
        ports = free_ports(2 + 2 * workers)
        processes: list[subprocess.Popen[bytes]] = []
        try:
            names = ["initializer", *(f"worker{number}" for number in range(2, workers + 1))]
            for position, worker in enumerate(names):
                argv = command_line(directory, worker, workers, ports, position, sink.getsockname()[1])
                log = directory / f"{worker}-of-{workers}.log"
                with log.open("wb") as stream:
                    processes.append(subprocess.Popen(argv, stdout=stream, stderr=stream))
                wait_for(log, "control: listening on")
            wait_for(directory / f"initializer-of-{workers}.log", "Application has successfully initialized.")
            began = time.perf_counter()
            processes.append(subprocess.Popen([sys.executable, "-c", _SENDER, str(ports[0]), str(directory / "input")]))
            count = receive(sink, messages)
            taken = time.perf_counter() - began
            title = "1 worker" if workers == 1 else f"{workers} workers"
            print(f"{title}: {count / taken:,.0f} messages/s ({count} in {taken:.2f} s)")
            if workers > 1:
                time_restart(directory, processes, argv, log)
        finally:
            for process in processes:
                process.kill()
                process.wait()


def time_restart(directory: Path, processes: list[subprocess.Popen[bytes]], argv: list[str], log: Path) -> None:
    """Kill the last worker and start it again; the best of five."""
    best = LIMIT
    worker = processes[-2]
    for _ in range(5):
        worker.kill()
        worker.wait()
        began = time.perf_counter()
        with log.open("wb") as stream:
            worker = subprocess.Popen(argv, stdout=stream, stderr=stream)
        processes.append(worker)
        wait_for(log, "Resuming message processing")
        best = min(best, time.perf_counter() - began)
    print(f"restart to resumed: {best:.3f} s")


def command_line(directory: Path, worker: str, workers: int, ports: list[int], position: int, sink: int) -> list[str]:
    """What a worker is started with."""
    home = directory / f"{worker}-of-{workers}"
    home.mkdir()
    control, data = ports[2 + 2 * position], ports[3 + 2 * position]
    argv = [sys.executable, "-E", "-s", str(directory / "launcher.py"), "-i", f"127.0.0.1:{ports[0]}"]
    argv += ["-o", f"127.0.0.1:{sink}", "-m", "127.0.0.1:9", "-c", f"127.0.0.1:{ports[2]}", "-r", str(home)]
    argv += ["--my-control", f"127.0.0.1:{control}", "--my-data", f"127.0.0.1:{data}", "--run-with-resilience"]
    if position == 0:
        return [*argv, "-t", "-w", str(workers), "-d", f"127.0.0.1:{data}"]
    return [*argv, "-n", worker]


def receive(sink: socket.socket, messages: int) -> int:
    """Read from all workers until that many outputs have come."""
    count, end = 0, time.monotonic() + LIMIT
    with selectors.DefaultSelector() as selector:
        selector.register(sink, selectors.EVENT_READ)
        while count < messages and time.monotonic() < end:
            for key, _events in selector.select(1):
                if key.fileobj is sink:
                    selector.register(sink.accept()[0], selectors.EVENT_READ)
                    continue
                assert isinstance(key.fileobj, socket.socket)
                chunk = key.fileobj.recv(1 << 20)
                if not chunk:
                    selector.unregister(key.fileobj)
                # One opening bracket an output.
                count += chunk.count(b"[")
    return count


def wait_for(log: Path, text: str) -> None:
    """Wait for a text in a log."""
    end = time.monotonic() + LIMIT
    while text not in log.read_text(errors="replace"):
        if time.monotonic() > end:
            raise SystemExit(f"{text!r} never came:\n{log.read_text(errors='replace')}")
        time.sleep(0.002)


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses at this moment."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


if __name__ == "__main__":
    main()
