# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of somebody else that lets its own name lead here reads nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui.hosts import Names

from tests.metrics_ui_runner import Ui
from tests.program_runner import Programs

ASKED = ["/", "/static/main.js", "/metrics", "/api/overview", "/api/stream?view=overview", "/api/marks"]


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1:4000", "10.0.0.11", "[::1]:4000", "[2001:db8::1]"),
        *("localhost", "LocalHost.:4000", "server1:4000", "Metrics.Example.com"),
        socket.gethostname(),
    ],
)
def test_numbers_and_its_own_names_are_answered(host: str) -> None:
    assert Names(["server1", "metrics.example.com", ""]).includes(host)


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.example.com", "evil.example.com:4000", "server1.evil.example.com", "127.0.0.1.evil.example.com"),
        *(
            "localhost.evil.example.com",
            "10.0.0.11@evil.example.com",
            "[evil.example.com]",
            "server1, evil.example.com",
        ),
        *("server1:4000:1", "0x7f000001", "2130706433", "127.1"),
    ],
)
def test_every_other_name_may_be_somebody_elses(host: str) -> None:
    assert not Names(["server1"]).includes(host)


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[Ui]:
    programs = Programs()
    yield Ui(programs, tmp_path, "--name=server1", "--name", "metrics.example.com")
    programs.end()


def test_nothing_is_told_under_a_name_of_somebody_else(ui: Ui) -> None:
    for path in ASKED:
        status, headers, body = ui.get(path, {"Host": f"evil.example.com:{ui.port}"})
        assert status == 421
        assert "evil.example.com" in json.loads(body)["error"]
        assert "metrics_ui_names" in json.loads(body)["error"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_an_ssh_tunnel_and_the_names_that_were_given_work(ui: Ui) -> None:
    for host in (f"localhost:{ui.port}", "localhost:4000", "127.0.0.1:4000", "server1:4000", "metrics.example.com"):
        assert ui.get("/api/applications", {"Host": host})[0] == 200
    headers = {"Host": "evil.example.com", "Authorization": f"Bearer {ui.token}"}
    assert ui.ask("POST", "/api/marks", b"{}", headers)[0] == 421
