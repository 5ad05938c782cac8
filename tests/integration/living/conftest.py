# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engines that people run today, where they are installed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.flink.job import JAR

from tests.integration.conftest import Loopback


class Living(NamedTuple):
    """An engine, and how it comes to this machine."""

    name: str
    directory: str
    """Where ``make`` puts it."""
    proof: str
    """What is there when it is whole."""

    def home(self, repository: Path) -> Path:
        """Where it is. The test is skipped where it is not, and fails in CI."""
        found = Path(os.environ.get(f"{self.name.upper()}_HOME") or repository / self.directory)
        if not (found / self.proof).exists():
            reason = f"{found} is no home of {self.name}: make {self.name} makes one"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        return found


BYTEWAX = Living("bytewax", ".venv-bytewax", "bin/python")
FLINK = Living("flink", ".flink", f"usrlib/{JAR}")


def on(engine: Living, loopback: Loopback, repository: Path) -> Loopback:
    """Four servers that have the engine, nothing started yet."""
    home = engine.home(repository)
    loopback.bring_programs()
    loopback.engine = f"engine={engine.name} {engine.name}_home={home}"
    return loopback


@pytest.fixture
def bytewax(loopback: Loopback, repository: Path) -> Loopback:
    """Servers with bytewax."""
    return on(BYTEWAX, loopback, repository)


@pytest.fixture
def flink(loopback: Loopback, repository: Path) -> Loopback:
    """Servers with Flink."""
    return on(FLINK, loopback, repository)


@pytest.fixture(params=[BYTEWAX, FLINK], ids=lambda engine: engine.name)
def living(request: pytest.FixtureRequest, loopback: Loopback, repository: Path) -> Loopback:
    """Servers with each of the engines."""
    return on(request.param, loopback, repository)


def verified(servers: Loopback, playbook: str, arguments: str, succeed: bool = True) -> tuple[dict[str, Any], str]:
    """The result of a verified run, and what it printed."""
    run = servers.play(playbook, f"{servers.engine} {arguments}", succeed=succeed)
    return servers.results()[-1], run.message


def asked(servers: Loopback) -> list[tuple[str, int]]:
    """From which record on the source log was read, each time."""
    events = [json.loads(line) for line in (servers.base(1) / "sent" / "sent.events").read_text().splitlines()]
    return [(one["asked"], one["at"]) for one in events if one["event"] == "from"]
