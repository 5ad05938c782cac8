# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What 50 workers with 100 series each cost the metrics UI: until a browser has a period, CPU, memory, over an hour.

Run: ``make bench``, or ``PYTHONPATH=.collections python3 tests/benchmarks/bench_metrics_ui.py [seconds] [minutes]``

The first table is of the real program, for so many seconds (36), with two open pages and one that does not read.
The second is of its receiver, store and views in a process whose time passes with the periods that come over real
connections, as fast as it takes them: so many minutes (75), which takes five or six of one core. With fewer, it does
not show whether memory grows after an hour. Exits with 1 when a target is missed.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import multiprocessing
import os
import random
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import metrics
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.receiver import Receiver
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.store import Client, Store
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.views import Views

WORKERS, SERIES, PERIOD = 50, 100, 2
PIPELINES = ("Orders", "Nbbo", "Detector", "Trades")
COUNT = 20_000
"""Messages in one histogram: 10,000 a second."""
SHARES = (1, 4, 20, 40, 25, 7, 2, 1)
"""Percent of them in each of the eight bins in use."""
APPLICATION = "Market Spread"

DELAY_TARGET, CPU_TARGET, MEMORY_TARGET, GROWTH_TARGET = 1.0, 0.25, 150.0, 2.0
"""Seconds, cores, MB, and by how many percent memory may have grown in the 15 minutes after an hour."""

MINUTES = (5, 15, 30, 60, 75)
EPOCH = 1_800_000_000
"""When the simulated time begins."""

PAGE = Path(__file__).resolve().parents[2] / "roles" / "metrics_ui" / "files" / "page"
CODE = (
    "import sys; from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.main import main; "  # noqa: E501
    "sys.exit(main(sys.argv[1:]))"
)
PERIOD_END = struct.Struct(">Q")


