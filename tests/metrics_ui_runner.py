# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A metrics UI as a process, workers that send to it, and browsers that look."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Optional
from urllib.parse import urlencode

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.metrics import (
    BINS,
    Connect,
    Join,
    Metric,
    Payload,
    encode,
    topic_of,
)

from tests.program_runner import Programs

PAGE = Path(__file__).resolve().parent.parent / "roles" / "metrics_ui" / "files" / "page"
APPLICATION = "Demo"
LIMIT = 20.0


class Ui:
    """A metrics UI that listens."""

    def __init__(self, programs: Programs, directory: Path, *arguments: object) -> None:
        token = directory / "token"
        anywhere = "127.0.0.1:0"
        files = ["--page", PAGE, "--token-file", token]
        self.process = programs.start("metrics_ui", "--listen", anywhere, "--metrics", anywhere, *files, *arguments)
        assert self.process.stdout
        self.metrics = self._address(r"taking metrics on 127.0.0.1:(\d+)$")
        self.port = self._address(r"listening on 127.0.0.1:(\d+), ")
        self.token = token.read_text()
        """What whoever posts a mark has to know."""

    def get(self, path: str, headers: Optional[Mapping[str, str]] = None, /, **query: str) -> tuple[int, Any, bytes]:
        """Status, headers and body."""
        return self.ask("GET", path, None, headers, **query)

    def ask(
        self,
        method: str,
        path: str,
        body: Optional[bytes],
        headers: Optional[Mapping[str, str]] = None,
        /,
        **query: str,
    ) -> tuple[int, Any, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            connection.request(method, f"{path}?{urlencode(query)}" if query else path, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def view(self, name: str, /, **query: str) -> dict[str, Any]:
        status, _headers, body = self.get(f"/api/{name}", **query)
        assert status == 200, body
        found = json.loads(body)
        assert isinstance(found, dict)
        return found

    def post(self, what: object, token: Optional[str] = None, path: str = "marks") -> tuple[int, dict[str, Any]]:
        """Post a mark, or with ``verdict`` as the path a verdict."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        status, _headers, body = self.ask("POST", f"/api/{path}", json.dumps(what).encode(), headers)
        return status, json.loads(body)

    def worker(self, name: str, application: str = APPLICATION) -> WorkerClient:
        return WorkerClient(self.metrics, name, application)

    def until(self, condition: Callable[[], Any], limit: float = LIMIT) -> Any:
        """What the condition returned when it was true."""
        end = time.monotonic() + limit
        while True:
            found = condition()
            if found or time.monotonic() > end:
                assert found, f"not within {limit} s"
                return found
            time.sleep(0.02)

    def memory(self) -> int:
        """Resident bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _address(self, pattern: str) -> int:
        assert self.process.stdout
        line = self.process.stdout.readline()
        found = re.search(pattern, line.strip())
        assert found, line + self.process.stdout.read()
        return int(found.group(1))


class WorkerClient:
    """What a worker does to the port for metrics."""

    def __init__(self, port: int, name: str, application: str = APPLICATION) -> None:
        self.name, self.application = name, application
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        self.socket.sendall(encode(Connect()) + encode(Join(topic_of(application), name)))

    def send(self, second: float, count: int = 100, bin: int = 12, category: str = "node-ingress-egress") -> None:
        self.socket.sendall(payload(self.application, self.name, second, count, bin, category))

    def close(self) -> None:
        self.socket.close()


def payload(
    application: str, worker: str, second: float, count: int, bin: int = 12, category: str = "node-ingress-egress"
) -> bytes:
    bins = tuple(count if number == bin else 0 for number in range(BINS))
    name = worker if category == "node-ingress-egress" else "Pipeline"
    values = (1 << bin >> 1, (1 << bin) - 1)
    metric = Metric(name, category, worker, "Pipeline", 0, bins, *values, 2 * 10**9, int(second) * 10**9)
    return encode(Payload(topic_of(application), metric))


def events(port: int, **query: str) -> Iterator[dict[str, Any]]:
    """What a live stream sends."""
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as connection:
        connection.sendall(f"GET /api/stream?{urlencode(query)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        with connection.makefile("rb") as lines:
            for line in lines:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])
