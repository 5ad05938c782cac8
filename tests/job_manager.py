# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A JobManager that says what a real one has said, byte for byte, and whatever else a test wants it to say.

Recorded of Flink 2.3.0 with three workers while ``migrate.yml`` moved worker2, in the period that is named.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Union

_RECORDED = Path(__file__).parent / "fixtures" / "flink-2.3.0" / "counts.jsonl"


class Round(NamedTuple):
    """One period's answers."""

    at: int
    """Its end."""
    answers: dict[str, str]
    """Path -> the whole answer, with its head."""

    def read(self) -> dict[str, Any]:
        """Path -> what it says."""
        return {path: json.loads(answer.partition("\r\n\r\n")[2]) for path, answer in self.answers.items()}


def rounds() -> list[Round]:
    """Two while worker2 runs, one just after its death, one while the job waits for it, one after its return."""
    return [Round(**json.loads(line)) for line in _RECORDED.read_text(encoding="utf-8").splitlines()]


def http(body: Any, status: str = "200 OK") -> bytes:
    """An answer."""
    encoded = json.dumps(body).encode()
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status.encode(), len(encoded), encoded)


class JobManager(socketserver.ThreadingTCPServer):
    """Answers on a port of its own until it is closed."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answers: Mapping[str, Union[str, bytes]], port: int = 0) -> None:
        """.

        :param answers: path -> the whole answer; what has none is answered with that of ``*``.
        """
        super().__init__(("127.0.0.1", port), _Answer)
        self.answers = dict(answers)
        self.port = int(self.server_address[1])
        self.asked: list[str] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        """Not be there any more."""
        self.shutdown()
        self.server_close()


class _Answer(socketserver.StreamRequestHandler):
    server: JobManager

    def handle(self) -> None:
        path = self.rfile.readline().decode().split(" ")[1]
        while self.rfile.readline().strip():
            pass
        self.server.asked.append(path)
        answer = self.server.answers.get(path, self.server.answers.get("*", http({}, "404 Not Found")))
        self.wfile.write(answer.encode() if isinstance(answer, str) else answer)