class Worker:
    """A worker's connection, and all it sends in one period: encoded once, since only the end of the period changes."""

    def __init__(self, port: int, number: int) -> None:
        self.name = f"worker{number + 1}"
        source = random.Random(number)
        frames = [self._frame(source, metrics.NODE_INGRESS_EGRESS, self.name, PIPELINES[number % len(PIPELINES)])]
        frames += [self._frame(source, metrics.START_TO_END, pipeline, pipeline) for pipeline in PIPELINES]
        for computation in range(SERIES - len(frames)):
            stage, pipeline = divmod(computation, len(PIPELINES))
            name = f"Stage {stage + 1}"
            frames.append(self._frame(source, metrics.COMPUTATION, name, PIPELINES[pipeline], stage + 1))
        self._data = bytearray().join(frames)
        self._ends = [0, *itertools.accumulate(map(len, frames))]
        join = metrics.Join(metrics.topic_of(APPLICATION), self.name)
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.sendall(metrics.encode(metrics.Connect()) + metrics.encode(join))

    def _frame(self, source: random.Random, category: str, name: str, pipeline: str, id: int = 0) -> bytes:
        bins, low = [0] * metrics.BINS, source.randrange(10, 24)
        bins[low : low + len(SHARES)] = [COUNT * share // 100 for share in SHARES]
        values = (1 << low - 1, (1 << low + len(SHARES) - 1) - 1)
        metric = metrics.Metric(name, category, self.name, pipeline, id, tuple(bins), *values, PERIOD * 10**9, 0)
        return metrics.encode(metrics.Payload(metrics.topic_of(APPLICATION), metric))

    def send(self, second: int, part: int = 0, parts: int = 1) -> None:
        """Send the period that ends then, or one of several parts of it."""
        begin, *ends = self._ends[part * SERIES // parts : (part + 1) * SERIES // parts + 1]
        for end in ends:
            PERIOD_END.pack_into(self._data, end - PERIOD_END.size, second * 10**9)
        self._socket.sendall(memoryview(self._data)[begin : ends[-1]])


def send_live(port: int, periods: int, pipe: Connection) -> None:
    """All workers, in a process of its own; tells when the last byte of each period had arrived."""
    workers = [Worker(port, number) for number in range(WORKERS)]
    first = int(time.time()) // PERIOD * PERIOD + 2 * PERIOD
    for number in range(periods):
        second, parts = first + number * PERIOD, 4
        time.sleep(max(0.0, second - time.time()))
        # Each part of a worker sends with the first message that it handles in the next period.
        for part in range(parts):
            for worker in workers:
                worker.send(second, part, parts)
            time.sleep(0.01)
        # After the last call of send: all is in the kernel's buffers of this machine.
        pipe.send(time.monotonic())
    time.sleep(DELAY_TARGET + 2)


class Browser:
    """Reads a live stream, and notes how many messages each event tells of."""

    def __init__(self, port: int, counted: Callable[[dict[str, Any]], int], **query: str) -> None:
        self._socket = ask_for(port, **query)
        self._counted = counted
        self.seen: list[tuple[float, int]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with self._socket.makefile("rb") as lines:
            for line in lines:
                if line.startswith(b"data: "):
                    now = time.monotonic()
                    self.seen.append((now, self._counted(json.loads(line[6:]))))

    def delays(self, arrivals: list[float], of_a_period: int) -> list[float]:
        """Seconds from each arrival to the first event with as many messages as had been sent by then."""
        seen = list(self.seen)
        return [
            next((when - arrival for when, count in seen if count >= number * of_a_period), float("inf"))
            for number, arrival in enumerate(arrivals, 1)
        ]


def ask_for(port: int, room: int = 1 << 20, **query: str) -> socket.socket:
    """A live stream, with so much room for what was not read yet."""
    connection = socket.socket()
    # Before it connects, since that is agreed on then.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    connection.connect(("127.0.0.1", port))
    connection.sendall(f"GET /api/stream?{urlencode(query)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection


def memory(pid: int | str, field: str) -> float:
    """``VmRSS`` or ``VmHWM`` of a process, in MB."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) * 1024 / 1e6 if found else 0.0


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Targets:
    """Prints what was measured beside what it should be."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def show(self, what: str, measured: float, unit: str, target: float | None = None) -> None:
        """Print a line."""
        beside = "" if target is None else f"   target: under {target:g} {unit}"
        if target is not None and not measured < target:
            self.missed.append(what)
            beside += ", MISSED"
        print(f"{what:58}{measured:>12,.3f} {unit}{beside}", flush=True)


def live(targets: Targets, seconds: int) -> None:
    """The real program."""
    periods = min(seconds, 280) // PERIOD  # The pages tell of five minutes, and nothing may have left them.
    with tempfile.TemporaryDirectory() as name:
        words = [sys.executable, "-c", CODE, "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
        words += ["--page", str(PAGE), "--token-file", str(Path(name, "token"))]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            assert process.stdout
            lines = [process.stdout.readline() for _ in range(2)]
            found = [re.search(r" on 127\.0\.0\.1:(\d+)", line) for line in lines]
            if not all(found):
                raise SystemExit("".join(lines) + process.stdout.read())
            takes, listens = (int(match.group(1)) for match in found if match)
            measure_live(targets, process.pid, takes, listens, periods)
        finally:
            process.terminate()
            process.wait()


def measure_live(targets: Targets, pid: int, takes: int, listens: int, periods: int) -> None:
    """Send, look, and print."""
    overview = {"view": "overview", "application": APPLICATION}
    # Of all pages that of a pipeline is made of most series: every computation of it on every worker.
    detail = {**overview, "view": "detail", "kind": "pipeline", "name": PIPELINES[0]}
    browsers = {
        "overview": Browser(listens, lambda event: sum(row["count"] for row in event["workers"]), **overview),
        "detail": Browser(listens, lambda event: event["latency"]["count"], **detail),
    }
    slow = ask_for(listens, room=1, **overview)
    here, there = multiprocessing.Pipe()
    sending = multiprocessing.get_context("spawn").Process(target=send_live, args=(takes, periods, there))
    sending.start()
    arrivals = [here.recv()]
    used, began = cpu(pid), time.monotonic()
    arrivals += [here.recv() for _ in range(periods - 1)]
    used, taken = cpu(pid) - used, time.monotonic() - began
    sending.join()
    print(f"{WORKERS} workers, {SERIES} series each, {periods} periods of {PERIOD} s")
    for name, browser in browsers.items():
        # Of each worker one histogram is of the worker, and one of this pipeline.
        delays = browser.delays(arrivals, WORKERS * COUNT)
        targets.show(f"until a period is in the browser, {name}, median", statistics.median(delays), "s")
        targets.show(f"until a period is in the browser, {name}, longest", max(delays), "s", DELAY_TARGET)
    targets.show("CPU", used / taken, "cores", CPU_TARGET)
    targets.show("resident memory", memory(pid, "VmRSS"), "MB", MEMORY_TARGET)
    targets.show("resident memory, peak", memory(pid, "VmHWM"), "MB", MEMORY_TARGET)
    slow.close()


class Simulated(Store):
    """A store whose time passes with the periods that come, and what it tells the benchmark then."""

    def __init__(self, pipe: Connection) -> None:
        self.now = float(EPOCH)
        super().__init__(clock=lambda: self.now)
        self._pipe = pipe
        self._views = Views(self, list)
        self._looking = 0.0

    def add(self, client: Client, topic: str, metric: metrics.Metric) -> None:
        """Take a metric; after the last one of a period, time goes on."""
        super().add(client, topic, metric)
        if self.counts["metrics"] % (WORKERS * SERIES) == 0:
            self._end_period()

    def _end_period(self) -> None:
        self.now += PERIOD
        minutes, rest = divmod(int(self.now) - EPOCH, 60)
        if not rest:
            began = time.process_time()
            for length in ("5m", "1h"):
                query = {"application": APPLICATION, "range": length}
                self._views.view("overview", query)
                self._views.view("detail", {**query, "kind": "pipeline", "name": PIPELINES[0]})
            self._looking += time.process_time() - began
        shown = not rest and minutes in MINUTES
        receiving = time.process_time() - self._looking
        left = sum(count for reason, count in self.counts.items() if reason != "metrics")
        self._pipe.send((minutes, memory("self", "VmRSS"), receiving, left) if shown else None)


def simulate(pipe: Connection) -> None:
    """The receiver, the store and the views, in a process of their own."""

    async def serve() -> None:
        listener = socket.create_server(("127.0.0.1", 0), backlog=WORKERS)
        await Receiver(Simulated(pipe), print).listen(listener)
        pipe.send(listener.getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(serve())


def hour(targets: Targets, minutes: int) -> None:
    """An hour and more, as fast as it goes."""
    # Spawned: a fork would count this program's memory as its own.
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=simulate, args=(there,), daemon=True)
    child.start()
    try:
        port = here.recv()
        workers = [Worker(port, number) for number in range(WORKERS)]
        print(f"{'simulated minutes':>18}{'resident memory, MB':>22}{'histograms':>14}{'histograms/s of one core':>26}")
        known: dict[int, float] = {}
        rate, periods = 0.0, minutes * 60 // PERIOD
        for number in range(1, periods + 2):
            for worker in workers if number <= periods else ():
                worker.send(EPOCH + number * PERIOD)
            # One period is on its way while another one is taken in, so that nobody waits for this program.
            if told := here.recv() if number > 1 else None:
                passed, known[passed], receiving, left = told
                taken = passed * 60 // PERIOD * WORKERS * SERIES
                rate = taken / receiving
                print(f"{passed:>18}{known[passed]:>22.1f}{taken:>14,}{rate:>26,.0f}", flush=True)
                if left:
                    targets.missed.append(f"{left:,} histograms were not kept")
    finally:
        child.kill()
        child.join()
    if known:
        targets.show("resident memory of the receiving process, most", max(known.values()), "MB", MEMORY_TARGET)
    if {60, 75} <= set(known):
        targets.show("grown after an hour", 100 * (known[75] / known[60] - 1), "%", GROWTH_TARGET)
    if rate:
        print(f"one core takes at most {rate:,.0f} histograms a second")


def main() -> int:
    """Measure and print."""
    # In so long, nine periods come to one slot of 30 s whenever it begins: then counts outgrow 16 bits, as they will.
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 36
    minutes = int(sys.argv[2]) if len(sys.argv) > 2 else MINUTES[-1]
    targets = Targets()
    # Others who use the cores at the same time make everything late: what is missed then tells little.
    print(f"load of the machine beforehand: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if seconds:
        live(targets, seconds)
    if minutes:
        hour(targets, minutes)
    for what in targets.missed:
        print(f"missed: {what}")
    return 1 if targets.missed else 0


if __name__ == "__main__":
    sys.exit(main())
