# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages per second through the embedded engine, both applications, one and two workers, and its peak memory.

Run: ``make bench``, or ``PYTHONPATH=.collections python3 tests/benchmarks/bench_engine.py [messages]``

Real processes with resilience on and a checkpoint every second. One sender, which copies a file made beforehand into
the source, and a receiver, this program, run beside them on the same machine: on two cores four processes share them.
Market-spread gets no quotes, so that every order comes out, as in the run of a real engine quoted beside it.
"""

from __future__ import annotations

import selectors
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.applications import APPLICATIONS
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.checkpoint_ids import SIZE
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import encode_input, key_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import HEADER, frames
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.market_spread import RESULT_SIZE
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.market_data.main import Generator

KEYS = [key_name(number) for number in range(11)]
LIMIT = 120.0
RESTARTS = 5
DETECTOR, MARKET_SPREAD = "multi_partition_detector", "market_spread"

REAL = {(MARKET_SPREAD, 1): "about 50,000", (MARKET_SPREAD, 2): "about 18,000"}
"""Of a real 0.5.4 on two cores, untuned, single runs (wallaroo.md, "Observed")."""

_LAUNCHER = """\
import sys
sys.path[0] = {path!r}
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.main import main
sys.exit(main(sys.argv[1], sys.argv[2:]))
"""

_SENDER = """\
import socket, sys
with open(sys.argv[2], "rb") as stream, socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    connection.sendfile(stream)
"""


@dataclass
class Worker:
    """One process of the engine."""

    name: str
    argv: list[str]
    log: Path
    process: subprocess.Popen[bytes]

    def peak_memory(self) -> float:
        """The most that was ever resident, in MiB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        return 0.0


def main() -> None:
    """Print the table."""
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 1_100_000
    head = f"{'application':26}{'workers':>8}{'messages/s':>12}{'messages':>12}{'seconds':>9}"
    print(f"{head}{'peak memory, MiB':>26}  real 0.5.4, messages/s")
    restarts = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        launcher = _LAUNCHER.format(path=str(Path(__file__).resolve().parents[2] / ".collections"))
        (directory / "launcher.py").write_text(launcher)
        for application in (DETECTOR, MARKET_SPREAD):
            count = write_input(directory / application, application, messages)
            for workers in (1, 2):
                restarts.append(measure(directory, application, workers, count))
    print(f"restart of worker 2 to resumed: {min(filter(None, restarts)):.3f} s (best of {RESTARTS})")


def write_input(path: Path, application: str, messages: int) -> int:
    """What is sent, made before anything is timed; returns how many messages it holds."""
    if application == DETECTOR:
        last = messages // len(KEYS)
        path.write_bytes(frames(encode_input(value, key) for value in range(1, last + 1) for key in KEYS))
        return last * len(KEYS)
    block = 10_000
    data = frames(Generator(1, 350, 1.0).orders(block))
    with path.open("wb") as stream:
        for _ in range(messages // block):
            stream.write(data)
    return messages // block * block


def measure(directory: Path, application: str, workers: int, messages: int) -> float | None:
    """One cluster: form it, send everything, count what comes out; with two workers, time a restart too."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as sink:
        ports = free_ports(3 + 2 * workers)
        started: list[Worker] = []
        sender: subprocess.Popen[bytes] | None = None
        try:
            for position in range(workers):
                worker = start(directory, application, position, workers, ports, sink.getsockname()[1])
                started.append(worker)
                wait_for(worker.log, "control: listening on")
            wait_for(started[0].log, "Application has successfully initialized.")
            began = time.perf_counter()
            sender = subprocess.Popen([sys.executable, "-c", _SENDER, str(ports[0]), str(directory / application)])
            count = receive(sink, application, messages)
            taken = time.perf_counter() - began
            peaks = [worker.peak_memory() for worker in started]
            memory = f"{sum(peaks):.0f} ({' + '.join(f'{peak:.0f}' for peak in peaks)})"
            print(
                f"{application:26}{workers:>8}{count / taken:>12,.0f}{count:>12,}{taken:>9.2f}{memory:>26}"
                f"  {REAL.get((application, workers), 'not measured')}",
                flush=True,
            )
            return time_restart(directory, application, started[-1]) if workers > 1 else None
        finally:
            for process in [*(worker.process for worker in started), *([sender] if sender else [])]:
                process.kill()
                process.wait()


def time_restart(directory: Path, application: str, worker: Worker) -> float:
    """Kill the last worker and start it again; the best of several times."""
    best = LIMIT
    ids = resilience_set(
        directory / home_of(worker.name, application, 2), APPLICATIONS[application].prefix, worker.name
    ).path("checkpoint_ids")
    end = time.monotonic() + LIMIT
    while ids.stat().st_size < 2 * SIZE:
        # Before the first checkpoint nobody can come back.
        if time.monotonic() > end:
            raise SystemExit("there was no checkpoint")
        time.sleep(0.01)
    for _ in range(RESTARTS):
        worker.process.kill()
        worker.process.wait()
        began = time.perf_counter()
        with worker.log.open("wb") as stream:
            worker.process = subprocess.Popen(worker.argv, stdout=stream, stderr=stream)
        wait_for(worker.log, "Resuming message processing")
        best = min(best, time.perf_counter() - began)
    return best


def home_of(worker: str, application: str, workers: int) -> str:
    """The name of a worker's resilience directory."""
    return f"{application}-{worker}-of-{workers}"


def start(directory: Path, application: str, position: int, workers: int, ports: list[int], sink: int) -> Worker:
    """Start a worker."""
    name = "initializer" if position == 0 else f"worker{position + 1}"
    home = directory / home_of(name, application, workers)
    home.mkdir()
    control, data = ports[3 + 2 * position], ports[4 + 2 * position]
    sources = f"127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}"
    argv = [sys.executable, "-E", "-s", str(directory / "launcher.py"), application, "-i", sources]
    argv += ["-o", f"127.0.0.1:{sink}", "-m", "127.0.0.1:9", "-c", f"127.0.0.1:{ports[3]}", "-r", str(home)]
    argv += ["--my-control", f"127.0.0.1:{control}", "--my-data", f"127.0.0.1:{data}", "--run-with-resilience"]
    argv += ["-t", "-w", str(workers), "-d", f"127.0.0.1:{data}"] if position == 0 else ["-n", name]
    log = home.with_suffix(".log")
    with log.open("wb") as stream:
        return Worker(name, argv, log, subprocess.Popen(argv, stdout=stream, stderr=stream))


def receive(sink: socket.socket, application: str, messages: int) -> int:
    """Read from all workers until that many outputs have come."""
    count, size, end = 0, 0, time.monotonic() + LIMIT
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
                size += len(chunk)
                # One opening bracket an output of the detector; those of market-spread have one size.
                count = count + chunk.count(b"[") if application == DETECTOR else size // (HEADER.size + RESULT_SIZE)
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
