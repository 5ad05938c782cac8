# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker moves and takes its address along, between servers with addresses of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

from tests.namespaces import Networks, four_servers, in_networks

pytestmark = in_networks


@pytest.fixture
def networks(repository: Path, tmp_path: Path) -> Iterator[Networks]:
    with four_servers(repository, tmp_path) as found:
        yield found


def _before(output: str, step: str) -> str:
    """What Ansible showed before a step."""
    assert step in output
    return output.partition(step)[0]


def standing_by() -> int:
    """Processes that wait to change an address; they listen on sockets of these names."""
    return sum("@wallaroo-" in line for line in Path("/proc/net/unix").read_text().splitlines())


def agents(networks: Networks) -> list[str]:
    """The command lines of what serves files to other servers."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if "source_agent" in line and str(networks.directory) in line]


def test_the_address_goes_along_and_comes_back(networks: Networks) -> None:
    before = [networks.addresses(number) for number in range(1, 5)]
    networks.play_in_turn(
        ("start_cluster", "workers=2 keys=2"),
        ("start_sender", "last=20"),
        ("migrate", "worker=2 dst=4 keep_address=true"),
    )
    moved = f"{networks.network}.12"
    assert f"{moved}/24" not in networks.addresses(2)
    assert f"{moved}/32" in networks.addresses(4)
    networks.play_in_turn(("restart_worker", "worker=2 crash=true"), ("start_sender", "last=40"))

    logins = networks.logins(4)
    told = networks.play("migrate", "worker=2 dst=2 keep_address=true")
    assert "back after" in told.message
    # The connection is begun before the folder of the run is made, and it is the one that the move takes.
    assert "Begin to open the connection to server4" in _before(told.output, "Make the folder of the run")
    assert networks.logins(4) == logins + 1
    assert [networks.addresses(number) for number in range(1, 5)] == before
    networks.play("start_sender", "last=60")
    assert "verdict: pass" in networks.play("verify").message


def test_an_address_that_cannot_come_along_is_found_before_the_kill(networks: Networks) -> None:
    networks.play_in_turn(("start_cluster", "workers=2 keys=2"), ("start_sender", "last=20"))
    record = networks.base(4) / "moved-addresses.json"
    record.write_text("{")
    logins = networks.logins(2)
    told = networks.play("migrate", "worker=2 dst=4 keep_address=true settle=false", succeed=False)
    assert "moved-addresses.json" in told.message
    assert "Nothing was changed." in told.message
    assert networks.alive()["worker2"] == "server2"
    # The connection that was begun for the move ends with the run that needs it no more.
    assert networks.logins(2) == logins + 1
    wait_until(
        lambda: not agents(networks), 10.0, "the end of the agent that serves the source", lambda: f"{agents(networks)}"
    )
    record.unlink()
    networks.play("migrate", "worker=2 dst=4 keep_address=true settle=false via=files")
    assert networks.alive()["worker2"] == "server4"
